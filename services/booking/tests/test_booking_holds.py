"""Holds that run out, with the sweeper and without it: their seats count as free either way."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, captured, has_catalogue, set_catalogue
from services.booking.tests.test_booking_cancelled_days import NEXT, cancel_day, completed, in_use, opened

from dawr.booking.domain import State
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnExpired, TurnHeld
from dawr.contracts.payments import CancelPayment, RequestPayment, RequestRefund
from dawr.contracts.values import Window
from dawr.servicekit.testing import FakeClock, Stage

HOLD_SECONDS = 15 * 60


@pytest.fixture(scope="module")
async def unswept(the_stage: Stage) -> AsyncIterator[Booking]:
    """A booking whose sweeper sleeps for the whole test."""
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    async with booking_on(the_stage, url, clock=FakeClock(), sweep_seconds=3600) as running:
        await has_catalogue(running)
        yield running


async def test_the_sweeper_frees_the_seat_and_tells(the_stage: Stage) -> None:
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    async with booking_on(the_stage, url, clock=FakeClock(), sweep_seconds=0.05, hold_seconds=60) as booking:
        await has_catalogue(booking)
        office, ada = await booking.opened(1), uuid4()
        id = await booking.hold(ada, office=office)
        booking.clock.turn(seconds=59)
        bob = await booking.take(office=office)
        assert bob.json()["code"] == "sold-out"
        assert (await booking.turn(id, ada))["state"] == "HELD"
        booking.clock.turn(seconds=1)
        turn = await booking.reaches(id, ada, State.EXPIRED)
        assert datetime.fromisoformat(turn["history"][-1]["at"]) == booking.clock()
        assert await booking.quota(office) == (1, 0)
        *_, fact = await booking.told(id)
        assert isinstance(fact, TurnExpired)
        assert fact.held_until == fact.at == booking.clock()
        late = await booking.cancel(id, ada)
        assert (late.status_code, late.json()["code"]) == (409, "not-cancellable")
        assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnExpired]


async def test_two_sweepers_expire_each_hold_once(the_stage: Stage) -> None:
    await set_catalogue(the_stage)
    url, clock = await the_stage.database("booking"), FakeClock()
    async with (
        booking_on(the_stage, url, clock=clock, sweep_seconds=0.01) as booking,
        booking_on(the_stage, url, clock=clock, sweep_seconds=0.01),
    ):
        await has_catalogue(booking)
        office, people = await booking.opened(8), [uuid4() for _ in range(8)]
        ids = [await booking.hold(person, office=office) for person in people]
        clock.turn(seconds=HOLD_SECONDS)
        for id, person in zip(ids, people, strict=True):
            await booking.reaches(id, person, State.EXPIRED)
        assert await booking.quota(office) == (8, 0)
        for id in ids:
            assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnExpired]


async def test_unswept_the_allocator_gives_the_seat_to_the_next(unswept: Booking) -> None:
    office, ada, bob = await unswept.opened(1), uuid4(), uuid4()
    id = await unswept.hold(ada, office=office)
    assert (await unswept.take(bob, office=office)).json()["code"] == "sold-out"
    unswept.clock.turn(seconds=HOLD_SECONDS)
    await unswept.hold_soon(bob, office=office)
    assert (await unswept.turn(id, ada))["state"] == "EXPIRED"
    assert await unswept.quota(office) == (1, 1)
    assert await unswept.kinds_told(id) == [TurnHeld, RequestPayment, TurnExpired]


async def test_unswept_the_same_person_may_ask_again(unswept: Booking) -> None:
    """At another office, where the run-out hold is in nobody else's way."""
    here, there, ada = await unswept.opened(5), await unswept.opened(5), uuid4()
    id = await unswept.hold(ada, office=here)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    await unswept.hold(ada, office=there)
    assert (await unswept.turn(id, ada))["state"] == "EXPIRED"
    assert (await unswept.quota(here), await unswept.quota(there)) == ((5, 0), (5, 1))


