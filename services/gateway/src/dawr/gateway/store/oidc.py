"""Identity providers' names for people, hashed, and the returns from them that were spent."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from dawr.servicekit.database import Transaction

KEEP_RETURNS = timedelta(hours=1)
"""Longer than a sign-in may take."""


async def spend_return(tx: Transaction, state: bytes) -> bool:
    """Note that a sign-in came back; False if it had before."""
    made = await tx.connection.execute(
        text("INSERT INTO oidc_returns (state, at) VALUES (:state, :now) ON CONFLICT DO NOTHING RETURNING 1"),
        {"state": state, "now": tx.now},
    )
    return made.scalar() is not None


async def forget_returns(tx: Transaction) -> int:
    """Delete those whose sign-in can't come back any more; how many."""
    gone = await tx.connection.execute(
        text("DELETE FROM oidc_returns WHERE at < :before"), {"before": tx.now - KEEP_RETURNS}
    )
    return gone.rowcount


async def person_of(tx: Transaction, subject: bytes, *, is_staff: bool) -> UUID | None:
    """Whom the provider's subject was when it came first; notes that it came again."""
    row = await tx.connection.execute(
        text(
            "UPDATE oidc_identities SET used_at = :now WHERE subject = :subject AND is_staff = :is_staff "
            "RETURNING person_id"
        ),
        {"now": tx.now, "subject": subject, "is_staff": is_staff},
    )
    found: UUID | None = row.scalar()
    return found


async def add_identity(tx: Transaction, subject: bytes, person_id: UUID, *, is_staff: bool) -> bool:
    """Remember whom a subject is; False if it is known as somebody already."""
    made = await tx.connection.execute(
        text("""
            INSERT INTO oidc_identities (subject, person_id, is_staff, made_at, used_at)
            VALUES (:subject, :person_id, :is_staff, :now, :now) ON CONFLICT DO NOTHING RETURNING 1
        """),
        {"subject": subject, "person_id": person_id, "is_staff": is_staff, "now": tx.now},
    )
    return made.scalar() is not None


async def has_identity(tx: Transaction, account_id: UUID) -> bool:
    """Whether an account of staff is a provider's."""
    found = await tx.connection.execute(
        text("SELECT 1 FROM oidc_identities WHERE person_id = :id AND is_staff"), {"id": account_id}
    )
    return found.scalar() is not None
