"""A booking service on the stage, with a small catalogue, and the words in which its stories are told."""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import settings
from sqlalchemy import text as sql

from dawr.booking.app import create_service
from dawr.booking.domain import State
from dawr.booking.settings import BookingSettings
from dawr.contracts import Channel, Message, Money, Pool, Subject, Text
from dawr.contracts.catalog import CapacityDay, CapacityPublished, Fee, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.ids import payment_id
from dawr.contracts.payments import PaymentCaptured
from dawr.contracts.topics import TOPICS
from dawr.contracts.values import Window
from dawr.servicekit.clock import utc_now
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")

SYP = Money(minor=31_270_000, currency="SYP")
USD = Money(minor=30_000, currency="USD")
OFFICES = tuple(f"OFF-{number:02}" for number in range(48))
"""Offices without capacity, so that each story can have a pool of its own."""
MESSAGES = {wire_type: message for topic in TOPICS for wire_type, message in topic.messages.items()}
DAY = datetime.now(UTC).date() + timedelta(days=14)


def text(word: str) -> Text:
    return Text(ar=word, en=word)


def service_described(code: str, fee: Money = SYP, *, family: str = "PASSPORT", revision: int = 1) -> ServiceDescribed:
    return ServiceDescribed(
        code=code,
        revision=revision,
        agency="IMM",
        family=family,
        name=text(code),
        description=text(code),
        channels=(Channel.ONLINE, Channel.MISSION),
        tiers=(Tier(code="N", name=text("normal")), Tier(code="F", name=text("flat"))),
        fees=tuple(
            Fee(tier="N", channel=channel, amount=amount, effective_from=dt.date(2025, 2, 1))
            for channel, amount in ((Channel.ONLINE, fee), (Channel.MISSION, USD))
        ),
        duration_minutes=15,
    )


def office_described(code: str, *, kind: str = "office", revision: int = 1) -> OfficeDescribed:
    return OfficeDescribed.model_validate(
        {
            "code": code,
            "revision": revision,
            "kind": kind,
            "region": "DAM",
            "region_name": text("Damascus"),
            "name": text(code),
            "address": text("street"),
            "zone": "Asia/Damascus",
            "currency": "SYP",
            "services": ("PASS_REN", "PASS_NEW", "ID_NEW", "FREE_ONE", "GONE"),
        }
    )


def capacity(
    seats: int,
    *,
    office: str = "DAM-01",
    service: str = "PASS_REN",
    tier: str = "N",
    revision: int = 1,
    days: int = 1,
    opens_at: datetime | None = None,
    windows: tuple[Window, ...] = (),
) -> CapacityPublished:
    """`days` days from DAY on, as far as they are in its month."""
    dates = [DAY + timedelta(days=each) for each in range(days)]
    return CapacityPublished(
        office=office,
        service=service,
        tier=tier,
        month=DAY.strftime("%Y-%m"),
        revision=revision,
        zone="Asia/Damascus",
        days=tuple(
            CapacityDay(
                date=date, capacity=seats, opens_at=opens_at or datetime(2025, 1, 1, tzinfo=UTC), windows=windows
            )
            for date in dates
            if date.strftime("%Y-%m") == DAY.strftime("%Y-%m")
        ),
    )


def captured(turn: UUID, payer: UUID, amount: Money = SYP, *, at: datetime | None = None) -> PaymentCaptured:
    """The fact that a turn was paid for."""
    return PaymentCaptured(
        payment_id=payment_id(turn),
        subject=Subject(kind="turn", id=turn),
        payer_id=payer,
        amount=amount,
        at=at or datetime.now(UTC),
        provider="sandbox",
        provider_reference="cap_1",
    )


@cache
def _free_offices(_stage: str) -> Iterator[str]:
    """Each office once on a stage: also a booking with new tables reads what was published for those before it."""
    return iter(OFFICES)


