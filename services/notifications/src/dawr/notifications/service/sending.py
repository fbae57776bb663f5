"""The two transactions around a sending: taking messages with all that their texts need, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import derived_id
from dawr.notifications.domain import Contact, Notice, Settled
from dawr.notifications.sealing import Seals
from dawr.notifications.service import contacts
from dawr.notifications.store import copies, messages
from dawr.notifications.store.messages import Attempt
from dawr.notifications.values import Catalogue, Known
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause


@dataclass(frozen=True)
class Outgoing:
    """A message that was taken, with whom it is for and what its text may name."""

    notice: Notice
    contact: Contact
    known: Known
    until: datetime
    """When others may take it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message, and the attempt if there was one."""

    settled: Settled
    attempt: Attempt | None = None


class CatalogueCopy:
    """The catalogue in memory, read again when the tables changed."""

    def __init__(self) -> None:
        self._version: copies.Version | None = None
        self._catalogue = Catalogue()

    async def read(self, connection: AsyncConnection) -> Catalogue:
        """The catalogue as the tables have it now."""
        version = await copies.version(connection)
        if version != self._version:
            self._catalogue = await copies.catalogue(connection)
            self._version = version
        return self._catalogue


async def take(
    tx: Transaction, seals: Seals, catalogue: CatalogueCopy, *, lease: UUID, lasts: timedelta, limit: int
) -> list[Outgoing]:
    """Take messages that are due; nobody else takes them while the lease lasts."""
    until = tx.now + lasts
    taken = await messages.claim(tx.connection, now=tx.now, until=until, lease=lease, limit=limit)
    if not taken:
        return []
    people = await contacts.find_all(tx.connection, {notice.person_id for notice in taken}, seals)
    known = await known_of(tx.connection, taken, catalogue)
    own = {
        notice.id: contacts.contact_within(notice.person_id, notice.sealed, seals)
        for notice in taken
        if notice.template == contacts.SIGN_UP
    }
    return [
        Outgoing(notice, own.get(notice.id) or people[notice.person_id], known[notice.id], until) for notice in taken
    ]


async def known_of(
    connection: AsyncConnection, notices: Sequence[Notice], catalogue: CatalogueCopy
) -> dict[UUID, Known]:
    """By the id of each notice: what its text may name."""
    copy = await catalogue.read(connection)
    turns = await copies.find_turns(connection, {notice.subject_id for notice in notices if notice.subject_id})
    return {notice.id: Known(copy, turns.get(notice.subject_id) if notice.subject_id else None) for notice in notices}


async def record(tx: Transaction, lease: UUID, outcomes: Sequence[Outcome]) -> None:
    """Save outcomes, their attempts, and tell of those that moved. A lease that ran out moves nothing any more."""
    held = await messages.record(tx.connection, lease, [each.settled.notice for each in outcomes])
    await messages.add_attempts(tx.connection, [each.attempt for each in outcomes if each.attempt])
    for each in outcomes:
        notice = each.settled.notice
        if notice.id in held:
            for name, fact in each.settled.facts:
                tx.stage(fact, id=derived_id(notice.id, name), cause=Cause(notice.id, notice.traceparent))
