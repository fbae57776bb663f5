"""A day that an office cancels after it began: who was served in the morning stays. Real servers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, captured, has_catalogue, set_catalogue
from services.booking.tests.test_booking_cancelled_days import NEXT, cancel_day, completed, in_use, months

from dawr.booking.service import clear_days
from dawr.contracts.values import Window
from dawr.servicekit.testing import FakeClock, Stage


async def test_who_was_served_in_the_morning_stays_when_the_office_closes_at_noon(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clear_days, "TURNS_AT_ONCE", 1)
    office, people = str(next(booking._free_offices)), [uuid4() for _ in range(4)]
    windows = tuple(Window(start=start, end=end, capacity=2) for start, end in (("08:00", "12:00"), ("12:00", "15:00")))
    await booking.says(
        *(
            month.model_copy(update={"days": tuple(day.model_copy(update={"windows": windows}) for day in month.days)})
            for month in months(4, office=office)
        )
    )
    ids = [await booking.hold(person, office=office) for person in people]
    await booking.says(*(captured(id, person) for id, person in zip(ids, people, strict=True)))
    booking.clock.now = datetime.combine(DAY, time(12), ZoneInfo("Asia/Damascus")).astimezone(UTC)
    answer = await cancel_day(booking, office)
    assert answer.json()["left"] == 2
    shown = await completed(booking, answer, office)
    assert (shown["moved"], shown["cancelled"], shown["left"]) == (2, 0, 0)
    assert await in_use(booking, office) == {DAY.isoformat(): (2, 2), NEXT.isoformat(): (2, 2)}
    turns = [await booking.turn(id, person) for id, person in zip(ids, people, strict=True)]
    assert [turn["date"] for turn in turns] == [DAY.isoformat()] * 2 + [NEXT.isoformat()] * 2


@pytest.fixture
async def booking(the_stage: Stage) -> AsyncIterator[Booking]:
    """With a clock that can be turned to the noon of DAY."""
    url = await the_stage.database("booking")
    await set_catalogue(the_stage)
    async with booking_on(the_stage, url, clock=FakeClock(), sweep_seconds=0.05) as running:
        await has_catalogue(running)
        yield running
