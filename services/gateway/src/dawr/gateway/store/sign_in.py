"""Tables of sign-in. Rows are locked in one order: a person's sign-in, the person's counts, the address's, and one of
the rows in which everybody is counted together."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.gateway.domain.sign_in import SignIn
from dawr.servicekit.database import Transaction


class Counted(StrEnum):
    """What is counted, and for whom."""

    PERSON_CODES = "person-codes"
    ADDRESS_CODES = "address-codes"
    ADDRESS_TRIES = "address-tries"
    PERSON_REGISTRATIONS = "person-registrations"
    ADDRESS_REGISTRATIONS = "address-registrations"


class Total(StrEnum):
    """What is counted of everybody together."""

    CODES = "codes"
    WRONG_TRIES = "wrong-tries"


SHARDS = 64
"""Rows that a total is spread over: as many transactions can count at once before two of them wait for each other."""


_LOCK_SIGN_IN = text("""
INSERT INTO sign_ins (person_id, touched_at) VALUES (:person_id, :now)
ON CONFLICT (person_id) DO UPDATE SET touched_at = excluded.touched_at
RETURNING code, code_until, failures, pauses, paused_until
""")
_SAVE_SIGN_IN = text("""
UPDATE sign_ins SET code = :code, code_until = :code_until, failures = :failures, pauses = :pauses,
    paused_until = :paused_until, touched_at = :now
WHERE person_id = :person_id
""")
_COUNT = text("""
INSERT INTO sign_in_counts AS c (kind, subject, window_start, counted) VALUES (:kind, :subject, :window_start, 1)
ON CONFLICT (kind, subject, window_start) DO UPDATE SET counted = c.counted + 1
RETURNING counted
""")
_COUNT_TOTAL = text("""
INSERT INTO sign_in_totals AS t (kind, window_start, shard, counted) VALUES (:kind, :window_start, :shard, 1)
ON CONFLICT (kind, window_start, shard) DO UPDATE SET counted = t.counted + 1
""")
_TOTAL = text("""
SELECT coalesce(sum(counted), 0) FROM sign_in_totals WHERE kind = :kind AND window_start = :window_start
""")


async def lock_sign_in(tx: Transaction, person_id: UUID) -> SignIn:
    """Where a person's sign-in stands; two requests about one person wait for each other here."""
    row = (await tx.connection.execute(_LOCK_SIGN_IN, {"person_id": person_id, "now": tx.now})).one()
    return SignIn(row.code, row.code_until, row.failures, row.pauses, row.paused_until)


async def save_sign_in(tx: Transaction, person_id: UUID, state: SignIn) -> None:
    """Keep where a person's sign-in stands."""
    await tx.connection.execute(
        _SAVE_SIGN_IN,
        {
            "person_id": person_id,
            "code": state.code,
            "code_until": state.code_until,
            "failures": state.failures,
            "pauses": state.pauses,
            "paused_until": state.paused_until,
            "now": tx.now,
        },
    )


async def count(tx: Transaction, kind: Counted, subject: bytes, window_start: datetime) -> int:
    """Count one more for a subject; how many there are in the window."""
    row = await tx.connection.execute(_COUNT, {"kind": kind.value, "subject": subject, "window_start": window_start})
    return int(row.scalar_one())


async def uncount(tx: Transaction, kind: Counted, subject: bytes, window_start: datetime) -> None:
    """Take one back."""
    await tx.connection.execute(
        text("""
            UPDATE sign_in_counts SET counted = counted - 1
            WHERE kind = :kind AND subject = :subject AND window_start = :window_start AND counted > 0
        """),
        {"kind": kind.value, "subject": subject, "window_start": window_start},
    )


async def count_total(tx: Transaction, kind: Total, shard: int, window_start: datetime) -> None:
    """Count one more for everybody together, in one of the `SHARDS` rows."""
    await tx.connection.execute(_COUNT_TOTAL, {"kind": kind.value, "window_start": window_start, "shard": shard})


async def total(tx: Transaction, kind: Total, window_start: datetime) -> int:
    """How many there are of everybody in the window, this transaction's own among them; those of transactions that
    have not ended yet are not."""
    found = await tx.connection.execute(_TOTAL, {"kind": kind.value, "window_start": window_start})
    return int(found.scalar_one())


async def is_registered(connection: AsyncConnection, person_id: UUID) -> bool:
    """Whether the platform knows the person."""
    found = await connection.execute(text("SELECT 1 FROM people WHERE id = :id"), {"id": person_id})
    return found.scalar() is not None


async def register(tx: Transaction, person_id: UUID) -> bool:
    """Make somebody known; whether they were not."""
    made = await tx.connection.execute(
        text("INSERT INTO people (id, registered_at) VALUES (:id, :now) ON CONFLICT DO NOTHING RETURNING 1"),
        {"id": person_id, "now": tx.now},
    )
    return made.scalar() is not None


async def note_signed_in(tx: Transaction, person_id: UUID) -> None:
    """Note when somebody signed in last."""
    await tx.connection.execute(
        text("UPDATE people SET signed_in_at = :now WHERE id = :id"), {"id": person_id, "now": tx.now}
    )


async def forget(tx: Transaction, older_than: timedelta) -> int:
    """Delete counts and sign-ins that have rested for so long; how many rows went."""
    before = tx.now - older_than
    counts = await tx.connection.execute(
        text("DELETE FROM sign_in_counts WHERE window_start < :before"), {"before": before}
    )
    totals = await tx.connection.execute(
        text("DELETE FROM sign_in_totals WHERE window_start < :before"), {"before": before}
    )
    sign_ins = await tx.connection.execute(text("DELETE FROM sign_ins WHERE touched_at < :before"), {"before": before})
    return counts.rowcount + totals.rowcount + sign_ins.rowcount
