"""Creating the platform's topics from the contracts' table; `python -m dawr.servicekit.topics` does it as a step."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from dawr.contracts.topics import DEAD_LETTER_RETENTION, TOPICS
from dawr.servicekit import telemetry
from dawr.servicekit.producer import MAX_RECORD_BYTES
from dawr.servicekit.settings import PlatformSettings

_NO_ERROR = 0
_COPIES_TO_LOSE_ONE = 3


def wanted_topics(prefix: str, *, replication: int = 1) -> list[NewTopic]:
    """Every topic of the table, and the dead letters of each of its readers.

    With three copies or more, a record is taken only when two of them have it: what was acknowledged survives the
    loss of one broker, and one may be away without stopping anybody. With fewer, a minimum of two would stop all.
    """
    safe = {"min.insync.replicas": "2"} if replication >= _COPIES_TO_LOSE_ONE else {}
    topics = []
    for topic in TOPICS:
        if topic.retention is None:
            configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
        else:
            configs = {"retention.ms": str(int(topic.retention.total_seconds() * 1000))}
        topics.append(NewTopic(prefix + topic.name, topic.partitions, replication, topic_configs=configs | safe))
        for reader in topic.readers:
            kept = {
                "retention.ms": str(int(DEAD_LETTER_RETENTION.total_seconds() * 1000)),
                "max.message.bytes": str(MAX_RECORD_BYTES),
            }
            topics.append(NewTopic(prefix + topic.dead(reader), 1, replication, topic_configs=kept | safe))
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
        made = []
        for name, code, *_ in response.topic_errors:
            if code == _NO_ERROR:
                made.append(name)
            # A list that is a moment old lacks what another process has just made.
            elif (error := for_code(code)) is not TopicAlreadyExistsError:
                raise error(name)
        return made
    finally:
        await admin.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Create the topics on the broker that the environment names (`DAWR_KAFKA`, `DAWR_TOPIC_PREFIX`); the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m dawr.servicekit.topics",
        description="Create the platform's topics that are missing. It may be run again and again.",
    )
    parser.add_argument("--replication", type=int, default=1, help="copies of each partition (default: 1)")
    replication = parser.parse_args(arguments).replication
    platform = PlatformSettings()
    telemetry.configure_logging("topics", log_format=platform.log_format, level=platform.log_level)
    made = asyncio.run(create_topics(platform, replication=replication))
    wanted = len(wanted_topics(platform.topic_prefix))
    telemetry.get_logger("dawr.topics").info("topics.ready", created=len(made), there=wanted - len(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
