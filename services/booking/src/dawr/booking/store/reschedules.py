"""Wishes to move a turn that the line has come to, and what became of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Pool

_ADD = text("""
INSERT INTO reschedules (id, turn_id, pool, window_start, refusal, opens_at, decided_at)
VALUES (:id, :turn_id, :pool, :window, :refusal, :opens_at, :decided_at)
""")
_FIND = text("SELECT * FROM reschedules WHERE id = :id")


@dataclass(frozen=True)
class Reschedule:
    """A wish to move a turn, decided."""

    id: UUID
    turn_id: UUID
    pool: Pool
    window: str | None
    """As it was wished for."""
    refusal: str | None
    """The code of an error; none: the turn was moved."""
    opens_at: datetime | None
    decided_at: datetime


async def add(connection: AsyncConnection, decided: Reschedule) -> None:
    """Write what became of a wish."""
    await connection.execute(_ADD, vars(decided) | {"pool": decided.pool.key})


async def find(connection: AsyncConnection, id: UUID) -> Reschedule | None:
    """What became of a wish, as committed; none if the line has not come to it."""
    row = (await connection.execute(_FIND, {"id": id})).one_or_none()
    if row is None:
        return None
    pool = Pool.parse(row.pool)
    return Reschedule(row.id, row.turn_id, pool, row.window_start, row.refusal, row.opens_at, row.decided_at)
