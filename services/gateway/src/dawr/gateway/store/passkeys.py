"""Passkeys of staff, and the challenges that wait to be answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from dawr.servicekit.database import Transaction


class Purpose(StrEnum):
    """What a challenge was given for; its answer is good for nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that was taken out to be answered."""

    challenge: bytes
    account_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of an account."""

    credential_id: bytes
    account_id: UUID
    public_key: bytes
    """COSE."""
    sign_count: int
    is_synced: bool
    """Whether it is copied to its owner's other devices."""
    made_at: datetime
    used_at: datetime | None


async def add_challenge(
    tx: Transaction, id: UUID, purpose: Purpose, challenge: bytes, account_id: UUID | None, expires_at: datetime
) -> None:
    """Keep a challenge until it is answered."""
    await tx.connection.execute(
        text("INSERT INTO staff_challenges VALUES (:id, :purpose, :challenge, :account_id, :expires_at)"),
        {
            "id": id,
            "purpose": purpose.value,
            "challenge": challenge,
            "account_id": account_id,
            "expires_at": expires_at,
        },
    )


async def take_challenge(tx: Transaction, id: UUID, purpose: Purpose) -> Challenge | None:
    """Take a challenge out: whatever its answer is worth, there is no second one."""
    taken = await tx.connection.execute(
        text(
            "DELETE FROM staff_challenges WHERE id = :id AND purpose = :purpose "
            "RETURNING challenge, account_id, expires_at"
        ),
        {"id": id, "purpose": purpose.value},
    )
    row = taken.one_or_none()
    return None if row is None else Challenge(row.challenge, row.account_id, row.expires_at)


async def forget_challenges(tx: Transaction) -> int:
    """Delete those that nobody answered in time; how many."""
    gone = await tx.connection.execute(text("DELETE FROM staff_challenges WHERE expires_at < :now"), {"now": tx.now})
    return gone.rowcount


async def lock_passkey(tx: Transaction, credential_id: bytes) -> Passkey | None:
    """A passkey, which nobody else uses before this transaction ends."""
    row = (
        await tx.connection.execute(
            text("SELECT * FROM staff_passkeys WHERE credential_id = :id FOR UPDATE"), {"id": credential_id}
        )
    ).one_or_none()
    return None if row is None else Passkey(**row._mapping)


async def list_passkeys(tx: Transaction, account_id: UUID) -> list[Passkey]:
    """The passkeys of an account, oldest first."""
    rows = await tx.connection.execute(
        text("SELECT * FROM staff_passkeys WHERE account_id = :id ORDER BY made_at, credential_id"), {"id": account_id}
    )
    return [Passkey(**row._mapping) for row in rows]


async def add_passkey(tx: Transaction, passkey: Passkey) -> bool:
    """Keep a new passkey; False if its id is known, whosever it is."""
    made = await tx.connection.execute(
        text("""
            INSERT INTO staff_passkeys (credential_id, account_id, public_key, sign_count, is_synced, made_at)
            VALUES (:credential_id, :account_id, :public_key, :sign_count, :is_synced, :made_at)
            ON CONFLICT DO NOTHING RETURNING 1
        """),
        {
            "credential_id": passkey.credential_id,
            "account_id": passkey.account_id,
            "public_key": passkey.public_key,
            "sign_count": passkey.sign_count,
            "is_synced": passkey.is_synced,
            "made_at": passkey.made_at,
        },
    )
    return made.scalar() is not None


async def note_passkey_used(tx: Transaction, credential_id: bytes, sign_count: int) -> None:
    """Note the authenticator's count, which has to grow, and when the passkey was used last."""
    await tx.connection.execute(
        text("UPDATE staff_passkeys SET sign_count = :count, used_at = :now WHERE credential_id = :id"),
        {"count": sign_count, "now": tx.now, "id": credential_id},
    )


async def drop_passkey(tx: Transaction, account_id: UUID, credential_id: bytes) -> bool:
    """Let a passkey of an account go; whether it was there."""
    gone = await tx.connection.execute(
        text("DELETE FROM staff_passkeys WHERE credential_id = :id AND account_id = :account_id RETURNING 1"),
        {"id": credential_id, "account_id": account_id},
    )
    return gone.scalar() is not None


async def drop_passkeys(tx: Transaction, account_id: UUID) -> None:
    """No passkey opens the account any more, nor does one whose registration has begun."""
    for table in ("staff_passkeys", "staff_challenges"):
        await tx.connection.execute(text(f"DELETE FROM {table} WHERE account_id = :id"), {"id": account_id})
