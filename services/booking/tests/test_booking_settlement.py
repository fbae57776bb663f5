"""What payments, cancellations and refunds make of a turn: decided purely."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import FEE, FREE, LATER, NOW, PEOPLE, answer, held, in_state, seats, window, wish

from dawr.booking import domain
from dawr.booking.domain import RefundState, Seats, State, Turn
from dawr.booking.errors import AmountDiffers, IllegalMove
from dawr.contracts import Money
from dawr.contracts.booking import TurnCancelled, TurnConfirmed
from dawr.contracts.payments import CancelPayment, RefundReason, RequestRefund


def test_a_payment_in_time_confirms() -> None:
    turn = held()
    confirmed, after, refund = domain.settle_payment(turn, None, FEE, now=NOW)
    assert (confirmed.state, confirmed.paid, after, refund) == (State.CONFIRMED, True, None, None)
    fact = domain.fact_of(confirmed, NOW)
    assert isinstance(fact, TurnConfirmed)
    assert fact.payment_id == turn.payment_id


def test_a_payment_that_is_told_again_changes_nothing() -> None:
    for turn in (in_state(State.HELD), in_state(State.EXPIRED), in_state(State.CANCELLED_BY_CITIZEN)):
        once, after, _ = domain.settle_payment(turn, seats(1), FEE, now=LATER)
        assert domain.settle_payment(once, after, FEE, now=LATER) == (once, after, None)


def test_a_late_payment_takes_its_seat_again_if_one_is_free() -> None:
    late, after, refund = domain.settle_payment(in_state(State.EXPIRED), seats(1), FEE, now=LATER)
    assert (late.state, late.paid, refund) == (State.CONFIRMED, True, None)
    assert after is not None
    assert (after.in_use, after.left) == (1, 0)


@pytest.mark.parametrize(
    "there",
    [
        seats(1).taking(None),
        seats(0),
        domain.closed(seats(1)),
        replace(seats(1), closes_at=LATER),
        None,
    ],
    ids=["taken", "none", "closed", "day over", "no pool"],
)
def test_a_late_payment_goes_back_if_its_seat_is_gone(there: Seats | None) -> None:
    turn = in_state(State.EXPIRED)
    late, after, refund = domain.settle_payment(turn, there, FEE, now=LATER)
    assert (late.state, late.paid, late.refund, after) == (State.EXPIRED, True, RefundState.DUE, there)
    assert refund is not None
    assert (refund.amount, refund.reason, refund.asked_by) == (FEE, RefundReason.PAID_TOO_LATE, None)


def test_a_late_payment_gets_a_seat_in_its_own_window_only() -> None:
    windows = (window("08:00", 1), window("09:00", 1))
    turn = domain.expire(answer(wish(window="08:00"), seats(2, windows)), LATER)
    elsewhere = seats(2, windows).taking("08:00")
    assert domain.settle_payment(turn, elsewhere, FEE, now=LATER)[0].refund is RefundState.DUE
    there = seats(2, windows).taking("09:00")
    late, after, _ = domain.settle_payment(turn, there, FEE, now=LATER)
    assert late.state is State.CONFIRMED
    assert after is not None
    assert [each.in_use for each in after.windows] == [1, 1]


@pytest.mark.parametrize("state", [State.CANCELLED_BY_CITIZEN, State.CANCELLED_BY_OFFICE])
def test_a_payment_after_the_cancellation_goes_back(state: State) -> None:
    turn, after, refund = domain.settle_payment(in_state(state), seats(1), FEE, now=NOW)
    assert (turn.state, turn.refund, after) == (state, RefundState.DUE, seats(1))
    assert refund is not None
    assert refund.reason is RefundReason.PAID_AFTER_CANCELLATION


@pytest.mark.parametrize("amount", [Money(minor=FEE.minor - 1, currency="SYP"), Money(minor=FEE.minor, currency="USD")])
@pytest.mark.parametrize("state", [State.HELD, State.EXPIRED, State.CONFIRMED, State.REFUSED])
def test_another_amount_settles_nothing(state: State, amount: Money) -> None:
    with pytest.raises(AmountDiffers):
        domain.settle_payment(in_state(state), seats(1), amount, now=NOW)


def test_a_free_turn_is_never_paid_for() -> None:
    free = answer(wish(fee=FREE), seats(1))
    with pytest.raises(IllegalMove):
        domain.settle_payment(free, seats(1), FREE, now=NOW)


# Cancellation and refunds


def cancelled(turn: Turn, *, by_office: bool = False) -> tuple[Turn, list[type]]:
    after, asks = domain.cancel(turn, by_office=by_office, asked_by=PEOPLE[0], reason="why", now=NOW)
    return after, [type(each) for each in asks]


def test_what_a_cancellation_asks_of_payments() -> None:
    assert cancelled(in_state(State.HELD))[1] == [CancelPayment]
    assert cancelled(in_state(State.CONFIRMED))[1] == [RequestRefund]
    assert cancelled(answer(wish(fee=FREE), seats(1)))[1] == []


def test_a_paid_turn_is_refunded_in_full_and_once() -> None:
    turn = in_state(State.CONFIRMED)
    after, (refund,) = domain.cancel(turn, by_office=False, asked_by=PEOPLE[0], reason="why", now=NOW)
    assert isinstance(refund, RequestRefund)
    assert (refund.amount, refund.reason, refund.asked_by) == (FEE, RefundReason.CANCELLED_BY_CITIZEN, PEOPLE[0])
    assert after.refund is RefundState.DUE
    fact = domain.fact_of(after, NOW)
    assert isinstance(fact, TurnCancelled)
    assert fact.refund == FEE
    with pytest.raises(IllegalMove):
        domain.cancel(after, by_office=False, asked_by=PEOPLE[0], reason="why", now=NOW)


def test_who_cancelled_is_told() -> None:
    turn, _ = cancelled(in_state(State.CONFIRMED), by_office=True)
    assert turn.state is State.CANCELLED_BY_OFFICE
    fact = domain.fact_of(turn, NOW, by="office", reason="storm")
    assert isinstance(fact, TurnCancelled)
    assert (fact.by, fact.reason) == ("office", "storm")


@given(st.permutations([RefundState.ACCEPTED, RefundState.FAILED, RefundState.SUCCEEDED]), st.integers(1, 3))
def test_refund_facts_in_any_order_end_the_same(facts: list[RefundState], times: int) -> None:
    turn, _ = cancelled(in_state(State.CONFIRMED))
    for fact in facts * times:
        turn = domain.note_refund(turn, fact, at=NOW, cause="fact")
    assert turn.refund is RefundState.SUCCEEDED
    assert turn.state is State.CANCELLED_BY_CITIZEN
    assert domain.note_refund(turn, RefundState.FAILED, at=NOW, cause="fact") is turn
