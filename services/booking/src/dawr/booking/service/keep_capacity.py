"""Quota days follow what the catalog publishes, and never drop below what is in use."""

import calendar
import datetime as dt

from sqlalchemy import text

from dawr.booking import domain
from dawr.booking.catalogue import end_of_day
from dawr.booking.domain import Seats
from dawr.booking.store import pools
from dawr.contracts import Pool
from dawr.contracts.catalog import CapacityPublished
from dawr.servicekit.database import Transaction

_TAKE_REVISION = text("""
INSERT INTO capacity_months (key, revision) VALUES (:key, :revision)
ON CONFLICT (key) DO UPDATE SET revision = excluded.revision WHERE capacity_months.revision < excluded.revision
RETURNING revision
""")
_REMOVE = text("DELETE FROM capacity_months WHERE key = :key")


async def keep_capacity(tx: Transaction, month: CapacityPublished) -> None:
    """Make the month's quota days what was published; an older revision changes nothing."""
    taken = await tx.connection.execute(_TAKE_REVISION, {"key": month.key(), "revision": month.revision})
    if taken.one_or_none() is None:
        return
    days = {day.date: day for day in month.days}
    keys = {date: _pool(month, date).key for date in _dates(month.month)}
    seats = await pools.lock(tx.connection, keys.values())
    after: dict[str, Seats] = {}
    new: dict[dt.date, Seats] = {}
    for date, key in keys.items():
        if date in days:
            published = domain.published(seats.get(key), days[date], end_of_day(date, month.zone))
            if key in seats:
                after[key] = published
            else:
                new[date] = published
        elif key in seats:
            after[key] = domain.closed(seats[key])
    await pools.save(tx.connection, seats, after)
    if new:
        await pools.add(tx.connection, month.office, month.service, month.tier, new)


async def drop_capacity(tx: Transaction, key: str) -> None:
    """Close every day of a month that was taken away."""
    office, service, tier, month = key.split("/")
    seats = await pools.lock(
        tx.connection, [Pool(office=office, service=service, tier=tier, date=date).key for date in _dates(month)]
    )
    await pools.save(tx.connection, seats, {pool: domain.closed(each) for pool, each in seats.items()})
    await tx.connection.execute(_REMOVE, {"key": key})


def _pool(month: CapacityPublished, date: dt.date) -> Pool:
    return Pool(office=month.office, service=month.service, tier=month.tier, date=date)


def _dates(month: str) -> list[dt.date]:
    year, number = (int(part) for part in month.split("-"))
    return [dt.date(year, number, day) for day in range(1, calendar.monthrange(year, number)[1] + 1)]
