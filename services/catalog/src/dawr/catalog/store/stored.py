"""What every stored thing carries, and the number that tells that anything changed."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A thing as it is now, with its revision and the digest of what the seed last said of it."""

    thing: T
    revision: int
    seeded: str | None = None
    """None: the seed never said anything of it."""


async def count_up(connection: AsyncConnection) -> None:
    """Say that something the public can read has changed. Called last: it keeps other writers waiting."""
    await connection.execute(text("UPDATE catalogue SET revision = revision + 1"))


async def hold_loading(connection: AsyncConnection) -> None:
    """Wait until nobody else loads a folder, moves plans or publishes; held until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('catalog/loading', 0))"))


async def what_capacity_follows(connection: AsyncConnection) -> str:
    """A digest of every plan in force, closure, office, calendar and service, by their revisions."""
    found = await connection.execute(
        text("""
            SELECT md5(concat_ws('/',
                (SELECT string_agg(kind || code || revision, ',' ORDER BY kind, code) FROM things
                 WHERE kind IN ('office', 'calendar') OR kind = 'service' AND retired),
                (SELECT string_agg(id::text || revision, ',' ORDER BY id) FROM plans WHERE state = 'PUBLISHED'),
                (SELECT string_agg(id::text || revision, ',' ORDER BY id) FROM closures WHERE withdrawn_at IS NULL)
            ))
        """)
    )
    return str(found.scalar_one())


async def published_from(connection: AsyncConnection) -> str:
    """The digest of what capacity was last published from; empty: it never was, or has to be looked at again."""
    return str((await connection.execute(text("SELECT published_from FROM catalogue"))).scalar_one())


async def note_published_from(connection: AsyncConnection, digest: str) -> None:
    """Keep what capacity was published from."""
    await connection.execute(text("UPDATE catalogue SET published_from = :digest"), {"digest": digest})


async def hold_snapshot(connection: AsyncConnection) -> None:
    """Have all that this transaction reads be of one moment, and let it write nothing. Called before anything else."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
