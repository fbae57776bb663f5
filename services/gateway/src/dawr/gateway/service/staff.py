"""Use cases of administrators: make accounts of staff, change, suspend and invite anew; and what an invitation shows.

Every change is written down with who made it, and ends the sessions of whom it is about: they sign in with what is
theirs now. `by` is the person who calls; None is the command line, whose user has the database anyway.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import pyotp

from dawr.gateway.domain import staff as domain
from dawr.gateway.domain.sign_in import Policy
from dawr.gateway.domain.staff import Account, Invitation, StaffRole, StaffState, Terms
from dawr.gateway.errors_staff import AccountChanged, InvitationOver, LoginTaken, NoSuchAccount
from dawr.gateway.identity import Identity
from dawr.gateway.passwords import Passwords
from dawr.gateway.service.sign_in import Limits
from dawr.gateway.store import passkeys
from dawr.gateway.store import staff as store
from dawr.gateway.store.staff import Change, Proofs
from dawr.gateway.vault import Vault
from dawr.servicekit import telemetry
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction

_log = telemetry.get_logger("dawr.gateway.staff")

TOTP_ISSUER = "Dawr"
_NO_PROOFS = Proofs(password=None, totp_secret=None, totp_step=None, recovery_codes=())


@dataclass(frozen=True, slots=True)
class StaffRules:
    """What staff's accounts go by in this process."""

    identity: Identity
    vault: Vault
    passwords: Passwords
    policy: Policy
    """Of wrong tries for one login."""
    limits: Limits
    """Of tries from one address."""
    terms: Terms
    public_url: str
    is_development: bool
    """Whether an administrator's token is enough, without an account."""
    end_sessions: Callable[[Transaction, UUID], Awaitable[None]]
    """Ends every session of a person, in the transaction of what is the reason."""


@dataclass(frozen=True, slots=True)
class Invited:
    """An account and the address that opens it once. The address is nowhere else: show it now or invite again."""

    account: Account
    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ShownInvitation:
    """What the page of an invitation shows."""

    account: Account
    expires_at: datetime
    totp_secret: str
    """Base32, to be typed into an authenticator; the same at every look."""
    totp_uri: str
    """`otpauth://…`, for a QR code."""


async def list_accounts(tx: Transaction, rules: StaffRules, *, after: str = "", limit: int = 100) -> list[Account]:
    """Accounts by login, from the one after `after`."""
    return await store.list_accounts(tx, rules.vault, after=after, limit=limit)


async def get_account(tx: Transaction, rules: StaffRules, account_id: UUID, *, lock: bool = False) -> Account:
    """One account; with `lock` as it stays until this transaction ends. Raises NoSuchAccount."""
    account = await store.find_account(tx, rules.vault, account_id, lock=lock)
    if account is None:
        raise NoSuchAccount
    return account


async def account_changes(tx: Transaction, rules: StaffRules, account_id: UUID) -> Sequence[Change]:
    """What became of an account and by whom, oldest first. Raises NoSuchAccount."""
    await get_account(tx, rules, account_id)
    return await store.journal(tx, rules.vault, account_id)


async def make_account(
    tx: Transaction,
    rules: StaffRules,
    *,
    by: UUID | None,
    login: str,
    name: str,
    roles: frozenset[StaffRole],
    office: str | None = None,
    expires_at: datetime | None = None,
) -> Invited:
    """A new account and its invitation; without `expires_at` it runs as long as accounts may.

    Raises NotAllowed, LoginTaken, NotALogin, NotAStaffName, RoleNeeded, OfficeNeeded, OfficeNotNeeded, TooLongAhead.
    """
    await _acting(tx, rules, by)
    account = Account(
        id=new_id(),
        login=login,
        name=name.strip(),
        roles=roles,
        office=office or None,
        state=StaffState.INVITED,
        expires_at=expires_at or tx.now + rules.terms.account,
        made_at=tx.now,
        made_by=by,
    )
    account = domain.make(account, tx.now, rules.terms)
    if not await store.add_account(tx, rules.vault, account):
        raise LoginTaken
    await store.note_change(tx, rules.vault, account.id, by=by, what="made")
    _log.info("staff.made", account_id=str(account.id), by=str(by))
    return await _invite(tx, rules, account, by)


async def change_account(
    tx: Transaction,
    rules: StaffRules,
    *,
    by: UUID,
    account_id: UUID,
    revision: int,
    name: str,
    roles: frozenset[StaffRole],
    office: str | None,
    expires_at: datetime,
    reason: str,
) -> Account:
    """The account with another name, roles, office and term; also how one that ran out is given more time.

    Raises NotAllowed, NotYourOwnAccount, NoSuchAccount, AccountChanged (another revision than was read),
    LastAdministrator, and what `make_account` raises about fields.
    """
    account = await _to_change(tx, rules, by, account_id)
    if account.revision != revision:
        raise AccountChanged(revision=account.revision)
    changed = domain.change(
        account,
        name=name.strip(),
        roles=roles,
        office=office or None,
        expires_at=expires_at,
        now=tx.now,
        terms=rules.terms,
    )
    await _keep(tx, rules, changed, by=by, what="changed", reason=reason)
    return changed


async def extend_account(
    tx: Transaction, rules: StaffRules, *, by: UUID, account_id: UUID, expires_at: datetime, reason: str
) -> Account:
    """The account with another end. Raises as `change_account`, but for AccountChanged."""
    account = await _to_change(tx, rules, by, account_id)
    changed = domain.change(
        account,
        name=account.name,
        roles=account.roles,
        office=account.office,
        expires_at=expires_at,
        now=tx.now,
        terms=rules.terms,
    )
    await _keep(tx, rules, changed, by=by, what="extended", reason=reason)
    return changed


