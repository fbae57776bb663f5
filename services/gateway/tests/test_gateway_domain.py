"""The rule of sign-in, without a clock or a table."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dawr.gateway.addresses import Addresses
from dawr.gateway.domain.sign_in import (
    QUIET,
    Policy,
    SignIn,
    enter_code,
    forget_code,
    most_tries,
    refuse_paused,
    send_code,
)
from dawr.gateway.errors import NotAnIdentityNumber, SignInPaused
from dawr.gateway.identity import Identity, new_code
from dawr.gateway.settings import DEVELOPMENT_SESSION_SECRET, GatewaySettings

POLICY = Policy(lifetime=timedelta(minutes=10), tries=5, pause=timedelta(minutes=1), longest_pause=timedelta(hours=1))
START = datetime(2026, 12, 1, tzinfo=UTC)
RIGHT, WRONG = b"r" * 32, b"w" * 32

Steps = st.lists(st.tuples(st.sampled_from(["send", "right", "wrong", "forget"]), st.integers(0, 2000)), max_size=80)


@given(Steps)
def test_a_code_opens_only_while_it_waits_and_no_pause_lasts(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order: the model knows no more than when a code was sent and when a pause began."""
    state, now = SignIn(), START
    sent_at: datetime | None = None
    wrong = 0
    paused_until = START
    for step, seconds in steps:
        now += timedelta(seconds=seconds)
        if step == "forget":
            state, sent_at = forget_code(state), None
            continue
        if now < paused_until:
            with pytest.raises(SignInPaused) as refused:
                refuse_paused(state, now)
            assert refused.value.retry_after_seconds == -(-(paused_until - now).total_seconds() // 1)
            with pytest.raises(SignInPaused):
                send_code(state, RIGHT, now, POLICY)
            with pytest.raises(SignInPaused):
                enter_code(state, RIGHT, now, POLICY)
            continue
        if step == "send":
            state, sent_at = send_code(state, RIGHT, now, POLICY), now
            continue
        guess = enter_code(state, RIGHT if step == "right" else WRONG, now, POLICY)
        state = guess.state
        waits = sent_at is not None and now < sent_at + POLICY.lifetime
        assert guess.is_right == (step == "right" and waits)
        if guess.is_right:
            sent_at, wrong = None, 0
            assert state == SignIn()
        else:
            wrong += 1
            assert guess.tries_left == (POLICY.tries - wrong) % POLICY.tries
            if wrong == POLICY.tries:
                wrong, sent_at = 0, None
                pause = guess.pause_seconds(now)
                assert pause is not None
                assert POLICY.pause.total_seconds() <= pause <= POLICY.longest_pause.total_seconds()
                paused_until = now + timedelta(seconds=pause)


def test_who_never_rests_has_no_more_tries_a_day_than_the_closed_form_says() -> None:
    state, now, tries = SignIn(), START, 0
    while now < START + timedelta(days=1):
        try:
            state = enter_code(send_code(state, RIGHT, now, POLICY), WRONG, now, POLICY).state
            tries += 1
        except SignInPaused as paused:
            assert paused.retry_after_seconds is not None
            now += timedelta(seconds=paused.retry_after_seconds)
    bound = most_tries(POLICY, timedelta(days=1))
    assert bound == POLICY.tries * (6 + 1 + 24), "1, 2, 4, 8, 16, 32 minutes, then an hour each"
    assert bound - 2 * POLICY.tries <= tries <= bound
    assert bound / 10**6 < 0.0002, "less than two in ten thousand a day for one person"


def test_a_quiet_day_makes_the_next_pause_a_first_one() -> None:
    state, now = SignIn(), START
    for _ in range(3):
        for _ in range(POLICY.tries):
            guess = enter_code(state, WRONG, now, POLICY)
            state = guess.state
        now += timedelta(seconds=guess.pause_seconds(now) or 0)
    assert guess.state.pauses == 3
    now += QUIET
    for _ in range(POLICY.tries):
        guess = enter_code(state, WRONG, now, POLICY)
        state = guess.state
    assert guess.pause_seconds(now) == 60


def test_ids_follow_from_number_and_pepper_and_from_nothing_else() -> None:
    one, other = Identity("pepper"), Identity("another pepper")
    assert one.person_id("01010012345") == one.person_id(" 0101-001-2345 ") == one.person_id("٠١٠١٠٠١٢٣٤٥")
    assert one.person_id("01010012345") != other.person_id("01010012345")
    assert one.person_id("01010012345") != one.person_id("01010012346")
    assert str(one.person_id("01010012345")) == "7d8e9f1d-b864-5a74-89ca-7788f3cde3e8", "never changes between versions"
    somebody, another = one.person_id("01010012345"), one.person_id("01010012346")
    assert one.code(somebody, "123456") != one.code(another, "123456")
    assert one.code(somebody, "123456") != other.code(somebody, "123456")
    for bad in ("", "1", "0" * 12, "abcdefghijk", "०१०१००१२३४५", "0101001234\n5"):
        with pytest.raises(NotAnIdentityNumber):
            one.person_id(bad)


def test_codes_are_six_digits_of_even_chances() -> None:
    codes = [new_code() for _ in range(20_000)]
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    for place in range(6):
        for digit in "0123456789":
            share = sum(code[place] == digit for code in codes) / len(codes)
            assert 0.085 < share < 0.115  # seven standard deviations


def test_one_subscriber_is_one_address() -> None:
    identity = Identity("pepper")
    assert identity.address("2001:db8:1:2::1") == identity.address("2001:db8:1:2:ffff::9")
    assert identity.address("2001:db8:1:2::1") != identity.address("2001:db8:1:3::1")
    assert identity.address("::ffff:192.0.2.1") == identity.address("192.0.2.1")
    assert identity.address("192.0.2.1") != identity.address("192.0.2.2")
    assert identity.address("unknown") == identity.address("unknown")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense, 203.0.113.9, <script>"], "203.0.113.9"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("::1", ["203.0.113.9"], "::1"),
        ("::ffff:192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
    ],
)
def test_only_a_trusted_proxy_tells_an_address(peer: str, forwarded: list[str], expected: str) -> None:
    addresses = Addresses([ip_network("10.0.0.0/8")])
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    assert addresses.of({"type": "http", "client": (peer, 1), "headers": headers}) == expected


def test_production_starts_with_no_secret_that_everybody_knows(production: dict[str, Any]) -> None:
    settings = GatewaySettings(**production)
    assert not settings.registers_everybody
    assert (settings.codes_per_address, settings.tries_per_address) == (100, 200)
    assert (settings.codes_overall, settings.tries_overall) == (50_000, 20_000)
    for name in GatewaySettings.known_secrets:
        given_ = {each: value for each, value in production.items() if each != name}
        with pytest.raises(ValidationError, match=f"set GATEWAY_{name.upper()}:"):
            GatewaySettings(**given_)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"open_registration": True}, "open registration"),
        ({"public_url": "http://dawr.example"}, "by https"),
        ({"session_secrets": "short"}, "session secret"),
        ({"session_secrets": "a session secret of thirty-two characters or more, short"}, "session secret"),
        ({"session_secrets": " , "}, "session secret"),
        ({"session_secrets": "another secret of thirty-two characters, " + DEVELOPMENT_SESSION_SECRET}, "set GATEWAY"),
    ],
)
def test_production_starts_with_nothing_that_belongs_to_development(
    production: dict[str, Any], wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        GatewaySettings(**production | wrong)
