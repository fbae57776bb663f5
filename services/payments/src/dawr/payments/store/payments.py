"""Payments: one row per payment, locked by whoever changes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts import FxRate, Money, Subject, Text
from dawr.payments.domain.facts import Decline
from dawr.payments.domain.payment import Payment
from dawr.payments.domain.states import PaymentState
from dawr.payments.store.of_payer import rows_of_payer

_INSERT = text("""
INSERT INTO payments (id, subject_kind, subject_id, payer_id, amount_minor, currency, fx, description_ar,
    description_en, return_key, pay_before, state, created_at, refunded_minor)
VALUES (:id, :subject_kind, :subject_id, :payer_id, :amount_minor, :currency, CAST(:fx AS jsonb), :description_ar,
    :description_en, :return_key, :pay_before, :state, :created_at, 0)
ON CONFLICT (id) DO NOTHING
""")
_SAVE = text("""
UPDATE payments SET state = :state, pending_at = :pending_at, provider = :provider,
    provider_reference = :provider_reference, captured_at = :captured_at, refunded_minor = :refunded_minor,
    expiry_reason = :expiry_reason
WHERE id = :id
""")


def _payment(row: Any) -> Payment:
    return Payment(
        id=row.id,
        subject=Subject(kind=row.subject_kind, id=row.subject_id),
        payer_id=row.payer_id,
        amount=Money(minor=row.amount_minor, currency=row.currency),
        fx=FxRate.model_validate(row.fx) if row.fx else None,
        description=Text(ar=row.description_ar, en=row.description_en),
        return_key=row.return_key,
        pay_before=row.pay_before,
        state=PaymentState(row.state),
        created_at=row.created_at,
        pending_at=row.pending_at,
        provider=row.provider,
        provider_reference=row.provider_reference,
        captured_at=row.captured_at,
        refunded_minor=row.refunded_minor,
        expiry_reason=row.expiry_reason,
    )


async def insert(connection: AsyncConnection, payment: Payment) -> bool:
    """Write a new payment; False if its id exists."""
    done = await connection.execute(
        _INSERT,
        {
            "id": payment.id,
            "subject_kind": payment.subject.kind,
            "subject_id": payment.subject.id,
            "payer_id": payment.payer_id,
            "amount_minor": payment.amount.minor,
            "currency": payment.amount.currency,
            "fx": orjson.dumps(payment.fx.model_dump(mode="json")).decode() if payment.fx else None,
            "description_ar": payment.description.ar,
            "description_en": payment.description.en,
            "return_key": payment.return_key,
            "pay_before": payment.pay_before,
            "state": payment.state,
            "created_at": payment.created_at,
        },
    )
    return bool(done.rowcount)


async def save(connection: AsyncConnection, payment: Payment) -> None:
    """Write what may change of a payment that is locked."""
    await connection.execute(
        _SAVE,
        {
            "id": payment.id,
            "state": payment.state,
            "pending_at": payment.pending_at,
            "provider": payment.provider,
            "provider_reference": payment.provider_reference,
            "captured_at": payment.captured_at,
            "refunded_minor": payment.refunded_minor,
            "expiry_reason": payment.expiry_reason,
        },
    )


async def find(connection: AsyncConnection, payment_id: UUID) -> Payment | None:
    """The payment as it stands."""
    rows = await connection.execute(text("SELECT * FROM payments WHERE id = :id"), {"id": payment_id})
    row = rows.one_or_none()
    return _payment(row) if row else None


async def lock(connection: AsyncConnection, payment_id: UUID) -> Payment | None:
    """The payment, kept from others until this transaction ends."""
    rows = await connection.execute(text("SELECT * FROM payments WHERE id = :id FOR UPDATE"), {"id": payment_id})
    row = rows.one_or_none()
    return _payment(row) if row else None


async def of_payer(
    connection: AsyncConnection,
    payer_id: UUID,
    *,
    subject_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Payment]:
    """A payer's payments, newest first, of one subject or of all; `before` is the place after which to go on."""
    rows = await rows_of_payer(connection, "payments", payer_id, subject_id=subject_id, before=before, limit=limit)
    return [_payment(row) for row in rows]


async def lock_run_out(connection: AsyncConnection, now: datetime, limit: int) -> list[Payment]:
    """Waiting payments whose time is over, locked; those that somebody else holds are left out."""
    rows = await connection.execute(
        text("""
            SELECT * FROM payments WHERE state IN ('CREATED', 'PENDING') AND pay_before <= :now
            ORDER BY pay_before LIMIT :limit FOR UPDATE SKIP LOCKED
        """),
        {"now": now, "limit": limit},
    )
    return [_payment(row) for row in rows]


async def set_look(connection: AsyncConnection, payment_id: UUID, at: datetime | None) -> None:
    """When the provider is to be asked about the payment next; None: never again."""
    await connection.execute(text("UPDATE payments SET look_at = :at WHERE id = :id"), {"id": payment_id, "at": at})


async def claim_looks(
    connection: AsyncConnection, now: datetime, lease: timedelta, limit: int
) -> Sequence[tuple[UUID, str]]:
    """Payments about which a provider is to be asked now, with its name. Until the lease ends they are the caller's."""
    rows = await connection.execute(
        text("""
            UPDATE payments SET look_at = :until FROM (
                SELECT p.id, (SELECT a.provider FROM attempts a WHERE a.payment_id = p.id
                              ORDER BY a.number DESC LIMIT 1) AS asked
                FROM payments p WHERE p.look_at <= :now ORDER BY p.look_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED
            ) AS due WHERE payments.id = due.id RETURNING payments.id, due.asked
        """),
        {"now": now, "until": now + lease, "limit": limit},
    )
    return [(row.id, row.asked) for row in rows]


async def note_decline(connection: AsyncConnection, payment_id: UUID, declined: Decline, now: datetime) -> bool:
    """Remember a try that failed; False if it was known."""
    done = await connection.execute(
        text("""
            INSERT INTO declined_tries (payment_id, checkout_id, number, noted_at)
            VALUES (:payment, :checkout, :number, :now) ON CONFLICT DO NOTHING
        """),
        {"payment": payment_id, "checkout": declined.checkout_id, "number": declined.number, "now": now},
    )
    return bool(done.rowcount)
