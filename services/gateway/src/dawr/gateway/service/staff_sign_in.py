"""Use cases of staff themselves: accept an invitation with a password, sign in with it, change it.

No password is hashed inside a transaction: a flood of logins holds threads of its own, never the database.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Generic, TypeVar
from uuid import UUID, uuid5

import pyotp

from dawr.contracts.ids import DAWR
from dawr.gateway.domain import sign_in, staff
from dawr.gateway.domain.digits import plain_digits
from dawr.gateway.domain.sign_in import Guess
from dawr.gateway.domain.staff import Account
from dawr.gateway.errors import TooManyTries
from dawr.gateway.errors_staff import NotALogin, WrongSecondFactor, WrongSignIn
from dawr.gateway.service.staff import StaffRules, accept, get_account, open_invitation
from dawr.gateway.store import sign_in as counts
from dawr.gateway.store import staff as store
from dawr.gateway.store.sign_in import Counted
from dawr.gateway.store.staff import Proofs
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database, Transaction

_log = telemetry.get_logger("dawr.gateway.staff")

_LOGINS = uuid5(DAWR, "staff-login")
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LETTERS = 12
"""59 random bits."""

T = TypeVar("T")
Begin = Callable[[Transaction, Account], Awaitable[T]]
"""Begins a session in the transaction in which somebody has proved who they are."""


@dataclass(frozen=True, slots=True)
class Entered(Generic[T]):
    """Somebody signed in."""

    account: Account
    session: T
    """What `begin` gave."""
    recovery_codes: tuple[str, ...] = ()
    """Ten new ones, shown now and never again; none when there are none to show."""


async def sign_in_with_password(
    database: Database, rules: StaffRules, *, login: str, password: str, code: str, address: str, begin: Begin[T]
) -> Entered[T]:
    """Login, password, and the authenticator's six digits or a recovery code.

    A login that nobody has costs the same work and gets the same answers. Raises WrongSignIn, SignInPaused,
    TooManyTries, SignInBusy, and for one who proved whose the account is AccountSuspended, AccountExpired.
    """
    subject = _subject(rules, login)
    async with database.transaction() as tx:
        sign_in.refuse_paused(await counts.lock_sign_in(tx, subject), tx.now)
        await count_try(tx, rules, address)
        account = await _find(tx, rules, login)
        kept = None if account is None else (await store.load_proofs(tx, rules.vault, account.id)).password
    password_is_right = await rules.passwords.is_right(kept, password)
    refused: Guess | None = None
    async with database.transaction() as tx:
        state = await counts.lock_sign_in(tx, subject)
        proofs = await _used(tx, rules, account, kept, code) if account is not None and password_is_right else None
        guess = sign_in.count_try(state, proofs is not None, tx.now, rules.policy)
        await counts.save_sign_in(tx, subject, guess.state)
        if account is None or proofs is None:
            refused = guess
        else:
            account = await get_account(tx, rules, account.id)
            staff.refuse_unusable(account, tx.now)
            await store.save_proofs(tx, rules.vault, account.id, proofs)
            return await enter(tx, account, begin, how="password")
    _log.info("staff.refused", tries_left=refused.tries_left)
    raise WrongSignIn(retry_after_seconds=refused.pause_seconds(tx.now), tries_left=refused.tries_left)


async def enter(
    tx: Transaction, account: Account, begin: Begin[T], *, how: str, recovery_codes: tuple[str, ...] = ()
) -> Entered[T]:
    """Begin the session of one who proved who they are."""
    await store.note_use(tx, account.id)
    _log.info("staff.entered", account_id=str(account.id), how=how)
    return Entered(account, await begin(tx, account), recovery_codes)


async def accept_with_password(
    database: Database, rules: StaffRules, *, token: str, password: str, code: str, begin: Begin[T]
) -> Entered[T]:
    """Take an invitation: the password, and the code that shows that the authenticator has the secret.

    Raises InvitationOver, WeakPassword, WrongSecondFactor, SignInBusy, AccountExpired.
    """
    async with database.transaction() as tx:
        account, _, secret = await open_invitation(tx, rules, token)
        staff.check_password(password, account.login)
        if _step(secret, code, None, tx.now) is None:
            raise WrongSecondFactor
    hashed = await rules.passwords.hash(password)
    async with database.transaction() as tx:
        account, _, secret = await open_invitation(tx, rules, token, lock=True)
        step = _step(secret, code, None, tx.now)
        if step is None:
            raise WrongSecondFactor
        codes = _new_codes()
        await store.save_proofs(
            tx, rules.vault, account.id, Proofs(hashed, secret, step, _hashes(rules, account.id, codes))
        )
        active = await accept(tx, rules, account, token, how="password")
        return await enter(tx, active, begin, how="password", recovery_codes=codes)


async def change_password(
    database: Database, rules: StaffRules, *, account_id: UUID, old: str, new: str, code: str, address: str
) -> None:
    """Take a new password for the old one and a code; every session of the account ends, this one too.

    Counts against guessing as signing in does, and raises as it does; WeakPassword.
    """
    async with database.transaction() as tx:
        account = await get_account(tx, rules, account_id)

    async def replaced(tx: Transaction, account: Account) -> None:
        proofs = await store.load_proofs(tx, rules.vault, account.id, lock=True)
        await store.save_proofs(tx, rules.vault, account.id, replace(proofs, password=hashed))
        await store.note_change(tx, rules.vault, account.id, by=account.id, what="password changed")
        await rules.end_sessions(tx, account.id)

    staff.check_password(new, account.login)
    hashed = await rules.passwords.hash(new)
    await sign_in_with_password(
        database, rules, login=account.login, password=old, code=code, address=address, begin=replaced
    )


async def renew_recovery_codes(
    database: Database, rules: StaffRules, *, account_id: UUID, password: str, code: str, address: str
) -> tuple[str, ...]:
    """Ten new recovery codes for password and code; the old ones hold no more. Raises as signing in does."""
    async with database.transaction() as tx:
        account = await get_account(tx, rules, account_id)

    async def renewed(tx: Transaction, account: Account) -> tuple[str, ...]:
        codes = _new_codes()
        proofs = await store.load_proofs(tx, rules.vault, account.id, lock=True)
        kept = replace(proofs, recovery_codes=_hashes(rules, account.id, codes))
        await store.save_proofs(tx, rules.vault, account.id, kept)
        await store.note_change(tx, rules.vault, account.id, by=account.id, what="recovery codes renewed")
        return codes

    entered = await sign_in_with_password(
        database, rules, login=account.login, password=password, code=code, address=address, begin=renewed
    )
    return entered.session


async def count_try(tx: Transaction, rules: StaffRules, address: str) -> None:
    """Count a try from an address, before anything is worked out for it. Raises TooManyTries."""
    window = rules.limits.window_start(tx.now)
    if await counts.count(tx, Counted.ADDRESS_TRIES, rules.identity.address(address), window) > (
        rules.limits.address_tries
    ):
        raise TooManyTries(retry_after_seconds=rules.limits.seconds_left(tx.now))


async def _find(tx: Transaction, rules: StaffRules, login: str) -> Account | None:
    try:
        return await store.find_login(tx, rules.vault, staff.plain_login(login))
    except NotALogin:
        return None


async def _used(tx: Transaction, rules: StaffRules, account: Account, kept: str | None, code: str) -> Proofs | None:
    """What is left of an account's proofs once the code is used; None if it is wrong, was used, or if the password
    is no longer the one that was checked."""
    proofs = await store.load_proofs(tx, rules.vault, account.id, lock=True)
    if proofs.password != kept:
        return None
    if proofs.totp_secret is not None:
        step = _step(proofs.totp_secret, code, proofs.totp_step, tx.now)
        if step is not None:
            return replace(proofs, totp_step=step)
    hashed = rules.identity.recovery_code(account.id, code)
    left = tuple(each for each in proofs.recovery_codes if not compare_digest(each, hashed))
    return replace(proofs, recovery_codes=left) if len(left) < len(proofs.recovery_codes) else None


def _step(secret: str, code: str, last: int | None, now: datetime) -> int | None:
    """The time step of a code (RFC 6238), if it is within the window and later than the last that was used."""
    totp, entered = pyotp.TOTP(secret), plain_digits(code)
    present = totp.timecode(now)
    window = range(present - staff.TOTP_WINDOW, present + staff.TOTP_WINDOW + 1)
    right = [step for step in window if compare_digest(totp.generate_otp(step).encode(), entered.encode())]
    return staff.fresh_step(right, last)


def _subject(rules: StaffRules, login: str) -> UUID:
    """Whose wrong tries are counted: a login's, whether anybody has it or not."""
    return uuid5(_LOGINS, rules.identity.login(login).hex())


def _new_codes() -> tuple[str, ...]:
    def code() -> str:
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LETTERS))
        return "-".join(letters[start : start + 4] for start in range(0, _RECOVERY_LETTERS, 4))

    return tuple(code() for _ in range(RECOVERY_CODES))


def _hashes(rules: StaffRules, account_id: UUID, codes: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(rules.identity.recovery_code(account_id, code) for code in codes)
