"""Stories: what happened, and what people are told of it, however often and in whatever order it comes in."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dawr.contracts import Message, Money, Place, Pool, Subject, Text
from dawr.contracts.booking import RefusalCode, TurnCancelled, TurnConfirmed, TurnHeld, TurnMoved, TurnRefused
from dawr.contracts.consular import Kinship, MandateActivated
from dawr.contracts.notifications import MessageSent, RegisterContact, SendMessage
from dawr.contracts.payments import PaymentCaptured, PaymentOpened, RefundAccepted, RefundReason, RefundSucceeded
from dawr.contracts.topics import BOOKING_EVENTS, NOTIFICATIONS_EVENTS
from dawr.notifications.examples import known
from dawr.notifications.service.telling import tell
from dawr.notifications.store.copies import find_turns
from dawr.servicekit.clock import new_id
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.envelope import Cause
from dawr.servicekit.service import Role
from dawr.servicekit.testing import until

POOL = Pool(office="DAM-01", service="PASS_REN", tier="N", date=date(2026, 12, 5))
FEE = Money(minor=31_270_000, currency="SYP")


class Turn:
    """One turn and the facts about it."""

    def __init__(self, person: UUID, *, asked_by: UUID | None = None) -> None:
        self.id, self.now = uuid4(), datetime.now(UTC)
        self._fact = {
            "turn_id": self.id,
            "person_id": person,
            "asked_by": asked_by or person,
            "pool": POOL,
            "at": self.now,
        }
        subject = Subject(kind="turn", id=self.id)
        paid = {"payment_id": uuid4(), "subject": subject, "payer_id": asked_by or person, "amount": FEE}
        self._payment = paid | {"at": self.now}
        self._refund = self._payment | {"refund_id": uuid4()}

    def held(self, *, minutes: int = 15) -> TurnHeld:
        return TurnHeld(
            **self._fact,
            window="09:00",
            place=Place(partition=0, offset=7),
            fee=FEE,
            payable=FEE,
            payment_id=uuid4(),
            held_until=self.now + timedelta(minutes=minutes),
        )

    def refused(self) -> TurnRefused:
        return TurnRefused(**self._fact, code=RefusalCode.SOLD_OUT)

    def confirmed(self) -> TurnConfirmed:
        return TurnConfirmed(**self._fact, window="09:00", fee=FEE)

    def cancelled(self) -> TurnCancelled:
        return TurnCancelled(**self._fact, by="citizen", reason="changed-mind", refund=FEE)

    def moved(self) -> TurnMoved:
        later = POOL.model_copy(update={"date": date(2026, 12, 8)})
        return TurnMoved(**self._fact | {"pool": later}, from_pool=POOL, reason=Text(ar="عاصفة", en="A storm"))

    def opened(self) -> PaymentOpened:
        return PaymentOpened(**self._payment, pay_before=self.now)

    def captured(self) -> PaymentCaptured:
        return PaymentCaptured(**self._payment, provider="bank", provider_reference="TX-1")

    def refund_accepted(self) -> RefundAccepted:
        return RefundAccepted(**self._refund, reason=RefundReason.CANCELLED_BY_CITIZEN)

    def refunded(self) -> RefundSucceeded:
        return RefundSucceeded(**self._refund, provider="bank", provider_reference="TX-2", attempt=1)

    def life(self) -> list[Message]:
        return [
            self.held(),
            self.opened(),
            self.captured(),
            self.confirmed(),
            self.cancelled(),
            self.refund_accepted(),
            self.refunded(),
        ]


def plain(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


async def test_a_held_turn_is_told_by_mail_and_in_the_inbox(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org", language="en")
    await house.stage.send(Turn(person).held())
    async with house.open() as service:
        [mail] = await house.post.arrived("sami@example.org")
        assert mail["Subject"].startswith("Pay by")
        assert mail["Content-Language"] == "en"
        assert "312,700 Syrian pounds" in plain(mail)
        assert "Passport renewal (Normal)" in plain(mail)
        assert "Damascus first centre" in plain(mail)
        assert "Damascus first centre" in mail.get_body(("html",)).get_content()
        [sent] = await house.stage.wait_for(MessageSent)
        assert (sent.channel, sent.attempt) == ("email", 1)
        assert mail["Message-ID"] == f"<{sent.message_id}@dawr.example>"
        async with house.client(service) as client:
            answer = await client.get("/inbox", headers=house.stage.signed_in(person) | {"accept-language": "ar"})
    assert answer.json()["unread"] == 1
    [entry] = answer.json()["items"]
    assert entry["id"] == str(sent.message_id)
    assert "تجديد جواز سفر" in entry["text"]


@pytest.mark.parametrize("seed", [None, 1, 2])
async def test_each_fact_is_told_once_though_doubled_and_in_another_order(
    house: Any, person: UUID, seed: int | None
) -> None:
    relative = uuid4()
    await house.describe()
    await house.register(person, email="person@example.org", language="en")
    await house.register(relative, email="relative@example.org", language="en")
    facts = [(new_id(), fact) for fact in Turn(person, asked_by=relative).life()]
    if seed is not None:
        facts = facts * 2
        random.Random(seed).shuffle(facts)  # noqa: S311
    for id, fact in facts:
        await house.stage.send(fact, id=id)
    async with house.open(details_seconds=60) as service:
        rows = await house.told(service, 7)
        told = {(row.template, row.person_id, row.state) for row in rows}
        mails = {name: house.post.to(f"{name}@example.org") for name in ("person", "relative")}
    expected = ["turn-held", "payment-captured", "turn-confirmed", "turn-cancelled", "refund-succeeded"]
    assert told == {(template, relative, "SENT") for template in expected} | {
        (template, person, "SENT") for template in ("turn-confirmed", "turn-cancelled")
    }
    assert len(rows) == 7
    assert {name: len(each) for name, each in mails.items()} == {"person": 2, "relative": 5}
    ids = [mail["Message-ID"] for each in mails.values() for mail in each]
    assert len(set(ids)) == 7
    # A payment's fact names its turn by id alone: its text waits for what booking tells of the turn.
    assert all("Time: 09:00" in plain(mail) for each in mails.values() for mail in each)


async def test_a_redelivered_batch_tells_nothing_again(house: Any, person: UUID) -> None:
    """The inbox of messages was lost (or pruned): a message's id alone keeps it single."""
    await house.describe()
    await house.register(person, email="again@example.org")
    id, confirmed = new_id(), Turn(person).confirmed()
    await house.stage.send(confirmed, id=id)
    async with house.open() as service:
        await house.post.arrived("again@example.org")
        await house.told(service, 1)
        async with service.database.transaction() as tx:
            await tx.connection.exec_driver_sql("DELETE FROM inbox_messages")
        await house.stage.send(confirmed, id=id)
        await house.stage.send(Turn(person).refused())
        await house.told(service, 2)
    assert len(house.post.to("again@example.org")) == 2
    assert await read_dead_letters(house.stage.platform, topic=BOOKING_EVENTS.name) == []


