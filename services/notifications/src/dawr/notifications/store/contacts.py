"""Contacts: two sealed texts a person, what the gateway registered and what they chose themselves."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_FIND = text("SELECT person_id, registered, chosen FROM contacts WHERE person_id = ANY(CAST(:ids AS uuid[]))")
_REGISTER = text("""
INSERT INTO contacts (person_id, registered, updated_at) VALUES (:person, :sealed, :now)
ON CONFLICT (person_id) DO UPDATE SET registered = excluded.registered, updated_at = excluded.updated_at
""")
_CHOOSE = text("""
INSERT INTO contacts (person_id, chosen, updated_at) VALUES (:person, :sealed, :now)
ON CONFLICT (person_id) DO UPDATE SET chosen = excluded.chosen, updated_at = excluded.updated_at
""")

Sealed = tuple[str | None, str | None]
"""What was registered, what was chosen."""


async def find(connection: AsyncConnection, people: Collection[UUID]) -> dict[UUID, Sealed]:
    """What is kept of people; those of whom nothing is kept are left out."""
    rows = await connection.execute(_FIND, {"ids": list(people)})
    return {row.person_id: (row.registered, row.chosen) for row in rows}


async def register(connection: AsyncConnection, person: UUID, sealed: str, now: datetime) -> None:
    """Keep what the gateway registered."""
    await connection.execute(_REGISTER, {"person": person, "sealed": sealed, "now": now})


async def choose(connection: AsyncConnection, person: UUID, sealed: str, now: datetime) -> None:
    """Keep what the person chose."""
    await connection.execute(_CHOOSE, {"person": person, "sealed": sealed, "now": now})
