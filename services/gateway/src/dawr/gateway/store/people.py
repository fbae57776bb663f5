"""What people registered with, sealed, and registrations that wait for their code."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.servicekit.database import Transaction

_KEEP_WAITING = text("""
INSERT INTO registrations (person_id, sealed, until) VALUES (:person_id, :sealed, :until)
ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, until = excluded.until
""")


@dataclass(frozen=True, slots=True)
class Kept:
    """A sealed profile, and when the civil registry was asked for it."""

    sealed: bytes
    at: datetime


async def find_profile(connection: AsyncConnection, person_id: UUID) -> Kept | None:
    """The profile of a registered person; none for one who came by an open registration, or is not registered."""
    found = await connection.execute(
        text("SELECT profile, profile_at FROM people WHERE id = :id AND profile IS NOT NULL"), {"id": person_id}
    )
    row = found.one_or_none()
    return None if row is None else Kept(row.profile, row.profile_at)


async def save_profile(tx: Transaction, person_id: UUID, sealed: bytes) -> None:
    """Keep what the civil registry says of a registered person now."""
    await tx.connection.execute(
        text("UPDATE people SET profile = :sealed, profile_at = :now WHERE id = :id"),
        {"id": person_id, "sealed": sealed, "now": tx.now},
    )


async def keep_waiting(tx: Transaction, person_id: UUID, sealed: bytes, until: datetime) -> None:
    """Keep a registration until its code is entered; it takes the place of one before."""
    await tx.connection.execute(_KEEP_WAITING, {"person_id": person_id, "sealed": sealed, "until": until})


async def is_waiting(tx: Transaction, person_id: UUID) -> bool:
    """Whether a registration waits for its code."""
    found = await tx.connection.execute(
        text("SELECT 1 FROM registrations WHERE person_id = :id AND until > :now"), {"id": person_id, "now": tx.now}
    )
    return found.scalar() is not None


async def take_waiting(tx: Transaction, person_id: UUID) -> bytes | None:
    """The registration that waits, taken out of the table; none if there is none or it is too old."""
    taken = await tx.connection.execute(
        text("DELETE FROM registrations WHERE person_id = :id RETURNING CASE WHEN until > :now THEN sealed END"),
        {"id": person_id, "now": tx.now},
    )
    sealed: bytes | None = taken.scalar()
    return sealed


async def forget_waiting(tx: Transaction) -> int:
    """Delete registrations whose code nobody entered; how many there were."""
    gone = await tx.connection.execute(text("DELETE FROM registrations WHERE until <= :now"), {"now": tx.now})
    return gone.rowcount