async def test_a_payment_whose_turn_never_comes_is_told_without_it(house: Any, person: UUID) -> None:
    await house.register(person, email="sami@example.org", language="en")
    await house.stage.send(Turn(person).captured())
    async with house.open(details_seconds=0.3):
        [mail] = await house.post.arrived("sami@example.org")
    assert "312,700 Syrian pounds has been received" in plain(mail)
    assert "Service:" not in plain(mail)


async def test_a_message_waits_for_the_names_of_its_office_and_service(house: Any, person: UUID) -> None:
    await house.register(person, email="sami@example.org", language="en")
    await house.stage.send(Turn(person).refused())
    async with house.open(details_seconds=60) as service:

        async def put_off() -> bool:
            rows = await house.rows(service, "SELECT 1 FROM messages WHERE due_at > created_at AND lease IS NULL")
            return bool(rows)

        await until(put_off, what="the message is put off")
        assert house.post.mails == []
        await house.describe()
        [mail] = await house.post.arrived("sami@example.org")
        [row] = await house.told(service, 1)
    assert "Office: Damascus first centre" in plain(mail)
    assert row.attempt == 1, "waiting is no attempt"


async def test_an_older_revision_does_not_take_a_name_back(house: Any, person: UUID) -> None:
    office = known().catalogue.offices["DAM-01"]
    newer = office.model_copy(update={"revision": 5, "name": office.name.model_copy(update={"en": "New name"})})
    await house.register(person, email="sami@example.org", language="en")
    await house.stage.send(newer)
    await house.describe()
    await house.stage.send(Turn(person).refused())
    async with house.open(details_seconds=60):
        [mail] = await house.post.arrived("sami@example.org")
    assert "Office: New name" in plain(mail)


