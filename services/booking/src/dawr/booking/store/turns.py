"""Turns: written in batches, read by id, by person, and by hold that ran out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.domain import RefundState, State, Turn
from dawr.contracts import Channel, FxRate, Money, Place, Pool
from dawr.contracts.booking import RefusalCode

# Rows go in sorted by person: two allocators that meet the same people wait for each other in one direction only.
# They go in as one JSON text: an array for each of the columns costs the client fifteen times as much.
_INSERT = text("""
INSERT INTO turns (id, person_id, asked_by, family, pool, state, channel, window_start, place_partition, place_offset,
                   fingerprint, fee_minor, fee_currency, payable_minor, payable_currency, fx, held_until, refusal,
                   opens_at, case_id, history, share, seat, asked_at)
SELECT id, person_id, asked_by, family, pool, state, channel, window_start, place_partition, place_offset, fingerprint,
       fee_minor, fee_currency, payable_minor, payable_currency, fx, held_until, refusal, opens_at, case_id, history,
       share, seat, :now
FROM json_to_recordset(CAST(:turns AS json))
     AS n(id uuid, person_id uuid, asked_by uuid, family text, pool text, state text, channel text, window_start text,
          place_partition integer, place_offset bigint, fingerprint text, fee_minor bigint, fee_currency text,
          payable_minor bigint, payable_currency text, fx jsonb, held_until timestamptz, refusal text,
          opens_at timestamptz, case_id uuid, history jsonb, share text, seat text)
ORDER BY person_id, family
ON CONFLICT DO NOTHING
RETURNING id
""")
_SAVE = text("""
UPDATE turns
SET state = :state, paid = :paid, refund = :refund, history = CAST(:history AS jsonb), seat = :seat
WHERE id = :id
""")
_SAVE_MOVED = text("""
UPDATE turns SET pool = :pool, window_start = :window, seat = :seat, history = CAST(:history AS jsonb) WHERE id = :id
""")
_POOLS = text("SELECT DISTINCT pool FROM turns WHERE id = ANY(CAST(:ids AS uuid[]))")
_LIVE_OF_POOL = text("""
SELECT id FROM turns WHERE pool = :pool AND state IN ('HELD', 'CONFIRMED')
  AND (window_start IS NULL OR window_start <> ALL (CAST(:ended AS text[])))
ORDER BY place_partition, place_offset, id LIMIT :limit
""")
# A row's `xmin` is the transaction that wrote it last: another one, another version.
_VERSIONS = text("SELECT id, xmin::text AS version FROM turns WHERE id = ANY(CAST(:ids AS uuid[]))")
# The end of the window is the pool's: only a turn that has a window looks for it.
_WITH_END = """
*, CASE WHEN window_start IS NOT NULL THEN
    (SELECT w ->> 1 FROM quota_days q, jsonb_array_elements(q.windows) AS w
     WHERE q.pool = t.pool AND w ->> 0 = t.window_start) END AS window_end
"""
_BY_ID = text(f"SELECT {_WITH_END} FROM turns t WHERE id = ANY(CAST(:ids AS uuid[]))")
# One statement for both kinds, so that whoever locks turns does it in the order of their ids.
_LOCK = text("""
SELECT * FROM turns
WHERE id = ANY(CAST(:ids AS uuid[]))
   OR (state = 'HELD' AND held_until <= :now AND pool = ANY(CAST(:pools AS text[])))
ORDER BY id FOR UPDATE
""")
_LIVE = text("""
SELECT t.* FROM turns t JOIN unnest(CAST(:persons AS uuid[]), CAST(:families AS text[])) AS w(person_id, family)
     ON t.person_id = w.person_id AND t.family = w.family
WHERE t.state IN ('HELD', 'CONFIRMED')
""")
_RUN_OUT_POOLS = text("""
SELECT DISTINCT pool FROM
    (SELECT pool FROM turns WHERE state = 'HELD' AND held_until <= :now ORDER BY held_until LIMIT :limit) AS oldest
""")
_OF_PERSON = text(f"""
SELECT {_WITH_END} FROM
    (SELECT * FROM turns WHERE person_id = :person
     UNION ALL SELECT * FROM turns WHERE asked_by = :person AND asked_by <> person_id) AS t
WHERE CAST(:before_at AS timestamptz) IS NULL
   OR (asked_at, id) < (CAST(:before_at AS timestamptz), CAST(:before_id AS uuid))
