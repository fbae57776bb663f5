"""The table of sessions. It holds nothing by which somebody could sign in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.gateway.domain.sessions import How, Kind, Session, Why
from dawr.servicekit.database import Transaction

_COLUMNS = """id, person_id, kind, roles, office, how, agent, generation, rotated_at, begun_at, seen_at, ends_at,
    ended_at, ended_why"""
_INSERT = text(f"""
INSERT INTO sessions ({_COLUMNS})
VALUES (:id, :person_id, :kind, :roles, :office, :how, :agent, :generation, :rotated_at, :begun_at, :seen_at, :ends_at,
    :ended_at, :ended_why)
""")
_LOCK = text(f"SELECT {_COLUMNS} FROM sessions WHERE id = :id FOR UPDATE")
_SAVE = text("""
UPDATE sessions SET generation = :generation, rotated_at = :rotated_at, seen_at = :seen_at, ended_at = :ended_at,
    ended_why = :ended_why
WHERE id = :id
""")
_OPEN = text(f"""
SELECT {_COLUMNS} FROM sessions WHERE person_id = :person_id AND ended_at IS NULL ORDER BY begun_at, id
""")
_END_ALL = text("""
UPDATE sessions SET ended_at = :now, ended_why = :why WHERE person_id = :person_id AND ended_at IS NULL RETURNING id
""")
_ENDED_SINCE = text("SELECT id, ended_at FROM sessions WHERE ended_at > :since")
_FORGET = text("DELETE FROM sessions WHERE ends_at < :before")


async def insert(tx: Transaction, session: Session) -> None:
    """Keep a new session."""
    await tx.connection.execute(
        _INSERT,
        {
            "id": session.id,
            "person_id": session.person_id,
            "kind": session.kind.value,
            "roles": sorted(session.roles),
            "office": session.office,
            "how": session.how.value,
            "agent": session.agent,
            "begun_at": session.begun_at,
            "ends_at": session.ends_at,
            **_changing(session),
        },
    )


async def lock(tx: Transaction, session_id: UUID) -> Session | None:
    """A session; two uses of its tokens wait for each other here."""
    row = (await tx.connection.execute(_LOCK, {"id": session_id})).one_or_none()
    return None if row is None else _session(row)


async def save(tx: Transaction, session: Session) -> None:
    """Keep what changes of a session."""
    await tx.connection.execute(_SAVE, {"id": session.id, **_changing(session)})


async def open_of(connection: AsyncConnection, person_id: UUID) -> list[Session]:
    """A person's sessions that nobody ended, oldest first; some may be over by their time."""
    return [_session(row) for row in await connection.execute(_OPEN, {"person_id": person_id})]


async def end_all(tx: Transaction, person_id: UUID, why: Why) -> list[UUID]:
    """End every session of a person; which were ended."""
    rows = await tx.connection.execute(_END_ALL, {"person_id": person_id, "why": why.value, "now": tx.now})
    return [row.id for row in rows]


async def ended_since(connection: AsyncConnection, since: datetime) -> Sequence[tuple[UUID, datetime]]:
    """Sessions that ended after a moment, and when."""
    return [(row.id, row.ended_at) for row in await connection.execute(_ENDED_SINCE, {"since": since})]


async def forget(tx: Transaction, older_than: timedelta) -> int:
    """Delete sessions whose time ran out so long ago; how many."""
    return (await tx.connection.execute(_FORGET, {"before": tx.now - older_than})).rowcount


def _changing(session: Session) -> dict[str, Any]:
    return {
        "generation": session.generation,
        "rotated_at": session.rotated_at,
        "seen_at": session.seen_at,
        "ended_at": session.ended_at,
        "ended_why": None if session.ended_why is None else session.ended_why.value,
    }


def _session(row: Any) -> Session:
    return Session(
        id=row.id,
        person_id=row.person_id,
        kind=Kind(row.kind),
        roles=frozenset(row.roles),
        office=row.office,
        how=How(row.how),
        agent=row.agent,
        generation=row.generation,
        rotated_at=row.rotated_at,
        begun_at=row.begun_at,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        ended_why=None if row.ended_why is None else Why(row.ended_why),
    )
