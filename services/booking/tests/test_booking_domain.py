"""Who gets a seat, and which moves a turn may make: decided purely."""

import ast
import inspect
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import (
    DATE,
    FEE,
    FREE,
    HOLD,
    LATER,
    NOW,
    POOLS,
    answer,
    batches,
    held,
    in_state,
    instants,
    quotas,
    seats,
    window,
    wish,
)

from dawr.booking import domain
from dawr.booking.domain import LIVE, TRANSITIONS, Seats, State, Turn, Wish, allocation, moving, settlement, turns
from dawr.booking.errors import IllegalMove
from dawr.contracts import Channel, FxRate, Money, Text
from dawr.contracts.booking import RefusalCode, TurnExpired, TurnHeld, TurnRefused

POOL = POOLS[0].key
TWO_WINDOWS = seats(2, (window("08:00", 1), window("09:00", 1)))


def add_up(before: Seats, after: Seats, given: list[Turn]) -> None:
    """Seats are counted once per live turn, in their windows too."""
    assert after.in_use == before.in_use + len(given) <= after.capacity == before.capacity
    for was, now in zip(before.windows, after.windows, strict=True):
        assert now == replace(was, in_use=was.in_use + sum(turn.window == was.start for turn in given))
        assert 0 <= now.in_use <= now.capacity


# Allocation


@given(quotas, batches, instants)
def test_seats_are_given_once_and_never_more_than_there_are(
    pools: dict[str, Seats], asked: list[Wish], now: object
) -> None:
    turns, after = domain.allocate(pools, (), asked, now=now, hold=HOLD)  # type: ignore[arg-type]
    assert [turn.id for turn in turns] == [each.turn_id for each in asked]
    assert set(after) == set(pools)
    for key, before in pools.items():
        add_up(before, after[key], [turn for turn in turns if turn.state in LIVE and turn.pool.key == key])
    live = [(turn.person_id, turn.family) for turn in turns if turn.state in LIVE]
    assert len(live) == len(set(live))


@given(quotas, batches, instants, st.integers(0, 25))
def test_a_batch_that_is_cut_in_two_gives_the_same_turns_and_seats(
    pools: dict[str, Seats], asked: list[Wish], now: object, cut: int
) -> None:
    whole = domain.allocate(pools, (), asked, now=now, hold=HOLD)  # type: ignore[arg-type]
    first, between = domain.allocate(pools, (), asked[:cut], now=now, hold=HOLD)  # type: ignore[arg-type]
    live = [(turn.person_id, turn.family) for turn in first if turn.state in LIVE]
    second, after = domain.allocate(between, live, asked[cut:], now=now, hold=HOLD)  # type: ignore[arg-type]
    assert (first + second, after) == whole
    assert domain.allocate(pools, (), asked, now=now, hold=HOLD) == whole  # type: ignore[arg-type]


@given(quotas, batches)
def test_nobody_is_refused_while_what_they_want_is_there(pools: dict[str, Seats], asked: list[Wish]) -> None:
    """Each turn, seen with the seats and people that the ones before it left, has the answer that these allow."""
    left, live = dict(pools), set[tuple[UUID, str]]()
    turns, _ = domain.allocate(pools, (), asked, now=NOW, hold=HOLD)
    for each, turn in zip(asked, turns, strict=True):
        there = left.get(each.pool.key)
        could = (
            there is not None
            and there.planned > 0
            and each.fee is not None
            and (each.fx is None or each.fx.base == each.fee.currency)
            and (each.person_id, each.family) not in live
            and there.left > 0
            and not isinstance(there.window_for(each.window, NOW), RefusalCode)
        )
        assert (turn.state in LIVE) == could
        assert (turn.refusal is None) == could
        if could and there is not None:
            left[each.pool.key] = there.taking(turn.window)
            live.add((each.person_id, each.family))


@given(quotas, batches, instants)
def test_a_turn_tells_what_it_is(pools: dict[str, Seats], asked: list[Wish], now: object) -> None:
    """Every answer moves by the table, and makes a fact that its contract accepts."""
    turns, _ = domain.allocate(pools, (), asked, now=now, hold=HOLD)  # type: ignore[arg-type]
    for each, turn in zip(asked, turns, strict=True):
        fact = domain.fact_of(turn, NOW)
        assert type(fact) is TRANSITIONS[State.REQUESTED][turn.state]
        assert [step["state"] for step in turn.history] == [turn.state.value]
        if turn.state is State.HELD:
            assert turn.fee == each.fee
            assert turn.held_until == now + HOLD  # type: ignore[operator]
            assert turn.payable == (each.fx.convert(FEE) if each.fx else FEE)
        elif turn.state is State.CONFIRMED:
            assert turn.fee == turn.payable == FREE
            assert turn.held_until is None


