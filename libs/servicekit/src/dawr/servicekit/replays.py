"""For tests: messages in another order, delivered again, or read by a process that is killed; and what came of it."""

import asyncio
import os
import signal
import sys
from asyncio import create_subprocess_exec
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from dawr.contracts.topics import Topic
from dawr.servicekit import mortal, telemetry
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import Stage, topics_of

T = TypeVar("T")


def shuffled(items: Iterable[T], line_of: Callable[[T], Hashable], seed: int) -> list[T]:
    """The items in another order; those of one line stay in theirs."""
    lines: dict[Hashable, list[T]] = {}
    for item in items:
        lines.setdefault(line_of(item), []).append(item)
    order = [line for line, waiting in lines.items() for _ in waiting]
    Random(seed).shuffle(order)  # noqa: S311 - no secret
    return [lines[line].pop(0) for line in order]


@dataclass
class Reader:
    """How far a service has read its topics on a stage."""

    stage: Stage
    service: str
    _admin: AIOKafkaAdminClient = field(init=False)
    _consumer: AIOKafkaConsumer = field(init=False)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """With the connections that `has_read_all` needs."""
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self.stage.platform.kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self.stage.platform.kafka)
        await asyncio.gather(self._admin.start(), self._consumer.start())
        try:
            yield
        finally:
            await asyncio.gather(self._admin.close(), self._consumer.stop())

    async def has_read_all(self) -> bool:
        """Whether every record of its topics was acknowledged."""
        partitions = [each for topic in topics_of(self.service) for each in self._partitions(topic)]
        ends = await self._consumer.end_offsets(partitions)
        groups = map(self._group, topics_of(self.service))
        read = await asyncio.gather(*map(self._admin.list_consumer_group_offsets, groups))
        reached = {partition: at.offset for found in read for partition, at in found.items()}
        return all(reached.get(partition, 0) >= end for partition, end in ends.items())

    async def forget(self) -> None:
        """Set every group back to the beginning, as if no acknowledgement had ever arrived; nobody reads now."""
        for topic in topics_of(self.service):
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.stage.platform.kafka, group_id=self._group(topic), enable_auto_commit=False
            )
            await consumer.start()
            try:
                consumer.assign(self._partitions(topic))
                await consumer.commit(dict.fromkeys(self._partitions(topic), 0))
            finally:
                await consumer.stop()

    def _group(self, topic: Topic) -> str:
        return self.stage.platform.topic_prefix + topic.group(self.service)

    def _partitions(self, topic: Topic) -> list[TopicPartition]:
        name = self.stage.platform.topic_prefix + topic.name
        return [TopicPartition(name, number) for number in range(topic.partitions)]


def applied_here(service: str) -> int:
    """How many messages the consumers of a service have applied in this process so far, each time counted."""
    samples = (sample for metric in telemetry.HANDLED.collect() for sample in metric.samples)
    of_service = (each for each in samples if each.labels["group"].partition(".")[0] == service)
    return int(sum(each.value for each in of_service if each.name.endswith("_total")))


@dataclass
class Outcome:
    """What a performance left behind."""

    rows: dict[str, list[Any]]
    messages: dict[str, bytes]
    """By `ce_id`: wire type and body."""
    dead: Counter[str]
    sent: Counter[str]
    """How often each id is on its topic."""


async def outcome_of(
    stage: Stage,
    service: str,
    rows: dict[str, list[Any]],
    *topics: Topic,
    without: Collection[str] = (),
    renamed: Callable[[str], str] = str,
) -> Outcome:
    """What a service left in its tables and sent to topics; `without` are fields that differ each time, and `renamed`
    gives ids that somebody else chose by chance a name that is always the same."""
    messages: dict[str, bytes] = {}
    sent: Counter[str] = Counter()
    for topic in topics:
        for record in await stage.records(topic):
            headers = dict(record.headers)
            body = {name: value for name, value in orjson.loads(record.value or b"{}").items() if name not in without}
            id = renamed(headers["ce_id"].decode())
            told = renamed(orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode())
            messages[id] = headers["ce_type"] + told.encode()
            sent[id] += 1
    dead = Counter(letter.wire_type for letter in await read_dead_letters(stage.platform, group=service))
    return Outcome(rows, messages, dead, sent)


async def is_killed(
    service: str,
    moment: mortal.Moment,
    topic: Topic,
    *,
    platform: PlatformSettings,
    environment: Mapping[str, str],
    log: Path,
) -> None:
    """Run a process of the service that consumes, until it kills itself at that moment of a batch of the topic.

    Raises RuntimeError if it ends in another way.
    """
    with log.open("ab") as out:
        process = await create_subprocess_exec(
            sys.executable,
            "-m",
            mortal.__name__,
            "consume",
            env={
                **os.environ,
                "DAWR_KAFKA": platform.kafka,
                "DAWR_KAFKA_SESSION_SECONDS": str(platform.kafka_session_seconds),
                "DAWR_TOPIC_PREFIX": platform.topic_prefix,
                "DAWR_JWKS": platform.jwks,
                "DAWR_ENVIRONMENT": platform.environment,
                mortal.SERVICE: service,
                mortal.MOMENT: moment.value,
                mortal.TOPIC: topic.name,
                **environment,
            },
            stdout=out,
            stderr=out,
        )
    if await process.wait() != -signal.SIGKILL:
        raise RuntimeError(f"{service} was not killed, see {log}")
