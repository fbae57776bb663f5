"""People move their turns, over HTTP and through the line: to another day, office or window, or nothing happens."""

import asyncio
import datetime as dt
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from services.booking.tests.conftest import DAY, SYP, USD, Booking, captured
from services.booking.tests.stories import days_after

from dawr.contracts import Channel, Pool
from dawr.contracts.booking import (
    RequestTurn,
    RescheduleTurn,
    TurnCancelled,
    TurnConfirmed,
    TurnHeld,
    TurnMoved,
)
from dawr.contracts.payments import RequestPayment, RequestRefund
from dawr.contracts.values import Window
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.testing import until


def pool(office: str) -> Pool:
    return Pool(office=office, service="PASS_REN", tier="N", date=DAY)


async def move(
    booking: Booking,
    id: UUID,
    person: UUID,
    *,
    key: str | None = None,
    wait: int = 10,
    of: tuple[UUID, ...] = (),
    **to: Any,
) -> httpx.Response:
    headers = booking.stage.signed_in(person, acts_for=of) | {"idempotency-key": key or str(uuid4())}
    headers |= {"accept-language": "en"} | ({"prefer": f"wait={wait}"} if wait else {})
    body = {"date": DAY.isoformat()} | to
    return await booking.http.post(f"/api/booking/turns/{id}/reschedule", headers=headers, json=body)


async def test_a_paid_turn_goes_to_another_office_with_all_that_it_is(booking: Booking) -> None:
    here, there, ada = await booking.opened(1), await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=here)
    await booking.says(captured(id, ada, SYP))
    before = await booking.turn(id, ada)
    assert before["links"]["reschedule"] == f"/api/booking/turns/{id}/reschedule"
    answer = await move(booking, id, ada, office=there)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["office"], after["can"]["moves_left"]) == (there, 2)
    for name in ("id", "state", "payment", "fee", "date", "person_id", "asked_by"):
        assert after[name] == before[name], name
    assert after["history"][-1] | {"at": ""} == {
        "state": "CONFIRMED", "at": "", "cause": "moved-by-citizen", "from": pool(here).key, "by": str(ada),
    }  # fmt: skip
    assert await booking.turn(id, ada) == after
    assert (await booking.quota(here), await booking.quota(there)) == ((1, 0), (1, 1))
    fact = (await booking.told(id))[-1]
    assert isinstance(fact, TurnMoved)
    assert (fact.by, fact.moves, fact.pool, fact.from_pool) == ("citizen", 1, pool(there), pool(here))
    await booking.hold_soon(uuid4(), office=here)
    await booking.cancel(id, ada)
    assert await booking.kinds_told(id) == [
        TurnHeld, RequestPayment, TurnConfirmed, TurnMoved, TurnCancelled, RequestRefund,
    ]  # fmt: skip
    assert (await booking.told(id))[4].model_dump()["moves"] == 1
    assert await booking.quota(there) == (1, 0)


async def test_a_held_turn_goes_to_another_day_and_is_paid_there(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    for month in days_after(1, pool(office), 2, later=1):
        await booking.publish(month)
    id = await booking.hold(ada, office=office)
    before = await booking.turn(id, ada)
    after = (await move(booking, id, ada, date=(DAY + timedelta(days=1)).isoformat())).json()
    assert (after["state"], after["date"]) == ("HELD", (DAY + timedelta(days=1)).isoformat())
    assert after["held_until"] == before["held_until"]
    await booking.says(captured(id, ada, SYP))
    paid = await booking.turn(id, ada)
    assert (paid["state"], paid["date"]) == ("CONFIRMED", after["date"])
    assert await booking.quota(office) == (1, 0)


async def test_sold_out_it_stays_where_it_is(booking: Booking) -> None:
    here, full, ada = await booking.opened(1), await booking.opened(1), uuid4()
    await booking.hold(uuid4(), office=full)
    id = await booking.hold(ada, office=here)
    before = await booking.turn(id, ada)
    refused = await move(booking, id, ada, key="k", office=full)
    assert (refused.status_code, refused.json()["code"]) == (409, "sold-out")
    assert await booking.turn(id, ada) == before
    assert (await booking.quota(here), await booking.quota(full)) == ((1, 1), (1, 1))
    again = await move(booking, id, ada, key="k", office=full)
    assert (again.status_code, again.json()["code"]) == (409, "sold-out"), "the same key, the same answer"
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment]


