"""The outbox: messages written in the transaction of their cause, to be sent by the relay.

Rows are written in one statement per transaction. Their ids do not commit in order, so the relay asks for
rows that were not sent, never for ids above the last one. Per key the order holds all the same: whoever
changes an aggregate holds its row lock until the commit.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Message
from dawr.contracts.topics import TOPIC_OF
from dawr.servicekit.envelope import Headers

MAX_BODY_BYTES = 1_000_000
"""A topic takes records of 1 MiB unless it is told otherwise; key and headers are a few hundred bytes of that."""


class TooLargeToSend(ValueError):
    """A message's body is larger than the broker takes: a bug of whoever stages it."""

    def __init__(self, wire_type: str, body_bytes: int) -> None:
        super().__init__(f"{wire_type} has {body_bytes} bytes, and at most {MAX_BODY_BYTES} can be sent")
        self.wire_type = wire_type
        self.body_bytes = body_bytes


@dataclass(slots=True)
class Staged:
    """A message that is to be sent. Not frozen: there are two for each turn, and that would triple their cost."""

    id: UUID
    topic: str
    key: bytes
    wire_type: str
    body: bytes | None
    traceparent: str | None = None
    extra_headers: Headers = field(default_factory=list)

    @classmethod
    def of(cls, message: Message, *, id: UUID, traceparent: str | None) -> "Staged":
        """The record of a message, on the topic that it belongs to; raises TooLargeToSend."""
        body = message.model_dump_json().encode()
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeToSend(message.wire_type, len(body))
        return cls(
            id=id,
            topic=TOPIC_OF[type(message)].name,
            key=message.key().encode(),
            wire_type=message.wire_type,
            body=body,
            traceparent=traceparent,
        )


_INSERT = text("""
INSERT INTO outbox_messages (message_id, topic, key, wire_type, body, traceparent, extra_headers, source, staged_at)
SELECT m.message_id, m.topic, m.key, m.wire_type, m.body, m.traceparent, m.extra_headers, :source, :staged_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:types AS text[]),
            CAST(:bodies AS bytea[]), CAST(:traces AS text[]), CAST(:extras AS text[]))
     WITH ORDINALITY AS m(message_id, topic, key, wire_type, body, traceparent, extra_headers, place)
ORDER BY m.place
""")


async def insert(connection: AsyncConnection, staged: Sequence[Staged], source: str, now: datetime) -> None:
    """Write the messages to the outbox, in their order, in the transaction of the connection."""
    await connection.execute(
        _INSERT,
        {
            "ids": [each.id for each in staged],
            "topics": [each.topic for each in staged],
            "keys": [each.key for each in staged],
            "types": [each.wire_type for each in staged],
            "bodies": [each.body for each in staged],
            "traces": [each.traceparent for each in staged],
            # None rather than so many of them: an array costs the client half a microsecond for each of its parts.
            "extras": [_pack(each.extra_headers) for each in staged] if any(map(_has_extra, staged)) else None,
            "source": source,
            "staged_at": now,
        },
    )


def _has_extra(staged: Staged) -> bool:
    return bool(staged.extra_headers)


def _pack(headers: Headers) -> str | None:
    if not headers:
        return None
    return json.dumps([[name, base64.b64encode(value).decode()] for name, value in headers])


def unpack(packed: str | None) -> Headers:
    """The headers that `insert` packed into a column."""
    if not packed:
        return []
    return [(name, base64.b64decode(value)) for name, value in json.loads(packed)]
