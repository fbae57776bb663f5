"""Days that offices cancelled: who decided it and why, how far it has come, and which days stay closed by it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.store.pools import seen
from dawr.contracts import Text

_ADD = text("""
INSERT INTO day_cancellations (id, office, date, service, tier, instead, reason_ar, reason_en, asked_by, role, asked_at)
VALUES (:id, :office, :date, :service, :tier, :instead, :reason_ar, :reason_en, :asked_by, :role, :asked_at)
""")
_ADD_POOLS = text("""
INSERT INTO day_cancellation_pools (cancellation_id, pool, state)
SELECT :id, pool, 'waiting' FROM unnest(CAST(:pools AS text[])) AS pool
""")
_NOTE = text("""
INSERT INTO day_cancellation_pools AS p (cancellation_id, pool, state, slices, moved, cancelled, refunded)
VALUES (:id, :pool, :state, 1, :moved, :cancelled, :refunded)
ON CONFLICT (cancellation_id, pool)
DO UPDATE SET state = excluded.state, slices = p.slices + 1, moved = p.moved + excluded.moved,
              cancelled = p.cancelled + excluded.cancelled, refunded = p.refunded + excluded.refunded
""")
_FIND = text("SELECT * FROM day_cancellations WHERE id = :id AND office = :office AND date = :date")
_PROGRESS = text("SELECT * FROM day_cancellation_pools WHERE cancellation_id = :id ORDER BY pool")
_CLOSE = text("""
INSERT INTO closed_days (pool, plan, cancellation_id, reason_ar, reason_en, closed_at)
SELECT pool, plan, :id, :reason_ar, :reason_en, :now
FROM unnest(CAST(:pools AS text[]), CAST(:plans AS text[])) AS n(pool, plan)
ON CONFLICT (pool) DO NOTHING
""")
_CLOSED = text("SELECT pool, plan FROM closed_days WHERE pool = ANY(CAST(:pools AS text[]))")
_FORGET = text("DELETE FROM closed_days WHERE pool = ANY(CAST(:pools AS text[]))")


@dataclass(frozen=True)
class DayCancellation:
    """An office's decision that a day, or a service or tier of it, does not take place."""

    id: UUID
    office: str
    date: dt.date
    service: str | None
    tier: str | None
    instead: str
    reason: Text
    asked_by: UUID
    role: str
    asked_at: dt.datetime


@dataclass(frozen=True)
class Progress:
    """How far a cancellation has come in a pool."""

    pool: str
    state: str
    """waiting, under-way, completed; reopened, if the catalog published the day anew meanwhile: what was left stays."""
    moved: int
    cancelled: int
    refunded: int
    """How many of the cancelled ones were paid for: their money goes back in full."""
    left: int
    """Live turns that are still on the day and to be moved or cancelled: not those that were served before."""


async def add(connection: AsyncConnection, cancellation: DayCancellation, pools: Sequence[str]) -> None:
    """Write a new cancellation of some pools."""
    reason = {"reason_ar": cancellation.reason.ar, "reason_en": cancellation.reason.en}
    row = {name: value for name, value in vars(cancellation).items() if name != "reason"}
    await connection.execute(_ADD, row | reason)
    await connection.execute(_ADD_POOLS, {"id": cancellation.id, "pools": list(pools)})


async def note(
    connection: AsyncConnection,
    id: UUID,
    pool: str,
    state: str,
    *,
    moved: int = 0,
    cancelled: int = 0,
    refunded: int = 0,
) -> None:
    """Count what a slice of a pool's turns came to."""
    await connection.execute(
        _NOTE,
        {"id": id, "pool": pool, "state": state, "moved": moved, "cancelled": cancelled, "refunded": refunded},
    )


async def find(connection: AsyncConnection, id: UUID, office: str, date: dt.date) -> DayCancellation | None:
    """A cancellation of an office's day."""
    row = (await connection.execute(_FIND, {"id": id, "office": office, "date": date})).one_or_none()
    return _cancellation(row) if row else None


async def progress(connection: AsyncConnection, cancellation: DayCancellation) -> list[Progress]:
    """How far it has come, by pool."""
    rows = (await connection.execute(_PROGRESS, {"id": cancellation.id})).all()
    seats = await seen(connection, [row.pool for row in rows if row.state in {"waiting", "under-way"}])
    return [
        Progress(
            row.pool,
            row.state,
            row.moved,
            row.cancelled,
            row.refunded,
            seats[row.pool].in_use_ahead(cancellation.asked_at) if row.pool in seats else 0,
        )
        for row in rows
    ]


async def close(
    connection: AsyncConnection, id: UUID, plans: Mapping[str, str], reason: Text, now: dt.datetime
) -> None:
    """Note that pools are closed by an office, each with the plan that it had (`domain.plan_of`)."""
    parameters = {"id": id, "pools": list(plans), "plans": list(plans.values()), "now": now}
    if plans:
        await connection.execute(_CLOSE, parameters | {"reason_ar": reason.ar, "reason_en": reason.en})


async def closed_plans(connection: AsyncConnection, pools: Iterable[str]) -> dict[str, str]:
    """The plans that were in force when an office closed pools, by pool; others are left out."""
    return {row.pool: row.plan for row in await connection.execute(_CLOSED, {"pools": list(pools)})}


async def forget_closed(connection: AsyncConnection, pools: Iterable[str]) -> None:
    """The catalog has published other plans since: they count."""
    wanted = sorted(pools)
    if wanted:
        await connection.execute(_FORGET, {"pools": wanted})


def _cancellation(row: Any) -> DayCancellation:
    return DayCancellation(
        id=row.id,
        office=row.office,
        date=row.date,
        service=row.service,
        tier=row.tier,
        instead=row.instead,
        reason=Text(ar=row.reason_ar, en=row.reason_en),
        asked_by=row.asked_by,
        role=row.role,
        asked_at=row.asked_at,
    )
