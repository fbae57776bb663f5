"""Partitions change hands in mid-batch, and processes stop: nothing is lost, nothing is done twice."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from libs.servicekit.tests.ledger import Ledger, cancel, committed, new_topic
from prometheus_client import REGISTRY

from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit.service import Service
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import Stage, until

GROUP = PAYMENTS_REQUESTS.group("payments")


class Gate:
    """Holds the handlers that come to it until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()
        self.passed: list[CancelPayment] = []

    async def __call__(self, message: Any) -> None:
        self.reached.set()
        await self._open.wait()
        self.passed.append(message)

    def open(self) -> None:
        self._open.set()


def redelivered() -> float:
    """How many messages came to a ledger that had been applied before."""
    labels = {"topic": PAYMENTS_REQUESTS.name, "group": "payments"}
    return REGISTRY.get_sample_value("dawr_messages_duplicate_total", labels) or 0.0


def quick(ledger: Ledger) -> PlatformSettings:
    """Settings with which a rebalance is noticed soon."""
    return ledger.stage.platform.model_copy(update={"kafka_session_seconds": 2.0})


async def assigned(service: Service) -> int:
    assert service.consumers is not None
    (subscription,) = service.consumers.subscriptions
    consumer = subscription.subscriber.consumer if subscription.subscriber is not None else None
    return len(consumer.assignment()) if consumer is not None else 0


async def shared_out(*services: Service) -> None:
    """Wait until every partition has an owner, and every service has some."""

    async def is_shared() -> bool:
        counts = [await assigned(each) for each in services]
        return min(counts) > 0 and sum(counts) == PAYMENTS_REQUESTS.partitions

    await until(is_shared, what="the partitions")


async def test_trap_a_rebalance_hands_over_a_batch_that_is_still_worked_on(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.rebalance", partitions=2)
    gate, seen = Gate(), Counter[bytes]()
    brokers = []
    for _ in range(2):
        broker = KafkaBroker(the_stage.platform.kafka, logger=None, graceful_timeout=None)

        @broker.subscriber(
            topic, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK, batch=True,
            session_timeout_ms=2_000, heartbeat_interval_ms=400,
        )  # fmt: skip
        async def handle(bodies: list[bytes]) -> None:
            seen.update(bodies)
            await gate(bodies)

        brokers.append(broker)
    async with the_stage.raw_producer() as producer:
        for partition in range(2):
            await producer.send_and_wait(topic, b"work", partition=partition)
    try:
        await brokers[0].start()
        await asyncio.wait_for(gate.reached.wait(), 20)
        await brokers[1].start()

        async def somebody_else_works_on_it() -> bool:
            return seen.total() > 2

        await until(somebody_else_works_on_it, what="the second delivery")
        assert gate.passed == [], "the first has not ended"
    finally:
        gate.open()
        for broker in brokers:
            await broker.stop()


async def test_a_batch_in_flight_is_committed_before_its_partitions_go_to_another(ledger: Ledger) -> None:
    messages = [cancel() for _ in range(60)]
    await ledger.stage.send(*messages)
    gate, before = Gate(), redelivered()
    async with ledger.running(gate, platform=quick(ledger)) as first:
        await asyncio.wait_for(gate.reached.wait(), 20)
        async with ledger.running(platform=quick(ledger)) as second:

            async def is_asked_to_give_up() -> bool:
                assert first.consumers is not None
                (subscription,) = first.consumers.subscriptions
                return bool(subscription.subscriber.consumer._subscription.reassignment_in_progress)

            await until(is_asked_to_give_up, what="the rebalance")
            assert await ledger.notes() == []
            assert await assigned(second) == 0, "the group waits for the batch"
            gate.open()
            await shared_out(first, second)
            notes = await ledger.noted(*(each.subject.id for each in messages))
    assert max(Counter(notes).values()) == 1
    assert redelivered() == before, "no message was even delivered twice"


async def test_members_come_and_go_while_messages_flow(ledger: Ledger) -> None:
    before, sent = redelivered(), []
    async with AsyncExitStack() as stack:
        members = [ledger.running(platform=quick(ledger), max_records=7) for _ in range(3)]
        running = [await stack.enter_async_context(each) for each in members[:2]]
        await shared_out(*running)
        done = asyncio.Event()

        async def keep_sending() -> None:
            while not done.is_set():
                batch = [cancel() for _ in range(10)]
                await ledger.stage.send(*batch)
                sent.extend(batch)

        sending = asyncio.create_task(keep_sending())
        third = await members[2].__aenter__()
        await shared_out(*running, third)
        await members[2].__aexit__(None, None, None)
        await shared_out(*running)
        done.set()
        await sending
        notes = await ledger.noted(*(each.subject.id for each in sent))
    assert sent
    assert sorted(notes) == sorted(str(each.subject.id) for each in sent)
    assert redelivered() == before


async def test_trap_without_a_time_out_a_stop_waits_for_no_handler(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.stop")
    broker = KafkaBroker(the_stage.platform.kafka, logger=None, graceful_timeout=None)
    gate = Gate()
    broker.subscriber(topic, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK)(
        gate.__call__
    )
    async with the_stage.raw_producer() as producer:
        await producer.send_and_wait(topic, b"work")
    await broker.start()
    await asyncio.wait_for(gate.reached.wait(), 20)
    await asyncio.wait_for(broker.stop(), 20)
    gate.open()
    assert gate.passed == [], "it was cut off"


async def test_a_stop_drains_the_batch_in_flight_and_then_leaves(ledger: Ledger) -> None:
    messages = [cancel() for _ in range(10)]
    start = await committed(ledger.stage, PAYMENTS_REQUESTS.name, GROUP)
    gate, before = Gate(), redelivered()
    running = ledger.running(gate)
    await running.__aenter__()
    await ledger.stage.send(*messages)
    await asyncio.wait_for(gate.reached.wait(), 20)
    stopping = asyncio.create_task(running.__aexit__(None, None, None))
    done, _ = await asyncio.wait([stopping], timeout=0.3)
    assert not done, "it waits for the handler"
    gate.open()
    await asyncio.wait_for(stopping, 8)
    first = await ledger.notes()
    assert first
    assert await committed(ledger.stage, PAYMENTS_REQUESTS.name, GROUP) - start == len(first)
    async with ledger.running():
        notes = await ledger.noted(*(each.subject.id for each in messages))
    assert max(Counter(notes).values()) == 1
    assert redelivered() == before


async def test_a_batch_that_takes_too_long_at_a_stop_is_cut_off_and_delivered_again(ledger: Ledger) -> None:
    message, gate = cancel(), Gate()
    running = ledger.running(gate, drain_seconds=0.3)
    await running.__aenter__()
    await ledger.stage.send(message)
    await asyncio.wait_for(gate.reached.wait(), 20)
    await asyncio.wait_for(running.__aexit__(None, None, None), 5)
    gate.open()
    assert await ledger.notes() == []
    async with ledger.running():
        assert await ledger.noted(message.subject.id, timeout=5) == [str(message.subject.id)], "the group was left"


async def test_a_stop_in_mid_start_leaves_the_group_too(ledger: Ledger) -> None:
    running = ledger.running()
    service = await running.__aenter__()
    assert service.consumers is not None
    (subscription,) = service.consumers.subscriptions

    async def begins_to_join() -> Any:
        return subscription.subscriber is not None and subscription.subscriber.consumer

    consumer = await until(begins_to_join, every=0, what="a consumer that is not there yet")
    assert not service._joined.is_set(), "it has not joined"
    await running.__aexit__(None, None, None)
    assert consumer._closed, "or it would hold its partitions until its session ends"
