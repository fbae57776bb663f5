"""Messages: written once, taken by one sender at a time, and what became of each attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.notifications.domain import MessageState, Notice, Way

_ADD = text("""
INSERT INTO messages (id, person_id, template, fact_type, fact, addressed_as, subject_id, language, sealed, in_inbox,
                      send_before, traceparent, state, due_at, created_at)
SELECT * FROM unnest(
    CAST(:id AS uuid[]), CAST(:person_id AS uuid[]), CAST(:template AS text[]), CAST(:fact_type AS text[]),
    CAST(:fact AS text[]), CAST(:to AS text[]), CAST(:subject_id AS uuid[]), CAST(:language AS text[]),
    CAST(:sealed AS text[]), CAST(:in_inbox AS boolean[]), CAST(:send_before AS timestamptz[]),
    CAST(:traceparent AS text[]), CAST(:state AS text[]), CAST(:due_at AS timestamptz[]),
    CAST(:created_at AS timestamptz[]))
ON CONFLICT (id) DO NOTHING
""")
_COLUMNS = (
    "id", "person_id", "template", "fact_type", "fact", "to", "subject_id", "language", "sealed", "in_inbox",
    "send_before", "traceparent", "state", "due_at", "created_at",
)  # fmt: skip

_CLAIM = text("""
WITH due AS MATERIALIZED (
    SELECT id FROM messages WHERE due_at <= :now ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE messages AS m SET due_at = :until, lease = :lease FROM due WHERE m.id = due.id
RETURNING m.*
""")

_RECORD = text("""
UPDATE messages AS m
SET state = r.state, way = r.way, attempt = r.attempt, failed = string_to_array(r.failed, ','), due_at = r.due_at,
    reason = r.reason, sealed = CASE WHEN r.keeps_seal THEN m.sealed END, lease = NULL
FROM unnest(CAST(:id AS uuid[]), CAST(:state AS text[]), CAST(:way AS text[]), CAST(:attempt AS int[]),
            CAST(:failed AS text[]), CAST(:due_at AS timestamptz[]), CAST(:reason AS text[]),
            CAST(:keeps_seal AS boolean[]))
     AS r(id, state, way, attempt, failed, due_at, reason, keeps_seal)
WHERE m.id = r.id AND m.lease = :lease
RETURNING m.id
""")

_ADD_DELIVERIES = text("""
INSERT INTO deliveries (message_id, person_id, template, way, provider, attempt, outcome, code, reference, at)
SELECT * FROM unnest(
    CAST(:message_id AS uuid[]), CAST(:person_id AS uuid[]), CAST(:template AS text[]), CAST(:way AS text[]),
    CAST(:provider AS text[]), CAST(:attempt AS int[]), CAST(:outcome AS text[]), CAST(:code AS text[]),
    CAST(:reference AS text[]), CAST(:at AS timestamptz[]))
""")


@dataclass(frozen=True)
class Attempt:
    """One try at one way: what the provider said. No addresses."""

    message_id: UUID
    person_id: UUID
    template: str
    way: Way
    provider: str
    attempt: int
    outcome: str
    """`taken`, `not-now` or `never`."""
    code: str
    reference: str | None
    at: datetime


async def add(connection: AsyncConnection, notices: Sequence[Notice]) -> None:
    """Write messages, each id once: one that is there already stays as it is."""
    if notices:
        ordered = sorted(notices, key=lambda notice: notice.id)
        await connection.execute(_ADD, {name: [_plain(getattr(each, name)) for each in ordered] for name in _COLUMNS})


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, MessageState) else value


async def claim(
    connection: AsyncConnection, *, now: datetime, until: datetime, lease: UUID, limit: int
) -> list[Notice]:
    """Take messages that are due, oldest first; until `until` nobody else takes them."""
    rows = await connection.execute(_CLAIM, {"now": now, "until": until, "lease": lease, "limit": limit})
    return [notice_of(row) for row in rows]


async def release(connection: AsyncConnection, lease: UUID, ids: Sequence[UUID], now: datetime) -> None:
    """Give back messages that were taken and not tried."""
    await connection.execute(
        text("""
            UPDATE messages SET due_at = :now, lease = NULL
            WHERE id = ANY(CAST(:ids AS uuid[])) AND lease = :lease
        """),
        {"now": now, "ids": list(ids), "lease": lease},
    )


async def record(connection: AsyncConnection, lease: UUID, notices: Sequence[Notice]) -> set[UUID]:
    """Save what became of messages that were taken under a lease; the ids of those that it still held."""
    ordered = sorted(notices, key=lambda notice: notice.id)
    rows = await connection.execute(
        _RECORD,
        {
            "lease": lease,
            "id": [each.id for each in ordered],
            "state": [each.state.value for each in ordered],
            "way": [each.way.value if each.way else None for each in ordered],
            "attempt": [each.attempt for each in ordered],
            "failed": [",".join(each.failed) for each in ordered],
            "due_at": [each.due_at for each in ordered],
            "reason": [each.reason for each in ordered],
            "keeps_seal": [each.sealed is not None for each in ordered],
        },
    )
    return {row.id for row in rows}


async def add_attempts(connection: AsyncConnection, attempts: Sequence[Attempt]) -> None:
    """Note what was tried."""
    if attempts:
        names = tuple(Attempt.__dataclass_fields__)
        await connection.execute(
            _ADD_DELIVERIES,
            {name: [str(v) if isinstance(v := getattr(each, name), Way) else v for each in attempts] for name in names},
        )


def notice_of(row: Any) -> Notice:
    """The notice in a row of `messages`."""
    return Notice(
        id=row.id,
        person_id=row.person_id,
        template=row.template,
        fact_type=row.fact_type,
        fact=row.fact,
        to=row.addressed_as,
        subject_id=row.subject_id,
        language=row.language,
        sealed=row.sealed,
        in_inbox=row.in_inbox,
        send_before=row.send_before,
        traceparent=row.traceparent,
        state=MessageState(row.state),
        way=Way(row.way) if row.way else None,
        attempt=row.attempt,
        failed=tuple(Way(each) for each in row.failed),
        due_at=row.due_at,
        reason=row.reason,
        created_at=row.created_at,
    )
