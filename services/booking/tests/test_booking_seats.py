"""What the catalog may change about a day on which turns are held: decided purely."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from services.booking.tests.builders import CLOSES, HOLD, LONG_OPEN, NOW, answer, day, days, held, seats, window, wish

from dawr.booking import domain
from dawr.booking.domain import Seats, State
from dawr.contracts import Place
from dawr.contracts.booking import RefusalCode
from dawr.contracts.catalog import CapacityDay
from dawr.contracts.payments import RefundReason


def busy(plan: CapacityDay, taken: list[str | None]) -> Seats:
    """The seats of a day on which as many of the wished seats were taken as there are."""
    now = published(None, plan)
    for wished in taken:
        found = now.window_for(wished, NOW)
        if now.left and not isinstance(found, RefusalCode):
            now = now.taking(found.start if found else None)
    return now


def published(now: Seats | None, plan: CapacityDay) -> Seats:
    return domain.published(now, plan, CLOSES)


taken_seats = st.lists(st.none() | st.sampled_from(["08:00", "09:00", "10:00"]), max_size=9)


@given(days(), taken_seats, days())
def test_a_new_plan_never_takes_a_seat_that_is_in_use(
    plan: CapacityDay, taken: list[str | None], new: CapacityDay
) -> None:
    before = busy(plan, taken)
    after = published(before, new)
    assert after.in_use == before.in_use <= after.capacity
    assert after.capacity == max(new.capacity, before.in_use)
    used = {each.start: each.in_use for each in before.windows if each.in_use}
    assert {each.start: each.in_use for each in after.windows if each.in_use} == used
    assert all(each.in_use <= each.capacity for each in after.windows)
    assert [each.start for each in after.windows] == sorted({each.start for each in after.windows})
    assert published(after, new) == after


@given(days(), taken_seats)
def test_a_closed_day_gives_nothing_and_keeps_what_is_in_use(plan: CapacityDay, taken: list[str | None]) -> None:
    before = busy(plan, taken)
    after = domain.closed(before)
    assert (after.in_use, after.left) == (before.in_use, 0)
    assert answer(wish(), after).refusal is RefusalCode.CLOSED
    assert domain.closed(after) == after


@given(days(), taken_seats, st.none() | days())
def test_a_seat_above_the_plan_is_not_given_again(
    plan: CapacityDay, taken: list[str | None], new: CapacityDay | None
) -> None:
    """A day that was lowered or closed while it was fuller comes down to its plan as turns are given back."""
    now = busy(plan, taken)
    now = published(now, new) if new else domain.closed(now)
    target = new.capacity if new else 0
    starts = [each.start for each in now.windows for _ in range(each.in_use)]
    starts += [None] * (now.in_use - len(starts))  # type: ignore[list-item]
    for start in starts:
        now = now.taking(start, -1)
        assert now.capacity == max(target, now.in_use)
        assert now.left == max(0, target - now.in_use)
        assert all(0 <= each.in_use <= each.capacity for each in now.windows)
    assert (now.in_use, now.capacity) == (0, target)


def test_windows_that_were_taken_away_leave_one_line_for_the_day() -> None:
    before = seats(2, (window("08:00", 1), window("09:00", 1))).taking("08:00")
    after = published(before, day(5))
    assert after.left == 4
    assert answer(wish(), after).window is None
    assert answer(wish(window="08:00"), after).refusal is RefusalCode.WINDOW_UNKNOWN
    back = published(after.taking("08:00", -1), day(2, (window("08:00", 1), window("09:00", 1))))
    assert answer(wish(window="08:00"), back).state is State.HELD


def test_the_database_s_guard_is_not_moved_by_taking() -> None:
    """One seat too many does not raise the capacity with it, so that the table's own check can still refuse it."""
    full = seats(1).taking(None)
    assert (full.taking(None).capacity, full.taking(None).in_use) == (1, 2)


@settings(max_examples=20)
@given(st.uuids())
def test_ids_of_payment_and_refund_follow_from_the_turn(id: UUID) -> None:
    turn = replace(held(), id=id)
    again = replace(held(), id=id)
    assert turn.payment_id == again.payment_id
    one = domain.refund_request(turn, RefundReason.PAID_TOO_LATE, asked_by=None)
    other = domain.refund_request(again, RefundReason.CANCELLED_BY_CITIZEN, asked_by=None)
    assert one.refund_id == other.refund_id != turn.payment_id
    assert Place(partition=0, offset=0) == turn.place
    assert turn.held_until == NOW + HOLD > LONG_OPEN
