"""A booking service on the stage, with a small catalogue, and the words in which its stories are told."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from dawr.booking.app import create_service
from dawr.booking.settings import BookingSettings
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import CapacityDay, CapacityPublished, Fee, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.values import Window
from dawr.servicekit.clock import utc_now
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

SYP = Money(minor=31_270_000, currency="SYP")
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
            Fee(tier=tier, channel=channel, amount=fee, effective_from=dt.date(2025, 2, 1))
            for tier in ("N", "F")
            for channel in (Channel.ONLINE, Channel.MISSION)
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
            "services": ("PASS_REN", "PASS_NEW", "ID_NEW", "FREE_ONE"),
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


@dataclass
class Booking:
    """A running booking service, and those who use it."""

    stage: Stage
    url: str
    service: Service
    clock: FakeClock | None = None
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.service.app(), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://booking", timeout=30)

    async def take(
        self, person: UUID | None = None, *, key: str | None = None, wait: int = 10, **wish: object
    ) -> httpx.Response:
        """A citizen takes a turn; waits for the answer unless told not to."""
        headers = self.stage.signed_in(person or uuid4()) | {"idempotency-key": key or str(uuid4())}
        if wait:
            headers["prefer"] = f"wait={wait}"
        body = {"service": "PASS_REN", "tier": "N", "office": "DAM-01", "date": DAY.isoformat()} | wish
        return await self.http.post("/api/booking/turns", json=body, headers=headers)

    async def turn(self, id: str, person: UUID) -> dict[str, object]:
        answer = await self.http.get(f"/api/booking/turns/{id}", headers=self.stage.signed_in(person))
        body: dict[str, object] = answer.json()
        return body

    async def cancel(self, id: str, person: UUID, *, key: str | None = None) -> httpx.Response:
        headers = self.stage.signed_in(person) | {"idempotency-key": key or str(uuid4()), "prefer": "wait=10"}
        return await self.http.post(f"/api/booking/turns/{id}/cancellation", headers=headers)

    async def left(self, service: str = "PASS_REN", office: str = "DAM-01") -> int | None:
        """Seats left on DAY; None if nothing was published yet."""
        parameters = {"service": service, "tier": "N", "office": office, "from": str(DAY), "to": str(DAY)}
        answer = await self.http.get("/api/booking/availability", params=parameters)
        days = answer.json().get("days")
        return int(days[0]["left"]) if days else None

    async def has_left(self, seats: int, **where: str) -> None:
        async def so_many() -> bool:
            return await self.left(**where) == seats

        await until(so_many, what=f"{seats} seats left")


@asynccontextmanager
async def booking_on(
    stage: Stage, url: str, *, role: Role = Role.RUN, clock: FakeClock | None = None, **settings: object
) -> AsyncIterator[Booking]:
    """A booking process on a stage and a database; several of them are replicas."""
    service = create_service(
        BookingSettings.model_validate(
            {"database_url": url, "platform": stage.platform, "database_pool_connections": 8, **settings}
        ),
        clock=clock or utc_now,
    )
    async with service.running(role):
        booking = Booking(stage, url, service, clock)

        async def ready() -> bool:
            checks = await service.checks()
            return checks["broker"] and checks.get("consumers", True) and (checks["catalogue"] or role is Role.CONSUME)

        await until(ready, what="booking is ready")
        yield booking


async def set_catalogue(stage: Stage, *capacities: CapacityPublished) -> None:
    """Publish the small catalogue."""
    await stage.send(
        service_described("PASS_REN"),
        service_described("PASS_NEW"),
        service_described("ID_NEW", family="ID"),
        service_described("FREE_ONE", Money(minor=0, currency="SYP"), family="FREE"),
        office_described("DAM-01"),
        office_described("DAM-02"),
        office_described("BER-01", kind="mission"),
        *capacities,
    )


@pytest.fixture
async def booking(the_stage: Stage) -> AsyncIterator[Booking]:
    """One booking process with a database of its own, real time, and 3 seats on DAY."""
    await set_catalogue(the_stage, capacity(3))
    async with booking_on(the_stage, await the_stage.database("booking")) as running:
        await running.has_left(3)
        yield running
