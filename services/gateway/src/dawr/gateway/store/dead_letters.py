"""Decisions about dead letters. The letters themselves are on their topics alone."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.gateway.domain.dead_letters import Action, Decision, DecisionState
from dawr.servicekit.database import Transaction

_COLUMNS = "id, letter_id, dead_topic, action, reason, state, proposed_by, proposed_at, decided_by, decided_at"
_ADD = text(f"""
INSERT INTO dead_letter_decisions ({_COLUMNS})
VALUES (:id, :letter_id, :dead_topic, :action, :reason, :state, :proposed_by, :proposed_at, :decided_by, :decided_at)
ON CONFLICT DO NOTHING RETURNING 1
""")
_SAVE = text("""
UPDATE dead_letter_decisions SET state = :state, decided_by = :decided_by, decided_at = :decided_at WHERE id = :id
""")


async def add(tx: Transaction, decision: Decision) -> bool:
    """Keep a proposal; whether it is the only open one about its letter, and was not there before."""
    return (await tx.connection.execute(_ADD, asdict(decision))).scalar() is not None


async def lock(tx: Transaction, id: UUID) -> Decision | None:
    """A decision, for a change."""
    row = await tx.connection.execute(
        text(f"SELECT {_COLUMNS} FROM dead_letter_decisions WHERE id = :id FOR UPDATE"), {"id": id}
    )
    found = row.one_or_none()
    return None if found is None else _decision(found)


async def save(tx: Transaction, decision: Decision) -> None:
    """Keep what was decided."""
    await tx.connection.execute(_SAVE, asdict(decision))


async def newest(connection: AsyncConnection, limit: int) -> list[Decision]:
    """The newest decisions, those that are open first."""
    rows = await connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM dead_letter_decisions
            ORDER BY state IN ('PROPOSED', 'APPROVED') DESC, proposed_at DESC LIMIT :limit
        """),
        {"limit": limit},
    )
    return [_decision(row) for row in rows]


def _decision(row: Any) -> Decision:
    return Decision(**{**row._mapping, "action": Action(row.action), "state": DecisionState(row.state)})
