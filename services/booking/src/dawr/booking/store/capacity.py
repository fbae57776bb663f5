"""How far what the catalog published has been taken over, by month, and the days that it says are closed."""

from collections.abc import Iterable

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.catalog import ClosedDay

_TAKE_REVISION = text("""
INSERT INTO capacity_months (key, revision, closed) VALUES (:key, :revision, CAST(:closed AS jsonb))
ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, closed = excluded.closed
WHERE capacity_months.revision < excluded.revision
RETURNING revision
""")
_REMOVE = text("DELETE FROM capacity_months WHERE key = :key RETURNING revision")


async def take_revision(connection: AsyncConnection, key: str, revision: int, closed: Iterable[ClosedDay]) -> bool:
    """Note that a month was taken over at a revision, and its closed days; False if this or a newer one was before."""
    days = [[each.date, each.kind, each.reason.ar, each.reason.en] for each in closed]
    parameters = {"key": key, "revision": revision, "closed": orjson.dumps(days).decode()}
    taken = await connection.execute(_TAKE_REVISION, parameters)
    return taken.one_or_none() is not None


async def remove(connection: AsyncConnection, key: str) -> int | None:
    """Forget a month that was taken away; the revision at which it was known, if it was."""
    return (await connection.execute(_REMOVE, {"key": key})).scalar()
