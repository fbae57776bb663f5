"""A parent takes a turn for a minor child: the turn is the child's, and all there is to do about it the parent's."""

from typing import Any
from uuid import UUID, uuid4

import httpx
from services.booking.tests.conftest import DAY, SYP, Booking, captured

from dawr.booking.domain import State
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnHeld
from dawr.contracts.payments import CancelPayment, RequestPayment, RequestRefund


async def takes_for(
    booking: Booking,
    parent: UUID,
    child: UUID | None,
    *,
    of: tuple[UUID, ...] = (),
    key: str | None = None,
    **wish: Any,
) -> httpx.Response:
    """A parent of these children takes a turn for one of them, or for somebody else."""
    headers = booking.stage.signed_in(parent, acts_for=of) | {"idempotency-key": key or str(uuid4())}
    body = {"service": "PASS_REN", "tier": "N", "date": DAY.isoformat()} | ({"person_id": str(child)} if child else {})
    headers |= {"prefer": "wait=10", "accept-language": "en"}
    return await booking.http.post("/api/booking/turns", json=body | wish, headers=headers)


async def test_the_turn_is_the_child_s_and_the_parent_pays_and_follows_it(booking: Booking) -> None:
    office, parent, child = await booking.opened(3), uuid4(), uuid4()
    answer = await takes_for(booking, parent, child, of=(child, uuid4()), office=office)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["person_id"], shown["asked_by"]) == (str(child), str(parent))
    id = UUID(shown["id"])
    held, payment = await booking.told(id)
    assert isinstance(held, TurnHeld)
    assert isinstance(payment, RequestPayment)
    assert (held.person_id, held.asked_by, payment.payer_id) == (child, parent, parent)
    await booking.says(captured(id, parent, SYP))
    assert (await booking.turn(id, parent))["state"] == State.CONFIRMED
    for each in (parent, child):
        listed = (await booking.get("/api/booking/turns", each)).json()["items"]
        assert [turn["id"] for turn in listed] == [str(id)]
    assert (await booking.get(f"/api/booking/turns/{id}", uuid4())).status_code == 404
    assert (await booking.cancel(id, parent)).json()["state"] == State.CANCELLED_BY_CITIZEN
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnConfirmed, TurnCancelled, RequestRefund]
    assert await booking.quota(office) == (3, 0)


async def test_an_unpaid_turn_is_given_back_by_the_parent(booking: Booking) -> None:
    office, parent, child = await booking.opened(1), uuid4(), uuid4()
    id = UUID((await takes_for(booking, parent, child, of=(child,), office=office)).json()["id"])
    await booking.cancel(id, parent)
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnCancelled, CancelPayment]


async def test_nobody_takes_a_turn_for_one_who_is_not_their_child(booking: Booking) -> None:
    office, parent, child = await booking.opened(1), uuid4(), uuid4()
    for of in ((), (uuid4(),)):
        refused = await takes_for(booking, parent, child, of=of, office=office)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-your-relative")
        share = await takes_for(booking, parent, child, of=of, office=office, share="accessible")
        assert (share.status_code, share.json()["code"]) == (403, "not-your-relative")
    reason = await takes_for(booking, parent, child, of=(child,), office=office, reason="medical")
    assert (reason.status_code, reason.json()["code"]) == (403, "share-not-allowed")
    assert await booking.quota(office) == (1, 0)


async def test_who_names_themselves_asks_for_themselves(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    first = await takes_for(booking, ada, ada, key="k", office=office)
    again = await takes_for(booking, ada, None, key="k", office=office)
    assert (first.status_code, first.json()["person_id"], first.json()["asked_by"]) == (201, str(ada), str(ada))
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_one_live_turn_is_counted_of_each_child_and_of_the_parent(booking: Booking) -> None:
    office, parent, one, two = await booking.opened(9), uuid4(), uuid4(), uuid4()
    both = (one, two)
    for person in (None, one, two):
        assert (await takes_for(booking, parent, person, of=both, office=office)).status_code == 201
    for person in (None, one, two):
        refused = await takes_for(booking, parent, person, of=both, office=office)
        assert (refused.status_code, refused.json()["code"]) == (409, "one-live-turn")
    other = await takes_for(booking, uuid4(), one, of=both, office=office)
    assert other.json()["code"] == "one-live-turn", "the other parent asks for the same child"
    assert await booking.quota(office) == (9, 3)


async def test_one_key_is_for_one_child(booking: Booking) -> None:
    office, parent, one, two = await booking.opened(9), uuid4(), uuid4(), uuid4()
    first = await takes_for(booking, parent, one, of=(one, two), key="k", office=office)
    again = await takes_for(booking, parent, one, of=(one, two), key="k", office=office)
    other = await takes_for(booking, parent, two, of=(one, two), key="k", office=office)
    own = await takes_for(booking, parent, None, of=(one, two), key="k", office=office)
    assert again.json()["id"] == first.json()["id"]
    assert [each.json()["code"] for each in (other, own)] == ["idempotency-key-reused"] * 2
    assert await booking.quota(office) == (9, 1)
