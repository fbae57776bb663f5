"""Decisions about accounts of staff, without any server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dawr.gateway.domain import oidc, staff
from dawr.gateway.domain.oidc import Citizen, ClaimNames, Staff
from dawr.gateway.domain.staff import AT_AN_OFFICE, Account, StaffRole, StaffState, Terms
from dawr.gateway.errors_staff import (
    AccountExpired,
    AccountSuspended,
    IllegalStaffMove,
    LastAdministrator,
    NotALogin,
    NotYourOwnAccount,
    OfficeNeeded,
    OfficeNotNeeded,
    ProviderRefused,
    RoleNeeded,
    TooLongAhead,
    WeakPassword,
)
from dawr.servicekit.errors import Refusal

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
TERMS = Terms(invitation=timedelta(hours=24), account=timedelta(days=366))


def account(*roles: StaffRole, state: StaffState = StaffState.ACTIVE) -> Account:
    return Account(
        id=uuid4(),
        login="r.haddad",
        name="رنا حداد",
        roles=frozenset(roles or {StaffRole.ADMINISTRATOR}),
        office=None,
        state=state,
        expires_at=NOW + timedelta(days=30),
        made_at=NOW,
        made_by=None,
    )


def test_an_account_is_usable_until_the_very_moment_at_which_it_ends() -> None:
    active = account()
    last = active.expires_at - timedelta(microseconds=1)
    assert active.is_usable(last)
    staff.refuse_unusable(active, last)
    assert not active.is_usable(active.expires_at)
    with pytest.raises(AccountExpired):
        staff.refuse_unusable(active, active.expires_at)
    for state in (StaffState.INVITED, StaffState.SUSPENDED):
        with pytest.raises(AccountSuspended):
            staff.refuse_unusable(account(state=state), NOW)


def test_states_move_as_the_table_says_and_no_other_way() -> None:
    for state in StaffState:
        for to in StaffState:
            if to in staff.TRANSITIONS[state]:
                assert staff.move(account(state=state), to).state is to
            else:
                with pytest.raises(IllegalStaffMove):
                    staff.move(account(state=state), to)
    assert StaffState.ACTIVE not in staff.TRANSITIONS[StaffState.SUSPENDED], "only by a new invitation"


def test_nobody_decides_about_themselves() -> None:
    own = account()
    with pytest.raises(NotYourOwnAccount):
        staff.refuse_own(own, own.id)
    staff.refuse_own(own, uuid4())
    staff.refuse_own(own, None)


@pytest.mark.parametrize("role", StaffRole)
def test_roles_that_end_at_an_office_need_one_and_others_have_none(role: StaffRole) -> None:
    if role in AT_AN_OFFICE:
        staff.check_place({role}, "DAM-01")
        staff.check_place({role, StaffRole.AUDITOR}, "DAM-01")
        for bad in (None, "", "dam-01", "A", "DAM 01", "A" * 33):
            with pytest.raises(OfficeNeeded):
                staff.check_place({role}, bad)
    else:
        staff.check_place({role}, None)
        with pytest.raises(OfficeNotNeeded):
            staff.check_place({role}, "DAM-01")
    with pytest.raises(RoleNeeded):
        staff.check_place(set(), None)


def test_an_account_ends_in_the_future_but_not_too_far() -> None:
    staff.check_term(NOW + TERMS.account, NOW, TERMS)
    for bad in (NOW, NOW - timedelta(days=1), NOW + TERMS.account + timedelta(seconds=1)):
        with pytest.raises(TooLongAhead):
            staff.check_term(bad, NOW, TERMS)


def test_the_last_who_can_administer_stays() -> None:
    one, two = account(), account()
    gone = replace(two, expires_at=NOW)
    waiting = account(state=StaffState.INVITED)
    changes = (
        replace(one, state=StaffState.SUSPENDED),
        replace(one, roles=frozenset({StaffRole.AUDITOR})),
        replace(one, expires_at=NOW),
    )
    for changed in changes:
        staff.keep_an_administrator([one, two], changed, NOW)
        for others in ([], [gone], [waiting]):
            with pytest.raises(LastAdministrator):
                staff.keep_an_administrator([one, *others], changed, NOW)
    staff.keep_an_administrator([one], replace(one, name="سامر خوري"), NOW)
    staff.keep_an_administrator([one], replace(waiting, state=StaffState.SUSPENDED), NOW)


@pytest.mark.parametrize("login", ["abc", "r.haddad", "desk-01.dam", "a" * 40, "  R.Haddad "])
def test_logins(login: str) -> None:
    assert staff.plain_login(login) == login.strip().lower()


@pytest.mark.parametrize("login", ["", "ab", "a" * 41, ".ab", "ab-", "huda@mail.example", "ra na", "رنا حداد", "a\nb"])
def test_no_logins(login: str) -> None:
    with pytest.raises(NotALogin):
        staff.plain_login(login)


@pytest.mark.parametrize(
    "password",
    ["violin-harvest-candle-42", "Tr0ub4dor&3-more", "كمان وحصاد وشمعة", "qwerty is my horse", "correcthorsebattery"],
)
def test_passwords(password: str) -> None:
    staff.check_password(password, "r.haddad")


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "x" * 129,
        "aaaaaaaaaaaa",
        "abababababab",
        "123456789012",
        "987654321098",
        "abcdefghijkl",
        "qwertyuiopas",
        "PasswordPassword",
        "Passw0rd2026",
        "r.haddad1234",
        "r.haddadr.haddad",
        "administrator1",
        "Damascus-2026!",
        "welcome1welcome2",
    ],
)
def test_no_passwords(password: str) -> None:
    with pytest.raises(WeakPassword):
        staff.check_password(password, "r.haddad")


def test_a_time_step_is_used_once_and_none_before_it() -> None:
    assert staff.fresh_step([100], None) == 100
    assert staff.fresh_step([100], 99) == 100
    assert staff.fresh_step([100], 100) is None
    assert staff.fresh_step([99], 100) is None
    assert staff.fresh_step([], None) is None


NAMES = ClaimNames(number="national_id", login="account", roles="roles", office="office")


def test_claims_name_staff_before_citizens() -> None:
    claims = {"account": "K.Nassar", "name": "كريم نصار", "roles": ["planner", "canteen"], "national_id": "01010054321"}
    assert oidc.who(claims, NAMES) == Staff("k.nassar", "كريم نصار", frozenset({StaffRole.PLANNER}), None)
    assert oidc.who({**claims, "roles": "desk canteen", "office": "DAM-01"}, NAMES) == Staff(
        "k.nassar", "كريم نصار", frozenset({StaffRole.DESK}), "DAM-01"
    )
    assert oidc.who({**claims, "roles": ["canteen"]}, NAMES) == Citizen("01010054321")
    assert oidc.who(claims, replace(NAMES, login="")) == Citizen("01010054321")


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({}, ProviderRefused),
        ({"account": "k.nassar"}, ProviderRefused),
        ({"account": "k.nassar", "roles": {"administrator": True}}, ProviderRefused),
        ({"account": ["k.nassar"], "roles": ["administrator"]}, ProviderRefused),
        ({"national_id": 1010054321}, ProviderRefused),
        ({"account": "k.nassar", "roles": ["desk"]}, OfficeNeeded),
        ({"account": "k.nassar", "roles": ["planner"], "office": "DAM-01"}, OfficeNotNeeded),
        ({"account": "k@mail.example", "roles": ["planner"]}, NotALogin),
    ],
)
def test_claims_of_nobody_are_refused(claims: dict[str, object], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        oidc.who(claims, NAMES)
