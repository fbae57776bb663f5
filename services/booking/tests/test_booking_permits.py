"""A shown turn says what its people may do about it, until when, and what comes back: pages repeat no rule."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.booking.tests.conftest import DAY, SYP, Booking, captured

from dawr.booking.domain import State
from dawr.contracts.values import Window

BEGINS = dt.datetime.combine(DAY, dt.time.min, ZoneInfo("Asia/Damascus"))


@contextmanager
def at(booking: Booking, moment: dt.datetime) -> Iterator[None]:
    before = booking.clock.now
    booking.clock.now = moment.astimezone(dt.UTC)
    try:
        yield
    finally:
        booking.clock.now = before


def permits(turn: dict[str, Any]) -> tuple[object, ...]:
    can = turn["can"]
    return can["cancel"], can["reschedule"], can["why_not"], can["why_not_reschedule"], can["refund_if_cancelled"]


async def test_a_held_turn_and_what_comes_back_once_it_is_paid(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    held = await booking.turn(id, ada)
    assert permits(held) == (True, True, None, None, None)
    assert dt.datetime.fromisoformat(held["can"]["until"]) == BEGINS
    assert held["can"]["moves_left"] == 3
    await booking.says(captured(id, ada, SYP))
    paid = await booking.turn(id, ada)
    assert permits(paid) == (True, True, None, None, paid["fee"])
    (listed,) = (await booking.get("/api/booking/turns", ada)).json()["items"]
    assert listed == paid


async def test_a_free_turn_gives_nothing_back(booking: Booking) -> None:
    office, ada = await booking.opened(1, service="FREE_ONE"), uuid4()
    id = await booking.hold(ada, office=office, service="FREE_ONE")
    assert permits(await booking.turn(id, ada)) == (True, True, None, None, None)


async def test_once_the_day_begins_it_says_what_the_line_would_say(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada, SYP))
    with at(booking, BEGINS - timedelta(seconds=1)):
        assert permits(await booking.turn(id, ada))[:2] == (True, True)
    with at(booking, BEGINS):
        late = await booking.turn(id, ada)
        assert permits(late) == (False, False, "too-late-to-cancel", "too-late-to-move", None)
        assert (await booking.cancel(id, ada)).json()["code"] == late["can"]["why_not"]


async def test_a_turn_that_is_over(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.cancel(id, ada)
    turn = await booking.reaches(id, ada, State.CANCELLED_BY_CITIZEN)
    assert permits(turn) == (False, False, "not-cancellable", "not-movable", None)
    assert (turn["can"]["until"], turn["can"]["moves_left"]) == (None, 0)


async def test_the_window_is_shown_with_its_end(booking: Booking) -> None:
    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:30", capacity=1))
    office, ada, bob = await booking.opened(2, windows=windows), uuid4(), uuid4()
    answer = await booking.take(ada, office=office, window="09:00")
    assert (answer.json()["window"], answer.json()["window_end"]) == ("09:00", "09:30")
    id = await booking.hold(bob, office=office)
    turn = await booking.turn(id, bob)
    assert (turn["window"], turn["window_end"]) == ("08:00", "08:45")
    (listed,) = (await booking.get("/api/booking/turns", bob)).json()["items"]
    assert listed["window_end"] == "08:45"