ORDER BY asked_at DESC, id DESC LIMIT :limit
""")


async def insert(connection: AsyncConnection, turns: Sequence[Turn], now: datetime) -> set[UUID]:
    """Write new turns; those whose id, or whose person and family among live ones, is there already are left out.

    Gives the ids that were written. Waits for another transaction that is writing the same person's turn.
    """
    if not turns:
        return set()
    rows = await connection.execute(
        _INSERT, {"turns": orjson.dumps([_row(turn) for turn in turns]).decode(), "now": now}
    )
    return {row.id for row in rows}


async def save(connection: AsyncConnection, turns: Iterable[Turn]) -> None:
    """Write the new state of locked turns."""
    parameters = [
        {
            "id": turn.id,
            "state": turn.state.value,
            "paid": turn.paid,
            "refund": turn.refund.value,
            "history": orjson.dumps(turn.history).decode(),
            "seat": turn.seat,
        }
        for turn in turns
    ]
    if parameters:
        await connection.execute(_SAVE, parameters)


async def save_moved(connection: AsyncConnection, turns: Iterable[Turn]) -> None:
    """Write the new day of locked turns that were moved."""
    parameters = [
        {
            "id": turn.id,
            "pool": turn.pool.key,
            "window": turn.window,
            "seat": turn.seat,
            "history": orjson.dumps(turn.history).decode(),
        }
        for turn in turns
    ]
    if parameters:
        await connection.execute(_SAVE_MOVED, parameters)


async def pools_of(connection: AsyncConnection, ids: Iterable[UUID]) -> set[str]:
    """The pools in which turns are, as committed."""
    wanted = list(ids)
    if not wanted:
        return set()
    return {row.pool for row in await connection.execute(_POOLS, {"ids": wanted})}


async def live_of_pool(connection: AsyncConnection, pool: str, limit: int, ended: Iterable[str] = ()) -> list[UUID]:
    """The first live turns of a pool in the order of the line, without those of windows that have `ended` (their
    starts); while the pool is locked, they stay these."""
    parameters = {"pool": pool, "limit": limit, "ended": sorted(ended)}
    return [row.id for row in await connection.execute(_LIVE_OF_POOL, parameters)]


async def by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Turn]:
    """Turns by id, as committed."""
    rows = await connection.execute(_BY_ID, {"ids": list(ids)})
    return {row.id: _turn(row) for row in rows}


async def versions(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, str]:
    """By id, what changes with each change of a turn, as committed."""
    rows = await connection.execute(_VERSIONS, {"ids": list(ids)})
    return {row.id: row.version for row in rows}


async def lock(
    connection: AsyncConnection, ids: Iterable[UUID], *, run_out_in: Iterable[str] = (), now: datetime
) -> dict[UUID, Turn]:
    """Turns by id, and the holds of some (locked) pools that have run out, locked until the transaction ends."""
    wanted, pools = sorted(set(ids)), sorted(run_out_in)
    if not wanted and not pools:
        return {}
    rows = await connection.execute(_LOCK, {"ids": wanted, "pools": pools, "now": now})
    return {row.id: _turn(row) for row in rows}


async def live(connection: AsyncConnection, people: Iterable[tuple[UUID, str]]) -> list[Turn]:
    """The live turns of persons and families."""
    wanted = sorted(set(people))
    if not wanted:
        return []
    parameters = {"persons": [person for person, _ in wanted], "families": [family for _, family in wanted]}
    return [_turn(row) for row in await connection.execute(_LIVE, parameters)]


async def pools_with_run_out(connection: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """The pools of the oldest holds that have run out."""
    return [row.pool for row in await connection.execute(_RUN_OUT_POOLS, {"now": now, "limit": limit})]


async def of_person(
    connection: AsyncConnection, person: UUID, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[tuple[datetime, Turn]]:
    """Turns for a person or asked for by them, newest first: when asked, and the turn; those after a cursor."""
    parameters = {"person": person, "limit": limit, "before_at": None, "before_id": None}
    if before is not None:
        parameters |= {"before_at": before[0], "before_id": before[1]}
    return [(row.asked_at, _turn(row)) for row in await connection.execute(_OF_PERSON, parameters)]


def _row(turn: Turn) -> dict[str, Any]:
    # Without what only few turns have: a missing field is null.
    of_share = {"share": turn.share, "seat": turn.seat} if turn.share is not None else {}
    return of_share | {
        "id": turn.id,
        "person_id": turn.person_id,
        "asked_by": turn.asked_by,
        "family": turn.family,
        "pool": turn.pool.key,
        "state": turn.state,
        "channel": turn.channel,
        "window_start": turn.window,
        "place_partition": turn.place.partition,
        "place_offset": turn.place.offset,
        "fingerprint": turn.fingerprint,
        "fee_minor": turn.fee.minor if turn.fee else None,
        "fee_currency": turn.fee.currency if turn.fee else None,
        "payable_minor": turn.payable.minor if turn.payable else None,
        "payable_currency": turn.payable.currency if turn.payable else None,
        "fx": turn.fx.model_dump(mode="json") if turn.fx else None,
        "held_until": turn.held_until,
        "refusal": turn.refusal,
        "opens_at": turn.opens_at,
        "case_id": turn.case_id,
        "history": turn.history,
    }


async def count_by_state(connection: AsyncConnection) -> dict[State, int]:
    """How many turns are in each state that there are any in."""
    rows = await connection.execute(text("SELECT state, count(*) AS turns FROM turns GROUP BY state"))
    return {State(row.state): row.turns for row in rows}


def _turn(row: Any) -> Turn:
    return Turn(
        id=row.id,
        person_id=row.person_id,
        asked_by=row.asked_by,
        pool=Pool.parse(row.pool),
        family=row.family,
        state=State(row.state),
        place=Place(partition=row.place_partition, offset=row.place_offset),
        fingerprint=row.fingerprint,
        channel=Channel(row.channel),
        window=row.window_start,
        fee=_money(row.fee_minor, row.fee_currency),
        payable=_money(row.payable_minor, row.payable_currency),
        fx=FxRate.model_validate(row.fx) if row.fx else None,
        held_until=row.held_until,
        paid=row.paid,
        refund=RefundState(row.refund),
        refusal=RefusalCode(row.refusal) if row.refusal else None,
        opens_at=row.opens_at,
        case_id=row.case_id,
        history=tuple(row.history),
        share=row.share,
        seat=row.seat,
        window_end=getattr(row, "window_end", None),
    )


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor=minor, currency=currency)
