"""Own copies of what texts name: the catalogue from its state topics, turns from booking's facts.

A service or office that is taken off the catalogue stays here: messages of before still name it.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.notifications.values import Catalogue, KnownTurn

# An older fact may come late, out of the dead letters: it fills in what newer ones did not say, and the day is theirs.
_SAVE_TURNS = text("""
INSERT INTO turns AS t (id, office, service, tier, date, window_start, told_at, is_free)
SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:offices AS text[]), CAST(:services AS text[]), CAST(:tiers AS text[]),
                     CAST(:dates AS date[]), CAST(:windows AS text[]), CAST(:told_at AS timestamptz[]),
                     CAST(:are_free AS boolean[]))
ON CONFLICT (id) DO UPDATE
SET date = CASE WHEN t.told_at > excluded.told_at THEN t.date ELSE excluded.date END,
    window_start = CASE WHEN t.date = excluded.date AND t.told_at > excluded.told_at
                        THEN coalesce(t.window_start, excluded.window_start)
                        WHEN t.told_at > excluded.told_at THEN t.window_start
                        WHEN t.date = excluded.date THEN coalesce(excluded.window_start, t.window_start)
                        ELSE excluded.window_start END,
    told_at = greatest(t.told_at, excluded.told_at),
    is_free = coalesce(excluded.is_free, t.is_free)
""")
_SAVE_SERVICE = text("""
INSERT INTO services (code, revision, described) VALUES (:code, :revision, :described)
ON CONFLICT (code) DO UPDATE SET revision = excluded.revision, described = excluded.described
WHERE excluded.revision > services.revision
""")
_SAVE_OFFICE = text("""
INSERT INTO offices (code, revision, described) VALUES (:code, :revision, :described)
ON CONFLICT (code) DO UPDATE SET revision = excluded.revision, described = excluded.described
WHERE excluded.revision > offices.revision
""")
_VERSION = text("""
SELECT (SELECT count(*) FROM services) AS services, (SELECT coalesce(sum(revision), 0) FROM services) AS services_sum,
       (SELECT count(*) FROM offices) AS offices, (SELECT coalesce(sum(revision), 0) FROM offices) AS offices_sum
""")

Described = TypeVar("Described", ServiceDescribed, OfficeDescribed)
Version = tuple[object, ...]


async def save_turns(connection: AsyncConnection, turns: Mapping[UUID, KnownTurn]) -> None:
    """Keep what facts told of turns, each on the day of its newest fact; a window that is known is not forgotten,
    unless the turn moved to another day."""
    ids = sorted(turns)
    if not ids:
        return
    known = [turns[each] for each in ids]
    await connection.execute(
        _SAVE_TURNS,
        {
            "ids": ids,
            "offices": [each.office for each in known],
            "services": [each.service for each in known],
            "tiers": [each.tier for each in known],
            "dates": [each.date for each in known],
            "windows": [each.window for each in known],
            "told_at": [each.told_at for each in known],
            "are_free": [each.is_free for each in known],
        },
    )


async def find_turns(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, KnownTurn]:
    """Those of the turns that are known."""
    if not ids:
        return {}
    rows = await connection.execute(
        text("SELECT * FROM turns WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": list(ids)}
    )
    return {
        row.id: KnownTurn(
            office=row.office,
            service=row.service,
            tier=row.tier,
            date=row.date,
            window=row.window_start,
            told_at=row.told_at,
            is_free=row.is_free,
        )
        for row in rows
    }


async def save_service(connection: AsyncConnection, service: ServiceDescribed) -> None:
    """Keep a service, unless a newer revision of it is kept."""
    await connection.execute(_SAVE_SERVICE, _described(service))


async def save_office(connection: AsyncConnection, office: OfficeDescribed) -> None:
    """Keep an office, unless a newer revision of it is kept."""
    await connection.execute(_SAVE_OFFICE, _described(office))


def _described(thing: ServiceDescribed | OfficeDescribed) -> dict[str, object]:
    return {"code": thing.code, "revision": thing.revision, "described": thing.model_dump_json()}


async def version(connection: AsyncConnection) -> Version:
    """Changes whenever the copy of the catalogue does: revisions only grow."""
    return tuple((await connection.execute(_VERSION)).one())


async def catalogue(connection: AsyncConnection) -> Catalogue:
    """The whole copy."""
    services = await connection.execute(text("SELECT described FROM services"))
    offices = await connection.execute(text("SELECT described FROM offices"))
    return Catalogue(
        services=_by_code(ServiceDescribed, [row.described for row in services]),
        offices=_by_code(OfficeDescribed, [row.described for row in offices]),
    )


def _by_code(kind: type[Described], bodies: list[str]) -> dict[str, Described]:
    return {thing.code: thing for thing in (kind.model_validate_json(body) for body in bodies)}
