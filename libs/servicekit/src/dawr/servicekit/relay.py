"""The relay: sends what the outbox holds, in order, at least once.

One relay per database holds a session's advisory lock. It reads unsent rows by id, sends them in that order,
waits until the broker has them all, and marks them sent. A kill between the last two sends them again;
whoever reads them has an inbox. What the broker refuses for good is set aside (see `refused`). Sent rows are kept
for a while: a broker that lost its log is filled again with `resend`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.servicekit import refused, telemetry
from dawr.servicekit.database import Database
from dawr.servicekit.envelope import Headers, headers_for
from dawr.servicekit.errors import is_transient
from dawr.servicekit.idempotency import KEPT_HOURS
from dawr.servicekit.outbox import unpack
from dawr.servicekit.producer import REFUSED_FOR_GOOD, Producer

_log = telemetry.get_logger("dawr.relay")

BATCH = 500
_LOCK = 0x64617772  # "dawr": the advisory lock of the relay, one per database
_IDLE_SECONDS = 0.05
_STANDBY_SECONDS = 1.0
_ANEW_SECONDS = 5.0
"""How long the producer may take to connect anew after a refusal."""

_UNSENT = text("""
SELECT id, message_id, topic, key, wire_type, body, traceparent, extra_headers, source, staged_at
FROM outbox_messages WHERE sent_at IS NULL ORDER BY id LIMIT :limit
""")
_MARK = text("UPDATE outbox_messages SET sent_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))")
_DEPTH = text("""
SELECT count(*) AS depth, coalesce(extract(epoch FROM now() - min(staged_at)), 0) AS age
FROM outbox_messages WHERE sent_at IS NULL
""")
# The oldest rows by id are looked at: an index on `sent_at` would cost more at every send than this ever does.
_PRUNE = text("""
DELETE FROM outbox_messages WHERE id IN
    (SELECT id FROM (SELECT id, sent_at FROM outbox_messages ORDER BY id LIMIT 5000) AS oldest
     WHERE sent_at < :before)
""")
_PRUNE_INBOX = text("""
DELETE FROM inbox_messages WHERE ctid IN
    (SELECT ctid FROM inbox_messages WHERE received_at < :before LIMIT 5000)
