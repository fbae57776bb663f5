"""Who changed what, when and why. Each entry names the one before it about the same thing; none is ever altered."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from dawr.catalog.domain.services import Origin
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a thing, by a person or by the seed."""

    subject: str
    """`service/PASS_REN`, `office/DAM-01`, `capacity/DAM-01/PASS_REN/N/2026-12`"""
    revision: int
    """Of the thing, after the change."""
    what: str
    """`described`, `fee-decided`, `day-decided`"""
    reason: str
    detail: dict[str, Any]
    by_person: UUID | None = None
    """None: the seed."""


async def note(tx: Transaction, change: Change) -> None:
    """Keep a change. The caller holds the lock of the thing, so that the entry before is the last one."""
    await tx.connection.execute(
        text("""
            INSERT INTO changes (subject, revision, what, origin, by_person, reason, detail, at, previous)
            VALUES (:subject, :revision, :what, :origin, :by_person, :reason, CAST(:detail AS jsonb), :at,
                    (SELECT max(number) FROM changes WHERE subject = :subject))
        """),
        {
            "subject": change.subject,
            "revision": change.revision,
            "what": change.what,
            "origin": (Origin.STAFF if change.by_person else Origin.SEED).value,
            "by_person": change.by_person,
            "reason": change.reason,
            "detail": orjson.dumps(change.detail, default=_plain).decode(),
            "at": tx.now,
        },
    )


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)
