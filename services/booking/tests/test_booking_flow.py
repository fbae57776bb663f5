"""A turn from the request to its end, on the real stack: over HTTP, through the log, told to the topics."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from services.booking.tests.conftest import DAY, SYP, Booking, captured

from dawr.booking.domain import State
from dawr.contracts import Money
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnHeld, TurnRefused
from dawr.contracts.ids import turn_id
from dawr.contracts.payments import RequestPayment, RequestRefund
from dawr.contracts.values import Window
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.testing import until

WINDOWS = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))


async def test_a_seat_is_held_paid_for_and_confirmed(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    answer = await booking.take(ada, key="first", office=office)
    assert answer.status_code == 201, answer.text
    turn = answer.json()
    id = UUID(turn["id"])
    assert id == turn_id(ada, "first")
    assert answer.headers["location"] == f"/api/booking/turns/{id}"
    assert turn["state"] == "HELD"
    assert turn["fee"] == {"minor": 31_270_000, "currency": "SYP", "text": "SYP 312,700"}
    assert datetime.fromisoformat(turn["held_until"]) == booking.clock() + timedelta(minutes=15)
    assert await booking.quota(office) == (1, 1)

    held, asked = await booking.told(id)
    assert isinstance(held, TurnHeld)
    assert (held.person_id, held.pool.office, held.fee, held.payable) == (ada, office, SYP, SYP)
    assert isinstance(asked, RequestPayment)
    assert (asked.payment_id, asked.amount, asked.payer_id) == (held.payment_id, SYP, ada)
    assert asked.pay_before == held.held_until + timedelta(seconds=120)
    assert str(asked.payment_id) == turn["payment"]["id"]
    assert turn["payment"]["paid"] is False

    await booking.says(captured(id, ada))
    turn = await booking.turn(id, ada)
    assert (turn["state"], turn["payment"]["paid"], turn["held_until"]) == ("CONFIRMED", True, None)
    assert [(step["state"], step["cause"]) for step in turn["history"]] == [
        ("HELD", "seat-held"),
        ("CONFIRMED", "paid"),
    ]
    confirmed = (await booking.told(id))[-1]
    assert isinstance(confirmed, TurnConfirmed)
    assert (confirmed.payment_id, confirmed.fee, confirmed.after_expiry) == (held.payment_id, SYP, False)
    assert await booking.quota(office) == (1, 1)


async def test_what_is_told_reaches_the_topics(booking: Booking) -> None:
    id = await booking.hold(uuid4(), office=await booking.opened(1))
    for kind in (TurnHeld, RequestPayment):
        on_topic = [each for each in await booking.stage.wait_for(kind) if each.key() == str(id)]
        assert on_topic == [each for each in await booking.told(id) if isinstance(each, kind)]


async def test_more_people_than_seats(booking: Booking) -> None:
    office = await booking.opened(3)
    answers = [await booking.take(office=office) for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 201]
    assert await booking.left(office) == 0
    late = await booking.take(ada := uuid4(), key="late", office=office)
    assert (late.status_code, late.json()["code"]) == (409, "sold-out")
    assert await booking.quota(office) == (3, 3)
    # Told to the topics, unless it was known to be sold out: then it never stood in the line.
    assert await booking.kinds_told(turn_id(ada, "late")) in ([TurnRefused], [])


async def test_without_waiting_the_place_in_the_line_is_told(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    answer = await booking.take(ada, office=office, wait=0)
    body = answer.json()
    assert (answer.status_code, body["state"]) == (202, "REQUESTED")
    assert body["line"]["ahead"] >= 0
    assert answer.headers["location"] == body["links"]["self"]

    async def settled() -> bool:
        seen = await booking.get(answer.headers["location"], ada)
        assert seen.status_code == 200, seen.text
        return bool(seen.json()["state"] == "HELD")

    await until(settled, what="held")
    assert await booking.quota(office) == (1, 1)


async def test_a_free_service_is_confirmed_at_once(booking: Booking) -> None:
    office, ada = await booking.opened(1, service="FREE_ONE"), uuid4()
    answer = await booking.take(ada, service="FREE_ONE", office=office)
    assert (answer.status_code, answer.json()["state"], answer.json()["payment"]) == (201, "CONFIRMED", None)
    id = UUID(answer.json()["id"])
    assert await booking.kinds_told(id) == [TurnConfirmed]

    assert (await booking.cancel(id, ada)).json()["state"] == "CANCELLED_BY_CITIZEN"
    assert await booking.kinds_told(id) == [TurnConfirmed, TurnCancelled]
    assert await booking.quota(office, "FREE_ONE") == (1, 0)


async def test_windows(booking: Booking) -> None:
    office = await booking.opened(2, windows=WINDOWS)
    wished = await booking.take(office=office, window="09:00")
    assert (wished.status_code, wished.json()["window"]) == (201, "09:00")
    full = await booking.take(office=office, window="09:00")
    assert (full.status_code, full.json()["code"]) == (409, "window-full")
    unknown = await booking.take(office=office, window="10:00")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "window-unknown")
    anything = await booking.take(office=office)
    assert (anything.status_code, anything.json()["window"]) == (201, "08:00")
    rows = await booking.rows("SELECT windows FROM quota_days WHERE office = :office", office=office)
    assert [(start, in_use) for start, _, _, in_use, _ in rows[0][0]] == [("08:00", 1), ("09:00", 1)]

    plain = await booking.opened(1)
    no_windows = await booking.take(office=plain, window="09:00")
    assert no_windows.json()["code"] == "window-unknown"


async def test_a_day_that_opens_later_says_when(booking: Booking) -> None:
    opens_at = booking.clock() + timedelta(hours=1)
    office, ada = await booking.opened(1, opens_at=opens_at), uuid4()
    early = await booking.take(ada, key="early", office=office)
    assert (early.status_code, early.json()["code"]) == (409, "not-open-yet")
    assert datetime.fromisoformat(early.json()["opens_at"]) == opens_at
    turn = await booking.turn(turn_id(ada, "early"), ada)
    assert (turn["state"], turn["refusal"]["code"]) == ("REFUSED", "not-open-yet")
    assert datetime.fromisoformat(turn["refusal"]["opens_at"]) == opens_at
    (refused,) = await booking.told(turn_id(ada, "early"))
    assert isinstance(refused, TurnRefused)
    assert refused.opens_at == opens_at.astimezone(UTC)
    booking.clock.turn(seconds=3600)
    assert (await booking.take(ada, office=office)).status_code == 201


async def test_a_day_ends_where_the_office_is(booking: Booking) -> None:
    """Damascus is ahead of UTC: its day is over before midnight UTC."""
    office, before = await booking.opened(2), booking.clock()
    query = {"service": "PASS_REN", "tier": "N", "office": office, "from": str(DAY), "to": str(DAY)}
    end = datetime.combine(DAY + timedelta(days=1), time.min, ZoneInfo("Asia/Damascus"))
    assert end.astimezone(UTC).date() == DAY
    try:
        booking.clock.now = end - timedelta(seconds=1)
        await booking.hold(uuid4(), office=office)
        booking.clock.now = end
        late = await booking.take(office=office)
        assert (late.status_code, late.json()["code"]) == (409, "day-over")
        (day,) = (await booking.http.get("/api/booking/availability", params=query)).json()["days"]
        assert (day["state"], day["left"]) == ("over", 0)
    finally:
        booking.clock.now = before


async def test_a_day_that_is_closed_or_was_never_planned(booking: Booking) -> None:
    for office in (await booking.opened(0), "OFF-47"):
        answer = await booking.take(office=office)
        assert (answer.status_code, answer.json()["code"]) == (409, "closed")


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"service": "NO_SUCH"}, 404, "unknown-service"),
        ({"tier": "U"}, 404, "unknown-service"),
        ({"office": "NOWHERE"}, 404, "unknown-office"),
        ({"office": "BER-01"}, 409, "mission-only"),
        ({"service": "NOT_HERE"}, 409, "not-offered"),
        ({"date": (DAY + timedelta(days=200)).isoformat()}, 422, "too-far-ahead"),
        ({"tier": "F"}, 409, "closed"),
    ],
)
async def test_what_the_catalogue_does_not_have(booking: Booking, wish: dict[str, Any], status: int, code: str) -> None:
    answer = await booking.take(**wish)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_one_live_turn_per_family(booking: Booking) -> None:
    here, there, ada = await booking.opened(2), await booking.opened(2), uuid4()
    first = await booking.hold(ada, office=here)
    second = await booking.take(ada, office=there)
    assert (second.status_code, second.json()["code"]) == (409, "one-live-turn")
    assert await booking.quota(there) == (2, 0)
    other_kind = await booking.opened(1, service="ID_NEW")
    await booking.hold(ada, office=other_kind, service="ID_NEW")
    await booking.cancel(first, ada)
    await booking.hold(ada, office=there)


async def test_a_payment_of_another_amount_is_set_aside(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.stage.send(captured(id, ada, Money(minor=1, currency="SYP")), captured(uuid4(), ada))

    async def both_set_aside() -> bool:
        letters = await read_dead_letters(booking.stage.platform, topic="dawr.payments.events", group="booking")
        return [each.reason for each in letters] == ["refused", "refused"]

    await until(both_set_aside, every=0.2, what="two dead letters")
    await booking.says(captured(id, ada))
    await booking.reaches(id, ada, State.CONFIRMED)
    assert (await booking.kinds_told(id)).count(RequestRefund) == 0
