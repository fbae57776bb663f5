"""Quota days: one row per pool, locked by whoever changes what is in use."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.domain import KeptSeats, Release, Seats, WindowSeats
from dawr.contracts import Pool

_COLUMNS = (
    "pool, office, service, tier, date, capacity, in_use, planned, opens_at, closes_at, windows, hold_seconds, "
    "releases, kept"
)
_LOCK = text(f"SELECT {_COLUMNS} FROM quota_days WHERE pool = ANY(CAST(:pools AS text[])) ORDER BY pool FOR UPDATE")
_SEEN = text(f"SELECT {_COLUMNS} FROM quota_days WHERE pool = ANY(CAST(:pools AS text[]))")
_SAVE = text("""
UPDATE quota_days AS q
SET capacity = n.capacity, in_use = n.in_use, max_in_use = greatest(q.max_in_use, n.in_use),
    planned = n.planned, windows = CAST(n.windows AS jsonb), opens_at = n.opens_at, closes_at = n.closes_at,
    hold_seconds = n.hold_seconds
FROM unnest(CAST(:pools AS text[]), CAST(:capacities AS int[]), CAST(:in_use AS int[]), CAST(:planned AS int[]),
            CAST(:windows AS text[]), CAST(:opens AS timestamptz[]), CAST(:closes AS timestamptz[]),
            CAST(:hold_seconds AS int[]))
     AS n(pool, capacity, in_use, planned, windows, opens_at, closes_at, hold_seconds)
WHERE q.pool = n.pool
""")
# Written by itself, for pools that have such parts: most have none, and each column of `_SAVE` costs them all.
_SAVE_PARTS = text("""
UPDATE quota_days AS q
SET releases = CAST(n.releases AS jsonb), kept = CAST(n.kept AS jsonb), kept_free = n.kept_free
FROM unnest(CAST(:pools AS text[]), CAST(:releases AS text[]), CAST(:kept AS text[]), CAST(:kept_free AS int[]))
     AS n(pool, releases, kept, kept_free)
WHERE q.pool = n.pool
""")
_ADD = text("""
INSERT INTO quota_days (pool, office, service, tier, date, capacity, planned, opens_at, closes_at, windows,
                        hold_seconds)
SELECT pool, :office, :service, :tier, date, capacity, planned, opens_at, closes_at, CAST(windows AS jsonb),
       hold_seconds
FROM unnest(CAST(:pools AS text[]), CAST(:dates AS date[]), CAST(:capacities AS int[]), CAST(:planned AS int[]),
            CAST(:windows AS text[]), CAST(:opens AS timestamptz[]), CAST(:closes AS timestamptz[]),
            CAST(:hold_seconds AS int[]))
     AS n(pool, date, capacity, planned, windows, opens_at, closes_at, hold_seconds)
ORDER BY pool
""")
# With a free seat for anybody, and those with one that is kept, each as many as will do: whoever moves a day's turns
# locks them all. A hold that has run out and was not swept yet counts as free.
_LATER_DAYS = text("""
(SELECT pool, date FROM quota_days q
 WHERE service = :service AND tier = :tier AND office = :office AND date > :date AND closes_at > :now AND planned > 0
   AND (in_use + kept_free < capacity
        OR EXISTS (SELECT FROM turns t WHERE t.pool = q.pool AND t.state = 'HELD' AND t.held_until <= :now))
 ORDER BY date LIMIT :limit)
UNION
(SELECT pool, date FROM quota_days
 WHERE service = :service AND tier = :tier AND office = :office AND date > :date AND closes_at > :now AND planned > 0
   AND kept_free > 0 AND in_use < capacity
 ORDER BY date LIMIT :limit)
ORDER BY date
""")
_OF_DAY = text("""
SELECT pool FROM quota_days
WHERE office = :office AND date = :date AND closes_at > :now AND (planned > 0 OR in_use > 0)
  AND (CAST(:service AS text) IS NULL OR service = :service) AND (CAST(:tier AS text) IS NULL OR tier = :tier)
ORDER BY pool
""")
_SOLD_OUT = text("""
SELECT q.pool,
       ARRAY(SELECT t.id FROM turns t
             WHERE t.pool = q.pool AND (t.state <> 'REFUSED' OR t.refusal <> 'sold-out')) AS known
FROM quota_days q
WHERE q.pool = ANY(CAST(:pools AS text[])) AND q.planned > 0 AND q.in_use + q.kept_free >= q.capacity
  AND q.closes_at > :now
  AND NOT EXISTS (SELECT FROM turns t WHERE t.pool = q.pool AND t.state = 'HELD' AND t.held_until <= :now)