@pytest.mark.parametrize(
    ("asked", "there", "code"),
    [
        (wish(), None, RefusalCode.CLOSED),
        (wish(), seats(0), RefusalCode.CLOSED),
        (wish(), domain.closed(seats(2).taking(None)), RefusalCode.CLOSED),
        (wish(), seats(1).taking(None), RefusalCode.SOLD_OUT),
        (wish(), seats(1, opens_at=NOW + timedelta(microseconds=1)), RefusalCode.NOT_OPEN_YET),
        (wish(), replace(seats(1), closes_at=NOW), RefusalCode.DAY_OVER),
        (wish(fee=None), seats(1), RefusalCode.NO_FEE),
        (wish(window="08:00"), seats(1), RefusalCode.WINDOW_UNKNOWN),
        (wish(window="11:00"), seats(1, (window("08:00", 1),)), RefusalCode.WINDOW_UNKNOWN),
        (wish(window="08:00"), TWO_WINDOWS.taking("08:00"), RefusalCode.WINDOW_FULL),
        (wish(fx=FxRate(base="USD", quote="EUR", rate=1, dated=DATE)), seats(1), RefusalCode.FX_MISMATCH),
    ],
)  # fmt: skip
def test_each_refusal_has_its_code(asked: Wish, there: Seats | None, code: RefusalCode) -> None:
    turn = answer(asked, there)
    assert (turn.state, turn.refusal) == (State.REFUSED, code)
    assert (turn.held_until, turn.payable, turn.fee) == (None, None, None)
    assert (turn.opens_at is not None) == (code is RefusalCode.NOT_OPEN_YET)
    assert isinstance(domain.fact_of(turn, NOW), TurnRefused)


def test_a_day_opens_and_ends_at_its_moments() -> None:
    at_opening = seats(1, opens_at=NOW)
    assert answer(wish(), at_opening).state is State.HELD
    last = replace(seats(1), closes_at=NOW + timedelta(microseconds=1))
    assert answer(wish(), last).state is State.HELD


def test_one_live_turn_per_person_and_family() -> None:
    assert answer(wish(), seats(1), has_live_turn=True).refusal is RefusalCode.ONE_LIVE_TURN
    ada = uuid4()
    asked = [wish(ada), wish(ada), wish(ada, family="ID"), wish(ada, POOLS[1])]
    answers, _ = domain.allocate({POOL: seats(9), POOLS[1].key: seats(9)}, (), asked, now=NOW, hold=HOLD)
    assert [turn.refusal for turn in answers] == [None, RefusalCode.ONE_LIVE_TURN, None, RefusalCode.ONE_LIVE_TURN]


def test_without_a_wish_the_earliest_window_with_room_is_given() -> None:
    windows = (window("08:00", 1), window("09:00", 2))
    answers, _ = domain.allocate({POOL: seats(3, windows)}, (), [wish() for _ in range(4)], now=NOW, hold=HOLD)
    assert [turn.window for turn in answers] == ["08:00", "09:00", "09:00", None]
    assert answers[3].refusal is RefusalCode.SOLD_OUT


def test_a_frozen_rate_says_what_is_paid() -> None:
    fx = FxRate(base="USD", quote="SYP", rate=13000, dated=DATE)
    turn = answer(wish(fee=Money(minor=30_000, currency="USD"), fx=fx, channel=Channel.MISSION), seats(1))
    assert turn.payable == Money(minor=390_000_000, currency="SYP")
    fact = domain.fact_of(turn, NOW)
    assert isinstance(fact, TurnHeld)
    assert (fact.fee.minor, fact.payable) == (30_000, turn.payable)


# Moves


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_the_table_is_the_only_way_to_move(state: State, to: State) -> None:
    turn = in_state(state)
    if to in TRANSITIONS.get(state, {}):
        moved = turn.moved(to, NOW, "why")
        assert (moved.state, moved.history[-1]) == (to, {"state": to.value, "at": NOW.isoformat(), "cause": "why"})
    else:
        with pytest.raises(IllegalMove):
            turn.moved(to, NOW, "why")


def test_no_other_code_sets_a_state() -> None:
    """`replace(…, state=…)` stands in `Turn.moved` and nowhere else; a new turn's first move is of the table too."""
    for module in (allocation, moving, settlement, turns):
        for call in ast.walk(ast.parse(inspect.getsource(module))):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) == "IllegalMove":
                continue
            sets = [ast.unparse(each.value) for each in call.keywords if each.arg == "state"]
            if sets:
                allowed = [("replace", ["to"]), ("Turn", ["advance(State.REQUESTED, to)"])]
                assert (ast.unparse(call.func), sets) in allowed


def test_each_move_is_told_by_its_own_fact() -> None:
    for state, moves in TRANSITIONS.items():
        for to, fact in moves.items():
            if to is state:
                there = in_state(state).moved(to, NOW, "why", noting={"from": POOL}, pool=POOLS[1])
                assert type(domain.moved_fact(there, NOW, Text(ar="سبب", en="why"))) is fact
            elif state is not State.REQUESTED:
                assert type(domain.fact_of(in_state(state).moved(to, NOW, "why"), NOW)) is fact


def test_a_hold_runs_out_at_its_moment() -> None:
    turn = held()
    assert not domain.has_run_out(turn, LATER - timedelta(microseconds=1))
    assert domain.has_run_out(turn, LATER)
    assert not domain.has_run_out(in_state(State.CONFIRMED), LATER)
    fact = domain.fact_of(domain.expire(turn, LATER), LATER)
    assert isinstance(fact, TurnExpired)
    assert fact.held_until == LATER