""")
_PRUNE_KEYS = text("DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => :hours)")


@dataclass(frozen=True)
class Depth:
    """What waits in an outbox."""

    unsent: int
    oldest_seconds: float


class Relay:
    """Sends the outbox of one database until it is stopped; stands by while another process holds the lock."""

    def __init__(self, database: Database, producer: Producer, *, keep: timedelta, keep_inbox: timedelta) -> None:
        self._database = database
        self._producer = producer
        self._keep = keep
        self._keep_inbox = keep_inbox
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_care = datetime.min.replace(tzinfo=UTC)
        database.on_staged = self._wake.set

    async def run(self) -> None:
        """Send until `stop`; outages are waited out."""
        while not self._stopping:
            try:
                await self._run_while_leading()
            except Exception as error:
                if is_transient(error):
                    _log.warning("relay.waits", why=type(error).__name__)
                else:
                    _log.exception("relay.failed")
                await self._stand_by()

    async def _run_while_leading(self) -> None:
        async with self._database.reading() as session:
            if not (await session.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})"))).scalar():
                await self._stand_by()
                return
            try:
                while not self._stopping:
                    self._wake.clear()
                    await self._care(session)  # first: while the broker is away, nothing below is reached
                    if await self.send_batch(session) < BATCH:
                        await self._pause(_IDLE_SECONDS)
                while await self.send_batch(session):
                    pass
            finally:
                with suppress(Exception):
                    await session.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))

    async def send_batch(self, session: AsyncConnection) -> int:
        """Send the oldest unsent messages; how many there were. The broker has all when this returns, or refused them
        for good."""
        rows = (await session.execute(_UNSENT, {"limit": BATCH})).all()
        if rows:
            await self._send(session, rows)
        return len(rows)

    async def _send(self, session: AsyncConnection, rows: Sequence[Any]) -> None:
        """Send and mark messages. If one is refused, the halves are sent, one after the other: what was taken comes
        twice, and the order holds."""
        try:
            await self._producer.send_all([_record(*row) for row in rows])
        except REFUSED_FOR_GOOD as error:
            if len(rows) == 1:
                await _set_aside(session, rows[0], type(error).__name__)
                return
            await self._producer.wait_ready(_ANEW_SECONDS)
            middle = len(rows) // 2
            await self._send(session, rows[:middle])
            await self._send(session, rows[middle:])
            return
        await session.execute(_MARK, {"ids": [row.id for row in rows]})
        for topic, count in Counter(row.topic for row in rows).items():
            telemetry.RELAYED.labels(topic).inc(count)

    async def _care(self, session: AsyncConnection) -> None:
        """Every few seconds: measure the outbox, and forget what was kept for long enough."""
        now = datetime.now(UTC)
        if now < self._next_care:
            return
        self._next_care = now + timedelta(seconds=5)
        await tell_depth(session)
        await session.execute(_PRUNE, {"before": now - self._keep})
        await session.execute(_PRUNE_INBOX, {"before": now - self._keep_inbox})
        await session.execute(_PRUNE_KEYS, {"hours": KEPT_HOURS})

    async def _stand_by(self) -> None:
        """Wait a while, whatever is staged here meanwhile: another process sends it, or nobody can."""
        end = time.monotonic() + _STANDBY_SECONDS
        while not self._stopping and (left := end - time.monotonic()) > 0:
            self._wake.clear()
            await self._pause(left)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def stop(self) -> None:
        """Send what is there, then end."""
        self._stopping = True
        self._wake.set()


async def _set_aside(session: AsyncConnection, row: Any, reason: str) -> None:
    await refused.set_aside(session, row.id, reason)
    telemetry.OUTBOX_REFUSED.inc()
    _log.error("message.refused", topic=row.topic, type=row.wire_type, id=str(row.message_id), reason=reason)


def _record(
    _id: int,
    message_id: UUID,
    topic: str,
    key: bytes,
    wire_type: str,
    body: bytes | None,
    traceparent: str | None,
    extra_headers: str | None,
    source: str,
    staged_at: datetime,
) -> tuple[str, bytes, bytes | None, Headers]:
    headers = headers_for(
        id=message_id,
        wire_type=wire_type,
        source=source,
        subject=key.decode(errors="replace"),
        time=staged_at,
        traceparent=traceparent,
    )
    if extra_headers:
        extra = unpack(extra_headers)
        named = {name for name, _ in extra}
        headers = [*(each for each in headers if each[0] not in named), *extra]
    return topic, key, body, headers


async def depth(connection: AsyncConnection) -> Depth:
    """How many messages wait to be sent, and for how long the oldest has."""
    row = (await connection.execute(_DEPTH)).one()
    return Depth(unsent=row.depth, oldest_seconds=float(row.age))


async def tell_depth(connection: AsyncConnection) -> None:
    """Tell the metrics what waits in the outbox, in whichever process of the service they are read."""
    waiting = await depth(connection)
    telemetry.OUTBOX_DEPTH.set(waiting.unsent)
    telemetry.OUTBOX_AGE.set(waiting.oldest_seconds)
    telemetry.OUTBOX_REFUSED.set(await refused.count(connection))


async def resend(connection: AsyncConnection, since: datetime, topics: Sequence[str] = ()) -> int:
    """Have sent messages sent again, oldest first: for a broker that lost its log. How many there are."""
    result = await connection.execute(
        text("""
            UPDATE outbox_messages SET sent_at = NULL
            WHERE sent_at IS NOT NULL AND staged_at >= :since
              AND (CAST(:topics AS text[]) = '{}' OR topic = ANY(CAST(:topics AS text[])))
        """),
        {"since": since, "topics": list(topics)},
    )
    return int(result.rowcount)