async def suspend_account(tx: Transaction, rules: StaffRules, *, by: UUID, account_id: UUID, reason: str) -> Account:
    """Nobody signs in by the account any more, until it is invited anew; its sessions and invitations end.

    Raises NotAllowed, NotYourOwnAccount, NoSuchAccount, IllegalStaffMove, LastAdministrator.
    """
    account = await _to_change(tx, rules, by, account_id)
    suspended = domain.move(account, StaffState.SUSPENDED)
    await _keep(tx, rules, suspended, by=by, what="suspended", reason=reason)
    await store.drop_invitations(tx, account_id)
    return suspended


async def invite_again(
    tx: Transaction, rules: StaffRules, *, by: UUID | None, account_id: UUID, reason: str
) -> Invited:
    """A new invitation: for one whose first ran out, who lost what they sign in with, or was suspended.

    What opened the account before opens it no more: password, authenticator, recovery codes and passkeys go.
    Raises NotAllowed, NotYourOwnAccount, NoSuchAccount, LastAdministrator.
    """
    account = await _to_change(tx, rules, by, account_id)
    invited = domain.move(account, StaffState.INVITED)
    await _keep(tx, rules, invited, by=by, what="invited", reason=reason)
    await store.save_proofs(tx, rules.vault, account_id, _NO_PROOFS)
    await passkeys.drop_passkeys(tx, account_id)
    return await _invite(tx, rules, invited, by)


async def look_at_invitation(tx: Transaction, rules: StaffRules, *, token: str) -> ShownInvitation:
    """What an invitation shows to whoever has its address; nothing is used up. Raises InvitationOver."""
    account, invitation, secret = await open_invitation(tx, rules, token)
    uri = pyotp.TOTP(secret, name=account.login, issuer=TOTP_ISSUER).provisioning_uri()
    return ShownInvitation(account, invitation.expires_at, secret, uri)


async def open_invitation(
    tx: Transaction, rules: StaffRules, token: str, *, lock: bool = False
) -> tuple[Account, Invitation, str]:
    """The account that an invitation opens, and the authenticator's secret that it offers. Raises InvitationOver."""
    found = await store.find_invitation(tx, rules.vault, hash_of(token), lock=lock)
    if found is None:
        raise InvitationOver
    invitation, secret = found
    invitation.refuse_over(tx.now)
    account = await store.find_account(tx, rules.vault, invitation.account_id, lock=lock)
    if account is None or account.state is not StaffState.INVITED:
        raise InvitationOver
    return account, invitation, secret


async def accept(tx: Transaction, rules: StaffRules, account: Account, token: str, *, how: str) -> Account:
    """The account comes to life and its invitation is used up: once what it is opened with from now on is kept."""
    active = domain.move(account, StaffState.ACTIVE)
    domain.refuse_unusable(active, tx.now)
    await store.save_account(tx, rules.vault, replace(active, last_used_at=tx.now))
    await store.use_invitation(tx, hash_of(token))
    await store.note_change(tx, rules.vault, account.id, by=account.id, what=f"accepted by {how}")
    _log.info("staff.accepted", account_id=str(account.id), how=how)
    return active


def hash_of(token: str) -> bytes:
    """What is kept of an invitation's token. It is random enough to need no salt, nor work against guessing."""
    return hashlib.sha256(token.encode()).digest()


async def _invite(tx: Transaction, rules: StaffRules, account: Account, by: UUID | None) -> Invited:
    token = secrets.token_urlsafe(32)
    invitation = Invitation(account.id, tx.now + rules.terms.invitation, None)
    await store.add_invitation(
        tx, rules.vault, invitation, token=hash_of(token), totp_secret=pyotp.random_base32(), by=by
    )
    return Invited(account, f"{rules.public_url.rstrip('/')}/staff/invitation/{token}", invitation.expires_at)


async def _acting(tx: Transaction, rules: StaffRules, by: UUID | None) -> None:
    """Wait for others who change accounts, then see that the caller still may: a token outlives its account.

    A caller with a token but no account has it from who holds the signing keys, which `is_development` allows.
    """
    await store.wait_for_others(tx)
    if by is None:
        return
    actor = await store.find_account(tx, rules.vault, by)
    if actor is None and rules.is_development:
        return
    if actor is None or not (actor.is_usable(tx.now) and actor.is_administrator):
        raise NotAllowed


async def _to_change(tx: Transaction, rules: StaffRules, by: UUID | None, account_id: UUID) -> Account:
    await _acting(tx, rules, by)
    account = await store.find_account(tx, rules.vault, account_id, lock=True)
    if account is None:
        raise NoSuchAccount
    domain.refuse_own(account, by)
    return account


async def _keep(
    tx: Transaction, rules: StaffRules, changed: Account, *, by: UUID | None, what: str, reason: str
) -> None:
    if by is not None:
        domain.keep_an_administrator(await store.administrators(tx, rules.vault), changed, tx.now)
    await store.save_account(tx, rules.vault, changed)
    await store.note_change(tx, rules.vault, changed.id, by=by, what=what, reason=reason)
    await rules.end_sessions(tx, changed.id)
    _log.info(f"staff.{what}", account_id=str(changed.id), by=str(by))
