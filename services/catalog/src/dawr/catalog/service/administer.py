"""What administrators and planners do with things: add, change, retire, reinstate; nothing is ever deleted."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.plans import PlanState
from dawr.catalog.domain.services import Agency, Extra, FeeDecision, Origin, Service, decide_fee, standing_fees
from dawr.catalog.domain.standing import check_office, check_service
from dawr.catalog.errors import (
    ChangedMeanwhile,
    CodeTaken,
    NotRetired,
    RetiredAlready,
    UnknownCode,
    UnknownOffice,
    UnknownService,
)
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.given import Given
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.describe import Author, Draft, describe, with_services
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.service.rules import catalogue_of_form
from dawr.catalog.store import stored
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import KINDS, Thing, offices_that_offer, thing, things
from dawr.contracts.catalog import Fee, Tier
from dawr.servicekit.database import Transaction

T = TypeVar("T", bound=Thing)

_PARTS: dict[type[Any], str] = {
    Agency: "agencies",
    Region: "regions",
    Tier: "tiers",
    Extra: "extras",
    Calendar: "calendars",
    Service: "services",
    Office: "offices",
}


async def create_thing(
    tx: Transaction, kind: type[T], code: str, rows: Sequence[Given], author: Author, *, fees: Sequence[Fee] = ()
) -> Stored[T]:
    """Add a thing, as the rows of a form have it; a service with its `fees`.

    Raises CodeTaken, RulesBroken, and what `services.decide_fee` refuses.
    """
    await stored.hold_loading(tx.connection)
    if await thing(tx.connection, kind, code) is not None:
        raise CodeTaken(taken=code)
    wanted = _part(await catalogue_of_form(tx.connection, rows, instead=(kind, code)), kind, code)
    decided = await _fees(tx, wanted, fees)
    await describe(tx, [Draft(wanted, None)], author, fees=decided)
    return Stored(wanted, 1)


async def change_thing(
    tx: Transaction,
    kind: type[T],
    code: str,
    rows: Sequence[Given],
    author: Author,
    *,
    seen: Collection[int],
    horizon: Horizon,
    fees: Sequence[Fee] = (),
) -> Stored[T]:
    """Change a thing to what the rows of a form have, and publish the capacity that follows from it; the same again is
    no new revision.

    Raises UnknownCode (UnknownService, UnknownOffice), ChangedMeanwhile, RulesBroken, FixedWhileOffered, BelowUse if a
    day would have fewer seats than have turns, and what `services.decide_fee` refuses.
    """
    await stored.hold_loading(tx.connection)
    before = await _seen(tx, kind, code, seen)
    standing: list[FeeDecision] = []
    if kind is Service:
        decided = (await fee_decisions(tx.connection, [code])).get(code, [])
        standing = [FeeDecision(code, fee, Origin.STAFF) for fee in standing_fees(decided)]
    catalogue = await catalogue_of_form(tx.connection, rows, instead=(kind, code), fees=standing)
    wanted = _as_it_stands(_part(catalogue, kind, code), before.thing)
    await _check_standing(tx, before.thing, wanted)
    new_fees = await _fees(tx, wanted, fees)
    if wanted == before.thing and not new_fees:
        return before
    revision = (await describe(tx, [Draft(wanted, before)], author, fees=new_fees))[KINDS[kind], code]
    offices = await _concerned(tx, wanted)
    if offices:
        await publish_ahead(tx, days=horizon.days, keep_days=horizon.keep_days, offices=offices, keeps_use=True)
    return Stored(wanted, revision)


async def retire(
    tx: Transaction,
    kind: type[Service] | type[Office],
    code: str,
    author: Author,
    *,
    retired: bool,
    seen: Collection[int],
    horizon: Horizon,
) -> Stored[Service] | Stored[Office]:
    """Retire a service or an office, or reinstate it: its days to come close, or open, as its plans have them.

    Turns that are taken stay: booking asks their offices. Raises UnknownService or UnknownOffice, ChangedMeanwhile,
    RetiredAlready, NotRetired.
    """
    await stored.hold_loading(tx.connection)
    before: Stored[Any] = await _seen(tx, kind, code, seen)
    if before.thing.retired == retired:
        raise RetiredAlready(thing=code) if retired else NotRetired(thing=code)
    after = replace(before.thing, retired=retired)
    revision = (await describe(tx, [Draft(after, before)], author))[KINDS[kind], code]
    offices = [code] if kind is Office else list(await offices_that_offer(tx.connection, code))
    await publish_ahead(tx, days=horizon.days, keep_days=horizon.keep_days, offices=offices)
    return Stored(after, revision)


def unknown(kind: type[Any], code: str) -> UnknownCode | UnknownService | UnknownOffice:
    """What is said of a code that nothing of a kind has."""
    if kind is Service:
        return UnknownService(service=code)
    return UnknownOffice(office=code) if kind is Office else UnknownCode(kind=KINDS[kind], thing=code)


async def _seen(tx: Transaction, kind: type[T], code: str, seen: Collection[int]) -> Stored[T]:
    before = await thing(tx.connection, kind, code, lock=True)
    if before is None:
        raise unknown(kind, code)
    if before.revision not in seen:
        raise ChangedMeanwhile(revision=before.revision)
    return before


def _part(catalogue: Catalogue, kind: type[T], code: str) -> T:
    parts: tuple[T, ...] = getattr(catalogue, _PARTS[kind])
    return next(each for each in parts if each.code == code)


def _as_it_stands(wanted: T, before: T) -> T:
    """What is wanted, with what forms don't have: whether it is retired, and what follows from plans."""
    stands: Thing = wanted
    if isinstance(stands, Office) and isinstance(before, Office):
        stands = replace(with_services(stands, before.services), retired=before.retired)
    elif isinstance(stands, Service) and isinstance(before, Service):
        stands = replace(stands, retired=before.retired)
    return cast(T, stands)


async def _check_standing(tx: Transaction, before: Thing, after: Thing) -> None:
    if isinstance(before, Office) and isinstance(after, Office):
        check_office(before, after, await plans_of(tx.connection, offices=[before.code], states=[PlanState.PUBLISHED]))
    elif isinstance(before, Service) and isinstance(after, Service):
        offers = await plans_of(tx.connection, services=[before.code], states=[PlanState.PUBLISHED])
        giving = await things(tx.connection, Office, {offer.office for offer in offers})
        check_service(before, after, offers, [each.thing for each in giving.values()])


async def _fees(tx: Transaction, wanted: Thing, fees: Sequence[Fee]) -> list[FeeDecision]:
    if not isinstance(wanted, Service) or not fees:
        return []
    history = (await fee_decisions(tx.connection, [wanted.code])).get(wanted.code, [])
    offices = [each.thing for each in (await offices_that_offer(tx.connection, wanted.code)).values()]
    return [decide_fee(wanted, history, offices, fee, now=tx.now) for fee in fees]


async def _concerned(tx: Transaction, changed: Thing) -> list[str]:
    """The offices whose capacity may follow from a change."""
    if isinstance(changed, Office):
        return [changed.code]
    if isinstance(changed, Calendar):
        offices = await things(tx.connection, Office)
        return [code for code, each in offices.items() if each.thing.calendar == changed.code]
    return []
