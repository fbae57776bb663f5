"""A service's copies of topics of state: whole, or still being read.

Whoever decides from a copy must know that it is whole: what has not been read yet looks like what does not exist. A
copy is whole once every record that its topic held when we began to look has been applied. How far it has come is
`consumer_positions`, written in the transaction of the records' effects; that it is whole is noted beside it for
good, so that a service with a whole copy starts without asking the broker.

Offsets alone do not tell: the last ones before a partition's end may hold no record (markers of transactions, what
compaction has taken). So the log itself is asked whether a record is left that is not in the copy.
"""

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.topics import Topic
from dawr.servicekit import telemetry
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.subscriptions import Subscription

_log = telemetry.get_logger("dawr.copies")

LOOK_SECONDS = 0.25
_FETCH_WAIT_MS = 50
_READ_MS = 200
_READS = 20
"""How often a broker that answers nothing is asked, before it is taken that there is a record."""
_FETCH_BYTES = 1024
"""Enough to see that there is a record: the broker sends at least one batch, however large."""

_ARE_WHOLE = text("SELECT count(*) FROM whole_copies WHERE topic = ANY(:topics)")
_NOTE_WHOLE = text("INSERT INTO whole_copies (topic, since) VALUES (:topic, :now) ON CONFLICT DO NOTHING")
_POSITIONS = text("SELECT partition, next_offset FROM consumer_positions WHERE topic = :topic")


async def are_whole(connection: AsyncConnection, topics: Collection[Topic]) -> bool:
    """Whether the copies of these topics are whole: what is read after this misses nothing that they held."""
    names = {topic.name for topic in topics}
    return bool((await connection.execute(_ARE_WHOLE, {"topics": list(names)})).scalar_one() == len(names))


class Copies:
    """Watches the copies that a service's consumers make, until they are whole.

    Every process that consumes has one: partitions are shared out among them, and the database knows how far all of
    them have come, so whichever sees it first notes it.
    """

    def __init__(self, consumers: Consumers, database: Database, platform: PlatformSettings) -> None:
        self._subscriptions = [each for each in consumers.subscriptions if each.is_copy]
        self._database = database
        self._platform = platform

    async def follow(self) -> None:
        """Watch until the copies are whole and note it; after that there is nothing left to do until cancelled.

        Raises when the broker or the database is away: it may be begun again.
        """
        async with self._database.reading() as connection:
            whole = await are_whole(connection, [each.topic for each in self._subscriptions])
        if not whole:
            await self._until_whole()
        await asyncio.Event().wait()

    async def _until_whole(self) -> None:
        log = AIOKafkaConsumer(
            *(self._platform.topic_prefix + each.topic.name for each in self._subscriptions),
            bootstrap_servers=self._platform.kafka,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        try:
            await log.start()
            for subscription in self._subscriptions:
                await self._until_copied(subscription, log)
                async with self._database.transaction() as tx:
                    await tx.connection.execute(_NOTE_WHOLE, {"topic": subscription.topic.name, "now": tx.now})
                _log.info("copy.whole", topic=subscription.topic.name)
        finally:
            await log.stop()

    async def _until_copied(self, subscription: Subscription, log: AIOKafkaConsumer) -> None:
        """Wait until what the topic holds now is applied. One that never held anything has said nothing yet: wait."""
        while not any((ends := await self._ends(subscription, log)).values()):  # noqa: ASYNC110 - the broker calls nobody
            await asyncio.sleep(LOOK_SECONDS)
        behind = set(ends)
        while True:
            starts = await self._positions(subscription, log, behind)
            for each, start in starts.items():
                if not await _holds(log, each, start, ends[each]):
                    behind.discard(each)
                else:
                    await self._read_again(subscription, log, each)
            if not behind:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _ends(self, subscription: Subscription, log: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        name = self._platform.topic_prefix + subscription.topic.name
        ends: dict[TopicPartition, int] = await log.end_offsets(
            [each for each in log.assignment() if each.topic == name]
        )
        return ends

    async def _positions(
        self, subscription: Subscription, log: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """What the copy wants next of each partition: what it has not applied, of what is still there."""
        firsts = await log.beginning_offsets(list(partitions))
        async with self._database.reading() as connection:
            rows = await connection.execute(_POSITIONS, {"topic": subscription.topic.name})
            applied = {row.partition: row.next_offset for row in rows}
        return {each: max(applied.get(each.partition, 0), first) for each, first in firsts.items()}

    async def _read_again(self, subscription: Subscription, log: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Have our consumer read what its group has acknowledged and the database does not have: that is new, or older
        than the group. Between batches, so that none in flight is committed meanwhile."""
        consumer = subscription.subscriber.consumer if subscription.subscriber is not None else None
        if consumer is None or partition not in consumer.assignment():
            return
        async with subscription.busy:
            # In this order: what is committed was in the database before.
            acknowledged = await consumer.committed(partition)
            start = (await self._positions(subscription, log, [partition]))[partition]
            if (
                acknowledged is not None
                and await _holds(log, partition, start, acknowledged)
                and partition in consumer.assignment()
            ):
                _log.warning("copy.read-again", topic=subscription.topic.name, partition=partition.partition)
                consumer.seek(partition, start)


async def _holds(log: AIOKafkaConsumer, partition: TopicPartition, start: int, end: int) -> bool:
    """Whether there is a record from `start` on and before `end`; also when the broker is too slow to tell."""
    if start >= end:
        return False
    log.seek(partition, start)
    position, reads = start, 0
    while position < end and reads < _READS:
        found = await log.getmany(partition, timeout_ms=_READ_MS, max_records=1)
        if found.get(partition):
            return bool(found[partition][0].offset < end)
        before, position = position, await log.position(partition)
        reads = reads + 1 if position == before else 0
    return position < end
