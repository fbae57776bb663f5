"""Who may give a turn back, until when, and what happens to the seat."""

import datetime as dt
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.booking.tests.conftest import DAY, Booking, captured

from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import State
from dawr.booking.service.take_requests import take_requests
from dawr.contracts import Pool
from dawr.contracts.booking import CancelTurn, RequestTurn, TurnCancelled, TurnHeld
from dawr.contracts.payments import RefundReason, RequestPayment, RequestRefund
from dawr.servicekit.auth import Role
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.envelope import Cause, Received
from dawr.servicekit.testing import until


@dataclass
class Standing:
    """A record, as far as its place in the line."""

    offset: int
    partition: int = 0
    topic: str = "dawr.booking.requests"
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def pool(office: str) -> Pool:
    return Pool(office=office, service="PASS_REN", tier="N", date=DAY)


async def test_the_seat_goes_to_the_next_who_asks(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.cancel(id, ada)
    await booking.hold_soon(uuid4(), office=office)
    assert await booking.quota(office) == (1, 1)


async def test_who_gives_a_turn_back_may_ask_again_in_the_same_batch(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    cancels = CancelTurn(turn_id=id, pool=pool(office), asked_by=ada, asked_at=booking.clock())
    asks = RequestTurn(
        turn_id=uuid4(),
        person_id=ada,
        asked_by=ada,
        pool=pool(office),
        fingerprint="0" * 32,
        asked_at=booking.clock(),
    )
    batch = [Received(Cause(uuid4()), each, Standing(offset)) for offset, each in enumerate((cancels, asks))]
    catalogue, hour = Catalogue(), timedelta(hours=1)  # an empty one is read from the tables
    async with booking.service.database.transaction() as tx:
        await take_requests(tx, batch, catalogue, hold=hour, grace=hour, moves_count=3)
    states = [(await booking.turn(each, ada))["state"] for each in (id, asks.turn_id)]
    assert states == ["CANCELLED_BY_CITIZEN", "HELD"]


async def test_without_waiting_it_is_accepted_and_followed(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    headers = booking.stage.signed_in(ada) | {"idempotency-key": "back"}
    answer = await booking.http.post(f"/api/booking/turns/{id}/cancellation", headers=headers)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/booking/turns/{id}"
    turn = await booking.reaches(id, ada, State.CANCELLED_BY_CITIZEN)
    assert turn["history"][-1]["cause"] == "changed-mind"


async def test_a_turn_of_somebody_else_does_not_exist(booking: Booking) -> None:
    office, ada, eve = await booking.opened(1), uuid4(), uuid4()
    id = await booking.hold(ada, office=office)
    for answer in (
        await booking.cancel(id, eve),
        await booking.get(f"/api/booking/turns/{id}", eve),
        await booking.get(f"/api/booking/turns/{id}/updates", eve),
        await booking.get(f"/api/booking/turns/{id}?at=0:0", eve),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-turn")
    nobody = await booking.cancel(uuid4(), eve)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown-turn")
    desk = await booking.http.get(f"/api/booking/turns/{id}", headers=booking.stage.signed_in(uuid4(), Role.DESK))
    assert (desk.status_code, desk.json()["code"]) == (403, "not-allowed")
    assert await booking.quota(office) == (1, 1)
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment]


async def test_a_forged_cancellation_in_the_line_is_set_aside(booking: Booking) -> None:
    """HTTP lets none through; whoever writes to the topic by another way gets no further."""
    office, ada, eve = await booking.opened(1), uuid4(), uuid4()
    id = await booking.hold(ada, office=office)
    forged = CancelTurn(turn_id=id, pool=pool(office), asked_by=eve, asked_at=booking.clock())
    elsewhere = CancelTurn(turn_id=id, pool=pool("DAM-02"), asked_by=ada, asked_at=booking.clock())
    unknown = CancelTurn(turn_id=uuid4(), pool=pool(office), asked_by=ada, asked_at=booking.clock())
    await booking.stage.send(forged, elsewhere, unknown)

    async def all_set_aside() -> bool:
        letters = await read_dead_letters(booking.stage.platform, topic="dawr.booking.requests")
        return [each.reason for each in letters] == ["refused"] * 3

    await until(all_set_aside, every=0.2, what="three dead letters")
    assert (await booking.turn(id, ada))["state"] == "HELD"
    assert await booking.quota(office) == (1, 1)


async def test_until_the_day_begins_where_the_office_is(booking: Booking) -> None:
    """DAM is ahead of UTC: its day begins, and the time to cancel ends, before midnight UTC."""
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada))
    begins = dt.datetime.combine(DAY, dt.time.min, ZoneInfo("Asia/Damascus"))
    before = booking.clock()
    try:
        booking.clock.now = begins
        late = await booking.cancel(id, ada)
        assert (late.status_code, late.json()["code"]) == (409, "too-late-to-cancel")
        booking.clock.now = begins - timedelta(seconds=1)
        assert (await booking.cancel(id, ada)).json()["state"] == "CANCELLED_BY_CITIZEN"
    finally:
        booking.clock.now = before


async def test_the_office_cancels_and_gives_the_money_back(booking: Booking) -> None:
    office, ada, clerk = await booking.opened(2), uuid4(), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada))
    await booking.says(
        CancelTurn(
            turn_id=id, pool=pool(office), asked_by=clerk, role="office", reason="storm", asked_at=booking.clock()
        )
    )
    assert (await booking.turn(id, ada))["state"] == "CANCELLED_BY_OFFICE"
    *_, cancelled, refund = await booking.told(id)
    assert isinstance(cancelled, TurnCancelled)
    assert (cancelled.by, cancelled.reason) == ("office", "storm")
    assert isinstance(refund, RequestRefund)
    assert (refund.reason, refund.asked_by) == (RefundReason.CANCELLED_BY_OFFICE, clerk)


