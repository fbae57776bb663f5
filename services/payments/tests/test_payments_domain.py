"""The rules alone: what may follow what, when to look, how long to wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawr.contracts import Money, Subject, Text
from dawr.contracts.payments import RequestPayment
from dawr.payments.domain.attempt import Attempt, closing, opened
from dawr.payments.domain.payment import Looks, begin_attempt, expire_payment, open_payment
from dawr.payments.domain.refund import Retries
from dawr.payments.domain.states import (
    ATTEMPT_TRANSITIONS,
    REFUND_TRANSITIONS,
    TRANSITIONS,
    AttemptState,
    PaymentState,
    RefundState,
    advance,
)
from dawr.payments.errors import AlreadyPaid, IllegalMove, PaymentOver

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
TABLES: list[tuple[type[StrEnum], Any, str]] = [
    (PaymentState, TRANSITIONS, "CREATED"),
    (RefundState, REFUND_TRANSITIONS, "REQUESTED"),
    (AttemptState, ATTEMPT_TRANSITIONS, "OPENING"),
]


def a_payment(**changes: Any) -> Any:
    request = RequestPayment(
        payment_id=uuid4(),
        subject=Subject(kind="turn", id=uuid4()),
        payer_id=uuid4(),
        amount=Money(minor=100, currency="USD"),
        pay_before=NOW + timedelta(minutes=15),
        description=Text(ar="رسم", en="Fee"),
    )
    return replace(open_payment(request, NOW)[0], **changes)


@pytest.mark.parametrize(("states", "moves", "first"), TABLES)
def test_every_state_can_be_reached_and_every_other_move_is_refused(
    states: type[StrEnum], moves: Any, first: str
) -> None:
    assert set(moves) == set(states)
    seen, waiting = {states(first)}, [states(first)]
    while waiting:
        for state in moves[waiting.pop()]:
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    assert seen == set(states)
    for state, to in product(states, states):
        if to in moves[state]:
            assert advance(state, to, moves) is to
        else:
            with pytest.raises(IllegalMove):
                advance(state, to, moves)


def test_whoever_comes_too_late_or_has_paid_is_told_so() -> None:
    payment = a_payment()
    assert begin_attempt(payment, NOW).state is PaymentState.PENDING
    with pytest.raises(PaymentOver):
        begin_attempt(payment, payment.pay_before)
    with pytest.raises(PaymentOver):
        begin_attempt(expire_payment(payment, NOW, "withdrawn")[0], NOW)
    with pytest.raises(AlreadyPaid):
        begin_attempt(replace(payment, state=PaymentState.PARTLY_REFUNDED), payment.pay_before + timedelta(days=9))


def test_an_answer_that_comes_after_the_withdrawal_has_its_page_closed() -> None:
    payment = begin_attempt(a_payment(), NOW)
    attempt = Attempt(uuid4(), payment.id, 1, "sandbox", AttemptState.OPENING, "ar", NOW)
    answer = {"checkout_id": "chk_1", "url": "http://bank/pay/chk_1", "expires_at": payment.pay_before}
    assert opened(attempt, payment, NOW, **answer).state is AttemptState.OPEN
    withdrawn, _ = expire_payment(payment, NOW, "withdrawn")
    for state in (AttemptState.CLOSING, AttemptState.CLOSED):
        ended = closing(attempt, NOW) if state is AttemptState.CLOSING else replace(attempt, state=state)
        late = opened(ended, withdrawn, NOW, **answer)
        assert (late.state, late.checkout_id) == (AttemptState.CLOSING, "chk_1")
    ran_out, _ = expire_payment(payment, NOW, "ran-out")
    assert opened(replace(attempt, state=AttemptState.CLOSED), ran_out, NOW, **answer).state is AttemptState.CLOSED


@settings(deadline=None)
@given(st.integers(0, 3600), st.floats(1, 120), st.integers(30, 3600))
def test_looks_grow_apart_come_once_right_after_the_end_and_stop(begun: int, every: float, minutes: int) -> None:
    looks = Looks(every=timedelta(seconds=every), longest=timedelta(minutes=5), stop_after=timedelta(hours=48))
    pending_at = NOW + timedelta(seconds=begun)
    payment = replace(
        a_payment(),
        state=PaymentState.PENDING,
        pending_at=pending_at,
        pay_before=pending_at + timedelta(minutes=minutes),
    )
    at, seen = looks.next(payment, pending_at), []
    while at is not None:
        assert not seen or at > seen[-1]
        seen.append(at)
        at = looks.next(payment, at)
        assert len(seen) < 1000
    assert seen[0] == pending_at + timedelta(seconds=every)
    assert any(timedelta(0) <= each - payment.pay_before <= timedelta(seconds=5) for each in seen)
    assert seen[-1] > payment.pay_before + timedelta(hours=24)


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0.5, 1.0))
def test_pauses_double_up_to_the_longest(failures: int, jitter: float) -> None:
    retries = Retries(failures=8, first=timedelta(seconds=5), longest=timedelta(minutes=30))
    pause = retries.pause(failures, jitter)
    assert timedelta(seconds=2.5) <= pause <= timedelta(minutes=30)
    assert retries.pause(failures + 1, jitter) >= pause
    assert retries.pause(1, 1.0) == timedelta(seconds=5)
