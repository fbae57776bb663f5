"""Use cases of passkeys (WebAuthn): register one, sign in with one, let one go.

The authenticator proves that it holds the key and has seen its owner (a finger, a face, a PIN), for this site only:
the browser signs the address that it shows, so a site that looks like ours gets answers that are worth nothing here.
Source of the checks: W3C Web Authentication, Level 3, sections 7.1 and 7.2, as `webauthn` makes them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from dawr.gateway.domain import staff as domain
from dawr.gateway.domain.staff import Account
from dawr.gateway.errors_staff import LastWayIn, PasskeyRefused
from dawr.gateway.service.staff import StaffRules, accept, get_account, open_invitation
from dawr.gateway.service.staff_sign_in import Begin, Entered, T, count_try, enter
from dawr.gateway.store import passkeys as store
from dawr.gateway.store import staff as accounts
from dawr.gateway.store.passkeys import Passkey, Purpose
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.problems import NotFound

_log = telemetry.get_logger("dawr.gateway.passkeys")

ANSWER_WITHIN = timedelta(minutes=2)
SITE_NAME = "Dawr"
_BROKEN = (WebAuthnException, UnsupportedAlgorithm, ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What the library raises about answers that are wrong, and about those that are no answers at all."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are for."""

    rp_id: str
    """The host without its port."""
    origin: str
    """As the browser shows it."""

    @staticmethod
    def at(public_url: str) -> "Site":
        """The site of the address by which people reach the gateway."""
        parts = urlsplit(public_url)
        return Site(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")

    @property
    def takes_passkeys(self) -> bool:
        """Browsers take them for names only, never for a numeric address, and over https or on localhost."""
        is_number = self.rp_id.replace(".", "").isdigit() or ":" in self.rp_id
        return not is_number and (self.origin.startswith("https://") or self.rp_id == "localhost")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser is asked to do."""

    id: UUID
    """Comes back with the answer; good once, for two minutes."""
    options: dict[str, Any]
    """The JSON form of `navigator.credentials.create` or `.get`: `PublicKeyCredential.parse…FromJSON` takes it."""


@dataclass(frozen=True, slots=True)
class ShownPasskey:
    """A passkey as its owner sees it in a list."""

    id: str
    """base64url."""
    is_synced: bool
    made_at: datetime
    used_at: datetime | None


async def ask_for_invited(tx: Transaction, rules: StaffRules, *, token: str) -> Asked:
    """Begin to take an invitation with a passkey. Raises InvitationOver."""
    account, _, _ = await open_invitation(tx, rules, token)
    return await _ask_to_register(tx, rules, account)


async def ask_for_own(tx: Transaction, rules: StaffRules, *, account_id: UUID) -> Asked:
    """Begin to add a passkey to an account whose owner is signed in. Raises NoSuchAccount, AccountSuspended, …"""
    account = await get_account(tx, rules, account_id)
    domain.refuse_unusable(account, tx.now)
    return await _ask_to_register(tx, rules, account)


async def ask_to_sign_in(tx: Transaction, rules: StaffRules, *, address: str) -> Asked:
    """Begin to sign in: no login is named, the authenticator shows what it has for this site. Raises TooManyTries."""
    await count_try(tx, rules, address)
    options = webauthn.generate_authentication_options(
        rp_id=Site.at(rules.public_url).rp_id,
        timeout=int(ANSWER_WITHIN.total_seconds() * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return await _keep(tx, Purpose.SIGN_IN, options.challenge, None, webauthn.options_to_json(options))


async def accept_with_passkey(
    database: Database, rules: StaffRules, *, token: str, asked: UUID, answer: dict[str, Any], begin: Begin[T]
) -> Entered[T]:
    """Take an invitation with the passkey that was made for it. Raises InvitationOver, PasskeyRefused."""
    challenge = await _take(database, asked, Purpose.REGISTER)
    async with database.transaction() as tx:
        account, _, _ = await open_invitation(tx, rules, token, lock=True)
        if challenge.account_id != account.id:
            raise PasskeyRefused
        await _register(tx, rules, account, challenge.challenge, answer)
        active = await accept(tx, rules, account, token, how="passkey")
        return await enter(tx, active, begin, how="passkey")


async def add_own(
    database: Database, rules: StaffRules, *, account_id: UUID, asked: UUID, answer: dict[str, Any]
) -> ShownPasskey:
    """Add a passkey to an account whose owner is signed in. Raises PasskeyRefused, AccountSuspended, …"""
    challenge = await _take(database, asked, Purpose.REGISTER)
    async with database.transaction() as tx:
        account = await get_account(tx, rules, account_id, lock=True)
        domain.refuse_unusable(account, tx.now)
        if challenge.account_id != account.id:
            raise PasskeyRefused
        passkey = await _register(tx, rules, account, challenge.challenge, answer)
        await accounts.note_change(tx, rules.vault, account.id, by=account.id, what="passkey added")
    return _shown(passkey)


async def sign_in_with_passkey(
    database: Database, rules: StaffRules, *, asked: UUID, answer: dict[str, Any], begin: Begin[T]
) -> Entered[T]:
    """Sign in with what the authenticator answered.

    Raises PasskeyRefused, and for one who proved whose the account is AccountSuspended, AccountExpired.
    """
    challenge = await _take(database, asked, Purpose.SIGN_IN)
    async with database.transaction() as tx:
        passkey = await store.lock_passkey(tx, _credential_id(answer))
        if passkey is None or not _is_for(answer, passkey.account_id):
            raise PasskeyRefused
        count = _verified_count(rules, passkey, challenge.challenge, answer)
        # Whoever is suspended at this moment is in no session that begins after theirs have ended.
        account = await get_account(tx, rules, passkey.account_id, lock=True)
        domain.refuse_unusable(account, tx.now)
        await store.note_passkey_used(tx, passkey.credential_id, count)
        return await enter(tx, account, begin, how="passkey")


async def list_own(tx: Transaction, *, account_id: UUID) -> list[ShownPasskey]:
    """The passkeys of an account, oldest first."""
    return [_shown(each) for each in await store.list_passkeys(tx, account_id)]


async def remove_own(tx: Transaction, rules: StaffRules, *, account_id: UUID, id: str) -> None:
    """Let a passkey go. Raises NoSuchAccount for staff of a ministry's own provider, NotFound, LastWayIn."""
    await get_account(tx, rules, account_id)
    proofs = await accounts.load_proofs(tx, rules.vault, account_id, lock=True)
    if not await store.drop_passkey(tx, account_id, _bytes(id)):
        raise NotFound
    if proofs.password is None and not await store.list_passkeys(tx, account_id):
        raise LastWayIn
    await accounts.note_change(tx, rules.vault, account_id, by=account_id, what="passkey removed")


async def _ask_to_register(tx: Transaction, rules: StaffRules, account: Account) -> Asked:
    known = await store.list_passkeys(tx, account.id)
    options = webauthn.generate_registration_options(
        rp_id=Site.at(rules.public_url).rp_id,
        rp_name=SITE_NAME,
        user_id=account.id.bytes,
        user_name=account.login,
        user_display_name=account.name,
        timeout=int(ANSWER_WITHIN.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
    )
    return await _keep(tx, Purpose.REGISTER, options.challenge, account.id, webauthn.options_to_json(options))


async def _keep(tx: Transaction, purpose: Purpose, challenge: bytes, account_id: UUID | None, options: str) -> Asked:
    id = new_id()
    await store.add_challenge(tx, id, purpose, challenge, account_id, tx.now + ANSWER_WITHIN)
    return Asked(id, orjson.loads(options))


async def _take(database: Database, asked: UUID, purpose: Purpose) -> store.Challenge:
    """In a transaction of its own: a wrong answer uses the challenge up as well."""
    async with database.transaction() as tx:
        challenge = await store.take_challenge(tx, asked, purpose)
    if challenge is None or tx.now >= challenge.expires_at:
        raise PasskeyRefused
    return challenge


async def _register(
    tx: Transaction, rules: StaffRules, account: Account, challenge: bytes, answer: dict[str, Any]
) -> Passkey:
    site = Site.at(rules.public_url)
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _BROKEN as error:
        _log.info("passkey.refused", account_id=str(account.id), why=type(error).__name__)
        raise PasskeyRefused from error
    passkey = Passkey(
        credential_id=verified.credential_id,
        account_id=account.id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        is_synced=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        made_at=tx.now,
        used_at=None,
    )
    if not await store.add_passkey(tx, passkey):
        raise PasskeyRefused
    return passkey


def _verified_count(rules: StaffRules, passkey: Passkey, challenge: bytes, answer: dict[str, Any]) -> int:
    """The authenticator's new count. A count that does not grow means that the key was copied: refused as the rest."""
    site = Site.at(rules.public_url)
    try:
        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        ).new_sign_count
    except _BROKEN as error:
        _log.warning("passkey.refused", account_id=str(passkey.account_id), why=type(error).__name__)
        raise PasskeyRefused from error


def _is_for(answer: dict[str, Any], account_id: UUID) -> bool:
    """Whether the authenticator answered for the owner of the passkey (7.2, step 6): it must say so, as no login was
    asked for."""
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    return isinstance(handle, str) and compare_digest(_bytes(handle), account_id.bytes)


def _credential_id(answer: dict[str, Any]) -> bytes:
    id = answer.get("id")
    if not isinstance(id, str):
        raise PasskeyRefused
    return _bytes(id)


def _bytes(text: str) -> bytes:
    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise PasskeyRefused from error


def _shown(passkey: Passkey) -> ShownPasskey:
    return ShownPasskey(bytes_to_base64url(passkey.credential_id), passkey.is_synced, passkey.made_at, passkey.used_at)