async def test_unswept_a_full_window_is_freed(unswept: Booking) -> None:
    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=4))
    office = await unswept.opened(5, windows=windows)
    await unswept.hold(uuid4(), office=office, window="08:00")
    unswept.clock.turn(seconds=HOLD_SECONDS)
    await unswept.hold(uuid4(), office=office, window="08:00")
    assert await unswept.quota(office) == (5, 1)


async def test_unswept_a_late_payer_finds_the_seat_that_counts_as_free(unswept: Booking) -> None:
    office, ada, bob = await unswept.opened(1), uuid4(), uuid4()
    first = await unswept.hold(ada, office=office)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    second = await unswept.hold_soon(bob, office=office)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    await unswept.says(captured(first, ada))
    assert (await unswept.turn(first, ada))["state"] == "CONFIRMED"
    assert (await unswept.turn(second, bob))["state"] == "EXPIRED"
    await unswept.says(captured(second, bob))
    assert (await unswept.turn(second, bob))["refund"]["state"] == "DUE"
    assert await unswept.quota(office) == (1, 1)


async def test_unswept_a_late_payer_s_own_run_out_hold_is_in_nobody_s_way(unswept: Booking) -> None:
    here, there, ada = await unswept.opened(1), await unswept.opened(1), uuid4()
    first = await unswept.hold(ada, office=here)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    second = await unswept.hold(ada, office=there)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    await unswept.says(captured(first, ada))
    assert (await unswept.turn(first, ada))["state"] == "CONFIRMED"
    assert (await unswept.turn(second, ada))["state"] == "EXPIRED"
    assert RequestRefund not in await unswept.kinds_told(first)


async def test_unswept_a_payment_in_the_grace_still_confirms(unswept: Booking) -> None:
    office, ada = await unswept.opened(1), uuid4()
    id = await unswept.hold(ada, office=office)
    unswept.clock.turn(seconds=HOLD_SECONDS + 60)
    await unswept.says(captured(id, ada))
    assert await unswept.kinds_told(id) == [TurnHeld, RequestPayment, TurnConfirmed]


async def test_unswept_a_run_out_hold_can_be_given_back(unswept: Booking) -> None:
    office, ada = await unswept.opened(1), uuid4()
    id = await unswept.hold(ada, office=office)
    unswept.clock.turn(seconds=HOLD_SECONDS)
    assert (await unswept.cancel(id, ada)).json()["state"] == "CANCELLED_BY_CITIZEN"
    assert await unswept.kinds_told(id) == [TurnHeld, RequestPayment, TurnCancelled, CancelPayment]
    assert await unswept.quota(office) == (1, 0)


async def test_a_clock_that_steps_back_expires_nothing_early(unswept: Booking) -> None:
    office, ada = await unswept.opened(1), uuid4()
    id = await unswept.hold(ada, office=office)
    unswept.clock.turn(seconds=-3600)
    assert (await unswept.take(office=office)).json()["code"] == "sold-out"
    assert (await unswept.turn(id, ada))["state"] == "HELD"
    unswept.clock.turn(seconds=3600)
    assert unswept.clock() + timedelta(seconds=HOLD_SECONDS) == datetime.fromisoformat(
        (await unswept.turn(id, ada))["held_until"]
    )


async def test_an_office_moves_turns_to_a_day_whose_holds_have_run_out(unswept: Booking) -> None:
    office, ada, bob = await opened(unswept, 1), uuid4(), uuid4()
    lapsed = await unswept.hold(bob, office=office, date=NEXT.isoformat())
    unswept.clock.turn(seconds=HOLD_SECONDS)
    paid = await unswept.hold(ada, office=office)
    await unswept.says(captured(paid, ada))
    shown = await completed(unswept, await cancel_day(unswept, office), office)
    assert (shown["moved"], shown["cancelled"]) == (1, 0)
    assert (await unswept.turn(paid, ada))["date"] == NEXT.isoformat()
    assert (await unswept.turn(lapsed, bob))["state"] == "EXPIRED"
    assert await in_use(unswept, office) == {DAY.isoformat(): (0, 0), NEXT.isoformat(): (1, 1)}
