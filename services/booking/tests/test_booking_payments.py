"""What payments do to turns, on the real stack: in time, twice, late, after the cancellation, and on their way back."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from services.booking.tests.conftest import SYP, Booking, captured

from dawr.booking.domain import State
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnExpired, TurnHeld
from dawr.contracts.ids import payment_id, refund_id
from dawr.contracts.payments import (
    CancelPayment,
    PaymentExpired,
    PaymentFailed,
    RefundAccepted,
    RefundFact,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
    RequestPayment,
    RequestRefund,
)
from dawr.contracts.values import Subject, Window

HOLD_SECONDS = 15 * 60


def refund_facts(turn: UUID, payer: UUID) -> dict[str, RefundFact]:
    """What payments may say of a turn's refund, by a word."""
    base = {
        "refund_id": refund_id(turn),
        "payment_id": payment_id(turn),
        "subject": Subject(kind="turn", id=turn),
        "payer_id": payer,
        "amount": SYP,
        "at": datetime.now(UTC),
    }
    return {
        "accepted": RefundAccepted(**base, reason=RefundReason.CANCELLED_BY_CITIZEN),
        "failed": RefundFailed(**base, attempt=8, reason="closed-account"),
        "succeeded": RefundSucceeded(**base, attempt=9, provider="sandbox", provider_reference="ref_1"),
    }


async def expired(booking: Booking, office: str, person: UUID, **wish: object) -> UUID:
    """A turn whose hold ran out."""
    id = await booking.hold(person, office=office, **wish)
    booking.clock.turn(seconds=HOLD_SECONDS)
    await booking.reaches(id, person, State.EXPIRED)
    return id


async def refund_of(booking: Booking, id: UUID) -> RequestRefund:
    """The one refund that was asked for."""
    (refund,) = [each for each in await booking.told(id) if isinstance(each, RequestRefund)]
    assert refund == RequestRefund(
        refund_id=refund_id(id),
        payment_id=payment_id(id),
        subject=Subject(kind="turn", id=id),
        amount=SYP,
        reason=refund.reason,
        asked_by=refund.asked_by,
    )
    return refund


async def test_a_capture_that_is_told_twice_confirms_once(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada), captured(id, ada))
    await booking.says(captured(id, ada))
    turn = await booking.turn(id, ada)
    assert [step["state"] for step in turn["history"]] == ["HELD", "CONFIRMED"]
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnConfirmed]


async def test_a_declined_or_expired_payment_leaves_the_hold_to_its_time(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    base = {
        "payment_id": payment_id(id),
        "subject": Subject(kind="turn", id=id),
        "payer_id": ada,
        "amount": SYP,
        "at": datetime.now(UTC),
    }
    await booking.says(PaymentFailed(**base, provider="sandbox", attempt=1), PaymentExpired(**base))
    assert (await booking.turn(id, ada))["state"] == "HELD"
    await booking.says(captured(id, ada))
    assert (await booking.turn(id, ada))["state"] == "CONFIRMED"


async def test_a_late_payment_takes_the_seat_again(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await expired(booking, office, ada)
    assert await booking.quota(office) == (1, 0)
    await booking.says(captured(id, ada))
    turn = await booking.turn(id, ada)
    assert [(step["state"], step["cause"]) for step in turn["history"]] == [
        ("HELD", "seat-held"),
        ("EXPIRED", "hold-ran-out"),
        ("CONFIRMED", "paid-late"),
    ]
    assert await booking.quota(office) == (1, 1)
    confirmed = (await booking.told(id))[-1]
    assert isinstance(confirmed, TurnConfirmed)
    assert confirmed.after_expiry
    await booking.says(captured(id, ada))
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnExpired, TurnConfirmed]


async def test_a_late_payment_goes_back_when_the_seat_is_gone(booking: Booking) -> None:
    office, ada, bob = await booking.opened(1), uuid4(), uuid4()
    id = await expired(booking, office, ada)
    await booking.hold_soon(bob, office=office)
    await booking.says(captured(id, ada), captured(id, ada))
    await booking.says(captured(id, ada))
    turn = await booking.turn(id, ada)
    assert (turn["state"], turn["payment"]["paid"], turn["refund"]["state"]) == ("EXPIRED", True, "DUE")
    assert [step["cause"] for step in turn["history"]] == ["seat-held", "hold-ran-out", "paid-too-late"]
    refund = await refund_of(booking, id)
    assert (refund.reason, refund.asked_by) == (RefundReason.PAID_TOO_LATE, None)
    assert await booking.quota(office) == (1, 1)


async def test_a_late_payment_finds_its_window_taken(booking: Booking) -> None:
    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))
    office, ada = await booking.opened(2, windows=windows), uuid4()
    id = await expired(booking, office, ada, window="09:00")
    await booking.hold_soon(uuid4(), office=office, window="09:00")
    await booking.says(captured(id, ada))
    assert (await booking.turn(id, ada))["refund"]["state"] == "DUE"
    assert await booking.quota(office) == (2, 1)


