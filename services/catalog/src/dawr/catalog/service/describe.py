"""Writing things of the catalogue: each with its next revision, kept in `changes`, and told to whoever has a copy."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import FeeDecision, Service
from dawr.catalog.service.tell import tell_offices, tell_services
from dawr.catalog.store import changes, stored
from dawr.catalog.store.fees import add_fees
from dawr.catalog.store.search import keep_findable
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import KINDS, Thing, document, save, things
from dawr.contracts.catalog import Tier
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the catalogue, and why."""

    reason: str
    person: UUID | None = None
    """None: the folder that the platform was set up with."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A thing as it is to be."""

    thing: Thing
    before: Stored[Any] | None
    """As it is, locked by the caller; none: it is new."""
    seeded: str | None = None
    """The digest of what the folder says of it; none: as before."""

    def stored(self) -> Stored[Thing]:
        """With its next revision."""
        if self.before is None:
            return Stored(self.thing, 1, self.seeded)
        return Stored(self.thing, self.before.revision + 1, self.seeded or self.before.seeded)


async def describe(
    tx: Transaction, drafts: Iterable[Draft], author: Author, *, fees: Sequence[FeeDecision] = ()
) -> dict[tuple[str, str], int]:
    """Write things, and fees of services; the new revisions by kind and code (`("service", "PASS_REN")`).

    What carries another thing's name is told anew with it: offices that of their region, services those of their
    tiers. Raises ChangedMeanwhile if a thing was changed since the caller read it.
    """
    drafts = list(drafts)
    drafts += await _carriers(tx, drafts, {fee.service for fee in fees})
    if not drafts:
        return {}
    written = [draft.stored() for draft in drafts]
    await save(tx.connection, written, tx.now)
    await keep_findable(tx.connection, (each.thing for each in written))
    await add_fees(tx.connection, fees, tx.now)
    added: dict[str, list[FeeDecision]] = defaultdict(list)
    for fee in fees:
        added[fee.service].append(fee)
    await changes.note(tx, *(_change(each, draft, author, added) for each, draft in zip(written, drafts, strict=True)))
    await tell_services(tx, (Stored(each.thing, each.revision) for each in written if isinstance(each.thing, Service)))
    await tell_offices(tx, (Stored(each.thing, each.revision) for each in written if isinstance(each.thing, Office)))
    await stored.count_up(tx.connection)
    return {(KINDS[type(each.thing)], each.thing.code): each.revision for each in written}


async def _carriers(tx: Transaction, drafts: Sequence[Draft], priced: set[str]) -> list[Draft]:
    """Things that are not drafted themselves and whose told state changes with those that are."""
    known = {(type(draft.thing), draft.thing.code) for draft in drafts}
    # Nothing carries the name of a thing that is new.
    named = [draft.thing for draft in drafts if draft.before is not None and draft.before.thing != draft.thing]
    regions = {thing.code for thing in named if isinstance(thing, Region)}
    tiers = {thing.code for thing in named if isinstance(thing, Tier)}
    carriers: list[Draft] = []
    if regions:
        offices = await things(tx.connection, Office, lock=True)
        carriers += [Draft(each.thing, each) for each in offices.values() if each.thing.region in regions]
    if tiers or priced:
        services = await things(tx.connection, Service, None if tiers else priced, lock=True)
        carriers += [
            Draft(each.thing, each)
            for each in services.values()
            if each.thing.code in priced or not tiers.isdisjoint(each.thing.tiers)
        ]
    return [each for each in carriers if (type(each.thing), each.thing.code) not in known]


def _change(
    written: Stored[Thing], draft: Draft, author: Author, added: dict[str, list[FeeDecision]]
) -> changes.Change:
    thing = written.thing
    fees = [each.fee for each in added.get(thing.code, ())] if isinstance(thing, Service) else []
    only_fees = bool(fees) and draft.before is not None and draft.before.thing == thing
    detail: dict[str, Any] = {"state": document(thing)} | ({"fees": fees} if fees else {})
    return changes.Change(
        f"{KINDS[type(thing)]}/{thing.code}",
        written.revision,
        "fee-decided" if only_fees else "described",
        author.reason,
        detail,
        by_person=author.person,
    )


def with_services(office: Office, services: tuple[str, ...]) -> Office:
    """The office with what its plans have it offer."""
    return office if office.services == services else replace(office, services=services)
