"""Messages that the broker refuses for good: set aside by the relay, for a person to look at.

A record that is larger than its topic takes is refused however often it is sent, and would hold back all others of
its outbox. It goes to a table of its own with the broker's reason; `dawr outbox` shows it, the metric
`dawr_outbox_refused_messages` counts it, and it stays there until a person puts it back.

Order: what follows it under its key is sent without it, as the neighbours of a dead letter are applied. So readers see
a gap, and whatever their states don't allow goes to their dead letters. Put back, it is sent after all that was staged
since, under its old id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_PARTS = "message_id, topic, key, wire_type, body, traceparent, extra_headers, source, staged_at"
_SET_ASIDE = text(f"""
WITH gone AS (DELETE FROM outbox_messages WHERE id = :id AND sent_at IS NULL RETURNING id, {_PARTS})
INSERT INTO refused_messages (id, {_PARTS}, reason, refused_at) SELECT id, {_PARTS}, :reason, now() FROM gone
""")
_PUT_BACK = text(f"""
WITH gone AS (DELETE FROM refused_messages RETURNING id, {_PARTS})
INSERT INTO outbox_messages ({_PARTS}) SELECT {_PARTS} FROM gone ORDER BY id
""")
_COUNT = text("SELECT count(*) FROM refused_messages")
_LIST = text("""
SELECT message_id, topic, key, wire_type, length(body) AS body_bytes, reason, refused_at
FROM refused_messages ORDER BY id
""")


@dataclass(frozen=True)
class RefusedMessage:
    """One message that was set aside."""

    message_id: UUID
    topic: str
    key: bytes
    wire_type: str
    body_bytes: int | None
    reason: str
    """The name of the client's error: `MessageSizeTooLargeError`."""
    refused_at: datetime


async def set_aside(connection: AsyncConnection, outbox_id: int, reason: str) -> None:
    """Take an unsent message out of the outbox; with `connection` in autocommit it is one step."""
    await connection.execute(_SET_ASIDE, {"id": outbox_id, "reason": reason})


async def count(connection: AsyncConnection) -> int:
    """How many messages of this database wait for a person."""
    return int((await connection.execute(_COUNT)).scalar_one())


async def read(connection: AsyncConnection) -> Sequence[RefusedMessage]:
    """Those messages, in the order in which they were staged."""
    return [RefusedMessage(**row._mapping) for row in await connection.execute(_LIST)]


async def put_back(connection: AsyncConnection) -> int:
    """Have all of them sent, after what was wrong is mended (a topic that takes larger records); how many."""
    return int((await connection.execute(_PUT_BACK)).rowcount)
