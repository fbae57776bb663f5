"""Once a pool is known to be sold out, refusing costs no statement and no record; and it is forgotten in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from services.booking.tests.conftest import Booking, capacity
from sqlalchemy import event

from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit.testing import until

_asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextmanager
def statements(booking: Booking) -> Iterator[list[str]]:
    """Every statement that requests of this block cause; not those that the process sends by its own clocks."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _asking.get():
            sent.append(statement)

    engine = booking.service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    token = _asking.set(True)
    try:
        yield sent
    finally:
        _asking.reset(token)
        event.remove(engine, "before_cursor_execute", note)


async def is_known(booking: Booking, office: str) -> None:
    """Wait until a stranger is refused without a place in the line."""

    async def known() -> bool:
        answer = await booking.take(office=office)
        return "turn_id" not in answer.json()

    await until(known, what="sold out known")


async def test_a_hundred_refusals_cost_no_statement(booking: Booking) -> None:
    office = await booking.opened(1)
    await booking.hold(uuid4(), office=office)
    await is_known(booking, office)
    before = len(await booking.stage.records(BOOKING_REQUESTS))
    with statements(booking) as sent:
        answers = [await booking.take(office=office) for _ in range(100)]
        assert sent == []
        await booking.turn(uuid4(), uuid4())
        assert len(sent) == 1, "a read is seen"
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(409, "sold-out")}
    assert len(await booking.stage.records(BOOKING_REQUESTS)) == before


async def test_it_is_forgotten_when_seats_come(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await is_known(booking, office)
    await booking.says(capacity(2, office=office, revision=2))
    await booking.hold_soon(uuid4(), office=office)
    await is_known(booking, office)
    await booking.cancel(id, ada)
    await booking.hold_soon(uuid4(), office=office)


async def test_what_nobody_has_looked_at_for_a_while_is_not_told(booking: Booking) -> None:
    """While nobody asks, nobody looks: the first who comes after a quiet night goes into the line."""
    office = await booking.opened(1)
    await booking.hold(uuid4(), office=office)
    await is_known(booking, office)
    follow: Any = booking.service.serving["line"]
    follow.__self__._sold_out_seen -= 60
    answer = await booking.take(office=office)
    assert answer.json()["code"] == "sold-out"
    assert "turn_id" in answer.json(), "the allocator has said so, not a memory"


async def test_what_is_closed_or_over_is_not_called_sold_out(booking: Booking) -> None:
    office = await booking.opened(1)
    await booking.hold(uuid4(), office=office)
    await is_known(booking, office)
    await booking.says(capacity(1, office=office, revision=2, days=0))

    async def closed() -> bool:
        return bool((await booking.take(office=office)).json()["code"] == "closed")

    await until(closed, what="closed")


async def test_a_full_window_does_not_make_the_day_sold_out(booking: Booking) -> None:
    from dawr.contracts.values import Window

    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))
    office = await booking.opened(2, windows=windows)
    await booking.hold(uuid4(), office=office, window="08:00")
    for _ in range(3):
        assert (await booking.take(office=office, window="08:00")).json()["code"] == "window-full"
    await booking.hold(uuid4(), office=office, window="09:00")
    await is_known(booking, office)


async def test_the_refusal_speaks_both_languages(booking: Booking) -> None:
    office = await booking.opened(1)
    await booking.hold(uuid4(), office=office)
    await is_known(booking, office)
    arabic, english = [await booking.take(office=office, lang=lang) for lang in ("ar", "en")]
    assert (arabic.headers["content-language"], english.headers["content-language"]) == ("ar", "en")
    assert "نفدت" in arabic.json()["title"]
    assert english.json()["title"].startswith("This day is sold out")
    assert arabic.headers["content-type"] == "application/problem+json"
