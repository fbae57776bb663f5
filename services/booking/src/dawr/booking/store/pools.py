"""Quota days: one row per pool, locked by whoever changes what is in use."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.domain import Seats, WindowSeats
from dawr.contracts import Pool

_COLUMNS = "pool, office, service, tier, date, capacity, in_use, planned, opens_at, closes_at, windows, hold_seconds"
_LOCK = text(f"SELECT {_COLUMNS} FROM quota_days WHERE pool = ANY(CAST(:pools AS text[])) ORDER BY pool FOR UPDATE")
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
_AVAILABILITY = text(f"""
SELECT {_COLUMNS} FROM quota_days
WHERE service = :service AND tier = :tier AND office = ANY(CAST(:offices AS text[]))
  AND date BETWEEN :first AND :last
ORDER BY office, date
""")
_SOLD_OUT = text("""
SELECT q.pool,
       ARRAY(SELECT t.id FROM turns t
             WHERE t.pool = q.pool AND (t.state <> 'REFUSED' OR t.refusal <> 'sold-out')) AS known
FROM quota_days q
WHERE q.pool = ANY(CAST(:pools AS text[])) AND q.planned > 0 AND q.in_use >= q.capacity AND q.closes_at > :now
  AND NOT EXISTS (SELECT FROM turns t WHERE t.pool = q.pool AND t.state = 'HELD' AND t.held_until <= :now)
""")


async def lock(connection: AsyncConnection, pools: Iterable[str]) -> dict[str, Seats]:
    """The seats of pools, locked in the order of their keys until the transaction ends; unknown ones are left out."""
    wanted = sorted(set(pools))
    if not wanted:
        return {}
    rows = await connection.execute(_LOCK, {"pools": wanted})
    return {row.pool: _seats(row) for row in rows}


async def save(connection: AsyncConnection, before: Mapping[str, Seats], after: Mapping[str, Seats]) -> None:
    """Write what changed of locked pools."""
    changed = {key: seats for key, seats in after.items() if before.get(key) != seats}
    if changed:
        await connection.execute(_SAVE, _columns(changed))


async def add(connection: AsyncConnection, office: str, service: str, tier: str, days: Mapping[date, Seats]) -> None:
    """Write new pools of one office, service and tier."""
    pools = {Pool(office=office, service=service, tier=tier, date=day).key: seats for day, seats in days.items()}
    parameters = _columns(pools) | {"office": office, "service": service, "tier": tier, "dates": list(days)}
    del parameters["in_use"]
    await connection.execute(_ADD, parameters)


async def availability(
    connection: AsyncConnection, service: str, tier: str, offices: Iterable[str], first: date, last: date
) -> list[tuple[str, date, Seats]]:
    """The days of a service and tier at some offices: office, date, seats; by office and date. One table, no join."""
    parameters = {"service": service, "tier": tier, "offices": list(offices), "first": first, "last": last}
    rows = await connection.execute(_AVAILABILITY, parameters)
    return [(row.office, row.date, _seats(row)) for row in rows]


async def sold_out(connection: AsyncConnection, pools: Iterable[str], now: datetime) -> dict[str, frozenset[UUID]]:
    """Those of the pools that have no seat left, and no hold that has run out; with their turns of another answer."""
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
    )