async def test_a_late_payer_who_took_another_turn_meanwhile(booking: Booking) -> None:
    here, there, ada = await booking.opened(1), await booking.opened(1), uuid4()
    id = await expired(booking, here, ada)
    other = await booking.hold(ada, office=there)
    await booking.says(captured(id, ada))
    assert (await booking.turn(id, ada))["state"] == "EXPIRED"
    assert (await booking.turn(other, ada))["state"] == "HELD"
    assert (await refund_of(booking, id)).reason is RefundReason.PAID_TOO_LATE
    assert (await booking.quota(here), await booking.quota(there)) == ((1, 0), (1, 1))
    await booking.says(captured(other, ada))
    assert (await booking.turn(other, ada))["state"] == "CONFIRMED"


async def test_many_captures_in_one_batch(booking: Booking) -> None:
    """In time, late with room, late without, and cancelled: side by side, each with its own outcome."""
    office, people = await booking.opened(3), [uuid4() for _ in range(4)]
    late = [await booking.hold(each, office=office) for each in people[:3]]
    booking.clock.turn(seconds=HOLD_SECONDS)
    for id, person in zip(late, people, strict=False):
        await booking.reaches(id, person, State.EXPIRED)
    in_time = await booking.hold_soon(people[3], office=office)
    given_back = await booking.hold_soon(eve := uuid4(), office=office)
    await booking.cancel(given_back, eve)
    await booking.says(*(captured(id, uuid4()) for id in [*late, in_time, given_back]))
    states = [(await booking.turn(id, person))["state"] for id, person in zip(late, people, strict=False)]
    assert sorted(states) == ["CONFIRMED", "CONFIRMED", "EXPIRED"]
    assert (await booking.turn(in_time, people[3]))["state"] == "CONFIRMED"
    assert (await refund_of(booking, given_back)).reason is RefundReason.PAID_AFTER_CANCELLATION
    assert await booking.quota(office) == (3, 3)


async def test_a_held_turn_is_cancelled_and_its_payment_closed(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    answer = await booking.cancel(id, ada)
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED_BY_CITIZEN")
    *_, cancelled, ask = await booking.told(id)
    assert isinstance(cancelled, TurnCancelled)
    assert (cancelled.by, cancelled.reason, cancelled.refund) == ("citizen", "changed-mind", None)
    assert isinstance(ask, CancelPayment)
    assert ask.payment_id == payment_id(id)
    assert await booking.quota(office) == (1, 0)

    await booking.says(captured(id, ada), captured(id, ada))
    turn = await booking.turn(id, ada)
    assert (turn["state"], turn["refund"]["state"]) == ("CANCELLED_BY_CITIZEN", "DUE")
    assert (await refund_of(booking, id)).reason is RefundReason.PAID_AFTER_CANCELLATION
    assert await booking.quota(office) == (1, 0)


async def test_a_paid_turn_is_cancelled_and_refunded_once(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada))
    answers = [await booking.cancel(id, ada, key=key, reason="ill") for key in ("one", "one", "two")]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    cancelled = (await booking.told(id))[3]
    assert isinstance(cancelled, TurnCancelled)
    assert (cancelled.reason, cancelled.refund) == ("ill", SYP)
    refund = await refund_of(booking, id)
    assert (refund.reason, refund.asked_by) == (RefundReason.CANCELLED_BY_CITIZEN, ada)
    await booking.says(captured(id, ada))
    kinds = await booking.kinds_told(id)
    assert kinds == [TurnHeld, RequestPayment, TurnConfirmed, TurnCancelled, RequestRefund]
    assert await booking.quota(office) == (1, 0)


@pytest.mark.parametrize("order", list(permutations(["accepted", "failed", "succeeded"])), ids="-".join)
async def test_refund_facts_may_come_in_any_order(booking: Booking, order: tuple[str, ...]) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada))
    await booking.cancel(id, ada)
    facts = refund_facts(id, ada)
    for word in order:
        await booking.says(facts[word])
    turn = await booking.turn(id, ada)
    assert (turn["state"], turn["refund"]["state"]) == ("CANCELLED_BY_CITIZEN", "SUCCEEDED")
    assert turn["refund"]["amount"]["minor"] == SYP.minor


async def test_how_far_a_refund_is(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(captured(id, ada))
    await booking.cancel(id, ada)
    facts = refund_facts(id, ada)
    seen = [(await booking.turn(id, ada))["refund"]["state"]]
    for word in ("accepted", "failed", "succeeded", "failed"):
        await booking.says(facts[word])
        seen.append((await booking.turn(id, ada))["refund"]["state"])
    assert seen == ["DUE", "ACCEPTED", "FAILED", "SUCCEEDED", "SUCCEEDED"]
