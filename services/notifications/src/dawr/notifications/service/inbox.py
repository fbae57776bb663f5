"""The inbox: what a person was told, told again in the language of the day, and what was tried for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.notifications.domain import Contact, Language
from dawr.notifications.errors import MessageUnknown
from dawr.notifications.rendering import Style, Texts
from dawr.notifications.service.sending import CatalogueCopy, known_of
from dawr.notifications.store import inbox
from dawr.notifications.values import values_of, zone_of
from dawr.servicekit.database import Transaction


@dataclass(frozen=True)
class Entry:
    """One message of an inbox."""

    id: UUID
    template: str
    subject_id: UUID | None
    subject: str
    text: str
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Page:
    """Some of an inbox, the newest first."""

    entries: Sequence[Entry]
    unread: int
    last: tuple[datetime, UUID] | None
    """After which message the next page begins; none: there is none."""


async def page(
    connection: AsyncConnection,
    person: UUID,
    contact: Contact,
    *,
    texts: Texts,
    catalogue: CatalogueCopy,
    language: Language,
    now: datetime,
    limit: int,
    before: tuple[datetime, UUID] | None,
) -> Page:
    """A page of a person's inbox: what is older than a message, by its time and id."""
    rows = await inbox.find(connection, person, limit=limit + 1, before=before)
    shown, more = rows[:limit], len(rows) > limit
    known = await known_of(connection, [row.notice for row in shown], catalogue)
    entries = []
    for row in shown:
        notice = row.notice
        style = Style(language, contact.digits, zone_of(notice, known[notice.id]))
        values = values_of(notice, known[notice.id], now)
        subject, text = (texts.part(notice.template, part, style, values) for part in ("subject", "txt"))
        entries.append(
            Entry(notice.id, notice.template, notice.subject_id, subject, text, notice.created_at, row.read_at)
        )
    unread = await inbox.count_unread(connection, person)
    return Page(entries, unread, (shown[-1].notice.created_at, shown[-1].notice.id) if more else None)


async def read(tx: Transaction, person: UUID, message: UUID) -> datetime:
    """Note that a person read a message, and since when it has been; refuses what is not in their inbox."""
    since = await inbox.mark_read(tx.connection, person, message, tx.now)
    if since is None:
        raise MessageUnknown
    return since
