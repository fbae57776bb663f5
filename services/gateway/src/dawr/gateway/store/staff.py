"""Tables of staff's accounts. Changes by administrators are made one at a time, so that what one decides about all
accounts (that an administrator remains) still holds when it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from dawr.gateway.domain.staff import Account, Invitation, StaffRole, StaffState
from dawr.gateway.vault import Vault
from dawr.servicekit.database import Transaction

_ONE_AT_A_TIME = 0x73746166  # "staf"
_NAME = "name"
_TOTP = "totp"
_REASON = "reason"


@dataclass(frozen=True, slots=True)
class Proofs:
    """What an account is opened with, beside passkeys."""

    password: str | None
    """argon2id, in its own text form."""
    totp_secret: str | None
    totp_step: int | None
    """The last time step whose code was used."""
    recovery_codes: tuple[bytes, ...]
    """Hashes of those that were not used."""


@dataclass(frozen=True, slots=True)
class Change:
    """A line of an account's journal."""

    at: datetime
    made_by: UUID | None
    what: str
    reason: str | None


_ACCOUNT = "id, login, name, roles, office, state, expires_at, made_at, made_by, last_used_at, revision"


def _account(row: Row[Any], vault: Vault) -> Account:
    return Account(
        id=row.id,
        login=row.login,
        name=vault.open(row.id, _NAME, row.name),
        roles=frozenset(StaffRole(role) for role in row.roles),
        office=row.office,
        state=StaffState(row.state),
        expires_at=row.expires_at,
        made_at=row.made_at,
        made_by=row.made_by,
        last_used_at=row.last_used_at,
        revision=row.revision,
    )


async def wait_for_others(tx: Transaction) -> None:
    """Until this transaction ends, no other changes accounts as an administrator."""
    await tx.connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))


async def find_account(tx: Transaction, vault: Vault, account_id: UUID, *, lock: bool = False) -> Account | None:
    """An account; with `lock`, nobody else writes it before this transaction ends."""
    query = f"SELECT {_ACCOUNT} FROM staff_accounts WHERE id = :id" + (" FOR UPDATE" if lock else "")
    row = (await tx.connection.execute(text(query), {"id": account_id})).one_or_none()
    return None if row is None else _account(row, vault)


async def find_login(tx: Transaction, vault: Vault, login: str) -> Account | None:
    """The account with a login."""
    query = text(f"SELECT {_ACCOUNT} FROM staff_accounts WHERE login = :login")
    row = (await tx.connection.execute(query, {"login": login})).one_or_none()
    return None if row is None else _account(row, vault)


async def list_accounts(tx: Transaction, vault: Vault, *, after: str, limit: int) -> list[Account]:
    """Accounts by login, from the one after `after`."""
    query = text(f"SELECT {_ACCOUNT} FROM staff_accounts WHERE login > :after ORDER BY login LIMIT :limit")
    rows = await tx.connection.execute(query, {"after": after, "limit": limit})
    return [_account(row, vault) for row in rows]


async def administrators(tx: Transaction, vault: Vault) -> list[Account]:
    """All who have that role, whatever state they are in."""
    query = text(f"SELECT {_ACCOUNT} FROM staff_accounts WHERE roles @> ARRAY[:role]")
    return [_account(row, vault) for row in await tx.connection.execute(query, {"role": StaffRole.ADMINISTRATOR.value})]


async def add_account(tx: Transaction, vault: Vault, account: Account) -> bool:
    """Keep a new account; False if its login is taken."""
    made = await tx.connection.execute(
        text(f"""
            INSERT INTO staff_accounts ({_ACCOUNT}) VALUES (:id, :login, :name, :roles, :office, :state, :expires_at,
                :made_at, :made_by, :last_used_at, :revision)
            ON CONFLICT (login) DO NOTHING RETURNING 1
        """),
        _values(account, vault) | {"made_at": account.made_at, "made_by": account.made_by},
    )
    return made.scalar() is not None


async def save_account(tx: Transaction, vault: Vault, account: Account) -> None:
    """Keep an account as it is now."""
    await tx.connection.execute(
        text("""
            UPDATE staff_accounts SET name = :name, roles = :roles, office = :office, state = :state,
                expires_at = :expires_at, last_used_at = :last_used_at, revision = :revision
            WHERE id = :id
        """),
        {name: value for name, value in _values(account, vault).items() if name != "login"},
    )


def _values(account: Account, vault: Vault) -> dict[str, object]:
    return {
        "id": account.id,
        "login": account.login,
        "name": vault.seal(account.id, _NAME, account.name),
        "roles": sorted(role.value for role in account.roles),
        "office": account.office,
        "state": account.state.value,
        "expires_at": account.expires_at,
        "last_used_at": account.last_used_at,
        "revision": account.revision,
    }


