"""What FastStream 0.7 and aiokafka 0.14 do by themselves, shown bare; and that servicekit's consumers do not.

A bare half that fails after an upgrade says that a trap is gone, and that its remedy may go too.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaRouter
from libs.servicekit.tests.ledger import Ledger, cancel, committed, create_ledger, new_topic

from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit.clock import new_id
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.errors import Transient
from dawr.servicekit.testing import Stage, headers_of, until

REQUESTS = PAYMENTS_REQUESTS.name
GROUP = PAYMENTS_REQUESTS.group("payments")


class Never:
    """A handler that is called and does not come to its end."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, _message: object) -> None:
        self.called.set()
        await self.go_on.wait()


async def test_trap_by_default_an_offset_is_committed_while_its_handler_still_works(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.default")
    never = Never()
    broker = KafkaBroker(the_stage.platform.kafka, logger=None)
    subscriber = broker.subscriber(
        topic, group_id=f"{topic}.group", auto_offset_reset="earliest", auto_commit_interval_ms=50
    )
    subscriber(never.__call__)
    async with the_stage.raw_producer() as producer:
        await producer.send_and_wait(topic, b"work")
    await broker.start()
    try:
        await never.called.wait()

        async def lost_if_killed_now() -> bool:
            return await committed(the_stage, "bare.default", "bare.default.group") == 1

        await until(lost_if_killed_now, what="the timer's commit")
        assert not never.go_on.is_set()
    finally:
        never.go_on.set()
        await broker.stop()


async def test_an_offset_is_committed_after_the_effect(ledger: Ledger) -> None:
    never, message = Never(), cancel()
    before = await committed(ledger.stage, REQUESTS, GROUP)
    async with ledger.running(never.__call__) as service:
        assert service.consumers is not None
        await ledger.stage.send(message)
        await asyncio.wait_for(never.called.wait(), 20)
        (subscription,) = service.consumers.subscriptions
        assert subscription.subscriber._connection_args["enable_auto_commit"] is False
        assert await committed(ledger.stage, REQUESTS, GROUP) == before
        assert await ledger.notes() == []
        never.go_on.set()
        await ledger.noted(message.subject.id)

        async def acknowledged() -> bool:
            return await committed(ledger.stage, REQUESTS, GROUP) == before + 1

        await until(acknowledged, what="the commit")


async def test_trap_nack_on_error_asks_again_at_once_and_for_ever(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.nack")
    broker = KafkaBroker(the_stage.platform.kafka, logger=None)
    calls = 0
    enough = asyncio.Event()

    @broker.subscriber(
        topic, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR
    )
    async def fails(_message: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 200:
            enough.set()
        raise RuntimeError("a bug")

    async with the_stage.raw_producer() as producer:
        await producer.send_and_wait(topic, b"work")
    await broker.start()
    try:
        await asyncio.wait_for(enough.wait(), 20)
    finally:
        await broker.stop()


async def test_a_record_that_always_fails_is_tried_twice_and_set_aside(ledger: Ledger) -> None:
    bad, good = cancel("bug"), cancel()
    calls: Counter[str] = Counter()

    async def fails(message: CancelPayment) -> None:
        calls[message.reason] += 1
        if message.reason == "bug":
            raise RuntimeError("a bug")

    async with ledger.running(fails):
        await ledger.stage.send(bad, good)
        await ledger.noted(good.subject.id)
        await aside(ledger, bad)
    assert calls["bug"] == 2, "once with its batch, once alone"


async def test_a_transient_failure_is_tried_again_with_growing_pauses_and_then_set_aside(ledger: Ledger) -> None:
    bad, good = cancel("transient"), cancel()
    tries: list[float] = []

    async def fails(message: CancelPayment) -> None:
        if message.reason == "transient":
            tries.append(asyncio.get_running_loop().time())
            raise Transient("for ever")

    service = create_ledger(ledger.settings(), fails)
    assert service.consumers is not None
    service.consumers.backoff_seconds = (0.01, 0.08)
    async with service.running():
        await ledger.stage.send(bad, good)
        await ledger.noted(good.subject.id)
        letter = await aside(ledger, bad)
    assert letter.reason == "retries-exhausted"
    assert 10 <= len(tries) <= 30
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert max(pauses[:10]) >= 0.04, "they grow"
    assert sum(pauses) >= 0.3, "no storm"


async def aside(ledger: Ledger, message: CancelPayment) -> Any:
    """Wait until a message is among the dead letters; its letter."""

    async def found() -> Any:
        for letter in await read_dead_letters(ledger.stage.platform, group="payments"):
            if str(message.subject.id).encode() in (letter.body or b""):
                return letter
        return None

    return await until(found, what="the dead letter")


async def test_trap_one_undecodable_header_makes_a_batch_vanish(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.header")
    broker = KafkaBroker(the_stage.platform.kafka, logger=None)
    seen: list[Any] = []

    @broker.subscriber(
        topic, batch=True, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK
    )
    async def handle(bodies: list[Any]) -> None:
        seen.extend(bodies)

    await broker.start()
    try:
        async with the_stage.raw_producer() as producer:
            await send_together(producer, topic, [(b'"1"', []), (b'"bad"', [("name", b"\xff")]), (b'"2"', [])])
            (consumer,) = [each.consumer for each in broker.subscribers]  # type: ignore[attr-defined]

            async def was_read() -> bool:
                return any([await consumer.position(each) == 3 for each in consumer.assignment()])

            await until(was_read, what="the batch")
            await producer.send_and_wait(topic, b'"3"')

        async def all_committed() -> bool:
            return await committed(the_stage, "bare.header", "bare.header.group") == 4

        await until(all_committed, what="the commit past the lost batch")
        assert seen == ["3"], "two good records went with the bad one"
    finally:
        await broker.stop()


async def send_together(producer: AIOKafkaProducer, topic: str, records: Sequence[tuple[bytes, Any]]) -> None:
    """Send records as one batch, so that a consumer is given all of them at once."""
    batch = producer.create_batch()
    for body, headers in records:
        batch.append(key=b"one", value=body, timestamp=None, headers=headers)
    await (await producer.send_batch(batch, topic, partition=0))


async def test_an_undecodable_record_goes_aside_and_its_batch_goes_through(ledger: Ledger) -> None:
    good, unread = [cancel(), cancel()], cancel()
    topic = ledger.stage.platform.topic_prefix + REQUESTS
    named = [headers_of(each, new_id()) for each in [*good, unread]]
    bodies = [each.model_dump_json().encode() for each in [*good, unread]]
    broken = [(name, b"\xff" if name == "ce_type" else value) for name, value in named[2]]
    async with ledger.stage.raw_producer() as producer:
        await send_together(producer, topic, [(bodies[0], named[0]), (bodies[2], broken), (bodies[1], named[1])])
    async with ledger.running():
        await ledger.noted(*(each.subject.id for each in good))
        letter = await aside(ledger, unread)
    assert letter.reason == "undecodable-headers"
    assert letter.body == bodies[2]
    assert dict(letter.headers) == dict(broken), "as they came"


def test_trap_a_router_does_not_inherit_the_policy_of_its_broker() -> None:
    broker = KafkaBroker("nowhere", ack_policy=AckPolicy.MANUAL)
    router = KafkaRouter()
    subscriber = router.subscriber("topic", group_id="group")
    broker.include_router(router)
    assert subscriber.ack_policy is AckPolicy.ACK_FIRST


def test_trap_a_second_topic_is_dropped_without_a_word() -> None:
    broker = KafkaBroker("nowhere", ack_policy=AckPolicy.MANUAL)
    subscriber = broker.subscriber("one", "two", group_id="group", max_workers=2)
    assert subscriber.topic_names == ["one"]


async def test_each_subscription_has_its_policy_its_group_and_its_topic(ledger: Ledger) -> None:
    async with ledger.running() as service:
        assert service.consumers is not None

        async def joined() -> bool:
            return (await service.checks())["consumers"]

        await until(joined, what="the group")
        (subscription,) = service.consumers.subscriptions
        subscriber = subscription.subscriber
        assert subscriber.ack_policy is AckPolicy.MANUAL
        assert subscriber.topic_names == [ledger.stage.platform.topic_prefix + REQUESTS]
        assert subscriber.group_id == ledger.stage.platform.topic_prefix + GROUP
        consumer: AIOKafkaConsumer = subscriber.consumer
        assert consumer._enable_auto_commit is False
        assert consumer._auto_offset_reset == "earliest"


def test_a_topic_can_be_read_only_by_a_group_that_its_row_names(ledger: Ledger) -> None:
    consumers = Consumers("booking", create_ledger(ledger.settings()).database, ledger.stage.platform)
    with pytest.raises(ValueError, match="does not name booking among its readers"):
        consumers.topic(PAYMENTS_REQUESTS)


def test_a_handler_takes_only_messages_of_its_topic(ledger: Ledger) -> None:
    from dawr.contracts.booking import CancelTurn

    consumers = Consumers("payments", create_ledger(ledger.settings()).database, ledger.stage.platform)
    requests = consumers.topic(PAYMENTS_REQUESTS)
    with pytest.raises(ValueError, match="does not travel on"):
        requests(CancelTurn)(_never_called)


async def _never_called(_message: object, _tx: object) -> None:
    raise AssertionError


async def test_trap_message_ids_are_not_unique_and_batches_lose_their_keys(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.ids", partitions=2)
    broker = KafkaBroker(the_stage.platform.kafka, logger=None)
    ids: list[str] = []

    @broker.subscriber(topic, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK)
    async def handle(_body: Any, message: KafkaMessage) -> None:
        ids.append(message.message_id)

    async with the_stage.raw_producer() as producer:
        for partition in (0, 1):
            await producer.send_and_wait(topic, b"work", partition=partition, timestamp_ms=1_795_000_000_000)
    await broker.start()
    try:

        async def both() -> bool:
            return len(ids) == 2

        await until(both, what="both records")
        assert ids[0] == ids[1]
        with pytest.raises(TypeError, match="key"):
            await broker.publish_batch(b"work", topic=topic, key=b"key")  # type: ignore[call-overload]
        await broker.publish_batch(b"work", topic=topic, partition=0)
        assert (await the_stage.records("bare.ids"))[-1].key is None
    finally:
        await broker.stop()


async def test_messages_carry_an_id_of_their_own_and_their_key(ledger: Ledger) -> None:
    messages = [cancel() for _ in range(12)]
    async with ledger.running():
        await ledger.stage.send(*messages)
        await ledger.noted(*(each.subject.id for each in messages))
    subjects = {str(each.subject.id) for each in messages}

    async def told() -> list[Any]:
        records = [each for each in await ledger.stage.records("dawr.payments.events") if each.key]
        ours = [each for each in records if (each.key or b"").decode() in subjects]
        return ours if len(ours) >= len(messages) else []

    records = await until(told, what="the events")
    assert {(each.key or b"").decode() for each in records} == subjects
    assert len({dict(each.headers)["ce_id"] for each in records}) == len(messages)
    assert all(dict(each.headers)["ce_subject"] == each.key for each in records)
