"""Turns on the real stack: asked for over HTTP, allocated from the log, told to the topics."""

from uuid import UUID, uuid4

from dawr.contracts import Money, Subject
from dawr.contracts.booking import TurnConfirmed, TurnHeld, TurnRefused
from dawr.contracts.ids import payment_id
from dawr.contracts.payments import PaymentCaptured, RequestPayment
from dawr.servicekit.testing import until

from .conftest import SYP, Booking


def captured(turn_id: str, payer: UUID, amount: Money = SYP, *, at: object = None) -> PaymentCaptured:
    from datetime import UTC, datetime

    return PaymentCaptured(
        payment_id=payment_id(UUID(turn_id)),
        subject=Subject(kind="turn", id=UUID(turn_id)),
        payer_id=payer,
        amount=amount,
        at=datetime.now(UTC),
        provider="sandbox",
        provider_reference="cap_1",
    )


async def test_a_seat_is_held_paid_for_and_confirmed(booking: Booking) -> None:
    ada = uuid4()
    held = await booking.take(ada)
    assert held.status_code == 201, held.text
    turn = held.json()
    assert turn["state"] == "HELD"
    assert turn["fee"] == {"minor": 31270000, "currency": "SYP", "text": turn["fee"]["text"]}
    (request,) = [
        each
        for each in await booking.stage.wait_for(RequestPayment)
        if str(each.subject.id) == turn["id"]  # type: ignore[attr-defined]
    ]
    assert str(request.payment_id) == turn["payment"]["id"]  # type: ignore[attr-defined]

    await booking.stage.send(captured(turn["id"], ada))

    async def confirmed() -> bool:
        return (await booking.turn(turn["id"], ada))["state"] == "CONFIRMED"

    await until(confirmed, what="confirmed")
    assert [step["state"] for step in (await booking.turn(turn["id"], ada))["history"]] == ["HELD", "CONFIRMED"]  # type: ignore[attr-defined]
    assert await booking.stage.wait_for(TurnHeld)
    assert await booking.stage.wait_for(TurnConfirmed)


async def test_more_people_than_seats(booking: Booking) -> None:
    answers = [await booking.take() for _ in range(5)]
    left = await booking.left()
    assert left == 0
    codes = [each.status_code for each in answers]
    assert codes == [201, 201, 201, 409, 409]
    assert answers[-1].json()["code"] == "sold-out"
    assert await booking.stage.wait_for(TurnRefused)
