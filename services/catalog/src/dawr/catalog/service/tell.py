"""Staging the catalogue's state: one id per thing and revision, so that telling it again is the same message."""

from uuid import UUID

from dawr.catalog.domain.capacity import MonthOfCapacity, publication
from dawr.contracts import derived_id
from dawr.contracts.catalog import CapacityPublished, OfficeDescribed, ServiceDescribed
from dawr.contracts.ids import DAWR
from dawr.contracts.topics import CATALOG_CAPACITY
from dawr.servicekit.database import Transaction
from dawr.servicekit.outbox import Staged

State = ServiceDescribed | OfficeDescribed | CapacityPublished


def tell(tx: Transaction, state: State) -> None:
    """Have a thing's whole state sent."""
    tx.stage(state, id=_id(state.wire_type, state.key(), state.revision))


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
