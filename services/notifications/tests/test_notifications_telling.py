"""Stories: what happened, and what people are told of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from dawr.contracts import Money, Place, Pool
from dawr.contracts.booking import TurnConfirmed, TurnHeld
from dawr.contracts.notifications import MessageSent

POOL = Pool(office="DAM-01", service="PASS_REN", tier="N", date=date(2026, 12, 5))
FEE = Money(minor=31_270_000, currency="SYP")


def held(person: UUID, *, turn: UUID | None = None, asked_by: UUID | None = None) -> TurnHeld:
    now = datetime.now(UTC)
    return TurnHeld(
        turn_id=turn or uuid4(),
        person_id=person,
        asked_by=asked_by or person,
        pool=POOL,
        at=now,
        window="09:00",
        place=Place(partition=0, offset=7),
        fee=FEE,
        payable=FEE,
        payment_id=uuid4(),
        held_until=now + timedelta(minutes=15),
    )


def confirmed(person: UUID, *, turn: UUID | None = None, asked_by: UUID | None = None) -> TurnConfirmed:
    return TurnConfirmed(
        turn_id=turn or uuid4(),
        person_id=person,
        asked_by=asked_by or person,
        pool=POOL,
        at=datetime.now(UTC),
        window="09:00",
        fee=FEE,
    )


async def test_a_held_turn_is_told_by_mail_and_in_the_inbox(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org", language="en")
    await house.stage.send(held(person))
    async with house.open() as service:
        [mail] = await house.post.arrived("sami@example.org")
        assert mail["Subject"].startswith("Pay by")
        text = mail.get_body(("plain",)).get_content()
        assert "312,700 Syrian pounds" in text
        assert "Passport renewal (Normal)" in text
        assert "Damascus first centre" in text
        assert mail["Message-ID"].endswith("@dawr.example>")
        [sent] = await house.stage.wait_for(MessageSent)
        assert sent.channel == "email"
        assert mail["Message-ID"] == f"<{sent.message_id}@dawr.example>"
        async with house.client(service) as client:
            answer = await client.get("/inbox", headers=house.stage.signed_in(person) | {"accept-language": "ar"})
    inbox = answer.json()
    assert inbox["unread"] == 1
    [entry] = inbox["items"]
    assert "تجديد جواز سفر" in entry["text"]
    assert entry["id"] == str(sent.message_id)
