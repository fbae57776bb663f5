"""What staff decide: a fee, a day's capacity. Each decision is kept with who, when and why, and told at once."""

from collections.abc import Collection
from uuid import UUID

from dawr.catalog.domain.capacity import (
    MonthOfCapacity,
    WantedDay,
    check_revision,
    decide_day,
    month_of,
    publication,
)
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.services import Service, decide_fee
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import NotOffered, UnknownOffice, UnknownService
from dawr.catalog.service.describe import Author, describe
from dawr.catalog.service.tell import tell
from dawr.catalog.service.use import check_not_below_use
from dawr.catalog.store import capacity as capacity_store
from dawr.catalog.store import changes
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import is_offered
from dawr.catalog.store.things import offices_that_offer, thing
from dawr.contracts.catalog import Fee
from dawr.servicekit.database import Transaction


async def set_fee(tx: Transaction, code: str, fee: Fee, *, by: UUID, reason: str) -> int:
    """Decide a fee of a service; the service's new revision. Refuses what `domain.services.decide_fee` refuses."""
    service = await thing(tx.connection, Service, code, lock=True)
    if service is None:
        raise UnknownService(service=code)
    offices = [each.thing for each in (await offices_that_offer(tx.connection, code)).values()]
    history = (await fee_decisions(tx.connection, [code])).get(code, [])
    decision = decide_fee(service.thing, history, offices, fee, now=tx.now)
    return (await describe(tx, [], Author(reason, by), fees=[decision]))["service", code]


async def set_day(
    tx: Transaction, offer: Offer, wanted: WantedDay, *, seen: Collection[int] | None, by: UUID, reason: str
) -> tuple[MonthOfCapacity, Office]:
    """Decide the capacity of a day; its month as it is now, and the office.

    `seen` are the revisions of the month that the caller may have read, or none. Refuses an office, service or
    tier that is not offered, what `domain.capacity.decide_day` and `check_revision` refuse, and fewer seats than are
    in use (BelowUse).
    """
    office = await offering_office(tx, offer)
    key = (offer, month_of(wanted.date))
    month = (await capacity_store.lock_months(tx.connection, [key], tx.now))[key]
    check_revision(month, seen)
    after = decide_day(month, wanted, zone=office.zone, now=tx.now)
    if after is None:
        return month, office
    await check_not_below_use(tx, [(month, after)])
    message = publication(after, office.zone)
    detail = {"before": month.on(wanted.date), "after": after.on(wanted.date)}
    subject = f"capacity/{message.key()}"
    await changes.note(tx, changes.Change(subject, after.revision, "day-decided", reason, detail, by_person=by))
    await capacity_store.save_months(tx.connection, [after], tx.now)
    tell(tx, message)
    return after, office


async def read_month(tx: Transaction, offer: Offer, name: str | None) -> tuple[MonthOfCapacity, Office]:
    """A month of an offer, and the office: the present one there if none is named."""
    office = await offering_office(tx, offer)
    name = name or month_of(office.today(tx.now))
    month = await capacity_store.month(tx.connection, offer, name)
    return month or MonthOfCapacity(offer, name), office


async def offering_office(tx: Transaction, offer: Offer) -> Office:
    """The office of an offer; refuses an unknown office or service, and what is not offered there."""
    office, _ = await places_in_use(tx, offer)
    if not await is_offered(tx.connection, offer):
        raise not_offered(offer)
    return office


async def places_in_use(tx: Transaction, offer: Offer) -> tuple[Office, Service]:
    """The office and the service of an offer; refuses an unknown one, and one that is retired (NotOffered)."""
    office = await thing(tx.connection, Office, offer.office)
    if office is None:
        raise UnknownOffice(office=offer.office)
    service = await thing(tx.connection, Service, offer.service)
    if service is None:
        raise UnknownService(service=offer.service)
    if office.thing.retired or service.thing.retired:
        raise not_offered(offer)
    return office.thing, service.thing


def not_offered(offer: Offer) -> NotOffered:
    """What is said of a tier of a service that an office does not give."""
    return NotOffered(office=offer.office, service=offer.service, tier=offer.tier)
