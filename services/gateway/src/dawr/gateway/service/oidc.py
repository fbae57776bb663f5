"""Use case of those who come by an identity provider: whom its claims name is signed in.

A subject of the provider is one person for good: when its claims name somebody else later, it is refused.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from dawr.contracts.notifications import RegisterContact
from dawr.gateway.domain import oidc as domain
from dawr.gateway.domain.oidc import Citizen, ClaimNames, Staff
from dawr.gateway.domain.staff import Account, StaffState, refuse_unusable
from dawr.gateway.errors_staff import LoginTaken, ProviderRefused
from dawr.gateway.identity import Seal
from dawr.gateway.service.staff import StaffRules, get_account
from dawr.gateway.store import oidc as store
from dawr.gateway.store import sign_in as people
from dawr.gateway.store import staff as accounts
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction

_log = telemetry.get_logger("dawr.gateway.oidc")


@dataclass(frozen=True, slots=True)
class OidcRules:
    """What coming by the provider goes by in this process."""

    staff: StaffRules
    seal: Seal
    issuer: str
    names: ClaimNames


@dataclass(frozen=True, slots=True)
class CitizenCame:
    """A citizen, known from now on at the latest."""

    person_id: UUID
    identity_number: str
    """For the civil registry, which is asked once the transaction is over."""


@dataclass(frozen=True, slots=True)
class StaffCame:
    """A member of staff."""

    account: Account


async def spend(tx: Transaction, state: str) -> None:
    """Use up a return from the provider. Raises ProviderRefused if it was used before."""
    if not await store.spend_return(tx, hashlib.sha256(state.encode()).digest()):
        raise ProviderRefused


async def come_in(tx: Transaction, rules: OidcRules, claims: Any) -> CitizenCame | StaffCame:
    """Whom verified claims name: registered if new; staff with the roles that the provider says now.

    Raises ProviderRefused, AccountSuspended, AccountExpired, LoginTaken, NotAnIdentityNumber, and what is wrong with
    the claims of staff (NotALogin, OfficeNeeded, OfficeNotNeeded, NotAStaffName).
    """
    found = domain.who(claims, rules.names)
    subject = rules.staff.identity.oidc_subject(rules.issuer, str(claims["sub"]))
    if isinstance(found, Staff):
        return StaffCame(await _staff(tx, rules.staff, found, subject))
    return await _citizen(tx, rules, found, subject, claims)


async def _citizen(tx: Transaction, rules: OidcRules, found: Citizen, subject: bytes, claims: Any) -> CitizenCame:
    person_id = rules.staff.identity.person_id(found.identity_number)
    before = await store.person_of(tx, subject, is_staff=False)
    if before is None and not await store.add_identity(tx, subject, person_id, is_staff=False):
        raise ProviderRefused
    if before is not None and before != person_id:
        _log.warning("provider.other-person", person_id=str(before))
        raise ProviderRefused
    if await people.register(tx, person_id):
        reached = _reached(claims)
        if reached:
            tx.stage(RegisterContact(person_id=person_id, sealed=rules.seal.close(**reached)))
    await people.note_signed_in(tx, person_id)
    return CitizenCame(person_id, found.identity_number)


async def _staff(tx: Transaction, rules: StaffRules, found: Staff, subject: bytes) -> Account:
    """An account of the provider's own: none that was made here is taken over because a login is alike."""
    await accounts.wait_for_others(tx)
    known = await store.person_of(tx, subject, is_staff=True)
    if known is None:
        return await _first_time(tx, rules, found, subject)
    account = await get_account(tx, rules, known)
    refuse_unusable(account, tx.now)
    if account.login != found.login:
        raise ProviderRefused
    came = replace(
        account,
        name=found.name,
        roles=found.roles,
        office=found.office,
        # The provider vouches anew: an account that nobody comes by any more runs out.
        expires_at=max(account.expires_at, tx.now + rules.terms.account),
        last_used_at=tx.now,
        revision=account.revision + 1,
    )
    await accounts.save_account(tx, rules.vault, came)
    if (came.roles, came.office) != (account.roles, account.office):
        await rules.end_sessions(tx, came.id)
        await accounts.note_change(tx, rules.vault, came.id, by=came.id, what="changed by the identity provider")
    return came


async def _first_time(tx: Transaction, rules: StaffRules, found: Staff, subject: bytes) -> Account:
    account = Account(
        id=new_id(),
        login=found.login,
        name=found.name,
        roles=found.roles,
        office=found.office,
        state=StaffState.ACTIVE,
        expires_at=tx.now + rules.terms.account,
        made_at=tx.now,
        made_by=None,
        last_used_at=tx.now,
    )
    if not await accounts.add_account(tx, rules.vault, account):
        raise LoginTaken
    if not await store.add_identity(tx, subject, account.id, is_staff=True):
        raise ProviderRefused
    await accounts.note_change(tx, rules.vault, account.id, by=None, what="made by the identity provider")
    _log.info("staff.made", account_id=str(account.id), by="provider")
    return account


def _reached(claims: Any) -> dict[str, str]:
    """Where the provider says, and vouches, that somebody is reached."""
    reached: dict[str, str] = {}
    for claim, kind in (("email", "email"), ("phone_number", "phone")):
        value = claims.get(claim)
        if isinstance(value, str) and value and claims.get(f"{claim}_verified") is True:
            reached[kind] = value
    return reached
