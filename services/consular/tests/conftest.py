"""A consulate on the stage: consular on real servers, while the test speaks for booking, payments and catalog."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text as sql

from dawr.consular.app import create_service
from dawr.consular.settings import ConsularSettings
from dawr.contracts import Channel, FxRate, Message, Money, Place, Pool, Subject, Text, derived_id, ids
from dawr.contracts.booking import (
    RefusalCode,
    RequestTurn,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnHeld,
    TurnMoved,
    TurnRefused,
)
from dawr.contracts.catalog import Fee, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.consular import CaseAdvanced
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentOpened,
    RefundAccepted,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
)
from dawr.servicekit.auth import Role as As
from dawr.servicekit.clock import new_id
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

M = TypeVar("M", bound=Message)

USD_300 = Money(minor=30_000, currency="USD")
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 12, 1)


def text(words: str) -> Text:
    return Text(ar=words, en=words)


def passport(revision: int = 1, **changes: Any) -> ServiceDescribed:
    """A passport through a mission: 300 dollars, 800 when urgent."""
    described = ServiceDescribed(
        code="CSL_PASS",
        revision=revision,
        agency="MOFA",
        family="PASSPORT",
        name=text("passport"),
        description=text("passport"),
        channels=(Channel.MISSION,),
        tiers=(Tier(code="N", name=text("normal")), Tier(code="U", name=text("urgent"))),
        fees=(
            Fee(tier="N", channel=Channel.MISSION, amount=USD_300, effective_from=dt.date(2025, 2, 1)),
            Fee(
                tier="U",
                channel=Channel.MISSION,
                amount=Money(minor=80_000, currency="USD"),
                effective_from=dt.date(2025, 2, 1),
            ),
        ),
        duration_minutes=20,
    )
    return described.model_copy(update=changes)


def registration() -> ServiceDescribed:
    """A registration that costs nothing."""
    free = Fee(
        tier="N",
        channel=Channel.MISSION,
        amount=Money(minor=0, currency="USD"),
        effective_from=dt.date(2025, 2, 1),
    )
    return passport(code="CSL_REG", family="REGISTER", tiers=(Tier(code="N", name=text("normal")),), fees=(free,))


def berlin(revision: int = 1, **changes: Any) -> OfficeDescribed:
    """A mission."""
    described = OfficeDescribed(
        code="BER-01",
        revision=revision,
        kind="mission",
        region="DE",
        region_name=text("Germany"),
        name=text("Berlin"),
        address=text("Rauchstraße"),
        zone="Europe/Berlin",
        currency="USD",
        services=("CSL_PASS", "CSL_REG"),
    )
    return described.model_copy(update=changes)


def damascus() -> OfficeDescribed:
    """An office at home."""
    return berlin(code="DAM-01", kind="office", zone="Asia/Damascus", currency="SYP")


@dataclass(frozen=True)
class Words:
    """What booking and payments say about one turn, under the ids that they would use."""

    turn_id: UUID
    person_id: UUID
    asked_by: UUID
    pool: Pool
    case_id: UUID | None
    fee: Money = USD_300
    payable: Money = USD_300
    at: dt.datetime = NOON

    @classmethod
    def on(cls, request: RequestTurn, **changes: Any) -> "Words":
        payable = request.fx.convert(USD_300) if request.fx else USD_300
        known = {name: getattr(request, name) for name in ("turn_id", "person_id", "asked_by", "pool", "case_id")}
        return cls(**{**known, "payable": payable, **changes})

    def id_of(self, fact: Message) -> UUID:
        return derived_id(self.turn_id, f"{fact.wire_type}/{getattr(fact, 'attempt', '')}")

    def advanced_by(self, *facts: Message) -> set[UUID]:
        """The ids of the messages in which consular tells of the moves that these facts cause."""
        return {derived_id(self.id_of(fact), f"{CaseAdvanced.wire_type}/{self.case_id}") for fact in facts}

    def _turn(self, minutes: int) -> dict[str, Any]:
        return {
            "turn_id": self.turn_id,
            "person_id": self.person_id,
            "asked_by": self.asked_by,
            "pool": self.pool,
            "case_id": self.case_id,
            "at": self.at + dt.timedelta(minutes=minutes),
        }

    def _money(self, minutes: int) -> dict[str, Any]:
        return {
            "payment_id": ids.payment_id(self.turn_id),
            "subject": Subject(kind="turn", id=self.turn_id),
            "payer_id": self.asked_by,
            "amount": self.payable,
            "at": self.at + dt.timedelta(minutes=minutes),
        }

    def held(self) -> TurnHeld:
        return TurnHeld(
            **self._turn(1),
            window="09:00",
            place=Place(partition=0, offset=1),
            fee=self.fee,
            payable=self.payable,
            payment_id=ids.payment_id(self.turn_id),
            held_until=self.at + dt.timedelta(minutes=16),
        )

    def refused(self, code: RefusalCode = RefusalCode.SOLD_OUT, opens_at: dt.datetime | None = None) -> TurnRefused:
        return TurnRefused(**self._turn(1), code=code, opens_at=opens_at)

    def confirmed(self, *, late: bool = False, free: bool = False) -> TurnConfirmed:
        payment = None if free else ids.payment_id(self.turn_id)
        fee = Money(minor=0, currency="USD") if free else self.fee
        return TurnConfirmed(**self._turn(20 if late else 5), fee=fee, payment_id=payment, after_expiry=late)

    def expired(self) -> TurnExpired:
        return TurnExpired(**self._turn(17), held_until=self.at + dt.timedelta(minutes=16))

    def cancelled(self, *, paid: bool = True) -> TurnCancelled:
        return TurnCancelled(
            **self._turn(30), by="citizen", reason="changed-mind", refund=self.payable if paid else None
        )

    def moved(self) -> TurnMoved:
        """The mission moved it to the day after, at another time."""
        later = self.pool.model_copy(update={"date": self.pool.date + dt.timedelta(days=1)})
        fact = self._turn(10) | {"pool": later}
        return TurnMoved(**fact, from_pool=self.pool, window="11:00", reason=text("storm"))

    def opened(self) -> PaymentOpened:
        return PaymentOpened(**self._money(2), pay_before=self.at + dt.timedelta(minutes=16))

    def declined(self, attempt: int = 1) -> PaymentFailed:
        return PaymentFailed(**self._money(3), provider="sandbox", attempt=attempt)

    def captured(self) -> PaymentCaptured:
        return PaymentCaptured(**self._money(4), provider="sandbox", provider_reference="cap-1")

    def ran_out(self) -> PaymentExpired:
        return PaymentExpired(**self._money(17))

    def refund_accepted(self, reason: RefundReason = RefundReason.CANCELLED_BY_CITIZEN) -> RefundAccepted:
        return RefundAccepted(refund_id=ids.refund_id(self.turn_id), **self._money(31), reason=reason)

    def refund_failed(self) -> RefundFailed:
        return RefundFailed(refund_id=ids.refund_id(self.turn_id), **self._money(32), attempt=8, reason="bank-says-no")

    def refund_succeeded(self) -> RefundSucceeded:
        return RefundSucceeded(
            refund_id=ids.refund_id(self.turn_id),
            **self._money(33),
            provider="sandbox",
            provider_reference="ref-1",
            attempt=1,
        )


@dataclass
class Consulate:
    """Consular while it runs, and the hands of those who use it."""

    stage: Stage
    service: Service
    http: httpx.AsyncClient
    clock: FakeClock

    async def post(self, path: str, who: UUID, body: Any = None, **headers: str) -> httpx.Response:
        """A POST of a citizen, under a key of its own unless one is given."""
        headers = {"idempotency-key": str(uuid4()), "accept-language": "en"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await self.http.post(path, json=body, headers={**self.stage.signed_in(who), **headers})

    async def get(self, path: str, who: UUID, *roles: As, office: str | None = None) -> httpx.Response:
        """A GET of a citizen, unless roles are named."""
        signed_in = self.stage.signed_in(who, *roles, office=office)
        return await self.http.get(path, headers={**signed_in, "accept-language": "en"})

    async def open(self, who: UUID, *, headers: dict[str, str] | None = None, **wish: Any) -> httpx.Response:
        """Open a case for a passport in Berlin, or for what is wished instead."""
        body = {"service": "CSL_PASS", "tier": "N", "mission": "BER-01", "date": DAY.isoformat(), **wish}
        return await self.post("/api/consular/cases", who, body, **(headers or {}))

    async def opened(self, who: UUID, **wish: Any) -> tuple[dict[str, Any], Words]:
        """Open a case and see booking be asked: the case, and the words about its turn."""
        response = await self.open(who, **wish)
        assert response.status_code == 202, response.text
        case = response.json()
        return case, Words.on(await self.asked_of_booking(case["turn_id"]))

    async def asked_of_booking(self, turn_id: str) -> RequestTurn:
        """What booking is asked about a turn, as the outbox has it."""
        asked = [each for each in (await self.staged(RequestTurn)).values() if str(each.turn_id) == turn_id]
        assert len(asked) == 1
        return asked[0]

    async def staged(self, wanted: type[M], *, of_case: str | None = None) -> dict[UUID, M]:
        """The messages of a type in the outbox, by id, in their order; of one case, if it is named."""
        query = sql("SELECT message_id, body FROM outbox_messages WHERE wire_type = :type ORDER BY id")
        async with self.service.database.reading() as connection:
            rows = (await connection.execute(query, {"type": wanted.wire_type})).all()
        found = {row.message_id: wanted.model_validate_json(row.body) for row in rows}
        return {
            id: message for id, message in found.items() if of_case in {None, str(getattr(message, "case_id", None))}
        }

    async def case(self, id: str, who: UUID) -> dict[str, Any]:
        """The case as it is shown now."""
        response = await self.get(f"/api/consular/cases/{id}", who)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    async def say(self, words: Words, *facts: Message, times: int = 1) -> None:
        """Have facts arrive, one after the other: each is applied before the next one is sent."""
        for fact in facts:
            for _ in range(times):
                await self.stage.send(fact, id=words.id_of(fact))
            await self.applied(words.id_of(fact))

    async def applied(self, message_id: UUID) -> None:
        """Wait until consular has applied a message."""
        query = sql("SELECT 1 FROM inbox_messages WHERE message_id = :id")

        async def is_there() -> bool:
            async with self.service.database.reading() as connection:
                return (await connection.execute(query, {"id": message_id})).scalar() is not None

        await until(is_there, what=f"message {message_id} applied")

    async def describe(self, *described: Message) -> None:
        """Have the catalogue say something, and wait until it is known here."""
        for each in described:
            (id,) = await self.stage.send(each)
            await self.applied(id)

    async def set_rate(
        self, rate: str | float, *, quote: str, day: dt.date, base: str = "USD", **headers: str
    ) -> httpx.Response:
        """Finance sets a rate."""
        signed_in = self.stage.signed_in(uuid4(), As.FINANCE)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/api/consular/fx-rates/{base}/{quote}/{day}"
        return await self.http.put(path, json={"rate": rate}, headers={**signed_in, "accept-language": "en", **names})

    async def mandate(self, *, person: UUID, agent: UUID) -> str:
        """A mandate that its person has consented to."""
        drafted = await self.post("/api/consular/mandates", agent, {"person_id": str(person), "kinship": "sibling"})
        assert drafted.status_code == 201, drafted.text
        id: str = drafted.json()["id"]
        consented = await self.post(f"/api/consular/mandates/{id}/consent", person)
        assert consented.json()["state"] == "ACTIVE", consented.text
        return id


@asynccontextmanager
async def consulate_on(
    stage: Stage, *, url: str | None = None, role: Role = Role.RUN, clock: FakeClock | None = None, **settings: Any
) -> AsyncIterator[Consulate]:
    """A consulate with an empty database of its own, or with the one at `url`."""
    clock = clock or FakeClock(NOON)
    url = url or await stage.database("consular")
    service = create_service(ConsularSettings(database_url=url, platform=stage.platform, **settings), clock=clock)
    transport = httpx.ASGITransport(service.app(role))
    async with service.running(role), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Consulate(stage, service, http, clock)


def replica_of(consulate: Consulate, **settings: Any) -> AbstractAsyncContextManager[Consulate]:
    """A further process that answers HTTP on the same database, with a clock of its own."""
    url = consulate.service.settings.database_url
    clock = FakeClock(consulate.clock.now)
    return consulate_on(consulate.stage, url=url, role=Role.SERVE, clock=clock, **settings)


@pytest.fixture(scope="module")
async def consulate(the_stage: Stage) -> AsyncIterator[Consulate]:
    """A consulate that knows Berlin, and what is offered there."""
    async with consulate_on(the_stage) as consulate:
        await consulate.describe(passport(), registration(), berlin(), damascus())

        async def ready() -> bool:
            return all((await consulate.service.checks()).values())

        await until(ready, what="the consulate is ready")
        yield consulate


@pytest.fixture
def words() -> Words:
    """Words about the turn of some case."""
    person = uuid4()
    return Words(
        turn_id=new_id(),
        person_id=person,
        asked_by=person,
        pool=Pool(office="BER-01", service="CSL_PASS", tier="N", date=DAY),
        case_id=new_id(),
    )


def euro(rate: str, dated: dt.date = dt.date(2026, 11, 1)) -> FxRate:
    """Euros for a dollar."""
    return FxRate(base="USD", quote="EUR", rate=Decimal(rate), dated=dated)
