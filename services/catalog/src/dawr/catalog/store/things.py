"""The things of the catalogue: each a document with a code and a revision, of one of a few kinds.

A thing is never deleted, and its revision counts up by one with each change (`things_count`, a trigger).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Agency, Extra, Service
from dawr.catalog.errors import ChangedMeanwhile
from dawr.catalog.store.stored import Stored
from dawr.contracts.catalog import Tier

Thing = Agency | Region | Tier | Extra | Service | Office | Calendar

KINDS: dict[type[Any], str] = {
    Agency: "agency",
    Region: "region",
    Tier: "tier",
    Extra: "extra",
    Service: "service",
    Office: "office",
    Calendar: "calendar",
}
"""What a kind of thing is called in its table, and in the subjects of `changes`: `service/PASS_REN`."""

T = TypeVar("T", bound=Thing)

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in KINDS}

_SAVE = text("""
INSERT INTO things (kind, code, revision, state, seeded, changed_at)
SELECT n.kind, n.code, n.revision, CAST(n.state AS jsonb), n.seeded, :now
FROM unnest(CAST(:kinds AS text[]), CAST(:codes AS text[]), CAST(:revisions AS int[]), CAST(:states AS text[]),
            CAST(:seeded AS text[])) AS n(kind, code, revision, state, seeded)
ORDER BY n.kind, n.code
ON CONFLICT (kind, code) DO UPDATE
SET revision = excluded.revision, state = excluded.state, seeded = excluded.seeded, changed_at = excluded.changed_at
WHERE things.revision = excluded.revision - 1
""")


def document(thing: Thing) -> dict[str, Any]:
    """A thing as the plain values of JSON: what its table and `changes` keep."""
    plain: dict[str, Any] = _ADAPTERS[type(thing)].dump_python(thing, mode="json")
    return plain


async def things(
    connection: AsyncConnection, kind: type[T], codes: Iterable[str] | None = None, *, lock: bool = False
) -> dict[str, Stored[T]]:
    """Things of a kind by code, in order: all, or those with the codes; locked, if they are to be changed."""
    rows = await connection.execute(
        text(f"""
            SELECT revision, seeded, CAST(state AS text) AS state FROM things
            WHERE kind = :kind AND (CAST(:codes AS text[]) IS NULL OR code = ANY(CAST(:codes AS text[])))
            ORDER BY code {"FOR NO KEY UPDATE" if lock else ""}
        """),
        {"kind": KINDS[kind], "codes": None if codes is None else sorted(set(codes))},
    )
    return _by_code(kind, rows)


async def thing(connection: AsyncConnection, kind: type[T], code: str, *, lock: bool = False) -> Stored[T] | None:
    """One thing; none if nothing has the code."""
    return (await things(connection, kind, [code], lock=lock)).get(code)


async def save(connection: AsyncConnection, changed: Sequence[Stored[Thing]], now: datetime) -> None:
    """Add new things (revision 1), or replace them by their next revision; no two of the same kind and code.

    Raises ChangedMeanwhile, with nothing written, if one of them has another revision than the one before.
    """
    if not changed:
        return
    saved = await connection.execute(
        _SAVE,
        {
            "kinds": [KINDS[type(each.thing)] for each in changed],
            "codes": [each.thing.code for each in changed],
            "revisions": [each.revision for each in changed],
            "states": [_ADAPTERS[type(each.thing)].dump_json(each.thing).decode() for each in changed],
            "seeded": [each.seeded for each in changed],
            "now": now,
        },
    )
    if saved.rowcount != len(changed):
        raise ChangedMeanwhile


async def offices_that_offer(connection: AsyncConnection, service: str) -> dict[str, Stored[Office]]:
    """Offices and missions that offer a service, by code, in order; retired ones left out."""
    rows = await connection.execute(
        text("""
            SELECT revision, seeded, CAST(state AS text) AS state FROM things
            WHERE kind = 'office' AND NOT retired AND state -> 'services' @> to_jsonb(CAST(:service AS text))
            ORDER BY code
        """),
        {"service": service},
    )
    return _by_code(Office, rows)


def from_json(kind: type[T], state: str) -> T:
    """A thing from the JSON of its state."""
    thing: T = _ADAPTERS[kind].validate_json(state)
    return thing


def _by_code(kind: type[T], rows: Iterable[Any]) -> dict[str, Stored[T]]:
    stored = (Stored(from_json(kind, row.state), row.revision, row.seeded) for row in rows)
    return {each.thing.code: each for each in stored}
