"""Mandates."""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.consular.domain.mandate import Mandate, MandateState
from dawr.contracts.consular import Kinship

_COLUMNS = "id, person_id, agent_id, kinship, state, created_at, expires_at, moved_at, consented_at"
_INSERT = text(f"""
INSERT INTO mandates ({_COLUMNS})
VALUES (:id, :person_id, :agent_id, :kinship, :state, :created_at, :expires_at, :moved_at, :consented_at)
""")
_UPDATE = text("""
UPDATE mandates
SET state = :state, expires_at = :expires_at, moved_at = :moved_at, consented_at = :consented_at WHERE id = :id
""")
_FIND = text(f"SELECT {_COLUMNS} FROM mandates WHERE id = :id")
# By ascending id, as every writer locks them.
_LOCK = text(f"SELECT {_COLUMNS} FROM mandates WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")
_PAGE = text(f"""
SELECT {_COLUMNS} FROM mandates
WHERE (agent_id = :party OR person_id = :party)
  AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, CAST(:before_id AS uuid)))
ORDER BY created_at DESC, id DESC LIMIT :limit
""")


async def insert(connection: AsyncConnection, mandate: Mandate) -> None:
    """A new mandate."""
    await connection.execute(_INSERT, _row(mandate))


async def save(connection: AsyncConnection, mandates: Iterable[Mandate]) -> None:
    """Write mandates that were locked before."""
    rows = [_row(mandate) for mandate in mandates]
    if rows:
        await connection.execute(_UPDATE, rows)


async def find(connection: AsyncConnection, id: UUID) -> Mandate | None:
    """A mandate, as it is committed."""
    row = (await connection.execute(_FIND, {"id": id})).one_or_none()
    return _mandate(row) if row else None


async def lock(connection: AsyncConnection, ids: Iterable[UUID]) -> list[Mandate]:
    """Those of the mandates that exist, locked until the commit."""
    wanted = list(ids)
    if not wanted:
        return []
    return [_mandate(row) for row in await connection.execute(_LOCK, {"ids": wanted})]


async def page(
    connection: AsyncConnection, party: UUID, *, before: tuple[dt.datetime, UUID] | None, limit: int
) -> list[Mandate]:
    """Mandates of a person or an agent, newest first, from behind `before`."""
    created_at, id = before or (None, None)
    rows = await connection.execute(_PAGE, {"party": party, "before": created_at, "before_id": id, "limit": limit})
    return [_mandate(row) for row in rows]


def _row(mandate: Mandate) -> dict[str, Any]:
    return {
        "id": mandate.id,
        "person_id": mandate.person_id,
        "agent_id": mandate.agent_id,
        "kinship": mandate.kinship.value,
        "state": mandate.state.value,
        "created_at": mandate.created_at,
        "expires_at": mandate.expires_at,
        "moved_at": mandate.moved_at,
        "consented_at": mandate.consented_at,
    }


def _mandate(row: Row[Any]) -> Mandate:
    return Mandate(
        id=row.id,
        person_id=row.person_id,
        agent_id=row.agent_id,
        kinship=Kinship(row.kinship),
        state=MandateState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        moved_at=row.moved_at,
        consented_at=row.consented_at,
    )