async def test_to_another_window_of_a_full_day(booking: Booking) -> None:
    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:30", capacity=1))
    office, ada = await booking.opened(2, windows=windows), uuid4()
    id = await booking.hold(ada, office=office, window="08:00")
    after = (await move(booking, id, ada, window="09:00")).json()
    assert (after["window"], after["window_end"]) == ("09:00", "09:30")
    assert await booking.quota(office) == (2, 1)
    await booking.hold(uuid4(), office=office, window="08:00")
    full = await move(booking, id, ada, window="08:00")
    assert (full.status_code, full.json()["code"]) == (409, "window-full")
    same = await move(booking, id, ada, window="09:00")
    assert (same.status_code, same.json()["code"]) == (409, "already-there")


async def test_one_key_moves_once_and_is_for_one_wish(booking: Booking) -> None:
    here, there, third, ada = *[await booking.opened(1) for _ in range(3)], uuid4()
    id = await booking.hold(ada, office=here)
    answers = await asyncio.gather(*(move(booking, id, ada, key="k", office=there) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    later = await move(booking, id, ada, key="k", office=there)
    assert (later.status_code, later.json()["office"]) == (200, there)
    other = await move(booking, id, ada, key="k", office=third)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await booking.kinds_told(id)).count(TurnMoved) == 1
    assert (await booking.quota(here), await booking.quota(there)) == ((1, 0), (1, 1))


async def test_without_waiting_it_is_looked_up(booking: Booking) -> None:
    here, there, full, ada = *[await booking.opened(1) for _ in range(3)], uuid4()
    await booking.hold(uuid4(), office=full)
    id = await booking.hold(ada, office=here)
    for office, state, code in ((full, "refused", "sold-out"), (there, "moved", None)):
        accepted = await move(booking, id, ada, wait=0, office=office)
        assert (accepted.status_code, accepted.json()["state"]) == (202, "waiting")
        path = accepted.headers["location"]
        assert path == accepted.json()["links"]["self"]

        async def decided(path: str = path) -> dict[str, Any] | None:
            found: dict[str, Any] = (await booking.get(path, ada)).json()
            return found if found["state"] != "waiting" else None

        found = await until(decided, what="a decision")
        assert (found["state"], found["office"]) == (state, office)
        assert (found["refusal"] or {}).get("code") == code
        for who, where in ((uuid4(), path), (ada, f"/api/booking/turns/{id}/reschedules/{uuid4()}")):
            assert (await booking.get(where, who)).status_code == 404


async def test_until_the_day_begins_and_as_often_as_is_allowed(booking: Booking) -> None:
    here, there, ada = await booking.opened(1), await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=here)
    await booking.says(captured(id, ada, SYP))
    before, begins = booking.clock.now, dt.datetime.combine(DAY, dt.time.min, ZoneInfo("Asia/Damascus"))
    try:
        booking.clock.now = begins
        late = await move(booking, id, ada, office=there)
        assert (late.status_code, late.json()["code"]) == (409, "too-late-to-move")
    finally:
        booking.clock.now = before
    for office in (there, here, there):
        assert (await move(booking, id, ada, office=office)).status_code == 200
    turn = await booking.turn(id, ada)
    assert (turn["can"]["reschedule"], turn["can"]["why_not_reschedule"]) == (False, "moved-too-often")
    refused = await move(booking, id, ada, office=here)
    assert (refused.status_code, refused.json()["code"]) == (409, "moved-too-often")


