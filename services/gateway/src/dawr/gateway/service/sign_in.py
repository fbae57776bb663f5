"""Use cases of signing in: ask for a code, enter it, sign out."""

import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.gateway.domain import sign_in as domain
from dawr.gateway.errors import SignInCrowded, TooManyCodes, TooManyTries
from dawr.gateway.identity import Identity, Seal, new_code, nobodys_code
from dawr.gateway.service.people import People
from dawr.gateway.store import people as people_store
from dawr.gateway.store import sign_in as store
from dawr.gateway.store.sign_in import SHARDS, Counted, Total
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction

_log = telemetry.get_logger("dawr.gateway.sign-in")

CODE_TEMPLATE = "sign-in-code"
KEEP = timedelta(days=7)
"""For how long counts and resting sign-ins are kept: longer than any pause or quiet day."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, in one window."""

    window: timedelta
    person_codes: int
    address_codes: int
    address_tries: int
    overall_codes: int
    overall_tries: int
    """Wrong ones of everybody. While they are used up right ones are refused too, or guessing would go on."""

    def window_start(self, now: datetime) -> datetime:
        """Where the window of a moment begins."""
        seconds = self.window.total_seconds()
        return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)

    def seconds_left(self, now: datetime) -> int:
        """Until the window of a moment ends."""
        return max(1, math.ceil((self.window_start(now) + self.window - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Rules:
    """What sign-in goes by in this process."""

    identity: Identity
    seal: Seal
    policy: domain.Policy
    limits: Limits
    people: People
    open_registration: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """Where somebody says they can be reached; believed at an open registration only."""

    email: str | None = None
    phone: str | None = None


async def ask_code(
    tx: Transaction,
    rules: Rules,
    *,
    identity_number: str,
    address: str,
    language: Literal["ar", "en"],
    contact: Contact,
    is_open: bool = False,
) -> None:
    """Send a code to a registered person; for anybody else do the same work and send nothing. Where registration
    `is_open`, whoever asks becomes a person.

    Raises NotAnIdentityNumber, SignInPaused, TooManyCodes, SignInCrowded: each for known and unknown numbers alike.
    """
    person_id = rules.identity.person_id(identity_number)
    state = await store.lock_sign_in(tx, person_id)
    domain.refuse_paused(state, tx.now)
    await _count_code(tx, rules, Counted.PERSON_CODES, person_id.bytes, rules.limits.person_codes)
    is_known = await store.is_registered(tx.connection, person_id)
    if not is_known and is_open:
        is_known = True
        await _register(tx, rules, person_id, contact)
    code = new_code()
    hashed = rules.identity.code(person_id, code) if is_known else nobodys_code()
    # Nobody's code would take the place of the one that a registration waits for: anybody could keep it from its end.
    if is_known or not await people_store.is_waiting(tx, person_id):
        state = domain.send_code(state, hashed, tx.now, rules.policy)
    await store.save_sign_in(tx, person_id, state)
    if is_known:
        minutes = int(rules.policy.lifetime.total_seconds() // 60)
        tx.stage(
            SendMessage(
                person_id=person_id,
                template=CODE_TEMPLATE,
                language=language,
                sealed=rules.seal.close(code=code, minutes=minutes),
                send_before=tx.now + rules.policy.lifetime,
            )
        )
    # Last, as many people share an address: its row is locked for the shortest time.
    await _count_code(tx, rules, Counted.ADDRESS_CODES, rules.identity.address(address), rules.limits.address_codes)
    await refuse_crowded(tx, rules.limits, Total.CODES, rules.limits.overall_codes, counts=True)


async def enter_code(
    tx: Transaction, rules: Rules, *, identity_number: str, code: str, address: str
) -> tuple[UUID, domain.Guess]:
    """Take a code: the person and what became of it. A wrong one must be committed too, so it is not raised here.

    Raises NotAnIdentityNumber, SignInPaused, TooManyTries, SignInCrowded.
    """
    person_id = rules.identity.person_id(identity_number)
    state = await store.lock_sign_in(tx, person_id)
    guess = domain.enter_code(state, rules.identity.code(person_id, code), tx.now, rules.policy)
    await store.save_sign_in(tx, person_id, guess.state)
    if guess.is_right:
        await rules.people.welcome(tx, rules.seal, person_id)
        await store.note_signed_in(tx, person_id)
    counted = await store.count(
        tx, Counted.ADDRESS_TRIES, rules.identity.address(address), rules.limits.window_start(tx.now)
    )
    if counted > rules.limits.address_tries:
        raise TooManyTries(retry_after_seconds=rules.limits.seconds_left(tx.now))
    await refuse_crowded(tx, rules.limits, Total.WRONG_TRIES, rules.limits.overall_tries, counts=not guess.is_right)
    return person_id, guess


async def sign_out(tx: Transaction, person_id: UUID) -> None:
    """Make a code that waits worthless. Access tokens that were given stay good until they run out."""
    state = await store.lock_sign_in(tx, person_id)
    await store.save_sign_in(tx, person_id, domain.forget_code(state))


async def _count_code(tx: Transaction, rules: Rules, kind: Counted, subject: bytes, limit: int) -> None:
    if await store.count(tx, kind, subject, rules.limits.window_start(tx.now)) > limit:
        raise TooManyCodes(retry_after_seconds=rules.limits.seconds_left(tx.now))


async def refuse_crowded(tx: Transaction, limits: Limits, kind: Total, limit: int, *, counts: bool) -> None:
    """Raise SignInCrowded if everybody together has used up what a window allows; else count this one, if it counts."""
    window = limits.window_start(tx.now)
    before = await store.total(tx, kind, window)
    if before >= limit:
        raise SignInCrowded(retry_after_seconds=limits.seconds_left(tx.now))
    if counts:
        await store.count_total(tx, kind, secrets.randbelow(SHARDS), window)
        if before + 1 == limit:
            _log.warning("sign-in.crowded", kind=kind.value, limit=limit)


async def _register(tx: Transaction, rules: Rules, person_id: UUID, contact: Contact) -> None:
    """Make somebody known, and tell notifications where they are reached."""
    if not await store.register(tx, person_id):
        return
    reached: dict[str, str] = {"email": contact.email or f"{person_id.hex[:8]}@people.example"}
    if contact.phone:
        reached["phone"] = contact.phone
    tx.stage(RegisterContact(person_id=person_id, sealed=rules.seal.close(**reached)))
