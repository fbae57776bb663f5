"""Who changed what, when and why. Each entry names the one before it about the same thing; none is ever altered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.services import Origin
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a thing, by a person or by the seed."""

    subject: str
    """`service/PASS_REN`, `office/DAM-01`, `plan/<id>`, `closure/<id>`, `capacity/DAM-01/PASS_REN/N/2026-12`"""
    revision: int
    """Of the thing, after the change."""
    what: str
    """`described`, `fee-decided`, `day-decided`, `closed`, `closure-withdrawn`, and what `plans.TRANSITIONS` says"""
    reason: str
    detail: dict[str, Any]
    """For `described`: the whole thing as it is since, `state`, and the `fees` that were added with it."""
    by_person: UUID | None = None
    """None: the seed."""


async def note(tx: Transaction, *changes: Change) -> None:
    """Keep changes, each of another thing. The caller holds their locks, so that the entry before is the last one."""
    if not changes:
        return
    await tx.connection.execute(
        text("""
            INSERT INTO changes (subject, revision, what, origin, by_person, reason, detail, at, previous)
            SELECT n.subject, n.revision, n.what, n.origin, n.by_person, n.reason, CAST(n.detail AS jsonb), :at,
                   (SELECT max(number) FROM changes WHERE changes.subject = n.subject)
            FROM unnest(CAST(:subjects AS text[]), CAST(:revisions AS int[]), CAST(:whats AS text[]),
                        CAST(:origins AS text[]), CAST(:people AS uuid[]), CAST(:reasons AS text[]),
                        CAST(:details AS text[])) WITH ORDINALITY
                 AS n(subject, revision, what, origin, by_person, reason, detail, place)
            ORDER BY n.place
        """),
        {
            "subjects": [each.subject for each in changes],
            "revisions": [each.revision for each in changes],
            "whats": [each.what for each in changes],
            "origins": [(Origin.STAFF if each.by_person else Origin.SEED).value for each in changes],
            "people": [each.by_person for each in changes],
            "reasons": [each.reason for each in changes],
            "details": [orjson.dumps(each.detail, default=_plain).decode() for each in changes],
            "at": tx.now,
        },
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as it was kept."""

    number: int
    change: Change
    at: datetime
    previous: int | None
    """The number of the entry before, about the same thing."""


async def entries(connection: AsyncConnection, *, subject: str | None, before: int | None, limit: int) -> list[Entry]:
    """Changes, newest first: all or those of one thing, those with a number below `before`."""
    rows = await connection.execute(
        text("""
            SELECT number, subject, revision, what, by_person, reason, CAST(detail AS text) AS detail, at, previous
            FROM changes
            WHERE (CAST(:subject AS text) IS NULL OR subject = :subject)
              AND (CAST(:before AS bigint) IS NULL OR number < :before)
            ORDER BY number DESC LIMIT :limit
        """),
        {"subject": subject, "before": before, "limit": limit},
    )
    return [
        Entry(
            number=row.number,
            change=Change(
                row.subject, row.revision, row.what, row.reason, orjson.loads(row.detail), by_person=row.by_person
            ),
            at=row.at,
            previous=row.previous,
        )
        for row in rows
    ]


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)
