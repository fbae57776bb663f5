"""A turn that its people move keeps its seat until it has the other one: decided purely."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import (
    CLOSES,
    DATE,
    HOLD,
    LATER,
    NOW,
    day,
    parted_days,
    shared_batches,
    window,
    wish,
)

from dawr.booking import domain
from dawr.booking.domain import LIVE, MoveRefusal, Seats, State, Turn, Wish
from dawr.contracts import Pool
from dawr.contracts.booking import RefusalCode, Share
from dawr.contracts.catalog import CapacityDay, KeptSeats, Release

HERE, THERE, ELSEWHERE = (
    Pool(office=office, service="PASS_REN", tier="N", date=DATE + timedelta(days=days))
    for office, days in (("DAM-01", 0), ("DAM-01", 2), ("DAM-02", -1))
)
Decided = tuple[Turn, dict[str, Seats]] | RefusalCode | MoveRefusal


def plan(capacity: int, *windows: tuple[str, int], **more: Any) -> Seats:
    published = day(capacity, tuple(window(*each) for each in windows)).model_copy(update=more)
    return domain.published(None, published, CLOSES + timedelta(days=5))


def seated(seats: Seats, **asked: Any) -> tuple[Turn, Seats]:
    """A turn of HERE, and the seats once it has its one."""
    ((turn,), after) = domain.allocate({HERE.key: seats}, (), [wish(pool=HERE, **asked)], now=NOW, hold=HOLD)
    assert turn.state in LIVE
    return turn, after[HERE.key]


def move(turn: Turn, here: Seats, there: Seats | None, **more: Any) -> Decided:
    wanted: dict[str, Any] = {"to": THERE, "window": None, "at_most": 3, "now": NOW, "asked_by": turn.asked_by} | more
    pools = {HERE.key: here} | ({wanted["to"].key: there} if there and wanted["to"] != HERE else {})
    return domain.reschedule(turn, wanted.pop("to"), wanted.pop("window"), pools, **wanted)


def moved(decided: Decided) -> tuple[Turn, dict[str, Seats]]:
    assert isinstance(decided, tuple), decided
    return decided


@given(
    parted_days(), shared_batches, parted_days(), shared_batches, st.data(), st.sampled_from([HERE, THERE, ELSEWHERE])
)
def test_one_seat_is_given_back_and_one_is_had_or_nothing_changes(
    plan: CapacityDay, asked: list[Wish], other: CapacityDay, others: list[Wish], data: st.DataObject, to: Pool
) -> None:
    asked = [replace(each, pool=HERE) for each in asked]
    rest = [replace(each, pool=to, turn_id=uuid4(), person_id=uuid4()) for each in others] if to != HERE else []
    pools = {pool.key: domain.published(None, each, CLOSES) for pool, each in ((HERE, plan), (to, other))}
    turns, seats = domain.allocate(pools, (), [*asked, *rest], now=NOW, hold=HOLD)
    live = [turn for turn in turns if turn.state in LIVE and turn.pool == HERE]
    if not live:
        return
    turn = data.draw(st.sampled_from(live))
    hour = data.draw(st.sampled_from([None, "08:00", "09:00", "23:00"]))
    before = dict(seats)
    decided = domain.reschedule(turn, to, hour, seats, asked_by=turn.asked_by, at_most=3, now=NOW)
    assert seats == before, "it is pure"
    if not isinstance(decided, tuple):
        return
    after, changed = decided
    seats = seats | changed
    assert after == replace(turn, pool=to, window=after.window, seat=after.seat, history=after.history)
    assert (after.moves, after.own_moves) == ([HERE.key], 1)
    everybody = [each for each in turns if each.state in LIVE and each.id != turn.id] + [after]
    for key, there in seats.items():
        mine = [each for each in everybody if each.pool.key == key]
        assert there.in_use == len(mine) <= there.capacity
        assert all(
            each.in_use == sum(it.window == each.start for it in mine) <= each.capacity for each in there.windows
        )
        assert all(each.in_use == sum(it.seat == each.share for it in mine) <= each.seats for each in there.kept)
    assert hour in {None, after.window}
    assert seats[to.key].in_use <= seats[to.key].released(NOW)


def test_the_last_seat_of_a_day_changes_its_window() -> None:
    """The day is full: the seat that it frees is the one that it takes."""
    here = plan(1, ("08:00", 1), ("09:00", 1))
    here = replace(here, capacity=1, planned=1)
    turn, here = seated(here, window="08:00")
    after, seats = moved(move(turn, here, None, to=HERE, window="09:00"))
    assert (after.window, seats[HERE.key].in_use) == ("09:00", 1)
    assert [each.in_use for each in seats[HERE.key].windows] == [0, 1]


@pytest.mark.parametrize(
    ("there", "more", "code"),
    [
        (None, {}, RefusalCode.CLOSED),
        (plan(0), {}, RefusalCode.CLOSED),
        (replace(plan(1), in_use=1), {}, RefusalCode.SOLD_OUT),
        (plan(1), {"now": CLOSES + timedelta(days=5)}, RefusalCode.DAY_OVER),
        (plan(1, opens_at=LATER), {}, RefusalCode.NOT_OPEN_YET),
        (
            plan(2, releases=(Release(at=NOW, seats=0), Release(at=LATER, seats=2))),
            {},
            RefusalCode.NOT_OPEN_YET,
        ),
        (plan(1, kept=(KeptSeats(share="urgent", seats=1),)), {}, RefusalCode.SOLD_OUT),
        (plan(2, ("08:00", 1), ("09:00", 1)), {"window": "10:00"}, RefusalCode.WINDOW_UNKNOWN),
        (plan(1, ("08:00", 0), ("09:00", 1)), {"window": "08:00"}, RefusalCode.WINDOW_UNKNOWN),
        (plan(1), {"to": HERE}, MoveRefusal.ALREADY_THERE),
        (plan(1), {"to": THERE.model_copy(update={"tier": "U"})}, MoveRefusal.NOT_OFFERED),
        (plan(1), {"to": THERE.model_copy(update={"service": "PASS_NEW"})}, MoveRefusal.NOT_OFFERED),
        (plan(1), {"at_most": 0}, MoveRefusal.MOVED_TOO_OFTEN),
    ],
)
def test_why_it_stays(there: Seats | None, more: dict[str, Any], code: RefusalCode | MoveRefusal) -> None:
    turn, here = seated(plan(1))
    turn = turn.moved(State.CONFIRMED, NOW, "paid", paid=True)
    assert move(turn, here, there, **more) == code


def test_what_is_over_and_what_belongs_to_a_case_is_not_moved() -> None:
    turn, here = seated(plan(1))
    assert move(turn, here, plan(1), now=LATER) is MoveRefusal.NOT_MOVABLE, "its hold has run out, swept or not"
    for over in (State.EXPIRED, State.CANCELLED_BY_CITIZEN, State.CANCELLED_BY_OFFICE):
        assert move(turn.moved(over, NOW, "over"), here, plan(1)) is MoveRefusal.NOT_MOVABLE
    assert move(replace(turn, case_id=UUID(int=1)), here, plan(1)) is MoveRefusal.MOVE_AT_MISSION


def test_as_often_as_it_may_and_the_office_s_own_moves_do_not_count() -> None:
    turn, here = seated(plan(1))
    turn = turn.moved(turn.state, NOW, domain.MOVED_BY_OFFICE, noting={"from": HERE.key, "by": str(uuid4())})
    for to in (THERE, HERE, THERE):
        pools = {turn.pool.key: here, to.key: plan(1)}
        turn, pools = moved(domain.reschedule(turn, to, None, pools, asked_by=turn.asked_by, at_most=3, now=NOW))
        here = pools[to.key]
    decided = domain.reschedule(
        turn, HERE, None, {turn.pool.key: here, HERE.key: plan(1)}, asked_by=turn.asked_by, at_most=3, now=NOW
    )
    assert decided is MoveRefusal.MOVED_TOO_OFTEN


@pytest.mark.parametrize(
    ("share", "to", "seat"),
    [("accessible", ELSEWHERE, "accessible"), ("urgent", THERE, "urgent"), ("urgent", ELSEWHERE, None)],
)
def test_a_kept_seat_is_had_where_its_people_may_have_it(share: Share, to: Pool, seat: Share | None) -> None:
    kept = (KeptSeats(share=share, seats=1),)
    turn, here = seated(plan(2, kept=kept), share=share)
    after, seats = moved(move(turn, here, plan(2, kept=kept), to=to))
    assert (after.seat, after.share) == (seat, share)
    assert [each.in_use for each in seats[HERE.key].kept] == [0]
    assert [each.in_use for each in seats[to.key].kept] == [1 if seat else 0]


def test_a_held_turn_is_still_to_be_paid_by_then() -> None:
    turn, here = seated(plan(1))
    after, _ = moved(move(turn, here, plan(1)))
    assert (after.state, after.held_until, after.payable) == (State.HELD, turn.held_until, turn.payable)
    fact = domain.moved_fact(after, NOW, domain.ITS_PEOPLE_ASKED)
    assert (fact.by, fact.moves, fact.from_pool, fact.pool) == ("citizen", 1, HERE, THERE)
