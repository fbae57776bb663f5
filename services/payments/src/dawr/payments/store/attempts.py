"""Attempts: written under the lock of their payment."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.payments.domain.attempt import Attempt
from dawr.payments.domain.states import AttemptState

_SAVE = text("""
INSERT INTO attempts (id, payment_id, number, provider, state, language, checkout_id, checkout_url, expires_at,
    created_at, close_at)
VALUES (:id, :payment_id, :number, :provider, :state, :language, :checkout_id, :checkout_url, :expires_at,
    :created_at, :close_at)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, checkout_id = excluded.checkout_id,
    checkout_url = excluded.checkout_url, expires_at = excluded.expires_at, close_at = excluded.close_at
""")


def _attempt(row: Any) -> Attempt:
    return Attempt(
        id=row.id,
        payment_id=row.payment_id,
        number=row.number,
        provider=row.provider,
        state=AttemptState(row.state),
        language=row.language,
        created_at=row.created_at,
        checkout_id=row.checkout_id,
        checkout_url=row.checkout_url,
        expires_at=row.expires_at,
        close_at=row.close_at,
    )


async def save(connection: AsyncConnection, attempt: Attempt) -> None:
    """Write an attempt, new or changed."""
    await connection.execute(
        _SAVE,
        {
            "id": attempt.id,
            "payment_id": attempt.payment_id,
            "number": attempt.number,
            "provider": attempt.provider,
            "state": attempt.state,
            "language": attempt.language,
            "checkout_id": attempt.checkout_id,
            "checkout_url": attempt.checkout_url,
            "expires_at": attempt.expires_at,
            "created_at": attempt.created_at,
            "close_at": attempt.close_at,
        },
    )


async def find(connection: AsyncConnection, attempt_id: UUID) -> Attempt | None:
    """The attempt as it stands."""
    row = (await connection.execute(text("SELECT * FROM attempts WHERE id = :id"), {"id": attempt_id})).one_or_none()
    return _attempt(row) if row else None


async def of_payment(connection: AsyncConnection, payment_id: UUID) -> list[Attempt]:
    """All attempts of a payment, oldest first. Whoever changes one holds the payment's lock."""
    rows = await connection.execute(
        text("SELECT * FROM attempts WHERE payment_id = :id ORDER BY number"), {"id": payment_id}
    )
    return [_attempt(row) for row in rows]


async def claim_closings(connection: AsyncConnection, now: datetime, lease: timedelta, limit: int) -> list[Attempt]:
    """Attempts whose checkout is to be closed at the provider now. Until the lease ends they are the caller's."""
    rows = await connection.execute(
        text("""
            UPDATE attempts SET close_at = :until WHERE id IN (
                SELECT id FROM attempts WHERE state = 'CLOSING' AND close_at <= :now
                ORDER BY close_at LIMIT :limit FOR UPDATE SKIP LOCKED
            ) RETURNING *
        """),
        {"now": now, "until": now + lease, "limit": limit},
    )
    return [_attempt(row) for row in rows]
