"""Questions to offices: days with more turns than seats, because the catalog closed or lowered them."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Pool, Text

# A question that is open already is brought up to date: an office is asked once about a pool. One that it has answered
# is not asked again: the turns may still be on their way when the month of the same revision is taken away.
_RAISE = text("""
INSERT INTO questions (id, office, date, pool, turns, planned, reason_ar, reason_en, raised_at)
SELECT :id, :office, CAST(:date AS date), :pool, :turns, :planned, CAST(:reason_ar AS text), CAST(:reason_en AS text),
       CAST(:now AS timestamptz)
WHERE NOT EXISTS (SELECT FROM questions WHERE id = :id AND answered_at IS NOT NULL)
ON CONFLICT (pool) WHERE answered_at IS NULL
DO UPDATE SET turns = excluded.turns, planned = excluded.planned, reason_ar = excluded.reason_ar,
              reason_en = excluded.reason_en
""")
_ANSWER = text("""
UPDATE questions SET answered_at = :now, answered_by = :by, answer = :answer
WHERE pool = ANY(CAST(:pools AS text[])) AND answered_at IS NULL
""")
# Open as long as nobody answered it and somebody still has a turn that there is no seat for.
_OPEN = """k.answered_at IS NULL AND q.in_use > 0
  AND (q.in_use > q.planned
       OR EXISTS (SELECT FROM jsonb_array_elements(q.windows) AS w
                  WHERE CAST(w ->> 3 AS integer) > CAST(w ->> 4 AS integer)))
"""
_OF_OFFICE = """
SELECT k.*, q.in_use AS turns_now FROM questions k JOIN quota_days q ON q.pool = k.pool
WHERE k.office = :office AND {state}
  AND (CAST(:before_at AS timestamptz) IS NULL OR (k.raised_at, k.id) < (:before_at, CAST(:before_id AS uuid)))
ORDER BY k.raised_at DESC, k.id DESC LIMIT :limit
"""
_STATES = {
    "open": text(_OF_OFFICE.format(state=_OPEN)),
    "answered": text(_OF_OFFICE.format(state="k.answered_at IS NOT NULL")),
}
_COUNT_OPEN = text(f"SELECT count(*) FROM questions k JOIN quota_days q ON q.pool = k.pool WHERE {_OPEN}")


@dataclass(frozen=True)
class Question:
    """What an office is asked about a pool: where shall those go for whom there is no seat any more?"""

    id: UUID
    pool: Pool
    turns: int
    """Live turns: when it is read, those of now."""
    planned: int
    """Seats that are left by the plan; 0: the day is closed."""
    reason: Text | None
    """Why the day is closed, if the catalog said."""
    raised_at: dt.datetime
    answered_at: dt.datetime | None = None
    answered_by: UUID | None = None
    answer: str | None = None
    """move, refund; reopened, if the catalog gave the seats back first."""


async def raise_all(connection: AsyncConnection, questions: Sequence[Question]) -> None:
    """Ask, or bring up to date what is asked already; what was answered is not asked again."""
    if questions:
        await connection.execute(_RAISE, [_row(each) for each in questions])


async def answer(
    connection: AsyncConnection, pools: Iterable[str], *, answer: str, by: UUID | None, now: dt.datetime
) -> None:
    """Close the open questions of some pools."""
    wanted = sorted(pools)
    if wanted:
        await connection.execute(_ANSWER, {"pools": wanted, "answer": answer, "by": by, "now": now})


async def of_office(
    connection: AsyncConnection,
    office: str,
    state: str,
    *,
    limit: int,
    before: tuple[dt.datetime, UUID] | None = None,
) -> list[Question]:
    """Questions of an office, newest first, that are `open` or `answered`; those after a cursor."""
    at, id = before or (None, None)
    rows = await connection.execute(
        _STATES[state], {"office": office, "limit": limit, "before_at": at, "before_id": id}
    )
    return [_question(row) for row in rows]


async def count_open(connection: AsyncConnection) -> int:
    """How many questions wait for an answer, of all offices."""
    return int((await connection.execute(_COUNT_OPEN)).scalar_one())


def _row(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "office": question.pool.office,
        "date": question.pool.date,
        "pool": question.pool.key,
        "turns": question.turns,
        "planned": question.planned,
        "reason_ar": question.reason and question.reason.ar,
        "reason_en": question.reason and question.reason.en,
        "now": question.raised_at,
    }


def _question(row: Any) -> Question:
    return Question(
        id=row.id,
        pool=Pool.parse(row.pool),
        turns=row.turns_now if row.answered_at is None else row.turns,
        planned=row.planned,
        reason=Text(ar=row.reason_ar, en=row.reason_en) if row.reason_ar is not None else None,
        raised_at=row.raised_at,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
        answer=row.answer,
    )
