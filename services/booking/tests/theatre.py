"""A stage, a database and a booking on them, on which stories are performed and then looked at."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from services.booking.tests.conftest import Booking, booking_on
from services.booking.tests.stories import Sent, TakenAway, topic_of

from dawr.contracts.topics import BOOKING_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage, headers_of, topics_of, until

TABLES = {
    "turns": "SELECT to_jsonb(t) - ARRAY['place_partition', 'place_offset'] FROM turns t ORDER BY id",
    "quota_days": "SELECT to_jsonb(q) - 'max_in_use' FROM quota_days q ORDER BY pool",
    "capacity_months": "SELECT to_jsonb(m) FROM capacity_months m ORDER BY key",
    "catalogue_items": "SELECT to_jsonb(c) FROM catalogue_items c ORDER BY kind, code",
}
"""What there is in the end. Left out: places in the line, which move when messages come twice, and how full a pool
was between batches."""


@dataclass
class Outcome:
    """What a performance left behind."""

    rows: dict[str, list[Any]]
    messages: dict[str, bytes]
    """By `ce_id`: wire type and body, without the place in the line."""
    dead: Counter[str]
    sent: Counter[str]
    """How often each id is on its topic."""


@dataclass
class Theatre:
    """A stage and a database of its own for one performance, and the booking that plays on it now."""

    stage: Stage
    url: str
    clock: FakeClock
    booking: Booking | None = None
    _admin: AIOKafkaAdminClient | None = None
    _consumer: AIOKafkaConsumer | None = None

    async def send(self, messages: Iterable[tuple[UUID, Sent]], *, times: int = 1) -> None:
        async with self.stage.raw_producer() as producer:
            for id, sent in messages:
                for _ in range(times):
                    await producer.send(
                        self.stage.platform.topic_prefix + topic_of(sent).name,
                        key=sent.key().encode(),
                        value=None if isinstance(sent, TakenAway) else sent.model_dump_json().encode(),
                        headers=headers_of(sent.described if isinstance(sent, TakenAway) else sent, id),
                    )
            await producer.flush()

    async def has_played(self) -> None:
        """Wait until every record was read and acknowledged, holds that ran out were swept, and all was sent."""
        booking, admin, consumer = self.booking, self._admin, self._consumer
        assert booking is not None
        assert admin is not None
        assert consumer is not None

        async def quiet() -> bool:
            (waiting,) = await booking.rows(
                "SELECT (SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL)"
                " + (SELECT count(*) FROM turns WHERE state = 'HELD' AND held_until <= :now)",
                now=self.clock(),
            )
            if waiting[0]:
                return False
            ends = await consumer.end_offsets(self.partitions())
            read = await asyncio.gather(*(admin.list_consumer_group_offsets(group) for group in self.groups()))
            reached = {partition: at.offset for found in read for partition, at in found.items()}
            return all(reached.get(partition, 0) >= end for partition, end in ends.items())

        await until(quiet, every=0.05, timeout=30, what="everything read and sent")

    def groups(self) -> list[str]:
        return [self.stage.platform.topic_prefix + topic.group("booking") for topic in topics_of("booking")]

    def partitions(self) -> list[TopicPartition]:
        prefix = self.stage.platform.topic_prefix
        return [
            TopicPartition(prefix + topic.name, number)
            for topic in topics_of("booking")
            for number in range(topic.partitions)
        ]

    async def forget_what_was_read(self) -> None:
        """Set every group back to the beginning, as if no acknowledgement had ever arrived; nobody reads now."""
        for group, topic in zip(self.groups(), topics_of("booking"), strict=True):
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.stage.platform.kafka, group_id=group, enable_auto_commit=False
            )
            await consumer.start()
            try:
                name = self.stage.platform.topic_prefix + topic.name
                partitions = [TopicPartition(name, number) for number in range(topic.partitions)]
                consumer.assign(partitions)
                await consumer.commit(dict.fromkeys(partitions, 0))
            finally:
                await consumer.stop()

    @asynccontextmanager
    async def playing(self, **settings: object) -> AsyncIterator[Booking]:
        """Run booking, as one that only consumes."""
        async with booking_on(
            self.stage,
            self.url,
            role=Role.CONSUME,
            clock=self.clock,
            sweep_seconds=0.05,
            without={"catalogue"},
            **settings,
        ) as booking:
            self.booking = booking
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self.stage.platform.kafka)
            self._consumer = AIOKafkaConsumer(bootstrap_servers=self.stage.platform.kafka)
            await asyncio.gather(self._admin.start(), self._consumer.start())
            try:
                yield booking
            finally:
                await asyncio.gather(self._admin.close(), self._consumer.stop())

    async def outcome(self) -> Outcome:
        assert self.booking is not None
        rows = {name: [row[0] for row in await self.booking.rows(query)] for name, query in TABLES.items()}
        messages: dict[str, bytes] = {}
        sent: Counter[str] = Counter()
        for topic in (BOOKING_EVENTS, PAYMENTS_REQUESTS):
            for record in await self.stage.records(topic):
                headers = dict(record.headers)
                body = orjson.loads(record.value or b"{}")
                body.pop("place", None)
                id = headers["ce_id"].decode()
                messages[id] = headers["ce_type"] + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
                sent[id] += 1
        dead = Counter(letter.wire_type for letter in await read_dead_letters(self.stage.platform, group="booking"))
        return Outcome(rows, messages, dead, sent)
