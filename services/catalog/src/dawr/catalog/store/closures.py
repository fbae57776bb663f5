"""Closures. One that was withdrawn stays, with who withdrew it and why."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Closure, ClosureScope
from dawr.catalog.errors import ChangedMeanwhile
from dawr.contracts import Text

_COLUMNS = """id, scope, code, first_day, last_day, reason_ar, reason_en, decided_at, decided_by, withdrawn_at,
withdrawn_by, withdrawn_reason, revision"""

_SAVE = text(f"""
INSERT INTO closures ({_COLUMNS})
VALUES (:id, :scope, :code, :first_day, :last_day, :reason_ar, :reason_en, :decided_at, :decided_by, :withdrawn_at,
        :withdrawn_by, :withdrawn_reason, :revision)
ON CONFLICT (id) DO UPDATE SET reason_ar = excluded.reason_ar, reason_en = excluded.reason_en,
    withdrawn_at = excluded.withdrawn_at, withdrawn_by = excluded.withdrawn_by,
    withdrawn_reason = excluded.withdrawn_reason, revision = excluded.revision
WHERE closures.revision = excluded.revision - 1
""")


async def closures(connection: AsyncConnection, *, since: date | None = None, withdrawn: bool = False) -> list[Closure]:
    """Closures in the order of their days: all, or those that last until a date or longer; withdrawn ones if wanted."""
    rows = await connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM closures
            WHERE (CAST(:since AS date) IS NULL OR last_day >= :since) AND (:withdrawn OR withdrawn_at IS NULL)
            ORDER BY first_day, last_day, id
        """),
        {"since": since, "withdrawn": withdrawn},
    )
    return [_closure(row) for row in rows]


async def closure(connection: AsyncConnection, closure_id: UUID, *, lock: bool = False) -> Closure | None:
    """One closure, locked if it is to be changed; none if no closure has the id."""
    rows = await connection.execute(
        text(f"SELECT {_COLUMNS} FROM closures WHERE id = :id {'FOR NO KEY UPDATE' if lock else ''}"),
        {"id": closure_id},
    )
    row = rows.one_or_none()
    return None if row is None else _closure(row)


async def newest_closures(
    connection: AsyncConnection, *, since: date | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Closure]:
    """Closures, those that were decided last first, withdrawn ones too: those that last until a date or longer, and
    that stand behind one that was decided then and has this id."""
    rows = await connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM closures
            WHERE (CAST(:since AS date) IS NULL OR last_day >= :since)
              AND (CAST(:at AS timestamptz) IS NULL OR (decided_at, id) < (:at, CAST(:id AS uuid)))
            ORDER BY decided_at DESC, id DESC LIMIT :limit
        """),
        {
            "since": since,
            "at": None if before is None else before[0],
            "id": None if before is None else before[1],
            "limit": limit,
        },
    )
    return [_closure(row) for row in rows]


async def save_closures(connection: AsyncConnection, changed: Sequence[Closure]) -> None:
    """Add new closures, or replace them by their next revision; their days never change.

    Raises ChangedMeanwhile if one of them has another revision than the one before.
    """
    for each in changed:
        saved = await connection.execute(
            _SAVE,
            {
                "id": each.id,
                "scope": each.scope.value,
                "code": each.code,
                "first_day": each.first_day,
                "last_day": each.last_day,
                "reason_ar": each.reason.ar,
                "reason_en": each.reason.en,
                "decided_at": each.decided_at,
                "decided_by": each.decided_by,
                "withdrawn_at": each.withdrawn_at,
                "withdrawn_by": each.withdrawn_by,
                "withdrawn_reason": each.withdrawn_reason,
                "revision": each.revision,
            },
        )
        if saved.rowcount != 1:
            raise ChangedMeanwhile


def _closure(row: Any) -> Closure:
    return Closure(
        id=row.id,
        scope=ClosureScope(row.scope),
        code=row.code,
        first_day=row.first_day,
        last_day=row.last_day,
        reason=Text(ar=row.reason_ar, en=row.reason_en),
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_reason=row.withdrawn_reason,
        revision=row.revision,
    )
