"""The turns of a day that an office cancels: moved to the next free day or refunded, decided purely."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import CLOSES, DATE, HOLD, NOW, day, parted_days, shared_batches, window, wish

from dawr.booking import domain
from dawr.booking.domain import LIVE, Cleared, Seats, State, Turn, Wish
from dawr.contracts import Pool, Text
from dawr.contracts.booking import CancelDay, RefusalCode, Share
from dawr.contracts.catalog import CapacityDay, KeptSeats
from dawr.contracts.payments import CancelPayment, RefundReason, RequestRefund

HERE, NEXT, LAST = (
    Pool(office="DAM-01", service="PASS_REN", tier="N", date=DATE + timedelta(days=each)) for each in range(3)
)
OFFICER = UUID(int=99)
STORM = Text(ar="عاصفة", en="A storm")


def command(instead: str = "move") -> CancelDay:
    return CancelDay.model_validate(
        {"cancellation_id": uuid4(), "pool": HERE, "instead": instead, "reason": STORM, "asked_by": OFFICER,
         "role": "office-manager", "at": NOW}
    )  # fmt: skip


def plan(capacity: int, *windows: tuple[str, int], **kept: int) -> Seats:
    published = day(capacity, tuple(window(*each) for each in windows)).model_copy(
        update={"kept": tuple(KeptSeats(share=share, seats=each) for share, each in kept.items())}  # type: ignore[arg-type]
    )
    return domain.published(None, published, CLOSES)


def full_day(seats: Seats, wishes: list[Wish]) -> tuple[list[Turn], Seats]:
    """The turns of HERE, every second of them paid, and its seats once it is closed."""
    turns, after = domain.allocate({HERE.key: seats}, (), wishes, now=CLOSES - timedelta(days=1), hold=HOLD)
    live = [turn for turn in turns if turn.state in LIVE]
    paid = [
        turn.moved(State.CONFIRMED, NOW, "paid", paid=True) if place % 2 and turn.state is State.HELD else turn
        for place, turn in enumerate(live)
    ]
    return paid, domain.closed(after[HERE.key])


def clear(
    turns: list[Turn], closed: Seats, days: dict[Pool, Seats], *, instead: str = "move", more: bool = False
) -> Cleared:
    pools = {HERE.key: closed} | {pool.key: seats for pool, seats in days.items()}
    return domain.clear_day(command(instead), turns, pools, list(days), has_more_days=more, now=NOW)


def people(count: int, **more: Any) -> list[Wish]:
    return [wish(pool=HERE, **more) for _ in range(count)]


@given(parted_days(), shared_batches, parted_days(), parted_days(), st.booleans(), st.sampled_from(["move", "refund"]))
def test_each_turn_has_one_seat_or_its_money_and_the_books_add_up(
    today: CapacityDay, asked: list[Wish], tomorrow: CapacityDay, later: CapacityDay, more: bool, instead: str
) -> None:
    wishes = [replace(each, pool=HERE) for each in asked]
    turns, closed = full_day(domain.published(None, today, CLOSES), wishes)
    days = {NEXT: domain.published(None, tomorrow, CLOSES), LAST: domain.published(None, later, CLOSES)}
    cleared = clear(turns, closed, days, instead=instead, more=more)
    ends = [*cleared.moved, *(turn for turn, _ in cleared.cancelled), *cleared.left]
    assert sorted(turn.id for turn in ends) == sorted(turn.id for turn in turns)
    assert cleared.seats[HERE.key].in_use == len(cleared.left)
    assert not cleared.left or cleared.moved
    for pool, seats in days.items():
        there = [turn for turn in cleared.moved if turn.pool == pool]
        after = cleared.seats[pool.key]
        assert after.in_use == len(there) <= seats.planned
        assert all(each.in_use == sum(turn.seat == each.share for turn in there) <= each.seats for each in after.kept)
        general = sum(turn.seat is None for turn in there)
        assert general <= seats.planned - sum(each.seats for each in after.kept)
        assert all(
            each.in_use == sum(turn.window == each.start for turn in there) <= each.capacity for each in after.windows
        )
    before = {turn.id: turn for turn in turns}
    for turn in cleared.moved:
        was = before[turn.id]
        assert turn == replace(was, pool=turn.pool, window=turn.window, seat=turn.seat, history=turn.history)
        assert (turn.moves, turn.history[:-1]) == ([HERE.key], was.history)
    for turn, asks in cleared.cancelled:
        assert turn.state is State.CANCELLED_BY_OFFICE
        kinds = [type(ask) for ask in asks]
        was_held = before[turn.id].state is State.HELD
        assert kinds == ([RequestRefund] if turn.paid else [CancelPayment] if was_held else [])
        assert all(ask.reason is RefundReason.CANCELLED_BY_OFFICE for ask in asks if isinstance(ask, RequestRefund))
    if not more and instead == "move":
        assert all(not _fits(cleared.seats[pool.key], turn.share) for turn, _ in cleared.cancelled for pool in days)


def _fits(seats: Seats, share: Share | None) -> bool:
    return bool(seats.planned) and not isinstance(seats.source_for(share, None), RefusalCode)


def test_the_first_in_line_have_the_first_day() -> None:
    turns, closed = full_day(plan(3), people(3))
    cleared = clear(turns, closed, {NEXT: plan(2), LAST: plan(9)})
    assert [turn.pool for turn in cleared.moved] == [NEXT, NEXT, LAST]


def test_the_same_window_if_it_has_room_else_the_earliest() -> None:
    turns, closed = full_day(plan(3, ("08:00", 1), ("09:00", 2)), people(3))
    cleared = clear(turns, closed, {NEXT: plan(3, ("07:00", 1), ("09:00", 1), ("10:00", 1))})
    assert [(turn.window, now.window) for turn, now in zip(turns, cleared.moved, strict=True)] == [
        ("08:00", "07:00"),
        ("09:00", "09:00"),
        ("09:00", "10:00"),
    ]


def test_a_day_that_is_not_open_yet_is_free_for_those_who_were_in_line() -> None:
    turns, closed = full_day(plan(1), people(1))
    later = replace(plan(1), opens_at=NOW + timedelta(days=3))
    assert [turn.pool for turn in clear(turns, closed, {NEXT: later}).moved] == [NEXT]


def test_nobody_is_moved_to_a_day_that_is_over() -> None:
    """The allocator may have been away for days since the office decided."""
    turns, closed = full_day(plan(2), people(2))
    past = replace(plan(9), closes_at=NOW)
    served = replace(plan(9, ("08:00", 9)), closes_at=NOW + timedelta(hours=12))
    cleared = clear(turns, closed, {NEXT: past, LAST: served})
    assert (cleared.moved, len(cleared.cancelled)) == ([], 2)


def test_who_was_served_before_the_office_asked_stays() -> None:
    """CLOSES is the local midnight: the window from 08:00 ends at 08:45 there, 15 hours and a quarter before."""
    turns, closed = full_day(plan(2, ("08:00", 1), ("09:00", 1)), people(2))
    for instead in ("move", "refund"):
        asked = command(instead).model_copy(update={"at": CLOSES - timedelta(hours=15, minutes=15)})
        pools = {HERE.key: closed, NEXT.key: plan(9)}
        cleared = domain.clear_day(asked, turns, pools, [NEXT], has_more_days=False, now=CLOSES)
        cleared_turns = [*cleared.moved, *(turn for turn, _ in cleared.cancelled)]
        assert [turn.id for turn in cleared_turns] == [turns[1].id]
        assert (cleared.seats[HERE.key].in_use, cleared.seats[HERE.key].in_use_ahead(asked.at)) == (1, 0)
        a_moment_before = asked.model_copy(update={"at": asked.at - timedelta(seconds=1)})
        early = domain.clear_day(a_moment_before, turns, pools, [NEXT], has_more_days=False, now=CLOSES)
        assert early.seats[HERE.key].in_use == 0


def test_a_day_without_windows_is_cleared_whole_however_late() -> None:
    turns, closed = full_day(plan(2), people(2))
    late = command().model_copy(update={"at": CLOSES - timedelta(minutes=1)})
    cleared = domain.clear_day(late, turns, {HERE.key: closed, NEXT.key: plan(9)}, [NEXT], has_more_days=False, now=NOW)
    assert len(cleared.moved) == 2


def test_kept_seats_go_to_their_share_only() -> None:
    turns, closed = full_day(plan(2, urgent=1), [*people(1), *people(1, share="urgent")])
    cleared = clear(turns, closed, {NEXT: plan(1, urgent=1)})
    assert [(turn.share, turn.seat) for turn in cleared.moved] == [("urgent", "urgent")]
    assert [turn.share for turn, _ in cleared.cancelled] == [None]


def test_who_finds_no_day_waits_for_the_next_slice_while_others_are_moved() -> None:
    turns, closed = full_day(plan(2), people(2))
    assert [turn.id for turn in clear(turns, closed, {NEXT: plan(1)}, more=True).left] == [turns[1].id]
    assert len(clear(turns, closed, {NEXT: domain.closed(plan(1))}, more=True).cancelled) == 2


def test_a_hold_that_is_moved_has_the_time_to_pay_that_it_had() -> None:
    turns, closed = full_day(plan(1), people(1))
    (moved,) = clear(turns, closed, {NEXT: plan(1)}).moved
    assert moved.held_until == turns[0].held_until
    fact = domain.moved_fact(moved, NOW, STORM)
    assert (fact.from_pool, fact.pool, fact.held_until, fact.reason) == (HERE, NEXT, moved.held_until, STORM)