async def test_both_sides_of_a_mandate_are_told(house: Any, person: UUID) -> None:
    agent = uuid4()
    await house.register(person, email="abroad@example.org", language="en")
    await house.register(agent, email="home@example.org")
    mandate = MandateActivated(
        mandate_id=uuid4(), person_id=person, agent_id=agent, kinship=Kinship.SIBLING, at=datetime.now(UTC)
    )
    await house.stage.send(mandate)
    async with house.open():
        [given] = await house.post.arrived("abroad@example.org")
        [received] = await house.post.arrived("home@example.org")
    assert "a brother or sister" in plain(given)
    assert "أحد الإخوة" in plain(received), "Arabic where nothing else was said"


async def test_without_an_address_the_inbox_has_it_and_nothing_is_sent(house: Any, person: UUID) -> None:
    await house.describe()
    await house.stage.send(Turn(person).confirmed())
    async with house.open() as service:
        [row] = await house.told(service, 1)
        async with house.client(service) as client:
            inbox = (await client.get("/inbox", headers=house.stage.signed_in(person))).json()
    assert (row.state, row.reason) == ("SUPPRESSED", "no-address")
    assert len(inbox["items"]) == 1
    assert house.post.mails == []


async def test_what_comes_too_late_is_not_sent_but_kept(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(Turn(person).held(minutes=-1))
    async with house.open() as service:
        [row] = await house.told(service, 1)
    assert (row.state, row.reason, row.in_inbox) == ("SUPPRESSED", "too-late", True)
    assert house.post.mails == []


async def test_a_sign_in_code_is_sent_in_the_language_asked_for_and_then_forgotten(
    house: Any, person: UUID, seal: Callable[..., str]
) -> None:
    await house.register(person, email="sami@example.org")
    code = SendMessage(
        person_id=person,
        template="sign-in-code",
        language="en",
        sealed=seal(code="482915", minutes=10),
        send_before=datetime.now(UTC) + timedelta(minutes=10),
    )
    await house.stage.send(code)
    async with house.open() as service:
        [mail] = await house.post.arrived("sami@example.org")
        [row] = await house.told(service, 1)
        async with house.client(service) as client:
            inbox = (await client.get("/inbox", headers=house.stage.signed_in(person))).json()
        whole = await house.rows(service, "SELECT row_to_json(m)::text AS text FROM messages AS m")
        staged = await house.rows(service, "SELECT body FROM outbox_messages")
    assert "482915 is your sign-in code." in plain(mail)
    assert "within 10 minutes" in plain(mail)
    assert "482915" not in mail["Subject"]
    assert row.sealed is None
    assert inbox == {"items": [], "unread": 0, "next": None}
    assert "482915" not in "".join(each.text for each in whole)
    assert all(b"482915" not in each.body for each in staged)


async def test_a_sign_in_code_never_goes_to_an_address_that_a_session_set(
    house: Any, person: UUID, seal: Callable[..., str]
) -> None:
    await house.register(person, email="real@example.org")
    async with house.open() as service, house.client(service) as client:

        async def registered() -> bool:
            return bool(await house.rows(service, "SELECT 1 FROM contacts"))

        await until(registered, what="the contact")
        wanted = {"email": "thief@example.org"}
        answer = await client.put("/preferences", json=wanted, headers=house.stage.signed_in(person))
        assert answer.json()["email"] == "thief@example.org"
        await house.stage.send(SendMessage(person_id=person, template="sign-in-code", sealed=seal(code="482915")))
        await house.post.arrived("real@example.org")
        await house.describe()
        await house.stage.send(Turn(person).confirmed())
        await house.post.arrived("thief@example.org")
    assert len(house.post.mails) == 2


async def test_a_sign_up_code_goes_to_the_address_within_it_alone_and_is_then_forgotten(
    house: Any, person: UUID, seal: Callable[..., str]
) -> None:
    """Its person is not registered yet; and an address that somebody else's code once had is nobody's after."""
    await house.register(person, email="registered@example.org")
    house.post.refused.add("mistyped@example.org")
    await house.stage.send(
        SendMessage(person_id=person, template="sign-up-code", sealed=seal(code="482915", email="new@example.org")),
        SendMessage(
            person_id=person,
            template="sign-up-code",
            sealed=seal(code="371804", email="mistyped@example.org", phone="+963991112223"),
        ),
    )
    async with house.open() as service:
        [mail] = await house.post.arrived("new@example.org")
        [text] = await house.phones.arrived("+963991112223")
        rows = await house.told(service, 2)
        tables = ("messages", "contacts", "deliveries", "outbox_messages")
        whole = [
            each.text
            for table in tables
            for each in await house.rows(service, f"SELECT row_to_json(t)::text AS text FROM {table} AS t")
        ]
    assert "482915" in plain(mail)
    assert "371804" in str(text["text"])
    assert len(house.post.mails) == 1, "not to where the person is registered"
    assert {(row.state, row.sealed, row.in_inbox) for row in rows} <= {
        ("SENT", None, False),
        ("DELIVERED", None, False),
    }
    for secret in ("482915", "371804", "new@example.org", "mistyped@example.org", "991112223"):
        assert secret not in "".join(whole)


async def test_requests_that_make_no_sense_go_to_the_dead_letters_and_others_go_on(
    house: Any, person: UUID, seal: Callable[..., str]
) -> None:
    await house.register(person, email="sami@example.org")
    await house.stage.send(
        SendMessage(person_id=person, template="turn-confirmed"),
        SendMessage(person_id=person, template="sign-in-code", sealed="not sealed by us"),
        SendMessage(person_id=person, template="sign-up-code", sealed=seal(code="482915")),
        SendMessage(person_id=person, template="sign-up-code", sealed=seal(code="482915", email="no address")),
        RegisterContact(person_id=person, sealed=seal(email="not an address")),
        RegisterContact(person_id=person, sealed=seal(phone="0991234567")),
        RegisterContact(person_id=person, sealed=seal(email="sami@example.org", language="fr")),
        SendMessage(person_id=person, template="sign-in-code", sealed=seal(code="482915")),
    )
    async with house.open():
        await house.post.arrived("sami@example.org")

        async def dead() -> list[str] | None:
            letters = await read_dead_letters(house.stage.platform, group="notifications")
            return [each.detail for each in letters] if len(letters) >= 7 else None

        details = await until(dead, what="dead letters")
    assert sorted(detail.split(":")[0] for detail in details) == ["NotSealed"] * 6 + ["TemplateUnknown"]
    assert len(house.post.mails) == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_fact_out_of_the_dead_letters_does_not_put_a_moved_turn_back(
    house: Any, person: UUID, at_once: bool
) -> None:
    """In one batch or in two: the day is that of the newest fact, and what only the older one says is filled in."""
    turn = Turn(person)
    moved = turn.moved().model_copy(update={"at": turn.now + timedelta(minutes=5)})
    async with house.open(role=Role.SERVE) as service:
        facts = [(Cause(id=new_id()), fact) for fact in (moved, turn.held())]
        for batch in [facts] if at_once else [[each] for each in facts]:
            async with service.database.transaction() as tx:
                await tell(tx, batch)
        async with service.database.reading() as connection:
            found = (await find_turns(connection, [turn.id]))[turn.id]
    assert (found.date, found.window, found.told_at) == (moved.pool.date, moved.window, moved.at)
    assert found.is_free is False


async def test_no_topic_and_no_table_holds_an_address_in_clear(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="secret.address@example.org", phone="+963991234567")
    await house.stage.send(Turn(person).confirmed())
    async with house.open() as service:
        await house.post.arrived("secret.address@example.org")
        await house.told(service, 1)
        tables = ("contacts", "messages", "deliveries", "outbox_messages")
        rows = [
            row.text
            for table in tables
            for row in await house.rows(service, f"SELECT t::text AS text FROM {table} AS t")
        ]
    everything = "".join(rows)
    assert len(rows) >= 4
    records = [each.value for each in await house.stage.records(NOTIFICATIONS_EVENTS)]
    for address in ("secret.address", "991234567"):
        assert address not in everything
        assert all(address.encode() not in value for value in records if value)
