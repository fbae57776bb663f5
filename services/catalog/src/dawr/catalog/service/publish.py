"""Publish capacity ahead, take away what is long over, and say the whole state again."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.metadata import version

from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.capacity import (
    MonthOfCapacity,
    follow_plans,
    is_long_over,
    month_of,
    months_between,
    publication,
    take_away,
)
from dawr.catalog.domain.offers import offered_services
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import PlanState, weeks
from dawr.catalog.domain.services import Service
from dawr.catalog.service.describe import Author, Draft, describe, with_services
from dawr.catalog.service.tell import tell, tell_offices, tell_services, tell_taken_away
from dawr.catalog.service.use import check_not_below_use
from dawr.catalog.store import capacity as capacity_store
from dawr.catalog.store import stored
from dawr.catalog.store.closures import closures
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.things import things
from dawr.servicekit.database import Transaction

_AS_PLANNED = Author("as its plans have it")


@dataclass(frozen=True, slots=True)
class Published:
    """What one look at the calendar led to."""

    months: int
    taken_away: int


async def publish_ahead(
    tx: Transaction,
    *,
    days: int,
    keep_days: int,
    offices: Collection[str] | None = None,
    keeps_use: bool = False,
) -> Published:
    """Publish what plans, calendars and closures give for `days` dates from today on, by each office's local date.

    For all offices, or for some. A month that is so already is not published again; days that staff decided stay.
    Where nothing is planned any more, or office or service is retired, the days that followed a plan go. Months that
    ended more than `keep_days` ago are taken away from the topic.

    `keeps_use` is for what a person decides: it refuses what leaves a day fewer seats than are in use (BelowUse).
    """
    await stored.hold_loading(tx.connection)
    known = {code: each.thing for code, each in (await things(tx.connection, Office, offices)).items()}
    today = {code: office.today(tx.now) for code, office in known.items()}
    if offices is None and await _published_from(tx, today, days) == await stored.published_from(tx.connection):
        return Published(0, await _take_away(tx, keep_days))
    changed = await _publish(tx, known, today, days=days, offices=offices)
    if keeps_use:
        await check_not_below_use(tx, changed)
    revised = [after for _, after in changed]
    for month in revised:
        tell(tx, publication(month, known[month.offer.office].zone))
    await capacity_store.save_months(tx.connection, revised, tx.now)
    if offices is not None:
        return Published(len(revised), 0)
    await stored.note_published_from(tx.connection, await _published_from(tx, today, days))
    return Published(len(revised), await _take_away(tx, keep_days))


async def _published_from(tx: Transaction, today: Mapping[str, date], days: int) -> str:
    """A digest of all that capacity follows from: what is decided, the dates, and the rules themselves."""
    parts = [await stored.what_capacity_follows(tx.connection), str(sorted(today.items())), str(days), _rules()]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


@cache
def _rules() -> str:
    """The rules as they are in this process: another version of them may make other days of the same plans."""
    code = [each for each in resources.files("dawr.catalog.domain").iterdir() if each.name.endswith(".py")]
    parts = [f"{each.name}\n{each.read_text('utf-8')}" for each in sorted(code, key=lambda each: each.name)]
    return "\n".join([*parts, version("holidays"), version("hijridate")])


async def _publish(
    tx: Transaction,
    known: Mapping[str, Office],
    today: Mapping[str, date],
    *,
    days: int,
    offices: Collection[str] | None,
) -> list[tuple[MonthOfCapacity, MonthOfCapacity]]:
    """The months that are not as plans, calendars and closures have them, as they are and as they are to be."""
    if not known:
        return []
    services = {code: each.thing for code, each in (await things(tx.connection, Service)).items()}
    calendars = {code: each.thing for code, each in (await things(tx.connection, Calendar)).items()}
    closed = await closures(tx.connection, since=min(today.values()))
    plans = await plans_of(tx.connection, offices=offices, states=[PlanState.PUBLISHED])
    await _offer_as_planned(tx, known, {code: offered_services(plans, code, today[code]) for code in known})
    followed = {
        offer: weeks(each)
        for offer, each in plans.items()
        if not known[offer.office].retired and not services[offer.service].retired
    }
    wanted = {(offer, month) for offer in followed for month in months_between(today[offer.office], days)}
    wanted |= set(
        await capacity_store.published_keys(tx.connection, since=month_of(min(today.values())), offices=offices)
    )
    changed: list[tuple[MonthOfCapacity, MonthOfCapacity]] = []
    for (offer, _), month in (await capacity_store.lock_months(tx.connection, wanted, tx.now)).items():
        office = known[offer.office]
        calendar = calendars[office.calendar]
        first = today[offer.office]
        after = follow_plans(month, followed.get(offer, ()), office, calendar, closed, first=first, days=days)
        if after is not None:
            changed.append((month, after))
    return changed


async def _offer_as_planned(
    tx: Transaction, known: Mapping[str, Office], offered: Mapping[str, tuple[str, ...]]
) -> None:
    """Have offices say what their plans have them offer: with time, one begins or ends."""
    behind = [code for code, office in known.items() if office.services != offered[code]]
    locked = await things(tx.connection, Office, behind, lock=True)
    await describe(
        tx, [Draft(with_services(each.thing, offered[code]), each) for code, each in locked.items()], _AS_PLANNED
    )


async def _take_away(tx: Transaction, keep_days: int) -> int:
    today = tx.now.date()
    months = await capacity_store.published_months(tx.connection, before=month_of(today), lock=True)
    over = [take_away(month) for month in months if is_long_over(month.month, today, keep_days)]
    for month in over:
        tell_taken_away(tx, month)
    await capacity_store.save_months(tx.connection, over, tx.now)
    return len(over)


async def republish(tx: Transaction) -> int:
    """Stage the whole present state again, with the revisions that it has; how many messages that is.

    For topics that lost what they held. A reader that has a revision already skips it.
    """
    await stored.hold_loading(tx.connection)
    offices = await things(tx.connection, Office, lock=True)
    told = await tell_offices(tx, offices.values())
    told += await tell_services(tx, (await things(tx.connection, Service, lock=True)).values())
    months = await capacity_store.published_months(tx.connection, lock=True)
    for month in months:
        tell(tx, publication(month, offices[month.offer.office].thing.zone))
    return told + len(months)
