"""Delivery on a real broker and a real database: each effect once, the bad ones aside, nothing lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from dawr.contracts import Money, Subject
from dawr.contracts.payments import CancelPayment, PaymentExpired, RequestRefund
from dawr.contracts.topics import PAYMENTS_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.clock import new_id
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Transaction
from dawr.servicekit.dead_letters import read_dead_letters, replay
from dawr.servicekit.service import Role, Service
from dawr.servicekit.settings import ServiceSettings
from dawr.servicekit.testing import Stage, headers_of, until


def cancel(reason: str = "test") -> CancelPayment:
    subject = uuid4()
    return CancelPayment(payment_id=uuid4(), subject=Subject(kind="turn", id=subject), reason=reason)


class Ledger:
    """A service with one effect: it notes each message, and tells of it."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.url = url
        self.stage = stage
        self.broken_reasons = {"bug"}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        settings = ServiceSettings(database_url=self.url, platform=self.stage.platform)
        service = Service(name="payments", title="Ledger", version="0", settings=settings)
        service.consumers = Consumers("payments", service.database, self.stage.platform)
        requests = service.consumers.topic(PAYMENTS_REQUESTS)

        @requests(CancelPayment)
        async def on_cancel(message: CancelPayment, tx: Transaction) -> None:
            if message.reason in self.broken_reasons:
                raise RuntimeError("a bug")
            await tx.connection.exec_driver_sql("INSERT INTO notes VALUES ($1)", (str(message.subject.id),))
            tx.stage(
                PaymentExpired(
                    payment_id=message.payment_id,
                    subject=message.subject,
                    payer_id=uuid4(),
                    amount=Money(minor=0, currency="SYP"),
                    at=datetime.now(UTC),
                )
            )

        async with service.running(Role.CONSUME):
            yield service

    async def notes(self) -> list[str]:
        connection = await asyncpg.connect(self.url)
        try:
            return [row[0] for row in await connection.fetch("SELECT subject FROM notes")]
        finally:
            await connection.close()


@pytest.fixture
async def ledger(the_stage: Stage) -> Ledger:
    url = await the_stage.bare_database()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE notes (subject text NOT NULL)")
    await connection.close()
    return Ledger(the_stage, url)


async def noted(ledger: Ledger, *subjects: UUID) -> list[str]:
    async def all_there() -> list[str] | None:
        notes = await ledger.notes()
        return notes if {str(each) for each in subjects} <= set(notes) else None

    return await until(all_there, what="notes")


async def test_a_message_that_comes_twice_has_its_effect_once(ledger: Ledger) -> None:
    first, last = cancel(), cancel()
    id = new_id()
    async with ledger.running():
        await ledger.stage.send(first, id=id)
        await ledger.stage.send(first, id=id)
        await noted(ledger, first.subject.id)
        await ledger.stage.send(first, id=id)
        await ledger.stage.send(last)
        notes = await noted(ledger, last.subject.id)
    assert notes.count(str(first.subject.id)) == 1
    told = [each.message for each in await ledger.stage.messages(PAYMENTS_EVENTS)]
    assert sum(each.subject == first.subject for each in told) == 1  # type: ignore[attr-defined]


async def test_a_bad_record_goes_aside_and_its_neighbours_go_through(ledger: Ledger) -> None:
    good = [cancel() for _ in range(6)]
    topic = ledger.stage.platform.topic_prefix + PAYMENTS_REQUESTS.name
    async with ledger.stage.raw_producer() as producer:
        for place, message in enumerate(good):
            headers = headers_of(message, new_id())
            await producer.send(topic, key=b"one", value=message.model_dump_json().encode(), headers=headers)
            bad = cancel("bug")
            body, bad_headers = bad.model_dump_json().encode(), headers_of(bad, new_id())
            if place == 1:
                bad_headers = [("ce_id", b"\xff\xfe"), ("ce_type", b"\xff")]
            elif place == 2:
                body = b'{"payment_id": \xff}'
            elif place == 3:
                bad_headers = [
                    (name, b"payments.cancel-payment.v9" if name == "ce_type" else value) for name, value in bad_headers
                ]
            elif place == 4:
                bad_headers = [
                    (name, b"payments.never-heard-of.v1" if name == "ce_type" else value) for name, value in bad_headers
                ]
            await producer.send(topic, key=b"one", value=body, headers=bad_headers)
        await producer.flush()
    async with ledger.running() as service:
        await noted(ledger, *(each.subject.id for each in good))

        async def all_aside() -> list[str] | None:
            found = [each.reason for each in await read_dead_letters(ledger.stage.platform, group="payments")]
            return found if len(found) >= 5 else None

        reasons = await until(all_aside, what="dead letters")
        assert sorted(reasons) == ["bug", "bug", "undecodable-body", "undecodable-headers", "unknown-version"]

        letters = [each for each in await read_dead_letters(ledger.stage.platform) if each.reason == "bug"]
        ledger.broken_reasons = set()
        for letter in letters:
            await replay(service.producer, letter)
        subjects = [CancelPayment.model_validate_json(letter.body or b"").subject.id for letter in letters]
        await noted(ledger, *subjects)
    left = [each for each in await read_dead_letters(ledger.stage.platform) if each.resolution is None]
    assert len(left) == 3
    assert RequestRefund  # the topic's other types are known, and have no handler here
