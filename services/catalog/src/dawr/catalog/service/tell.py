"""Staging the catalogue's state: one id per thing and revision, so that telling it again is the same message."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from dawr.catalog.domain.capacity import MonthOfCapacity, publication
from dawr.catalog.domain.offices import Office, Region, describe_office
from dawr.catalog.domain.services import Service, describe_service, standing_fees
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.stored import Stored
from dawr.catalog.store.things import things
from dawr.contracts import derived_id
from dawr.contracts.catalog import CapacityPublished, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.ids import DAWR
from dawr.contracts.topics import CATALOG_CAPACITY
from dawr.servicekit.database import Transaction
from dawr.servicekit.outbox import Staged

State = ServiceDescribed | OfficeDescribed | CapacityPublished


def tell(tx: Transaction, state: State) -> None:
    """Have a thing's whole state sent."""
    tx.stage(state, id=_id(state.wire_type, state.key(), state.revision))


async def tell_services(tx: Transaction, services: Iterable[Stored[Service]]) -> int:
    """Have services sent as they are stored, with the fees and tiers that are; how many."""
    services = list(services)
    if not services:
        return 0
    decided = defaultdict(list, await fee_decisions(tx.connection, [each.thing.code for each in services]))
    tiers = {code: each.thing for code, each in (await things(tx.connection, Tier)).items()}
    for each in services:
        tell(tx, describe_service(each.thing, standing_fees(decided[each.thing.code]), tiers, each.revision))
    return len(services)


async def tell_offices(tx: Transaction, offices: Iterable[Stored[Office]]) -> int:
    """Have offices and missions sent as they are stored; how many. Those that only assist are not told."""
    told = [each for each in offices if each.thing.told]
    if told:
        regions = await things(tx.connection, Region, {each.thing.region for each in told})
        for each in told:
            tell(tx, describe_office(each.thing, regions[each.thing.region].thing, each.revision))
    return len(told)


def tell_taken_away(tx: Transaction, month: MonthOfCapacity) -> None:
    """Have a tombstone sent: the topic forgets the month."""
    state = publication(month, "UTC")
    tx.stage_record(
        Staged(
            id=_id("tombstone", state.key(), month.revision),
            topic=CATALOG_CAPACITY.name,
            key=state.key().encode(),
            wire_type=state.wire_type,
            body=None,
        )
    )


def _id(kind: str, key: str, revision: int) -> UUID:
    return derived_id(DAWR, f"catalog/{kind}/{key}/{revision}")
