"""What providers told us, as it came, with what became of it. Never deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.payments.domain.facts import Flag, Outcome


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """One word of a provider."""

    id: int
    provider: str
    event_id: str
    source: Literal["told", "asked"]
    """Whether it came as a webhook, or as the answer when we asked."""
    type: str | None
    reference: str | None
    body: bytes
    received_at: datetime
    flag: Flag | None
    times_seen: int


async def keep(
    connection: AsyncConnection,
    *,
    provider: str,
    event_id: str,
    source: Literal["told", "asked"],
    body: bytes,
    now: datetime,
) -> int | None:
    """Keep an event as it came, and give its row; None if it is known: then it is counted."""
    parameters = {"provider": provider, "event": event_id, "source": source, "body": body, "now": now}
    row = await connection.execute(
        text("""
            INSERT INTO provider_events (provider, event_id, source, body, received_at, outcome)
            VALUES (:provider, :event, :source, :body, :now, 'received')
            ON CONFLICT (provider, event_id) DO NOTHING RETURNING id
        """),
        parameters,
    )
    if (id := row.scalar()) is not None:
        return int(id)
    await connection.execute(
        text("UPDATE provider_events SET times_seen = times_seen + 1 WHERE provider = :provider AND event_id = :event"),
        parameters,
    )
    return None


async def settle(
    connection: AsyncConnection, id: int, *, type: str | None, reference: str | None, outcome: Outcome
) -> None:
    """Note what a kept event was about and what became of it."""
    await connection.execute(
        text("""
            UPDATE provider_events SET type = :type, reference = :reference, outcome = :outcome, flag = :flag
            WHERE id = :id
        """),
        {"id": id, "type": type, "reference": reference, "outcome": outcome.word, "flag": outcome.flag},
    )


async def flagged(connection: AsyncConnection, *, before: int | None, limit: int) -> list[KeptEvent]:
    """What was kept for a person, newest first."""
    rows = await connection.execute(
        text("""
            SELECT * FROM provider_events
            WHERE flag IS NOT NULL AND (CAST(:before AS bigint) IS NULL OR id < :before)
            ORDER BY id DESC LIMIT :limit
        """),
        {"before": before, "limit": limit},
    )
    return [_kept(row) for row in rows]


def _kept(row: Any) -> KeptEvent:
    return KeptEvent(
        id=row.id,
        provider=row.provider,
        event_id=row.event_id,
        source=row.source,
        type=row.type,
        reference=row.reference,
        body=row.body,
        received_at=row.received_at,
        flag=Flag(row.flag) if row.flag else None,
        times_seen=row.times_seen,
    )
