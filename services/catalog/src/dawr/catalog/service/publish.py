"""Publish capacity ahead, take away what is long over, and say the whole state again."""

from collections import defaultdict
from dataclasses import dataclass

from dawr.catalog.domain.capacity import (
    MonthOfCapacity,
    follow_plan,
    is_long_over,
    month_of,
    months_between,
    publication,
    take_away,
)
from dawr.catalog.domain.offices import describe_office
from dawr.catalog.domain.services import describe_service, standing_fees
from dawr.catalog.domain.weeks import WeekPlan
from dawr.catalog.service.tell import tell, tell_taken_away
from dawr.catalog.store import capacity as capacity_store
from dawr.catalog.store import offices as office_store
from dawr.catalog.store import services as service_store
from dawr.catalog.store import stored
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class Published:
    """What one look at the calendar led to."""

    months: int
    taken_away: int


async def publish_ahead(tx: Transaction, *, days: int, keep_days: int) -> Published:
    """Publish what the week plans give for `days` dates from today on, by each office's local date.

    A month that is so already is not published again; days that staff decided stay. Where nothing is planned any
    more, or office or service is retired, the days that followed a plan go. Months that ended more than
    `keep_days` ago are taken away from the topic.
    """
    await stored.hold_loading(tx.connection)
    offices = {code: each.thing for code, each in (await office_store.offices(tx.connection)).items()}
    services = {code: each.thing for code, each in (await service_store.services(tx.connection)).items()}
    plans = {
        offer: plan
        for offer, plan in (await capacity_store.week_plans(tx.connection)).items()
        if not offices[offer.office].retired and not services[offer.service].retired
    }
    today = {code: office.today(tx.now) for code, office in offices.items()}
    wanted = {(offer, month) for offer in plans for month in months_between(today[offer.office], days)}
    if today:
        wanted |= set(await capacity_store.published_keys(tx.connection, since=month_of(min(today.values()))))
    revised: list[MonthOfCapacity] = []
    for (offer, _), month in (await capacity_store.lock_months(tx.connection, wanted, tx.now)).items():
        zone, plan = offices[offer.office].zone, plans.get(offer, WeekPlan(offer, {}))
        after = follow_plan(month, plan, zone, first=today[offer.office], days=days)
        if after is not None:
            revised.append(after)
            tell(tx, publication(after, zone))
    await capacity_store.save_months(tx.connection, revised, tx.now)
    return Published(len(revised), await _take_away(tx, keep_days))


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
    regions = await office_store.regions(tx.connection)
    offices = await office_store.offices(tx.connection)
    for office in offices.values():
        tell(tx, describe_office(office.thing, regions[office.thing.region].thing, office.revision))
    services = await service_store.services(tx.connection, lock=True)
    decided = defaultdict(list, await service_store.fee_decisions(tx.connection, services))
    for code, service in services.items():
        tell(tx, describe_service(service.thing, standing_fees(decided[code]), service.revision))
    months = await capacity_store.published_months(tx.connection, lock=True)
    for month in months:
        tell(tx, publication(month, offices[month.offer.office].thing.zone))
    return len(offices) + len(services) + len(months)
