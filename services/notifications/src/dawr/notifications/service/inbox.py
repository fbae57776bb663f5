"""The inbox: what a person was told, told again in the language of the day, and what was tried for it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.notifications.domain import Contact, Language, Notice
from dawr.notifications.errors import MessageUnknown
from dawr.notifications.rendering import Style, Texts
from dawr.notifications.service.sending import CatalogueCopy, known_of
from dawr.notifications.store import inbox
from dawr.notifications.values import values_of, zone_of
from dawr.servicekit.database import Transaction
from dawr.servicekit.problems import InvalidRequest


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
    cursor: str | None
    """Where the next page begins; none: this is the last one."""


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
    cursor: str | None,
) -> Page:
    """A page of a person's inbox; raises InvalidRequest for a cursor that no answer gave."""
    rows = await inbox.find(connection, person, limit=limit + 1, before=_unpack(cursor))
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
    return Page(entries, unread, _pack(shown[-1].notice) if more else None)


async def read(tx: Transaction, person: UUID, message: UUID) -> datetime:
    """Note that a person read a message, and since when it has been; refuses what is not in their inbox."""
    since = await inbox.mark_read(tx.connection, person, message, tx.now)
    if since is None:
        raise MessageUnknown
    return since


def _pack(notice: Notice) -> str:
    return base64.urlsafe_b64encode(json.dumps([notice.created_at.isoformat(), str(notice.id)]).encode()).decode()


def _unpack(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, id = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        at = datetime.fromisoformat(moment)
        return at.astimezone(UTC), UUID(id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise cursor_refused() from error


def cursor_refused() -> InvalidRequest:
    """The refusal of a cursor that no answer of ours gave."""
    return InvalidRequest(errors=[{"pointer": "?cursor", "code": "cursor_invalid", "detail": "not of this list"}])