async def note_use(tx: Transaction, account_id: UUID) -> None:
    """Note when the account was used last."""
    await tx.connection.execute(
        text("UPDATE staff_accounts SET last_used_at = :now WHERE id = :id"), {"now": tx.now, "id": account_id}
    )


async def load_proofs(tx: Transaction, vault: Vault, account_id: UUID, *, lock: bool = False) -> Proofs:
    """What an account is opened with; with `lock`, nobody else uses a code of it before this transaction ends."""
    query = "SELECT password, totp_secret, totp_step, recovery_codes FROM staff_accounts WHERE id = :id"
    row = (await tx.connection.execute(text(query + (" FOR UPDATE" if lock else "")), {"id": account_id})).one()
    secret = None if row.totp_secret is None else vault.open(account_id, _TOTP, row.totp_secret)
    return Proofs(row.password, secret, row.totp_step, tuple(row.recovery_codes))


async def save_proofs(tx: Transaction, vault: Vault, account_id: UUID, proofs: Proofs) -> None:
    """Keep what an account is opened with."""
    secret = None if proofs.totp_secret is None else vault.seal(account_id, _TOTP, proofs.totp_secret)
    await tx.connection.execute(
        text("""
            UPDATE staff_accounts SET password = :password, totp_secret = :secret, totp_step = :step,
                recovery_codes = :codes
            WHERE id = :id
        """),
        {
            "id": account_id,
            "password": proofs.password,
            "secret": secret,
            "step": proofs.totp_step,
            "codes": list(proofs.recovery_codes),
        },
    )


async def add_invitation(
    tx: Transaction, vault: Vault, invitation: Invitation, *, token: bytes, totp_secret: str, by: UUID | None
) -> None:
    """Keep an invitation by the hash of its token; one that was not used before gives way to it."""
    await tx.connection.execute(
        text("DELETE FROM staff_invitations WHERE account_id = :id AND used_at IS NULL"), {"id": invitation.account_id}
    )
    await tx.connection.execute(
        text("""
            INSERT INTO staff_invitations (token, account_id, totp_secret, made_at, made_by, expires_at)
            VALUES (:token, :account_id, :secret, :now, :by, :expires_at)
        """),
        {
            "token": token,
            "account_id": invitation.account_id,
            "secret": vault.seal(invitation.account_id, _TOTP, totp_secret),
            "now": tx.now,
            "by": by,
            "expires_at": invitation.expires_at,
        },
    )


async def find_invitation(
    tx: Transaction, vault: Vault, token: bytes, *, lock: bool = False
) -> tuple[Invitation, str] | None:
    """An invitation and the secret for the authenticator that it offers."""
    query = "SELECT account_id, expires_at, used_at, totp_secret FROM staff_invitations WHERE token = :token"
    row = (await tx.connection.execute(text(query + (" FOR UPDATE" if lock else "")), {"token": token})).one_or_none()
    if row is None:
        return None
    invitation = Invitation(row.account_id, row.expires_at, row.used_at)
    return invitation, vault.open(row.account_id, _TOTP, row.totp_secret)


async def use_invitation(tx: Transaction, token: bytes) -> None:
    """The invitation opens nothing more."""
    await tx.connection.execute(
        text("UPDATE staff_invitations SET used_at = :now WHERE token = :token"), {"now": tx.now, "token": token}
    )


async def drop_invitations(tx: Transaction, account_id: UUID) -> None:
    """No invitation into an account holds any more."""
    await tx.connection.execute(
        text("DELETE FROM staff_invitations WHERE account_id = :id AND used_at IS NULL"), {"id": account_id}
    )


async def note_change(
    tx: Transaction, vault: Vault, account_id: UUID, *, by: UUID | None, what: str, reason: str | None = None
) -> None:
    """Add a line to an account's journal."""
    await tx.connection.execute(
        text(
            "INSERT INTO staff_changes (account_id, at, made_by, what, reason) VALUES (:id, :now, :by, :what, :reason)"
        ),
        {
            "id": account_id,
            "now": tx.now,
            "by": by,
            "what": what,
            "reason": None if reason is None else vault.seal(account_id, _REASON, reason),
        },
    )


async def journal(tx: Transaction, vault: Vault, account_id: UUID) -> Sequence[Change]:
    """What became of an account, oldest first."""
    rows = await tx.connection.execute(
        text("SELECT at, made_by, what, reason FROM staff_changes WHERE account_id = :id ORDER BY id"),
        {"id": account_id},
    )
    return [
        Change(row.at, row.made_by, row.what, row.reason and vault.open(account_id, _REASON, row.reason))
        for row in rows
    ]