""")


async def lock(connection: AsyncConnection, pools: Iterable[str]) -> dict[str, Seats]:
    """The seats of pools, locked in the order of their keys until the transaction ends; unknown ones are left out."""
    wanted = sorted(set(pools))
    if not wanted:
        return {}
    rows = await connection.execute(_LOCK, {"pools": wanted})
    return {row.pool: _seats(row) for row in rows}


async def seen(connection: AsyncConnection, pools: Iterable[str]) -> dict[str, Seats]:
    """The seats of pools, as committed; unknown ones are left out."""
    wanted = sorted(set(pools))
    rows = await connection.execute(_SEEN, {"pools": wanted}) if wanted else ()
    return {row.pool: _seats(row) for row in rows}


async def save(connection: AsyncConnection, before: Mapping[str, Seats], after: Mapping[str, Seats]) -> None:
    """Write what changed of locked pools."""
    changed = {key: seats for key, seats in after.items() if before.get(key) != seats}
    if not changed:
        return
    await connection.execute(_SAVE, _columns(changed))
    parts = {key: seats for key, seats in changed.items() if _has_parts(seats) or _has_parts(before.get(key))}
    if parts:
        await connection.execute(_SAVE_PARTS, _part_columns(parts))


async def add(connection: AsyncConnection, office: str, service: str, tier: str, days: Mapping[date, Seats]) -> None:
    """Write new pools of one office, service and tier."""
    pools = {Pool(office=office, service=service, tier=tier, date=day).key: seats for day, seats in days.items()}
    parameters = _columns(pools) | {"office": office, "service": service, "tier": tier, "dates": list(days)}
    del parameters["in_use"]
    await connection.execute(_ADD, parameters)
    parts = {key: seats for key, seats in pools.items() if _has_parts(seats)}
    if parts:
        await connection.execute(_SAVE_PARTS, _part_columns(parts))


async def later_days(connection: AsyncConnection, pool: Pool, limit: int, now: datetime) -> list[Pool]:
    """The next days of the same office, service and tier that are not over and have seats free, by date; at most twice
    the limit."""
    of = {"office": pool.office, "service": pool.service, "tier": pool.tier, "date": pool.date}
    rows = await connection.execute(_LATER_DAYS, of | {"limit": limit, "now": now})
    return [Pool.parse(row.pool) for row in rows]


async def of_day(
    connection: AsyncConnection, office: str, day: date, *, service: str | None, tier: str | None, now: datetime
) -> list[str]:
    """The pools of an office's day, if it is not over, that are open or have turns, by their keys; of a service or
    tier only if it is named."""
    parameters = {"office": office, "date": day, "service": service, "tier": tier, "now": now}
    return [row.pool for row in await connection.execute(_OF_DAY, parameters)]


async def sold_out(connection: AsyncConnection, pools: Iterable[str], now: datetime) -> dict[str, frozenset[UUID]]:
    """Those of the pools that have no seat left for anybody (one may be kept for a share), and no hold that has run
    out; with their turns of another answer."""
    rows = await connection.execute(_SOLD_OUT, {"pools": list(pools), "now": now})
    return {row.pool: frozenset(row.known) for row in rows}


def _columns(pools: Mapping[str, Seats]) -> dict[str, Any]:
    return {
        "pools": list(pools),
        "capacities": [each.capacity for each in pools.values()],
        "in_use": [each.in_use for each in pools.values()],
        "planned": [each.planned for each in pools.values()],
        "windows": [_packed(each) for each in pools.values()],
        "opens": [each.opens_at for each in pools.values()],
        "closes": [each.closes_at for each in pools.values()],
        "hold_seconds": [each.hold_seconds for each in pools.values()],
    }


def _has_parts(seats: Seats | None) -> bool:
    return seats is not None and bool(seats.releases or seats.kept)


def _part_columns(pools: Mapping[str, Seats]) -> dict[str, Any]:
    return {
        "pools": list(pools),
        "releases": [
            orjson.dumps([[each.at.isoformat(), each.seats] for each in seats.releases]).decode()
            for seats in pools.values()
        ],
        "kept": [
            orjson.dumps([[each.share, each.seats, each.in_use] for each in seats.kept]).decode()
            for seats in pools.values()
        ],
        "kept_free": [each.kept_free for each in pools.values()],
    }


def _packed(seats: Seats) -> str:
    return orjson.dumps(
        [[each.start, each.end, each.capacity, each.in_use, each.planned] for each in seats.windows]
    ).decode()


def _seats(row: Any) -> Seats:
    return Seats(
        capacity=row.capacity,
        in_use=row.in_use,
        planned=row.planned,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        windows=tuple(WindowSeats(*each) for each in row.windows),
        hold_seconds=row.hold_seconds,
        releases=tuple(Release(datetime.fromisoformat(at), seats) for at, seats in row.releases),
        kept=tuple(KeptSeats(*each) for each in row.kept),
    )
