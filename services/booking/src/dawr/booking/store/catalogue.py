"""This service's copy of the catalogue's services and offices: each as it is now, with its revision."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed

Version = tuple[int, int]
"""Changes with each item that comes, goes or is changed."""

_KEEP = text("""
INSERT INTO catalogue_items (kind, code, revision, state) VALUES (:kind, :code, :revision, CAST(:state AS jsonb))
ON CONFLICT (kind, code) DO UPDATE SET revision = excluded.revision, state = excluded.state
WHERE catalogue_items.revision < excluded.revision
""")
_DROP = text("DELETE FROM catalogue_items WHERE kind = :kind AND code = :code")
# A sum of hashes: one item that goes and another that comes with the same revision are seen as well.
_VERSION = text("SELECT count(*), coalesce(sum(hashtextextended(kind || code, revision)), 0) FROM catalogue_items")
_ALL = text("SELECT kind, state FROM catalogue_items")


async def keep(connection: AsyncConnection, item: ServiceDescribed | OfficeDescribed) -> None:
    """Keep a service or an office as it is now; an older revision never overwrites a newer one."""
    kind = "service" if isinstance(item, ServiceDescribed) else "office"
    state = item.model_dump_json()
    await connection.execute(_KEEP, {"kind": kind, "code": item.code, "revision": item.revision, "state": state})


async def drop(connection: AsyncConnection, kind: str, code: str) -> None:
    """Forget a service or an office that was taken away."""
    await connection.execute(_DROP, {"kind": kind, "code": code})


async def version(connection: AsyncConnection) -> Version:
    """The version of what is kept."""
    count, revisions = (await connection.execute(_VERSION)).one()
    return int(count), int(revisions)


async def items(connection: AsyncConnection) -> Sequence[ServiceDescribed | OfficeDescribed]:
    """All services and offices that are kept."""
    return [
        ServiceDescribed.model_validate(state) if kind == "service" else OfficeDescribed.model_validate(state)
        for kind, state in await connection.execute(_ALL)
    ]
