"""Dead letters: records that can't be applied, set aside with their reason for a person to look at.

They live on `<topic>.<group>.dead` and nowhere else. A person's decision about one (replayed, dropped) is a
record on the same topic with the header `dead-resolved`, so that the topic alone tells what is still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from dawr.contracts import derived_id
from dawr.contracts.ids import DAWR
from dawr.contracts.topics import TOPICS, Kind, Topic
from dawr.servicekit import header_names
from dawr.servicekit.envelope import Headers, Poison, Record
from dawr.servicekit.outbox import Staged
from dawr.servicekit.producer import Producer
from dawr.servicekit.settings import PlatformSettings

WIRE_TYPE = "dead-letter.v1"
_DETAIL_CHARACTERS = 2000


def dead_id(group: str, record: Record) -> UUID:
    """The id of a dead letter: it follows from the place of the record, so that a redelivery names the same."""
    return derived_id(DAWR, f"dead/{group}/{record.topic}/{record.partition}/{record.offset}")


def staged_dead_letter(poison: Poison, *, topic: Topic, group: str) -> Staged:
    """The record that sets a poisoned one aside: its key, body and headers as they came, and why.

    A header's name that is not UTF-8 is written out, as `na\\xffme`: the client can't send it as it came.
    """
    record = poison.record
    return Staged(
        id=dead_id(group, record),
        topic=topic.dead(group),
        key=record.key or b"",
        wire_type=WIRE_TYPE,
        body=record.value,
        extra_headers=[
            ("dead-id", str(dead_id(group, record)).encode()),
            ("dead-reason", poison.reason.value.encode()),
            ("dead-detail", poison.detail[:_DETAIL_CHARACTERS].encode()),
            ("dead-topic", record.topic.encode()),
            ("dead-partition", str(record.partition).encode()),
            ("dead-offset", str(record.offset).encode()),
            *((f"original-{header_names.written_out(name)}", value or b"") for name, value in record.headers),
        ],
    )


@dataclass
class DeadLetter:
    """One record that was set aside."""

    id: str
    dead_topic: str
    origin: Topic
    """The row of the contracts' table that it came from."""
    topic: str
    """Where it came from, with the prefix of the platform."""
    group: str
    partition: int
    offset: int
    reason: str
    detail: str
    at: datetime
    key: bytes
    body: bytes | None
    headers: Headers = field(default_factory=list)
    """As they came."""
    resolution: str | None = None
    """`replayed` or `dropped`; none: still open."""

    @property
    def wire_type(self) -> str:
        """The type that the record says it has, if that can be read."""
        return next((value.decode(errors="replace") for name, value in self.headers if name == "ce_type"), "?")


async def read_dead_letters(
    platform: PlatformSettings, *, topic: str | None = None, group: str | None = None, timeout: float = 10.0
) -> list[DeadLetter]:
    """All dead letters, oldest first, of one topic and group or of all; those already resolved say so."""
    wanted = {
        platform.topic_prefix + each.dead(reader): (each, reader)
        for each in TOPICS
        for reader in each.readers
        if topic in {None, each.name} and group in {None, reader}
    }
    letters: dict[str, DeadLetter] = {}
    resolutions: dict[str, str] = {}
    for record in await read_all(platform.kafka, list(wanted), timeout=timeout):
        headers = dict(record.headers)
        if (resolved := headers.get("dead-resolved")) is not None:
            resolutions[headers["dead-id"].decode()] = resolved.decode()
        else:
            letter = _letter(record, *wanted[record.topic])
            letters[letter.id] = letter
    for id, resolution in resolutions.items():
        if id in letters:
            letters[id].resolution = resolution
    return sorted(letters.values(), key=lambda letter: letter.at)


async def read_all(bootstrap: str, topics: Sequence[str], *, timeout: float = 10.0) -> list[Record]:
    """Every record that the topics hold now, in the order of each partition; topics that do not exist hold none."""
    found: list[Record] = []
    header_names.read_any()
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await client.start()
    try:
        existing = await client.topics()
    finally:
        await client.stop()
    topics = [topic for topic in topics if topic in existing]
    if not topics:
        return found
    # Without a group, all partitions of the named topics are assigned at once.
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        waiting = {each for each in partitions if ends[each] > await consumer.position(each)}
        while waiting:
            batches = await consumer.getmany(*waiting, timeout_ms=int(timeout * 1000))
            if not batches:
                raise TimeoutError("the broker did not give its records in time")
            for partition, records in batches.items():
                found += [record for record in records if record.offset < ends[partition]]
                if records[-1].offset + 1 >= ends[partition]:
                    waiting.discard(partition)
    finally:
        await consumer.stop()
    return found


def _letter(record: Record, origin: Topic, group: str) -> DeadLetter:
    headers = dict(record.headers)
    return DeadLetter(
        id=headers["dead-id"].decode(),
        dead_topic=record.topic,
        origin=origin,
        topic=headers["dead-topic"].decode(),
        group=group,
        partition=int(headers["dead-partition"]),
        offset=int(headers["dead-offset"]),
        reason=headers["dead-reason"].decode(),
        detail=headers["dead-detail"].decode(),
        at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=record.timestamp),
        key=record.key or b"",
        body=record.value,
        headers=[
            (name.removeprefix("original-"), value) for name, value in record.headers if name.startswith("original-")
        ],
    )


class StateNotReplayed(Exception):
    """A state topic keeps the record that came last of each key: an old one put back would stay as the newest."""

    def __init__(self, letter: DeadLetter) -> None:
        owner = letter.origin.owner
        super().__init__(
            f"{letter.id} is state: put back on {letter.topic} it may replace a newer revision for good. "
            f"Let {owner} send its state again (`python -m dawr.{owner} republish`), then drop the letter."
        )


async def replay(producer: Producer, letter: DeadLetter) -> None:
    """Put the record back on its topic as it came, then note that it was. Groups that had applied it skip it.

    Raises StateNotReplayed, and sends nothing, if it came from a state topic.
    """
    if letter.origin.kind is Kind.STATE:
        raise StateNotReplayed(letter)
    await producer.send(letter.topic, letter.key, letter.body, letter.headers, prefixed=True)
    await _resolve(producer, letter, "replayed")


async def drop(producer: Producer, letter: DeadLetter) -> None:
    """Note that a person decided to let the record go."""
    await _resolve(producer, letter, "dropped")


async def _resolve(producer: Producer, letter: DeadLetter, resolution: str) -> None:
    headers = [("dead-id", letter.id.encode()), ("dead-resolved", resolution.encode())]
    await producer.send(letter.dead_topic, letter.key, b"", headers, prefixed=True)
    letter.resolution = resolution
