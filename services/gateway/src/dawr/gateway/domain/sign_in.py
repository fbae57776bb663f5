"""Sign-in by code, decided purely: state and time in, new state out.

What bounds guessing, whatever the guesser does and however many help, in a span of time `T`:

- one person: `tries` wrong codes, whatever code they were meant for, then a pause that doubles from `pause` to
  `longest_pause`: at most `most_tries(policy, T) = tries × (⌈log2(longest_pause / pause)⌉ + 1 + ⌊T / longest_pause⌋)`.
  Each time the owner enters a right code it begins anew;
- one address: `address_tries` in each of the `⌊T / window⌋ + 2` windows that `T` can touch;
- everybody: `overall_tries` wrong ones in each of them, and as many more as transactions are in flight.

A code is one of a million, so a guesser who may try `n` codes takes over `n / 10^6` people on average: with the
settings' figures one in 6,400 a day for one person that is aimed at, and at most one in fifty of a person a window
for whoever has a million addresses and aims at everybody.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest

from dawr.gateway.errors import SignInPaused

QUIET = timedelta(days=1)
"""After so long without a wrong code, the next pause is a first one again."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of the rule."""

    lifetime: timedelta
    """How long a code holds."""
    tries: int
    pause: timedelta
    longest_pause: timedelta


def most_tries(policy: Policy, span: timedelta) -> int:
    """How many codes can be tried for one person within a span, by all guessers together."""
    doublings = max(0, math.ceil(math.log2(policy.longest_pause / policy.pause)))
    return policy.tries * (doublings + 1 + span // policy.longest_pause)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a person's sign-in stands. People who are not registered have one too, and are answered alike."""

    code: bytes | None = None
    """The hash of the code that waits to be entered."""
    code_until: datetime | None = None
    failures: int = 0
    """Wrong codes since the last right one or the last pause."""
    pauses: int = 0
    """Pauses since the last right code or the last quiet day."""
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """What became of a code that was entered."""

    state: SignIn
    is_right: bool
    tries_left: int
    """Until the next pause."""

    def pause_seconds(self, now: datetime) -> int | None:
        """How long the pause is that this guess began; none if it began none."""
        paused = self.state.paused_until
        return None if self.tries_left or paused is None else _seconds(paused - now)


def refuse_paused(state: SignIn, now: datetime) -> None:
    """Raise SignInPaused while a pause lasts: a right code does not end it."""
    if state.paused_until is not None and now < state.paused_until:
        raise SignInPaused(retry_after_seconds=_seconds(state.paused_until - now))


def send_code(state: SignIn, code: bytes, now: datetime, policy: Policy) -> SignIn:
    """A new code takes the place of the one before. Wrong tries stay counted."""
    refuse_paused(state, now)
    return replace(_rested(state, now), code=code, code_until=now + policy.lifetime)


def enter_code(state: SignIn, code: bytes, now: datetime, policy: Policy) -> Guess:
    """A right code is used up and forgives what was wrong before; the last wrong one burns it and begins a pause."""
    expected = state.code if state.code is not None and state.code_until is not None and now < state.code_until else b""
    return count_try(state, compare_digest(expected, code), now, policy)


def count_try(state: SignIn, is_right: bool, now: datetime, policy: Policy) -> Guess:
    """A try of any kind, whose worth is known; raises SignInPaused while a pause lasts, however right it is."""
    refuse_paused(state, now)
    state = _rested(state, now)
    if is_right:
        return Guess(SignIn(), is_right=True, tries_left=policy.tries)
    failures = state.failures + 1
    if failures < policy.tries:
        return Guess(replace(state, failures=failures), is_right=False, tries_left=policy.tries - failures)
    pause = min(policy.pause * 2 ** min(state.pauses, 20), policy.longest_pause)
    paused = SignIn(pauses=state.pauses + 1, paused_until=now + pause)
    return Guess(paused, is_right=False, tries_left=0)


def forget_code(state: SignIn) -> SignIn:
    """The code that waits holds no more."""
    return replace(state, code=None, code_until=None)


def _rested(state: SignIn, now: datetime) -> SignIn:
    quiet = state.paused_until is not None and now >= state.paused_until + QUIET
    return replace(state, pauses=0, paused_until=None) if quiet else state


def _seconds(span: timedelta) -> int:
    return max(1, int(span.total_seconds() + 0.999))
