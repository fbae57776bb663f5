"""This service's copy of the catalogue, in the memory of each process: what the store has from the state topics."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.store import catalogue as store
from dawr.contracts import Channel, Money, Pool, Text
from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.topics import CATALOG_CAPACITY, CATALOG_OFFICES, CATALOG_SERVICES
from dawr.servicekit import copies
from dawr.servicekit.database import Database

REFRESH_SECONDS = 0.25
COPIED = (CATALOG_SERVICES, CATALOG_OFFICES, CATALOG_CAPACITY)
_REMEMBERED = 10_000


@dataclass
class Catalogue:
    """Services and offices by code, as fresh as the last refresh (a quarter of a second)."""

    services: dict[str, ServiceDescribed] = field(default_factory=dict)
    offices: dict[str, OfficeDescribed] = field(default_factory=dict)
    version: store.Version = (-1, -1)
    is_whole: bool = False
    """Whether the topics were read once to where they ended: before that, what is missing may still come."""
    _fees: dict[tuple[str, str, Channel, date], Money | None] = field(default_factory=dict)
    _descriptions: dict[str, Text] = field(default_factory=dict)

    @property
    def is_loaded(self) -> bool:
        """Whether there is a catalogue to go by, and the whole of it: capacity too, which is not kept here."""
        return self.is_whole and bool(self.services and self.offices)

    def family(self, service: str) -> str:
        """What `one live turn` counts; a service that is unknown counts by itself."""
        known = self.services.get(service)
        return known.family if known else service

    def fee(self, service: str, tier: str, channel: Channel, on: date) -> Money | None:
        """The fee in force on a day."""
        asked = (service, tier, channel, on)
        if asked not in self._fees:
            if len(self._fees) >= _REMEMBERED:
                self._fees.clear()
            known = self.services.get(service)
            self._fees[asked] = known.fee(tier, channel, on) if known else None
        return self._fees[asked]

    def description(self, pool: Pool) -> Text:
        """What a turn of a pool is, in words: service, office, day; those that are known."""
        known = self._descriptions.get(pool.key)
        if known is None:
            if len(self._descriptions) >= _REMEMBERED:
                self._descriptions.clear()
            items = (self.services.get(pool.service), self.offices.get(pool.office))
            names = [each.name for each in items if each is not None]
            day = pool.date.isoformat()
            known = self._descriptions[pool.key] = Text(
                ar=" - ".join([*(each.ar for each in names), day]), en=" - ".join([*(each.en for each in names), day])
            )
        return known

    async def refresh(self, connection: AsyncConnection) -> None:
        """Read again what the tables hold, if it changed."""
        if not self.is_whole:
            # Before the items: those that are read after it are all there.
            self.is_whole = await copies.are_whole(connection, COPIED)
        version = await store.version(connection)
        if version == self.version:
            return
        items = await store.items(connection)
        self.services = {each.code: each for each in items if isinstance(each, ServiceDescribed)}
        self.offices = {each.code: each for each in items if isinstance(each, OfficeDescribed)}
        self.version = version
        self._fees, self._descriptions = {}, {}

    async def follow(self, database: Database) -> None:
        """Keep fresh until cancelled."""
        while True:
            async with database.reading() as connection:
                await self.refresh(connection)
            await asyncio.sleep(REFRESH_SECONDS)


def end_of_day(day: date, zone: str) -> datetime:
    """The moment at which a local date of an office is over; aware."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone))
