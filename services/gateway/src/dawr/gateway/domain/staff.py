"""Accounts of staff, decided purely: state and time in, new state out.

An account is made by an administrator, comes to life when its owner proves who they are, and runs out by itself.
Whoever was suspended, or lost what they sign in with, comes back by a new invitation only: then nothing of what
opened the account before does so any more.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from dawr.gateway.errors_staff import (
    AccountExpired,
    AccountSuspended,
    IllegalStaffMove,
    InvitationOver,
    LastAdministrator,
    NotALogin,
    NotAStaffName,
    NotYourOwnAccount,
    OfficeNeeded,
    OfficeNotNeeded,
    RoleNeeded,
    TooLongAhead,
    WeakPassword,
)

LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,38})[a-z0-9]")
"""No address of mail: a login stands in tables and lists."""
NAME_LENGTH = 120
OFFICE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
TOTP_WINDOW = 1
"""Time steps before and after the present one whose code is taken, as clocks and people are slow (RFC 6238, 5.2)."""


class StaffRole(StrEnum):
    """What a member of staff may do: every role of a token but the citizen's."""

    DESK = "desk"
    OFFICE_MANAGER = "office-manager"
    PLANNER = "planner"
    APPROVER = "approver"
    FINANCE = "finance"
    MISSION = "mission"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


AT_AN_OFFICE = frozenset({StaffRole.DESK, StaffRole.OFFICE_MANAGER, StaffRole.MISSION})
"""Roles whose rights end at one office."""


class StaffState(StrEnum):
    """Where an account stands. That it ran out is no state: the clock says so."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


TRANSITIONS: Mapping[StaffState, Mapping[StaffState, None]] = MappingProxyType(
    {
        StaffState.INVITED: {StaffState.INVITED: None, StaffState.ACTIVE: None, StaffState.SUSPENDED: None},
        StaffState.ACTIVE: {StaffState.INVITED: None, StaffState.SUSPENDED: None},
        StaffState.SUSPENDED: {StaffState.INVITED: None},
    }
)
"""To INVITED by an invitation, to ACTIVE when it is accepted. Nobody but sign-in reads states, so no move is told."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The figures of the rules."""

    invitation: timedelta
    """How long an invitation holds."""
    account: timedelta
    """How far ahead an account may run."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a member of staff; its id is the person's in tokens."""

    id: UUID
    login: str
    name: str
    roles: frozenset[StaffRole]
    office: str | None
    """The code of the office or mission, for roles that end there."""
    state: StaffState
    expires_at: datetime
    made_at: datetime
    made_by: UUID | None
    """None: from the command line."""
    last_used_at: datetime | None = None
    revision: int = 1
    """Grows with each change by an administrator; the ETag."""

    def is_usable(self, now: datetime) -> bool:
        """Whether its owner may sign in and stay signed in."""
        return self.state is StaffState.ACTIVE and now < self.expires_at

    @property
    def is_administrator(self) -> bool:
        """Whether it may change others' accounts."""
        return StaffRole.ADMINISTRATOR in self.roles


@dataclass(frozen=True, slots=True)
class Invitation:
    """The one-use way into an account."""

    account_id: UUID
    expires_at: datetime
    used_at: datetime | None

    def refuse_over(self, now: datetime) -> None:
        """Raise InvitationOver if it was used or is too old."""
        if self.used_at is not None or now >= self.expires_at:
            raise InvitationOver


def move(account: Account, to: StaffState) -> Account:
    """The account in another state; raises IllegalStaffMove if none leads there."""
    if to not in TRANSITIONS[account.state]:
        raise IllegalStaffMove(state=account.state.value, to=to.value)
    return replace(account, state=to, revision=account.revision + 1)


def refuse_unusable(account: Account, now: datetime) -> None:
    """Raise AccountSuspended or AccountExpired. Only for one who has proved whose the account is."""
    if account.state is not StaffState.ACTIVE:
        raise AccountSuspended
    if not account.is_usable(now):
        raise AccountExpired


