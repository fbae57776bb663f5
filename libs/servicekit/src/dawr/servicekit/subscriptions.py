"""One topic as one group reads it: its handlers, how a batch is acknowledged, and how partitions are handed over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream.kafka import KafkaMessage

from dawr.contracts import Message
from dawr.contracts.topics import Kind, Topic
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Poison, PoisonReason, Received, Record, Tombstone, open_record

M = TypeVar("M", bound=Message)
Handler = Callable[[Any, Transaction], Awaitable[None]]
BatchHandler = Callable[[Sequence[Received], Transaction], Awaitable[None]]
TombstoneHandler = Callable[[str, Transaction], Awaitable[None]]


@dataclass
class Subscription:
    """One topic, as one group reads it: handlers by message type, or one handler for whole batches."""

    topic: Topic
    group: str
    max_records: int
    fetch_wait_ms: int
    keeps_position: bool
    """Whether the table `consumer_positions` follows, so that a place in the line can be told."""
    is_copy: bool = False
    """Whether the service keeps a copy of this topic of state, and must know when it is whole."""
    handlers: dict[str, Handler] = field(default_factory=dict)
    known: dict[str, type[Message]] = field(default_factory=dict)
    on_batch: BatchHandler | None = None
    on_tombstone: TombstoneHandler | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    busy_since: float | None = None
    subscriber: Any = None

    def __call__(self, *types: type[M]) -> Callable[[Callable[[M, Transaction], Awaitable[None]]], Handler]:
        """Register the handler of some of the topic's message types."""

        def register(handler: Callable[[M, Transaction], Awaitable[None]]) -> Handler:
            for message_type in types:
                if self.topic.messages.get(message_type.wire_type) is not message_type:
                    raise ValueError(f"{message_type.wire_type} does not travel on {self.topic.name}")
                self.handlers[message_type.wire_type] = cast(Handler, handler)
                self.known[message_type.wire_type] = message_type
            return cast(Handler, handler)

        return register

    def batch(self, handler: BatchHandler) -> BatchHandler:
        """Register one handler for whole batches of all the topic's message types."""
        self.on_batch = handler
        self.known = dict(self.topic.messages)
        return handler

    def batch_of(self, *types: type[Message]) -> Callable[[BatchHandler], BatchHandler]:
        """Register one handler for whole batches of some of the topic's message types; the others are not opened."""

        def register(handler: BatchHandler) -> BatchHandler:
            self.batch(handler)
            self.known = {wire_type: known for wire_type, known in self.known.items() if known in types}
            return handler

        return register

    def tombstone(self, handler: TombstoneHandler) -> TombstoneHandler:
        """Register what happens when the thing with a key is taken away."""
        self.on_tombstone = handler
        return handler

    def open(self, record: Record) -> Received | Tombstone | Poison | None:
        """What a record is to this reader; None: of a type that it does not know."""
        opened = open_record(record, self.known)
        if isinstance(opened, Tombstone) and self.topic.kind is not Kind.STATE:
            return Poison(record, PoisonReason.BODY, "no body")
        return opened

    async def apply(self, batch: Sequence[Received | Tombstone], tx: Transaction) -> None:
        """Run the handlers for what came in, in its order."""
        if self.on_batch is not None:
            await self.on_batch([each for each in batch if isinstance(each, Received)], tx)
            return
        for each in batch:
            if isinstance(each, Tombstone):
                if self.on_tombstone is not None:
                    await self.on_tombstone(each.key, tx)
                continue
            tx.cause = each.cause
            telemetry.traceparent.set(telemetry.new_traceparent(each.cause.traceparent))
            await self.handlers[each.message.wire_type](each.message, tx)


class ManualMessage(KafkaMessage):
    """A batch that is acknowledged by hand: commit what was read, or go back to where it began."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.committed = None

    async def ack(self) -> None:
        await self.consumer.commit()
        await super().ack()

    async def nack(self) -> None:
        first: dict[TopicPartition, int] = {}
        for record in cast(Sequence[Record], self.raw_message):
            partition = TopicPartition(record.topic, record.partition)
            first[partition] = min(first.get(partition, record.offset), record.offset)
        assigned = self.consumer.assignment()  # type: ignore[attr-defined]
        for partition, offset in first.items():
            if partition in assigned:
                self.consumer.seek(partition, offset)
        await super().nack()


class HandOver(ConsumerRebalanceListener):  # type: ignore[misc]
    """Waits for the batch in flight before partitions go to somebody else."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        async with self._subscription.busy:
            pass

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        pass


def measure_lag(subscription: Subscription) -> int:
    consumer = subscription.subscriber.consumer if subscription.subscriber is not None else None
    if consumer is None:
        return 0
    lag = 0
    for partition in consumer.assignment():
        end = consumer.highwater(partition)
        read = consumer._subscription.subscription.assignment.state_value(partition)
        if end is not None and read is not None and read.has_valid_position:
            lag += max(0, end - read.position)
    telemetry.LAG.labels(subscription.topic.name, subscription.group).set(lag)
    return lag