@dataclass
class Booking:
    """A running booking process, and those who use it."""

    stage: Stage
    url: str
    service: Service
    role: Role = Role.RUN
    http: httpx.AsyncClient = field(init=False)
    _revisions: Any = field(default_factory=lambda: count(2))

    def __post_init__(self) -> None:
        self._free_offices = _free_offices(self.stage.name)
        transport = httpx.ASGITransport(self.service.app(self.role), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://booking", timeout=30)

    @property
    def clock(self) -> FakeClock:
        """The clock of a booking that was started with one that can be turned."""
        assert isinstance(self.service.clock, FakeClock)
        return self.service.clock

    # What citizens do

    async def take(
        self, person: UUID | None = None, *, key: str | None = None, wait: int = 10, lang: str = "en", **wish: object
    ) -> httpx.Response:
        """A citizen takes a turn; waits for the answer unless told not to."""
        headers = self.stage.signed_in(person or uuid4()) | {"idempotency-key": key or str(uuid4())}
        headers |= {"accept-language": lang} | ({"prefer": f"wait={wait}"} if wait else {})
        body = {"service": "PASS_REN", "tier": "N", "office": "DAM-01", "date": DAY.isoformat()} | wish
        return await self.http.post("/api/booking/turns", json=body, headers=headers)

    async def hold(self, person: UUID, **wish: object) -> UUID:
        """A citizen takes a turn and gets a seat; the turn's id."""
        answer = await self.take(person, **wish)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def hold_soon(self, person: UUID, **wish: object) -> UUID:
        """The same, where a seat has just become free: a sold-out pool is looked at again twice a second."""

        async def held() -> UUID | None:
            answer = await self.take(person, **wish)  # type: ignore[arg-type]
            assert answer.status_code == 201 or answer.json()["code"] == "sold-out", answer.text
            return UUID(answer.json()["id"]) if answer.status_code == 201 else None

        return await until(held, what="a free seat")

    async def refused_soon(self, code: str, **wish: object) -> None:
        """A citizen is refused with this code, once it is seen that a pool is no longer just sold out."""

        async def refused() -> bool:
            found = (await self.take(**wish)).json()["code"]  # type: ignore[arg-type]
            assert found in {code, "sold-out"}, found
            return bool(found == code)

        await until(refused, what=f"the refusal {code}")

    async def cancel(self, id: UUID, person: UUID, *, key: str | None = None, **body: object) -> httpx.Response:
        headers = self.stage.signed_in(person) | {"idempotency-key": key or str(uuid4()), "prefer": "wait=10"}
        path = f"/api/booking/turns/{id}/cancellation"
        return await self.http.post(path, headers=headers | {"accept-language": "en"}, json=body or None)

    async def get(self, path: str, person: UUID, **headers: str) -> httpx.Response:
        """What a citizen sees."""
        return await self.http.get(path, headers=self.stage.signed_in(person) | {"accept-language": "en"} | headers)

    async def turn(self, id: UUID | str, person: UUID) -> dict[str, Any]:
        body: dict[str, Any] = (await self.get(f"/api/booking/turns/{id}", person)).json()
        return body

    async def reaches(self, id: UUID, person: UUID, state: State) -> dict[str, Any]:
        """Wait until a turn is in a state; the turn as its person sees it."""

        async def there() -> dict[str, Any] | None:
            turn = await self.turn(id, person)
            return turn if turn["state"] == state else None

        return await until(there, what=f"{state} of {id}")

    async def left(self, office: str = "DAM-01", service: str = "PASS_REN") -> int | None:
        """Seats left on DAY; None if nothing was published yet."""
        parameters = {"service": service, "tier": "N", "office": office, "from": str(DAY), "to": str(DAY)}
        answer = await self.http.get("/api/booking/availability", params=parameters)
        days = answer.json().get("days")
        return int(days[0]["left"]) if days else None

    # What other services say

    async def opened(self, seats: int, **more: Any) -> str:
        """Capacity for DAY at an office that has had none; the office."""
        month = capacity(seats, **({"office": next(self._free_offices)} | more))
        await self.publish(month)
        return month.office

    async def publish(self, month: CapacityPublished) -> None:
        """Publish capacity, and wait until it is in force."""
        await self.says(month)

    async def says(self, *messages: Message) -> list[UUID]:
        """Send messages as their owners would, and wait until they were applied; their ids."""
        ids = await self.stage.send(*messages)
        await self.has_applied(*ids)
        return ids

    async def has_applied(self, *ids: UUID) -> None:
        """Wait until messages are in the inbox, and what they caused was sent."""

        async def applied() -> bool:
            found = await self.rows(
                "SELECT count(*) FROM inbox_messages WHERE message_id = ANY(CAST(:ids AS uuid[]))", ids=list(set(ids))
            )
            unsent = await self.rows("SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL")
            return bool(found[0][0] == len(set(ids)) and unsent[0][0] == 0)

        await until(applied, what="messages applied")

    # What is in the tables

    async def rows(self, query: str, **parameters: object) -> list[Any]:
        async with self.service.database.reading() as connection:
            return list(await connection.execute(sql(query), parameters))

    async def quota(self, office: str, service: str = "PASS_REN") -> tuple[int, int]:
        """Capacity and seats in use of a pool on DAY; they agree with its live turns."""
        pool = Pool(office=office, service=service, tier="N", date=DAY).key
        ((capacity, in_use),) = await self.rows("SELECT capacity, in_use FROM quota_days WHERE pool = :pool", pool=pool)
        ((live,),) = await self.rows(
            "SELECT count(*) FROM turns WHERE pool = :pool AND state IN ('HELD', 'CONFIRMED')", pool=pool
        )
        assert live == in_use <= capacity
        return capacity, in_use

    async def told(self, id: UUID) -> list[Message]:
        """All that was told about a turn, in its order."""
        rows = await self.rows(
            "SELECT wire_type, body FROM outbox_messages WHERE key = :key AND topic NOT LIKE '%.dead' ORDER BY id",
            key=str(id).encode(),
        )
        return [MESSAGES[wire_type].model_validate_json(body) for wire_type, body in rows]

    async def kinds_told(self, id: UUID) -> list[type[Message]]:
        """The types of all that was told about a turn, in its order."""
        return [type(each) for each in await self.told(id)]


@asynccontextmanager
async def booking_on(
    stage: Stage,
    url: str,
    *,
    role: Role = Role.RUN,
    clock: Callable[[], datetime] = utc_now,
    without: Collection[str] = (),
    **settings: object,
) -> AsyncIterator[Booking]:
    """A booking process on a stage and a database; several of them are replicas.

    It is ready when this begins, but for the checks named in `without`.
    """
    service = create_service(
        BookingSettings.model_validate(
            {
                "database_url": url,
                "platform": stage.platform,
                "database_pool_connections": 8,
                "availability_kept_seconds": 0,  # stories look right after they did something
                **settings,
            }
        ),
        clock=clock,
    )
    booking = Booking(stage, url, service, role)
    async with service.running(role):

        async def ready() -> bool:
            checks = await service.checks()
            return all(holds for name, holds in checks.items() if name not in without)

        await until(ready, what="booking is ready")
        yield booking


CATALOGUE = (
    service_described("PASS_REN"),
    service_described("PASS_NEW"),
    service_described("ID_NEW", family="ID"),
    service_described("NOT_HERE", family="OTHER"),
    service_described("FREE_ONE", Money(minor=0, currency="SYP"), family="FREE"),
    office_described("DAM-01"),
    office_described("DAM-02"),
    office_described("BER-01", kind="mission"),
    *(office_described(code) for code in OFFICES),
)


async def set_catalogue(stage: Stage, *capacities: CapacityPublished) -> None:
    """Publish the small catalogue, with some capacity: without any it is not whole."""
    await stage.send(*CATALOGUE, capacity(1, office="DAM-02", service="NOT_HERE"), *capacities)


@pytest.fixture(scope="module")
async def booking(the_stage: Stage) -> AsyncIterator[Booking]:
    """One booking process for the module, on a database of its own, with a clock that stands still until turned."""
    url = await the_stage.database("booking")
    await set_catalogue(the_stage)
    async with booking_on(the_stage, url, clock=FakeClock(), sweep_seconds=0.05) as running:
        await has_catalogue(running)
        yield running


async def has_catalogue(booking: Booking) -> None:
    """Wait until a booking knows the whole small catalogue."""
    wanted = len(CATALOGUE)

    async def known() -> bool:
        ((stored,),) = await booking.rows("SELECT count(*) FROM catalogue_items")
        answer = await booking.take(office="UNKNOWN-01", wait=0)
        return bool(stored == wanted and answer.json()["code"] == "unknown-office")

    await until(known, what="the catalogue")
