"""The relay: what the outbox holds is sent, in order per key, at least once, by one process at a time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from libs.servicekit.tests.ledger import Ledger, cancel
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Database
from dawr.servicekit.envelope import Received
from dawr.servicekit.producer import Producer
from dawr.servicekit.relay import Relay, depth, resend
from dawr.servicekit.testing import until


class Sender:
    """A process that stages, and relays while it is `leading`."""

    def __init__(self, ledger: Ledger, *, keep: timedelta = timedelta(days=7)) -> None:
        self.ledger = ledger
        self.database = Database(ledger.settings(), source="payments")
        self.producer = Producer(ledger.stage.platform, client_id="test")
        self.relay = Relay(self.database, self.producer, keep=keep, keep_inbox=keep)
        self.looks = 0
        """How often the relay asked for a session of its own."""

    async def stage(self, *messages: CancelPayment) -> list[UUID]:
        async with self.database.transaction() as tx:
            return [tx.stage(each, id=new_id()) for each in messages]

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        reading = self.database.reading

        def counted() -> Any:
            self.looks += 1
            return reading()

        self.database.reading = counted  # type: ignore[method-assign]
        running = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            self.relay.stop()
            await asyncio.wait_for(running, 5)

    async def __aenter__(self) -> "Sender":
        self.producer.start()
        await self.producer.wait_ready(10)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.producer.stop()
        await self.database.close()


async def sent(ledger: Ledger, ids: list[UUID], copies: int = 1) -> list[Received]:
    """Wait until the topic holds so many copies of each; all records of these, in their order."""

    async def all_there() -> list[Received] | None:
        found = [each for each in await ledger.stage.messages(PAYMENTS_REQUESTS) if each.cause.id in ids]
        return found if len(found) >= copies * len(ids) else None

    return await until(all_there, what=f"{len(ids)} messages")


async def unsent(sender: Sender) -> int:
    async with sender.database.reading() as connection:
        return (await depth(connection)).unsent


async def test_messages_of_a_key_arrive_in_their_order(ledger: Ledger) -> None:
    keys = [new_id() for _ in range(8)]
    expected: dict[str, list[UUID]] = defaultdict(list)
    async with Sender(ledger) as sender, sender.relaying():
        for _ in range(40):
            messages = [cancel(subject=key) for key in keys]
            for message, id in zip(messages, await sender.stage(*messages), strict=True):
                expected[message.key()].append(id)
        records = await sent(ledger, [id for ids in expected.values() for id in ids])
    arrived: dict[str, list[UUID]] = defaultdict(list)
    for each in sorted(records, key=lambda each: (each.record.partition, each.record.offset)):
        arrived[each.message.key()].append(each.cause.id)
    assert arrived == expected
    partitions = {key: {each.record.partition for each in records if each.message.key() == key} for key in expected}
    assert all(len(each) == 1 for each in partitions.values())


async def test_a_lower_id_that_commits_later_is_still_sent(ledger: Ledger) -> None:
    """Ids are given at the insert, rows appear at the commit: `id > last` would skip the first for ever."""
    async with Sender(ledger) as sender, sender.relaying():
        async with sender.database.transaction() as slow:
            slow_id = slow.stage(cancel(), id=new_id())
            await slow.flush()
            quick_ids = await sender.stage(cancel())
            await sent(ledger, quick_ids)
        await sent(ledger, [slow_id])
    rows = await ledger.rows("SELECT id, message_id FROM outbox_messages")
    places = {row["message_id"]: row["id"] for row in rows}
    assert places[slow_id] < places[quick_ids[0]]


class Killed(Exception):
    pass


class DiesBeforeMarking:
    """A session of a process that is killed when the broker has the records and the database does not know."""

    def __init__(self, session: AsyncConnection) -> None:
        self._session = session

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        if str(statement).startswith("UPDATE"):
            raise Killed
        return await self._session.execute(statement, parameters)


async def test_a_kill_between_sending_and_marking_doubles_the_batch_under_the_same_ids(ledger: Ledger) -> None:
    async with Sender(ledger) as sender:
        ids = await sender.stage(*(cancel() for _ in range(5)))
        async with sender.database.reading() as session:
            with pytest.raises(Killed):
                await sender.relay.send_batch(DiesBeforeMarking(session))  # type: ignore[arg-type]
            assert await sender.relay.send_batch(session) == 5
            assert await sender.relay.send_batch(session) == 0
        records = await sent(ledger, ids, copies=2)
    assert sorted(each.cause.id for each in records) == sorted([*ids, *ids])
    bodies = {each.cause.id: each.record.value for each in records}
    assert all(each.record.value == bodies[each.cause.id] for each in records)


async def test_one_of_two_relays_leads_and_the_other_takes_over(ledger: Ledger) -> None:
    async with Sender(ledger) as leader, Sender(ledger) as stand_by:
        running = asyncio.create_task(leader.relay.run())
        await sent(ledger, await leader.stage(cancel()))
        async with stand_by.relaying():
            ids = [id for _ in range(30) for id in await stand_by.stage(cancel())]
            assert len(await sent(ledger, ids)) == len(ids), "nobody sent twice"
            assert stand_by.looks <= 5, "it waits, and does not ask again for each thing that is staged there"
            leader.relay.stop()
            await running
            await sent(ledger, await leader.stage(cancel()))


async def test_what_waits_is_sent_before_the_relay_ends(ledger: Ledger) -> None:
    async with Sender(ledger) as sender:
        async with sender.relaying():
            ids = await sender.stage(*(cancel() for _ in range(1200)))
        assert await unsent(sender) == 0
        assert len(await sent(ledger, ids)) == 1200


async def test_sent_messages_can_be_sent_again(ledger: Ledger) -> None:
    async with Sender(ledger) as sender, sender.relaying():
        ids = await sender.stage(*(cancel() for _ in range(3)))
        await sent(ledger, ids)
        start = datetime.now(UTC)
        later = await sender.stage(cancel())
        await sent(ledger, later)
        async with sender.database.reading() as connection:
            assert await resend(connection, start, ["dawr.payments.events"]) == 0
            assert await resend(connection, start, ["dawr.payments.requests"]) == 1
        await sent(ledger, later, copies=2)
        assert len(await sent(ledger, ids)) == 3
        async with sender.database.reading() as connection:
            assert await resend(connection, datetime.min.replace(tzinfo=UTC)) == 4
        await sent(ledger, ids, copies=2)


async def test_what_was_kept_for_long_enough_is_forgotten_and_what_waits_is_not(ledger: Ledger) -> None:
    async with Sender(ledger, keep=timedelta(0)) as sender:
        ids = await sender.stage(*(cancel() for _ in range(2)))
        async with sender.database.reading() as session:
            await sender.relay.send_batch(session)
        waiting = await sender.stage(cancel())
        await sender.producer.stop()  # nothing more can be sent

        async with sender.database.reading() as session:
            await sender.relay._care(session)
        left = [row["message_id"] for row in await ledger.rows("SELECT message_id FROM outbox_messages")]
    assert left == waiting
    assert len(await sent(ledger, ids)) == 2


async def test_what_waits_is_measured_while_the_broker_is_away(ledger: Ledger) -> None:
    """That is when somebody wants to know."""
    sender = Sender(ledger)
    staged = [cancel() for _ in range(3)]
    await sender.stage(*staged)
    telemetry.OUTBOX_DEPTH.set(0)

    async def is_told() -> bool:
        return telemetry.OUTBOX_DEPTH._value.get() >= len(staged)

    async with sender.relaying():
        await until(is_told, what="a measure of the outbox")
    await sender.database.close()