def plain_login(text: str) -> str:
    """A login as it is kept: small Latin letters, digits, dots and dashes. Raises NotALogin."""
    login = text.strip().lower()
    if not LOGIN.fullmatch(login):
        raise NotALogin
    return login


def check_place(roles: Collection[StaffRole], office: str | None) -> None:
    """Roles that end at an office need one, others have none. Raises RoleNeeded, OfficeNeeded, OfficeNotNeeded."""
    if not roles:
        raise RoleNeeded
    if AT_AN_OFFICE.isdisjoint(roles):
        if office is not None:
            raise OfficeNotNeeded
    elif office is None or not OFFICE.fullmatch(office):
        raise OfficeNeeded


def check_term(expires_at: datetime, now: datetime, terms: Terms) -> None:
    """An account runs out, and not too far ahead. Raises TooLongAhead."""
    if not now < expires_at <= now + terms.account:
        raise TooLongAhead(longest_days=terms.account.days)


def make(account: Account, now: datetime, terms: Terms) -> Account:
    """A new account whose every field is checked; raises the refusal of the first that is wrong."""
    check_name(account.name)
    check_place(account.roles, account.office)
    check_term(account.expires_at, now, terms)
    return replace(account, login=plain_login(account.login), state=StaffState.INVITED)


def check_name(name: str) -> None:
    """Raise NotAStaffName unless it is some words of letters."""
    if not 2 <= len(name) <= NAME_LENGTH or not any(each.isalpha() for each in name) or not name.isprintable():
        raise NotAStaffName


def refuse_own(account: Account, by: UUID | None) -> None:
    """Nobody changes, extends, suspends or invites themselves: four eyes. Raises NotYourOwnAccount."""
    if by == account.id:
        raise NotYourOwnAccount


def change(
    account: Account,
    *,
    name: str,
    roles: frozenset[StaffRole],
    office: str | None,
    expires_at: datetime,
    now: datetime,
    terms: Terms,
) -> Account:
    """The account with other terms. One that ran out goes on when it is given time again."""
    check_name(name)
    check_place(roles, office)
    if expires_at != account.expires_at:
        check_term(expires_at, now, terms)
    return replace(account, name=name, roles=roles, office=office, expires_at=expires_at, revision=account.revision + 1)


def keep_an_administrator(administrators: Collection[Account], after: Account, now: datetime) -> None:
    """Raise LastAdministrator if nobody who can sign in would administer once an account is as in `after`.

    `administrators` are the accounts as they are now; asked only about an account that counts among them.
    """
    before = {each.id for each in administrators if each.is_usable(now) and each.is_administrator}
    if after.id not in before or (after.is_usable(now) and after.is_administrator):
        return
    if before == {after.id}:
        raise LastAdministrator


_WEAK_WORDS = (
    "password",
    "passw0rd",
    "qwertyuiop",
    "qwerty",
    "letmein",
    "welcome",
    "changeme",
    "administrator",
    "admin",
    "iloveyou",
    "monkey",
    "dragon",
    "damascus",
    "syria",
    "dawr",
    "secret",
    "asdfghjkl",
    "zxcvbnm",
)
_LEFT_WHEN_WEAK = 4
"""So few different letters beside obvious words, rows of keys and the login make no password, nor do digits alone."""
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


def check_password(password: str, login: str) -> None:
    """Raise WeakPassword if it is too short, too long, or what everybody tries first (ASVS 5, 6.2.1 and 6.2.4)."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)
    rest = password.lower()
    for word in (login, *_WEAK_WORDS):
        rest = rest.replace(word, "")
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for length in range(min(len(rest), len(row)), 3, -1):
            for start in range(len(row) - length + 1):
                rest = rest.replace(row[start : start + length], "")
    if len({each for each in rest if each.isalpha()}) <= _LEFT_WHEN_WEAK:
        raise WeakPassword(shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)


def fresh_step(right_steps: Collection[int], last_step: int | None) -> int | None:
    """The time step whose code was entered, if it is later than the last that was used; a code is good once."""
    fresh = [step for step in right_steps if last_step is None or step > last_step]
    return max(fresh, default=None)
