"""Seats that are released in parts and kept for shares: decided purely."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import (
    CLOSES,
    FEE,
    HOLD,
    LATER,
    NOW,
    POOLS,
    SHARES,
    answer,
    day,
    parted_days,
    shared_batches,
    window,
    wish,
)

from dawr.booking import domain
from dawr.booking.domain import LIVE, Seats, State, Turn, Wish
from dawr.contracts.booking import RefusalCode, Share
from dawr.contracts.catalog import CapacityDay, KeptSeats, Release

POOL = POOLS[0]
moments = st.lists(st.sampled_from([timedelta(hours=hours) for hours in (0, 1, 2, 3, 5)]), min_size=1).map(sorted)


def parted(
    capacity: int, releases: tuple[int, ...] = (), windows: tuple[tuple[str, int], ...] = (), **kept: int
) -> Seats:
    """A day whose parts are released two hours apart, the first of them an hour ago."""
    first = NOW - timedelta(hours=1)
    parts = tuple(Release(at=first + place * timedelta(hours=2), seats=each) for place, each in enumerate(releases))
    plan = day(capacity, tuple(window(*each) for each in windows), opens_at=first).model_copy(
        update={
            "releases": parts,
            "kept": tuple(KeptSeats(share=share, seats=each) for share, each in kept.items()),  # type: ignore[arg-type]
        }
    )
    return domain.published(None, plan, CLOSES)


def take(seats: Seats, *shares: Share | None, now: datetime = NOW) -> tuple[list[Turn], Seats]:
    """What requests of some shares get, one after the other."""
    asked = [wish(pool=POOL, share=share) for share in shares]
    turns, after = domain.allocate({POOL.key: seats}, (), asked, now=now, hold=HOLD)
    return turns, after[POOL.key]


def used(turns: list[Turn], seat: Share | None) -> int:
    return sum(turn.state in LIVE and turn.seat == seat for turn in turns)


# Properties


@given(parted_days(), shared_batches, moments)
def test_seats_are_never_over_the_capacity_nor_over_what_is_released_nor_out_of_their_share(
    plan: CapacityDay, asked: list[Wish], hours: list[timedelta]
) -> None:
    """Requests come in batches through the day; after each of them, all of it holds."""
    seats = domain.published(None, plan, CLOSES)
    given_out: list[Turn] = []
    live: list[tuple[object, str]] = []
    step = -(-len(asked) // len(hours)) or 1
    for place, later in enumerate(hours):
        now = plan.opens_at + later
        batch = [replace(each, pool=POOL) for each in asked[place * step : (place + 1) * step]]
        turns, after = domain.allocate({POOL.key: seats}, live, batch, now=now, hold=HOLD)  # type: ignore[arg-type]
        taken = [turn for turn in turns if turn.state in LIVE]
        given_out += taken
        live += [(turn.person_id, turn.family) for turn in taken]
        seats = after[POOL.key]
        released = sum(each.seats for each in plan.releases if each.at <= now)
        assert seats.in_use == len(given_out) <= min(plan.capacity, released)
        for each in seats.kept:
            assert each.in_use == used(given_out, each.share) <= each.seats
        assert used(given_out, None) <= plan.capacity - sum(each.seats for each in seats.kept)
        assert all(turn.seat in {None, turn.share} for turn in given_out)
        for start in seats.windows:
            assert start.in_use == sum(turn.window == start.start for turn in given_out) <= start.capacity


@given(parted_days(), shared_batches)
def test_what_is_given_back_goes_to_where_it_came_from(plan: CapacityDay, asked: list[Wish]) -> None:
    before = domain.published(None, plan, CLOSES)
    turns, after = domain.allocate(
        {POOL.key: before}, (), [replace(each, pool=POOL) for each in asked], now=CLOSES - HOLD, hold=HOLD
    )
    seats = after[POOL.key]
    for turn in turns:
        if turn.state in LIVE:
            seats = seats.taking(turn.window, -1, turn.seat)
    assert seats == before


@given(parted_days(), shared_batches)
def test_nobody_is_refused_while_a_seat_is_there_for_them(plan: CapacityDay, asked: list[Wish]) -> None:
    """`left_for` and the line agree: a request is refused for want of seats exactly when it says that none is left."""
    seats = domain.published(None, plan, CLOSES)
    for each in asked:
        one = replace(each, pool=POOL, window=None, fee=FEE, fx=None)
        turn = answer(one, seats)
        if seats.planned:
            assert (turn.state in LIVE) == (seats.left_for(one.share, NOW) > 0)
        if turn.state in LIVE:
            seats = seats.taking(turn.window, 1, turn.seat)


@given(parted_days(), shared_batches, parted_days())
def test_a_new_plan_keeps_every_seat_that_is_in_use_in_its_share(
    plan: CapacityDay, asked: list[Wish], new: CapacityDay
) -> None:
    before = domain.published(None, plan, CLOSES)
    mine = [replace(each, pool=POOL) for each in asked]
    turns, after = domain.allocate({POOL.key: before}, (), mine, now=NOW, hold=HOLD)
    seats = domain.published(after[POOL.key], new, CLOSES)
    assert seats.in_use == after[POOL.key].in_use <= seats.capacity
    for share in SHARES:
        assert sum(each.in_use for each in seats.kept if each.share == share) == used(turns, share)
    assert domain.published(seats, new, CLOSES) == seats
    shut = domain.closed(seats)
    assert (shut.left_for(None, NOW), shut.left_for("urgent", NOW), shut.in_use) == (0, 0, seats.in_use)
    assert domain.closed(shut) == shut
    for turn in turns:
        if turn.state in LIVE:
            shut = shut.taking(turn.window, -1, turn.seat)
    assert (shut.in_use, sum(each.in_use for each in shut.kept)) == (0, 0)


@given(parted_days(), parted_days(), st.lists(st.none() | st.sampled_from(SHARES), max_size=5))
def test_days_that_are_planned_alike_have_one_plan(
    plan: CapacityDay, other: CapacityDay, shares: list[Share | None]
) -> None:
    """Also once seats of one of them are in use: it is how a day that an office closed is told from a new one."""
    empty = domain.published(None, plan, CLOSES)
    _, busy = take(empty, *shares)
    assert domain.plan_of(busy) == domain.plan_of(empty)
    assert domain.plan_of(domain.published(busy, plan, CLOSES)) == domain.plan_of(empty)
    changed = domain.published(None, other, CLOSES)
    assert (domain.plan_of(changed) == domain.plan_of(empty)) == (_offered(changed) == _offered(empty))


def _offered(seats: Seats) -> Seats:
    return replace(seats, windows=tuple(each for each in seats.windows if each.planned))


# Examples


def test_others_never_take_a_kept_seat() -> None:
    turns, after = take(parted(3, accessible=1, urgent=1), None, None, "accessible", None, "urgent")
    assert [turn.refusal for turn in turns] == [None, RefusalCode.SOLD_OUT, None, RefusalCode.SOLD_OUT, None]
    assert (after.in_use, after.left) == (3, 0)


def test_a_share_takes_its_kept_seats_first_and_then_what_anybody_can_have() -> None:
    turns, after = take(parted(3, accessible=1, urgent=1), "accessible", "accessible", "accessible")
    assert [turn.seat for turn in turns] == ["accessible", None, None]
    assert [turn.refusal for turn in turns] == [None, None, RefusalCode.SOLD_OUT]
    assert [turn.share for turn in turns] == ["accessible"] * 3
    assert after.left_for("urgent", NOW) == 1


def test_parts_are_released_at_their_moments() -> None:
    seats = parted(4, (1, 3))
    (first, early), seats = take(seats, None, None)
    assert (first.state, early.refusal) == (State.HELD, RefusalCode.NOT_OPEN_YET)
    noon = NOW + timedelta(hours=1)
    assert early.opens_at == noon
    (moment_before,), _ = take(seats, None, now=noon - timedelta(microseconds=1))
    assert moment_before.refusal is RefusalCode.NOT_OPEN_YET
    turns, _ = take(seats, None, None, None, None, now=noon)
    assert [turn.refusal for turn in turns] == [None, None, None, RefusalCode.SOLD_OUT]


def test_kept_seats_are_of_the_first_part() -> None:
    """Who has a share does not wait for the second part because others took the first."""
    turns, _ = take(parted(4, (2, 2), accessible=1), None, None, "accessible")
    assert [turn.refusal for turn in turns] == [None, RefusalCode.NOT_OPEN_YET, None]


def test_nobody_waits_for_a_part_that_has_nothing_for_them() -> None:
    turns, _ = take(parted(2, (1, 1), accessible=1, urgent=1), "urgent", None)
    assert [turn.refusal for turn in turns] == [None, RefusalCode.SOLD_OUT]


@pytest.mark.parametrize(("released", "confirmed"), [((1, 1), False), ((2,), True)])
def test_a_late_payment_gets_no_seat_before_its_part_is_released(released: tuple[int, ...], confirmed: bool) -> None:
    late = domain.expire(answer(wish(share="urgent"), parted(1, urgent=1)), LATER)
    seats = parted(2, released).taking(None)
    settled, after, refund = domain.settle_payment(late, seats, FEE, now=NOW)
    assert (settled.state is State.CONFIRMED) == confirmed == (refund is None)
    assert (settled.seat if confirmed else None) is None
    assert after is not None
    assert after.in_use == 1 + confirmed


def test_a_late_payer_takes_a_kept_seat_of_their_share_again() -> None:
    late = domain.expire(answer(wish(share="urgent"), parted(2, urgent=1)), LATER)
    settled, after, _ = domain.settle_payment(late, parted(2, urgent=1).taking(None), FEE, now=LATER)
    assert (settled.state, settled.seat) == (State.CONFIRMED, "urgent")
    assert after is not None
    assert [each.in_use for each in after.kept] == [1]


def test_who_asked_for_another_stays_in_the_history() -> None:
    officer = uuid4()
    turn = answer(wish(share="urgent", entered=domain.Entered(officer, "medical")), parted(1, urgent=1))
    assert turn.entered_by == officer
    assert turn.history[0]["reason"] == "medical"
    assert answer(wish(), parted(1)).entered_by is None