async def test_what_nobody_could_ask_for_is_refused_at_once(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    refusals: tuple[tuple[dict[str, Any], int, str], ...] = (
        ({"office": "NONE-01"}, 404, "unknown-office"),
        ({"office": "BER-01"}, 409, "mission-only"),
        ({"date": (DAY + timedelta(days=200)).isoformat()}, 422, "too-far-ahead"),
        ({"date": "soon"}, 422, "invalid-request"),
        ({"service": "PASS_NEW"}, 422, "invalid-request"),
        ({}, 409, "already-there"),
    )
    for to, status, code in refusals:
        refused = await move(booking, id, ada, **to)
        assert (refused.status_code, refused.json()["code"]) == (status, code), to
    assert (await move(booking, id, uuid4(), office="DAM-01")).status_code == 404
    await booking.cancel(id, ada)
    over = await move(booking, id, ada, office="DAM-01")
    assert (over.status_code, over.json()["code"]) == (409, "not-movable")


async def test_a_parent_moves_their_child_s_turn(booking: Booking) -> None:
    here, there, parent, child = await booking.opened(1), await booking.opened(1), uuid4(), uuid4()
    headers = booking.stage.signed_in(parent, acts_for=[child]) | {"idempotency-key": "k", "prefer": "wait=10"}
    body = {"service": "PASS_REN", "tier": "N", "office": here, "date": DAY.isoformat(), "person_id": str(child)}
    id = UUID((await booking.http.post("/api/booking/turns", json=body, headers=headers)).json()["id"])
    moved = await move(booking, id, parent, office=there)
    assert (moved.status_code, moved.json()["person_id"], moved.json()["office"]) == (200, str(child), there)


async def test_a_turn_of_a_case_is_moved_at_the_mission(booking: Booking) -> None:
    office, ada, id = await booking.opened(2, office="BER-01"), uuid4(), uuid4()
    asked = RequestTurn(
        turn_id=id, person_id=ada, asked_by=ada, pool=pool(office), channel=Channel.MISSION, case_id=uuid4(),
        fingerprint="0" * 32, asked_at=booking.clock(),
    )  # fmt: skip
    await booking.says(asked)
    assert (await booking.turn(id, ada))["payment"]["amount"]["minor"] == USD.minor
    refused = await move(booking, id, ada, date=(DAY + timedelta(days=1)).isoformat())
    assert (refused.status_code, refused.json()["code"]) == (409, "move-at-mission")


async def test_a_forged_move_in_the_line_is_set_aside(booking: Booking) -> None:
    here, there, ada, eve = await booking.opened(1), await booking.opened(1), uuid4(), uuid4()
    id = await booking.hold(ada, office=here)
    known = {"pool": pool(there), "asked_at": booking.clock()}
    await booking.stage.send(
        RescheduleTurn(reschedule_id=uuid4(), turn_id=id, asked_by=eve, **known),
        RescheduleTurn(reschedule_id=uuid4(), turn_id=uuid4(), asked_by=ada, **known),
    )

    async def both_set_aside() -> bool:
        letters = await read_dead_letters(booking.stage.platform, topic="dawr.booking.requests")
        return [each.reason for each in letters] == ["refused"] * 2

    await until(both_set_aside, every=0.2, what="two dead letters")
    assert (await booking.turn(id, ada))["office"] == here
    assert (await booking.quota(here), await booking.quota(there)) == ((1, 1), (1, 0))


async def test_a_hold_that_ran_out_is_in_nobody_s_way(booking: Booking) -> None:
    """The other day is full of a hold that has run out, and the sweeper has not come: its seat is had all the same."""
    here, there, ada = await booking.opened(1), await booking.opened(1), uuid4()
    await booking.hold(uuid4(), office=there)
    id = await booking.hold(ada, office=here)
    await booking.says(captured(id, ada, SYP))
    booking.clock.turn(seconds=15 * 60)
    moved = await move(booking, id, ada, office=there)
    assert moved.status_code == 200, moved.text
    assert await booking.quota(there) == (1, 1)
