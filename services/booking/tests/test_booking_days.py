"""What a day is to who looks for a seat, against what the allocator answers to who asks for one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from services.booking.tests.builders import FEE, FREE, answer, wish

from dawr.booking import domain
from dawr.booking.domain import KeptSeats, Release, Seats, State, WindowSeats
from dawr.booking.domain.days import DayState, day_of, day_without_seats
from dawr.contracts.booking import RefusalCode

CLOSES = datetime(2026, 12, 2, tzinfo=UTC)
"""The end of the day, at an office in UTC."""
moments = st.integers(0, 54 * 60).map(lambda minutes: CLOSES - timedelta(days=2) + timedelta(minutes=minutes))


@st.composite
def windows(draw: st.DrawFn) -> tuple[WindowSeats, ...]:
    found = []
    for hour in draw(st.lists(st.integers(8, 14), unique=True, max_size=4).map(sorted)):
        planned = draw(st.integers(0, 3))
        in_use = draw(st.integers(0, 3))
        found.append(WindowSeats(f"{hour:02}:00", f"{hour:02}:45", max(planned, in_use), in_use, planned))
    return tuple(found)


@st.composite
def days(draw: st.DrawFn) -> Seats:
    """A day as the catalog and turns may have left it."""
    parts = draw(windows())
    planned = sum(each.planned for each in parts) if parts else draw(st.integers(0, 5))
    in_use = sum(each.in_use for each in parts) if parts else draw(st.integers(0, 6))
    opens_at = draw(moments)
    releases: tuple[Release, ...] = ()
    if planned > 1 and draw(st.booleans()):
        first = draw(st.integers(0, planned))
        later = opens_at + timedelta(hours=draw(st.integers(1, 12)))
        releases = (Release(opens_at, first), Release(later, planned - first))
    kept = draw(st.sampled_from([(), (KeptSeats("accessible", 1),), (KeptSeats("urgent", 2, 1),)]))
    return Seats(max(planned, in_use), in_use, planned, opens_at, CLOSES, parts, None, releases, kept)


def refusal(seats: Seats, now: datetime) -> RefusalCode | None:
    """What the allocator answers to a wish for any window. Of a day without seats that is over it says only the one."""
    return RefusalCode.DAY_OVER if now >= seats.closes_at else answer(wish(), seats, now=now).refusal


AS_REFUSED = {
    DayState.OVER: RefusalCode.DAY_OVER,
    DayState.CLOSED: RefusalCode.CLOSED,
    DayState.NOT_OPEN_YET: RefusalCode.NOT_OPEN_YET,
    DayState.SOLD_OUT: RefusalCode.SOLD_OUT,
    DayState.OPEN: None,
}


@given(days(), moments)
def test_a_day_is_what_the_allocator_says_it_is(seats: Seats, now: datetime) -> None:
    assert AS_REFUSED[day_of(seats, now).state] == refusal(seats, now)


@given(days(), moments)
def test_a_window_is_given_if_it_is_shown_with_seats(seats: Seats, now: datetime) -> None:
    day = day_of(seats, now)
    for shown in day.windows:
        turn = answer(wish(window=shown.start, fee=FREE), seats, now=now)
        assert (turn.refusal is None) == (shown.left > 0), turn.refusal


@given(days(), moments)
def test_there_is_never_more_than_is_free(seats: Seats, now: datetime) -> None:
    day = day_of(seats, now)
    assert (day.left > 0) == (day.state is DayState.OPEN)
    assert 0 <= day.left <= min(seats.left, max(0, seats.planned - min(seats.in_use, seats.planned)))
    assert day.left <= seats.left_for(None, now)
    assert day.accessible <= seats.left_for("accessible", now)
    assert all(each.left <= day.left for each in day.windows)
    if day.windows:
        assert day.left <= sum(each.left for each in day.windows)
        assert (day.first_window is not None) == (day.state is DayState.OPEN)
    else:
        assert day.first_window is None
    if day.state in {DayState.CLOSED, DayState.OVER}:
        assert (day.left, day.accessible, day.opens_at) == (0, 0, None)


@given(days(), moments)
def test_the_next_opening_is_ahead_and_brings_seats_or_is_not_told(seats: Seats, now: datetime) -> None:
    day = day_of(seats, now)
    if day.state is DayState.NOT_OPEN_YET:
        assert day.opens_at is not None
    if day.opens_at is not None:
        assert day.opens_at > now
        assert day.opens_at == seats.opens_next(now)


@given(moments, st.booleans())
def test_a_day_without_seats(now: datetime, is_published: bool) -> None:
    day = day_without_seats(CLOSES, now, is_published=is_published)
    ahead = DayState.CLOSED if is_published else DayState.NOT_OPEN_YET
    assert day.state is (DayState.OVER if now >= CLOSES else ahead)
    assert (day.left, day.opens_at, day.windows) == (0, None, ())


def test_windows_end_by_the_office_s_clock() -> None:
    seats = Seats(2, 0, 2, datetime(2026, 1, 1, tzinfo=UTC), CLOSES, (WindowSeats("09:00", "09:45", 2, 0, 2),))
    end = datetime(2026, 12, 1, 9, 45, tzinfo=UTC)
    assert day_of(seats, end - timedelta(seconds=1)).state is DayState.OPEN
    assert day_of(seats, end).state is DayState.OVER
    until_midnight = replace(seats, windows=(WindowSeats("22:00", "00:00", 2, 0, 2),))
    assert day_of(until_midnight, CLOSES - timedelta(seconds=1)).state is DayState.OPEN


def test_a_window_that_has_ended_is_given_to_nobody() -> None:
    windows = (WindowSeats("09:00", "09:45", 1, 0, 1), WindowSeats("10:00", "10:45", 1, 0, 1))
    seats = Seats(2, 0, 2, datetime(2026, 1, 1, tzinfo=UTC), CLOSES, windows)
    now = datetime(2026, 12, 1, 9, 45, tzinfo=UTC)
    assert answer(wish(window="09:00"), seats, now=now).refusal is RefusalCode.WINDOW_FULL
    assert answer(wish(), seats, now=now).window == "10:00"
    over = now + timedelta(hours=1)
    assert {answer(wish(window=each), seats, now=over).refusal for each in (None, "10:00")} == {RefusalCode.DAY_OVER}


def test_who_pays_late_gets_no_window_that_has_ended() -> None:
    windows = (WindowSeats("09:00", "09:45", 1, 0, 1), WindowSeats("10:00", "10:45", 1, 0, 1))
    seats = Seats(2, 0, 2, datetime(2026, 1, 1, tzinfo=UTC), CLOSES, windows)
    end = datetime(2026, 12, 1, 9, 45, tzinfo=UTC)
    turn = answer(wish(window="09:00"), seats, now=end - timedelta(hours=1))
    late = domain.expire(turn, end - timedelta(minutes=30))
    for now, state in ((end - timedelta(seconds=1), State.CONFIRMED), (end, State.EXPIRED)):
        settled, _, refund = domain.settle_payment(late, seats, FEE, now=now)
        assert (settled.state, refund is not None) == (state, state is State.EXPIRED)
