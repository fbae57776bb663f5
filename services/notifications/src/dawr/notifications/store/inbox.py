"""What people and auditors read: messages by person, and the attempts made for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.notifications.domain import Notice
from dawr.notifications.store.messages import notice_of

_PAGE = text("""
SELECT * FROM messages
WHERE person_id = :person AND in_inbox
  AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
ORDER BY created_at DESC, id DESC LIMIT :limit
""")
_UNREAD = text("SELECT count(*) FROM messages WHERE person_id = :person AND in_inbox AND read_at IS NULL")
_READ = text("""
UPDATE messages SET read_at = coalesce(read_at, :now) WHERE id = :id AND person_id = :person AND in_inbox
RETURNING read_at
""")
_DELIVERIES = text("""
SELECT d.*, m.state FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id
WHERE (CAST(:person AS uuid) IS NULL OR d.person_id = CAST(:person AS uuid))
  AND (CAST(:message AS uuid) IS NULL OR d.message_id = CAST(:message AS uuid))
  AND (CAST(:before AS bigint) IS NULL OR d.id < CAST(:before AS bigint))
ORDER BY d.id DESC LIMIT :limit
""")


@dataclass(frozen=True)
class Kept:
    """A message of an inbox, and when it was read."""

    notice: Notice
    read_at: datetime | None


async def find(
    connection: AsyncConnection, person: UUID, *, limit: int, before: tuple[datetime, UUID] | None
) -> list[Kept]:
    """A person's messages, the newest first, from after a place on."""
    at, id = before or (None, None)
    rows = await connection.execute(_PAGE, {"person": person, "at": at, "id": id, "limit": limit})
    return [Kept(notice_of(row), row.read_at) for row in rows]


async def count_unread(connection: AsyncConnection, person: UUID) -> int:
    """How many of a person's messages were not read yet."""
    return int((await connection.execute(_UNREAD, {"person": person})).scalar_one())


async def mark_read(connection: AsyncConnection, person: UUID, message: UUID, now: datetime) -> datetime | None:
    """When the message was read first; none if it is not in the person's inbox."""
    row = (await connection.execute(_READ, {"id": message, "person": person, "now": now})).one_or_none()
    return row.read_at if row is not None else None


async def find_deliveries(
    connection: AsyncConnection, *, person: UUID | None, message: UUID | None, before: int | None, limit: int
) -> Sequence[Any]:
    """Attempts, the newest first, each with the present state of its message."""
    return (
        await connection.execute(_DELIVERIES, {"person": person, "message": message, "before": before, "limit": limit})
    ).all()
