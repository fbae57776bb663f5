"""Load a catalogue from its files: as the seed of the platform, or as what a person imports.

The seed: for each thing the digest of what the folder last said is kept. As long as the folder says the same, what
people changed since stays; a fee or a plan that a person decided is never superseded by the folder's. Nothing is
deleted: what a folder no longer has stays as it is, but an office that it has offers what the folder says and no more.

An import says how things are to be: whatever is otherwise is changed, in that person's name; what the files don't
have stays. Plans only become proposals, which somebody else approves.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from dawr.catalog.domain.offers import offered_services
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import CapacityPlan, follow_seed
from dawr.catalog.domain.services import FeeDecision, new_fees
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.service.alterations import Altered, altered_things
from dawr.catalog.service.closing import close_as_seeded, keep_closures
from dawr.catalog.service.describe import Author, Draft, describe, with_services
from dawr.catalog.service.import_decisions import Decisions, decide_imported
from dawr.catalog.service.planning import keep_plans
from dawr.catalog.store import stored
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import KINDS, Thing, document, things
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction

SEED = Author("as the folder says")


@dataclass(slots=True)
class Loaded:
    """How many things files added or changed."""

    agencies: int = 0
    regions: int = 0
    tiers: int = 0
    extras: int = 0
    calendars: int = 0
    offices: int = 0
    services: int = 0
    fees: int = 0
    plans: int = 0
    """Published by the seed, or proposed by an import."""
    closures: int = 0
    altered: list[Altered] = field(default_factory=list)
    """Each of them, for an import."""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


async def load_catalogue(tx: Transaction, catalogue: Catalogue, author: Author = SEED) -> Loaded:
    """Bring the database to what files say and stage what changed; what there was of it.

    With a person as the author it is an import; raises CatalogueInvalid, with each place, if that decides what can't
    be decided any more: a fee or a closure of days that are over, a plan from such a day on; or
    what published plans build on. The seed decides plans and things together: nothing of it is fixed.
    """
    await stored.hold_loading(tx.connection)
    loaded = Loaded()
    known = await _known(tx)
    offered: dict[str, tuple[str, ...]] = {}
    plans = _PlanChanges()
    if author.person is None:
        offered, plans = await _seeded_plans(tx, catalogue)
    drafts = [draft for said in _things(catalogue) if (draft := _draft(said, known, author, offered)) is not None]
    decided = await _decided_fees(tx, catalogue)
    decisions = Decisions(fees=_seeded_fees(catalogue, decided))
    if author.person is not None:
        decisions = await decide_imported(tx, catalogue, decided, drafts, author)
        loaded.altered = [*altered_things(drafts), *decisions.altered]
    await describe(tx, drafts, author, fees=decisions.fees)
    for draft in drafts:
        counted = _COUNTED[type(draft.thing)]
        setattr(loaded, counted, getattr(loaded, counted) + 1)
    loaded.fees = len(decisions.fees)
    if author.person is None:
        await keep_plans(tx, [*plans.superseded, *plans.added], author)
        loaded.plans = len(plans.superseded) + len(plans.added)
        loaded.closures = await close_as_seeded(tx, catalogue.closures)
    else:
        await keep_plans(tx, decisions.plans, author)
        await keep_closures(tx, decisions.closures, author)
        loaded.plans, loaded.closures = len(decisions.plans), len(decisions.closures)
    return loaded


_COUNTED: dict[type[Any], str] = {kind: {"agency": "agencies"}.get(name, f"{name}s") for kind, name in KINDS.items()}


def _things(catalogue: Catalogue) -> Iterable[Thing]:
    yield from catalogue.agencies
    yield from catalogue.regions
    yield from catalogue.tiers
    yield from catalogue.extras
    yield from catalogue.calendars
    yield from catalogue.services
    yield from catalogue.offices


_Known = dict[tuple[type[Thing], str], Stored[Thing]]


async def _known(tx: Transaction) -> _Known:
    known: _Known = {}
    for kind in KINDS:
        for code, each in (await things(tx.connection, kind, lock=True)).items():
            known[kind, code] = each
    return known


def _draft(thing: Thing, known: _Known, author: Author, offered: dict[str, tuple[str, ...]]) -> Draft | None:
    """What is to be written of a thing of the files, if anything is."""
    before = known.get((type(thing), thing.code))
    if author.person is not None:
        if isinstance(thing, Office) and before is not None and isinstance(before.thing, Office):
            thing = with_services(thing, before.thing.services)
        return None if before is not None and before.thing == thing else Draft(thing, before)
    seeded = digest(document(thing))
    said_otherwise = before is None or (before.seeded is not None and before.seeded != seeded)
    written = thing if said_otherwise or before is None else before.thing
    if isinstance(written, Office):
        written = with_services(written, offered.get(written.code, written.services))
    if before is not None and not said_otherwise and written == before.thing:
        return None
    return Draft(written, before, seeded if said_otherwise else None)


def digest(value: object) -> str:
    """32 hexadecimal digits: equal for equal values of JSON."""
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


async def _decided_fees(tx: Transaction, catalogue: Catalogue) -> dict[str, list[FeeDecision]]:
    return await fee_decisions(tx.connection, {fee.service for fee in catalogue.fees})


def _seeded_fees(catalogue: Catalogue, decided: dict[str, list[FeeDecision]]) -> list[FeeDecision]:
    said: dict[str, list[FeeDecision]] = defaultdict(list)
    for fee in catalogue.fees:
        said[fee.service].append(fee)
    return [added for service, fees in said.items() for added in new_fees(decided.get(service, ()), fees)]


@dataclass(frozen=True, slots=True)
class _PlanChanges:
    added: tuple[CapacityPlan, ...] = ()
    superseded: tuple[CapacityPlan, ...] = ()


async def _seeded_plans(tx: Transaction, catalogue: Catalogue) -> tuple[dict[str, tuple[str, ...]], _PlanChanges]:
    """What the folder changes of plans, and what its offices offer then."""
    plans = await plans_of(tx.connection, offices=[office.code for office in catalogue.offices])
    said = defaultdict(list)
    for week in catalogue.plans:
        said[week.offer].append(week)
    added: list[CapacityPlan] = []
    superseded: list[CapacityPlan] = []
    for offer in sorted({*plans, *said}):
        before = plans.get(offer, [])
        after = follow_seed(before, said.get(offer, ()), plan_id=new_id, now=tx.now)
        added += after.added
        superseded += after.superseded
        gone = {plan.id for plan in after.superseded}
        plans[offer] = [*(plan for plan in before if plan.id not in gone), *after.added]
    offered = {office.code: offered_services(plans, office.code, office.today(tx.now)) for office in catalogue.offices}
    return offered, _PlanChanges(tuple(added), tuple(superseded))
