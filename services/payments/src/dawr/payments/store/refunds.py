"""Refunds and their approvals."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import Money, Subject
from dawr.contracts.payments import RefundReason
from dawr.payments.domain.refund import Refund, Step
from dawr.payments.domain.states import RefundState
from dawr.payments.store.of_payer import rows_of_payer

_INSERT = text("""
INSERT INTO refunds (id, payment_id, subject_kind, subject_id, payer_id, amount_minor, currency, reason, asked_by,
    state, created_at, next_try_at, round, tries, failures, unanswered, provider_failures, history)
VALUES (:id, :payment_id, :subject_kind, :subject_id, :payer_id, :amount_minor, :currency, :reason, :asked_by,
    :state, :created_at, :next_try_at, :round, :tries, :failures, :unanswered, :provider_failures,
    CAST(:history AS jsonb))
""")
_SAVE = text("""
UPDATE refunds SET state = :state, next_try_at = :next_try_at, round = :round, tries = :tries,
    failures = :failures, unanswered = :unanswered, provider_failures = :provider_failures,
    last_failed_reference = :last_failed_reference, last_failure = :last_failure, provider = :provider,
    provider_reference = :provider_reference, settled_at = :settled_at, history = CAST(:history AS jsonb)
WHERE id = :id
""")


def _refund(row: Any) -> Refund:
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        subject=Subject(kind=row.subject_kind, id=row.subject_id),
        payer_id=row.payer_id,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        reason=RefundReason(row.reason),
        asked_by=row.asked_by,
        state=RefundState(row.state),
        created_at=row.created_at,
        next_try_at=row.next_try_at,
        round=row.round,
        tries=row.tries,
        failures=row.failures,
        unanswered=row.unanswered,
        provider_failures=row.provider_failures,
        last_failed_reference=row.last_failed_reference,
        last_failure=row.last_failure,
        provider=row.provider,
        provider_reference=row.provider_reference,
        settled_at=row.settled_at,
        history=tuple(Step(RefundState(state), datetime.fromisoformat(at), why) for state, at, why in row.history),
    )


def _packed(history: tuple[Step, ...]) -> str:
    return orjson.dumps([[each.state.value, each.at.isoformat(), each.reason] for each in history]).decode()


async def insert(connection: AsyncConnection, refund: Refund) -> None:
    """Write a new refund, under the lock of its payment."""
    await connection.execute(
        _INSERT,
        {
            "id": refund.id,
            "payment_id": refund.payment_id,
            "subject_kind": refund.subject.kind,
            "subject_id": refund.subject.id,
            "payer_id": refund.payer_id,
            "amount_minor": refund.amount.minor,
            "currency": refund.amount.currency,
            "reason": refund.reason,
            "asked_by": refund.asked_by,
            "state": refund.state,
            "created_at": refund.created_at,
            "next_try_at": refund.next_try_at,
            "round": refund.round,
            "tries": refund.tries,
            "failures": refund.failures,
            "unanswered": refund.unanswered,
            "provider_failures": refund.provider_failures,
            "history": _packed(refund.history),
        },
    )


async def save(connection: AsyncConnection, refund: Refund) -> None:
    """Write what may change of a refund that is locked."""
    await connection.execute(
        _SAVE,
        {
            "id": refund.id,
            "state": refund.state,
            "next_try_at": refund.next_try_at,
            "round": refund.round,
            "tries": refund.tries,
            "failures": refund.failures,
            "unanswered": refund.unanswered,
            "provider_failures": refund.provider_failures,
            "last_failed_reference": refund.last_failed_reference,
            "last_failure": refund.last_failure,
            "provider": refund.provider,
            "provider_reference": refund.provider_reference,
            "settled_at": refund.settled_at,
            "history": _packed(refund.history),
        },
    )


async def find(connection: AsyncConnection, refund_id: UUID) -> Refund | None:
    """The refund as it stands."""
    row = (await connection.execute(text("SELECT * FROM refunds WHERE id = :id"), {"id": refund_id})).one_or_none()
    return _refund(row) if row else None


async def lock(connection: AsyncConnection, refund_id: UUID) -> Refund | None:
    """The refund, kept from others until this transaction ends; its payment is locked before."""
    rows = await connection.execute(text("SELECT * FROM refunds WHERE id = :id FOR UPDATE"), {"id": refund_id})
    row = rows.one_or_none()
    return _refund(row) if row else None


async def promised_minor(connection: AsyncConnection, payment_id: UUID) -> int:
    """The sum of all refunds of a payment. Those that were set aside count: a person may start them again."""
    total = await connection.execute(
        text("SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE payment_id = :id"), {"id": payment_id}
    )
    return int(total.scalar_one())


async def of_payer(
    connection: AsyncConnection,
    payer_id: UUID,
    *,
    subject_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Refund]:
    """A payer's refunds, newest first, of one subject or of all; `before` is the place after which to go on."""
    rows = await rows_of_payer(connection, "refunds", payer_id, subject_id=subject_id, before=before, limit=limit)
    return [_refund(row) for row in rows]


async def lock_due(connection: AsyncConnection, now: datetime, limit: int) -> list[Refund]:
    """Refunds that a provider is to be asked for now, locked; those that somebody else holds are left out."""
    rows = await connection.execute(
        text("""
            SELECT * FROM refunds WHERE next_try_at <= :now
            ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED
        """),
        {"now": now, "limit": limit},
    )
    return [_refund(row) for row in rows]


async def set_aside_count(connection: AsyncConnection) -> int:
    """How many refunds wait for a person."""
    return int((await connection.execute(text("SELECT count(*) FROM refunds WHERE state = 'FAILED'"))).scalar_one())


async def unanswered_count(connection: AsyncConnection) -> int:
    """How many refunds got no answer from their provider when it was last asked."""
    rows = await connection.execute(
        text("SELECT count(*) FROM refunds WHERE next_try_at IS NOT NULL AND unanswered > 0")
    )
    return int(rows.scalar_one())


async def keep_approval(
    connection: AsyncConnection, refund: Refund, approved_by: UUID, reason: str, now: datetime
) -> None:
    """Who started a round of a refund, when and why."""
    await connection.execute(
        text("""
            INSERT INTO refund_approvals (refund_id, round, approved_by, reason, approved_at)
            VALUES (:refund, :round, :by, :reason, :now)
        """),
        {"refund": refund.id, "round": refund.round, "by": approved_by, "reason": reason, "now": now},
    )