async def test_citizen_and_office_at_once_cancel_once(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    by_office = CancelTurn(
        turn_id=id, pool=pool(office), asked_by=uuid4(), role="office", reason="storm", asked_at=booking.clock()
    )
    by_citizen = CancelTurn(turn_id=id, pool=pool(office), asked_by=ada, asked_at=booking.clock())
    await booking.says(by_office, by_citizen, by_citizen)
    assert (await booking.turn(id, ada))["state"] == "CANCELLED_BY_OFFICE"
    assert (await booking.kinds_told(id)).count(TurnCancelled) == 1
    assert await booking.quota(office) == (1, 0)


async def test_a_refused_turn_can_t_be_given_back(booking: Booking) -> None:
    office, ada = await booking.opened(0), uuid4()
    refused = await booking.take(ada, office=office)
    answer = await booking.cancel(refused.json()["turn_id"], ada)
    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "not-cancellable", "REFUSED")


async def test_asked_and_given_back_in_one_batch(booking: Booking) -> None:
    """A cancellation may stand right behind its own request, before anybody knows the answer."""
    from dawr.contracts.booking import RequestTurn
    from dawr.servicekit.idempotency import fingerprint

    office, ada, id = await booking.opened(1), uuid4(), uuid4()
    where = pool(office)
    request = RequestTurn(
        turn_id=id,
        person_id=ada,
        asked_by=ada,
        pool=where,
        fingerprint=fingerprint(where.key, None),
        asked_at=booking.clock(),
    )
    next_one = request.model_copy(update={"turn_id": uuid4(), "person_id": uuid4()})
    await booking.says(request, CancelTurn(turn_id=id, pool=where, asked_by=ada, asked_at=booking.clock()), next_one)
    assert (await booking.turn(id, ada))["state"] == "CANCELLED_BY_CITIZEN"
    assert await booking.quota(office) == (1, 1)
    assert await booking.kinds_told(next_one.turn_id) == [TurnHeld, RequestPayment]


async def test_one_key_gives_back_one_turn_for_one_reason(booking: Booking) -> None:
    office, ada = await booking.opened(2), uuid4()
    id = await booking.hold(ada, office=office)
    headers = booking.stage.signed_in(ada) | {"idempotency-key": "back"}
    path = f"/api/booking/turns/{id}/cancellation"
    assert (await booking.http.post(path, headers=headers, json={"reason": "first"})).status_code == 202
    assert (await booking.http.post(path, headers=headers, json={"reason": "first"})).status_code in {200, 202}
    other = await booking.http.post(path, headers=headers, json={"reason": "second"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
