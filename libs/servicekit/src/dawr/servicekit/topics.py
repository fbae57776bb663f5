"""Creating the platform's topics from the contracts' table."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from dawr.contracts.topics import DEAD_LETTER_RETENTION, TOPICS
from dawr.servicekit.producer import MAX_RECORD_BYTES
from dawr.servicekit.settings import PlatformSettings

_NO_ERROR = 0


def wanted_topics(prefix: str, *, replication: int = 1) -> list[NewTopic]:
    """Every topic of the table, and the dead letters of each of its readers."""
    topics = []
    for topic in TOPICS:
        if topic.retention is None:
            configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
        else:
            configs = {"retention.ms": str(int(topic.retention.total_seconds() * 1000))}
        topics.append(NewTopic(prefix + topic.name, topic.partitions, replication, topic_configs=configs))
        for reader in topic.readers:
            kept = {
                "retention.ms": str(int(DEAD_LETTER_RETENTION.total_seconds() * 1000)),
                "max.message.bytes": str(MAX_RECORD_BYTES),
            }
            topics.append(NewTopic(prefix + topic.dead(reader), 1, replication, topic_configs=kept))
    return topics


async def create_topics(platform: PlatformSettings, *, replication: int = 1) -> list[str]:
    """Create what is missing; the names of the topics that were. Those that exist are left as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.kafka)
    await admin.start()
    try:
        wanted = wanted_topics(platform.topic_prefix, replication=replication)
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        response = await admin.create_topics(missing, timeout_ms=30_000)
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code != _NO_ERROR and error is not TopicAlreadyExistsError:
                raise error(name)
        return [topic.name for topic in missing]
    finally:
        await admin.close()
