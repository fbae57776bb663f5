"""Quota days follow what the catalog publishes, and never drop below what is in use."""

import calendar
import datetime as dt
from collections.abc import Collection, Mapping

from dawr.booking import domain
from dawr.booking.catalogue import end_of_day
from dawr.booking.domain import Seats
from dawr.booking.errors import TooManyParts
from dawr.booking.service.ask_offices import ask_offices
from dawr.booking.store import cancellations, capacity, pools
from dawr.contracts import Pool
from dawr.contracts.catalog import MAX_RELEASES, MAX_WINDOWS, CapacityPublished
from dawr.servicekit.database import Transaction


async def keep_capacity(tx: Transaction, month: CapacityPublished) -> None:
    """Make the month's quota days what was published; an older revision changes nothing.

    A day that an office closed itself stays closed until another plan is published for it: a month is published
    whole, so one that says of this day what it said before was published for the sake of another. Raises TooManyParts.
    """
    _check_parts(month)
    if not await capacity.take_revision(tx.connection, month.key(), month.revision, month.closed):
        return
    days = {day.date: day for day in month.days}
    keys = {date: _pool(month, date).key for date in _dates(month.month)}
    seats = await pools.lock(tx.connection, keys.values())
    closed_by_office = await cancellations.closed_plans(tx.connection, keys.values())
    after: dict[str, Seats] = {}
    new: dict[dt.date, Seats] = {}
    still_closed = set()
    for date, key in keys.items():
        if date in days:
            published = domain.published(seats.get(key), days[date], end_of_day(date, month.zone))
            if key not in seats:
                new[date] = published
            elif closed_by_office.get(key) == domain.plan_of(published):
                after[key] = domain.closed(published)
                still_closed.add(key)
            else:
                after[key] = published
        elif key in seats:
            after[key] = domain.closed(seats[key])
    await pools.save(tx.connection, seats, after)
    if new:
        await pools.add(tx.connection, month.office, month.service, month.tier, new)
    await cancellations.forget_closed(tx.connection, closed_by_office.keys() - still_closed)
    reasons = {keys[closed.date]: closed.reason for closed in month.closed if closed.date in keys}
    await ask_offices(tx, _undecided(after, closed_by_office), reasons, revision=month.revision)


def _check_parts(month: CapacityPublished) -> None:
    """Refuse a day that an entry of the index for availability might not hold. It would be found out as its seats are
    taken, when the entry grows: by people in the line."""
    for day in month.days:
        if len(day.windows) > MAX_WINDOWS or len(day.releases) > MAX_RELEASES:
            raise TooManyParts(
                month=month.key(),
                date=day.date.isoformat(),
                windows=len(day.windows),
                max_windows=MAX_WINDOWS,
                releases=len(day.releases),
                max_releases=MAX_RELEASES,
            )


async def drop_capacity(tx: Transaction, key: str) -> None:
    """Close every day of a month that was taken away."""
    office, service, tier, month = key.split("/")
    wanted = [Pool(office=office, service=service, tier=tier, date=date).key for date in _dates(month)]
    revision = await capacity.remove(tx.connection, key)  # first: `keep_capacity` locks in this order
    seats = await pools.lock(tx.connection, wanted)
    after = {pool: domain.closed(each) for pool, each in seats.items()}
    await pools.save(tx.connection, seats, after)
    closed_by_office = await cancellations.closed_plans(tx.connection, wanted)
    await cancellations.forget_closed(tx.connection, closed_by_office)
    await ask_offices(tx, _undecided(after, closed_by_office), {}, revision=revision or 0)


def _undecided(after: Mapping[str, Seats], closed_by_office: Collection[str]) -> dict[str, Seats]:
    """The pools of which their office has not decided already that nobody is served there."""
    return {key: each for key, each in after.items() if each.planned or key not in closed_by_office}


def _pool(month: CapacityPublished, date: dt.date) -> Pool:
    return Pool(office=month.office, service=month.service, tier=month.tier, date=date)


def _dates(month: str) -> list[dt.date]:
    year, number = (int(part) for part in month.split("-"))
    return [dt.date(year, number, day) for day in range(1, calendar.monthrange(year, number)[1] + 1)]
