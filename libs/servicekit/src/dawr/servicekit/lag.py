"""How many records wait in each topic for each of its readers, as the broker knows it."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from dawr.contracts.topics import TOPICS
from dawr.servicekit.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A reader of a topic, and how far behind it is."""

    topic: str
    group: str
    waiting: int
    """Records that it has not acknowledged."""


class Lags:
    """Asks the broker, over connections that are kept. Raises what aiokafka raises; then ask anew with another one."""

    def __init__(self, platform: PlatformSettings) -> None:
        self._prefix = platform.topic_prefix
        self._admin = AIOKafkaAdminClient(bootstrap_servers=platform.kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=platform.kafka, group_id=None, enable_auto_commit=False)
        self._is_open = False

    async def read(self) -> list[GroupLag]:
        """One row for each topic and reader, in the order of the table of topics."""
        if not self._is_open:
            self._is_open = True
            await self._admin.start()
            await self._consumer.start()
        rows = []
        for topic in TOPICS:
            partitions = [TopicPartition(self._prefix + topic.name, each) for each in range(topic.partitions)]
            ends = await self._consumer.end_offsets(partitions)
            starts = await self._consumer.beginning_offsets(partitions)
            for reader in topic.readers:
                done = await self._admin.list_consumer_group_offsets(self._prefix + topic.group(reader))
                waiting = sum(
                    ends[each] - max(done[each].offset if each in done else 0, starts[each]) for each in partitions
                )
                rows.append(GroupLag(topic.name, topic.group(reader), waiting))
        return rows

    async def close(self) -> None:
        """Close the connections."""
        if self._is_open:
            self._is_open = False
            await self._consumer.stop()
            await self._admin.close()
