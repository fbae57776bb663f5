"""The same messages doubled, in another order, and delivered again: the same rows, and the same messages by id."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from dawr.contracts.topics import BOOKING_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage, headers_of, stage, topics_of, until

from .conftest import Booking, booking_on
from .stories import Act, Sent, TakenAway, acts, topic_of

TABLES = {
    "turns": "SELECT to_jsonb(t) - ARRAY['place_partition', 'place_offset'] FROM turns t ORDER BY id",
    "quota_days": "SELECT to_jsonb(q) - 'max_in_use' FROM quota_days q ORDER BY pool",
    "capacity_months": "SELECT to_jsonb(m) FROM capacity_months m ORDER BY key",
    "catalogue_items": "SELECT to_jsonb(c) FROM catalogue_items c ORDER BY kind, code",
}
"""What there is in the end. Left out: places in the line, which move when messages come twice, and how full a pool
was between batches."""

Performance = Callable[["Theatre", Act], Awaitable[None]]


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
        booking = self.booking
        assert booking is not None
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stage.platform.kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.stage.platform.kafka)
        await admin.start()
        await consumer.start()
        try:

            async def quiet() -> bool:
                ends = await consumer.end_offsets(self.partitions())
                read: dict[TopicPartition, int] = {}
                for group in self.groups():
                    found = await admin.list_consumer_group_offsets(group)
                    read |= {each: at.offset for each, at in found.items()}
                (waiting,) = await booking.rows(
                    "SELECT (SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL)"
                    " + (SELECT count(*) FROM turns WHERE state = 'HELD' AND held_until <= :now)",
                    now=self.clock(),
                )
                return all(read.get(each, 0) >= end for each, end in ends.items()) and waiting[0] == 0

            await until(quiet, every=0.05, timeout=30, what="everything read and sent")
        finally:
            await consumer.stop()
            await admin.close()

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
    async def playing(self) -> AsyncIterator[Booking]:
        async with booking_on(
            self.stage, self.url, role=Role.CONSUME, clock=self.clock, sweep_seconds=0.05, has_catalogue=False
        ) as booking:
            self.booking = booking
            yield booking

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


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    """Every performance begins at the same moment."""
    return FakeClock()


@pytest.fixture
async def perform(
    kafka_address: str, postgres_address: str, tmp_path: Path, clock: FakeClock
) -> Callable[..., Awaitable[Outcome]]:
    """Play all stories on a stage of their own, each act in some way."""

    async def play(way: Performance, *, again_after: Iterable[int] = ()) -> Outcome:
        name = f"t{secrets.token_hex(4)}"
        async with stage(name, kafka=kafka_address, postgres=postgres_address, folder=tmp_path) as set_up:
            theatre = Theatre(set_up, await set_up.database("booking"), FakeClock(clock.now))
            all_acts, interruptions = list(acts()), [*again_after, None]
            place = 0
            for stop in interruptions:
                async with theatre.playing():
                    await theatre.has_played()
                    for act in all_acts[place:stop]:
                        theatre.clock.turn(seconds=act.turn_clock_seconds)
                        await way(theatre, act)
                        await theatre.has_played()
                    if stop is None:
                        return await theatre.outcome()
                place = stop
                await theatre.forget_what_was_read()
            raise AssertionError

    return play


async def as_it_is(theatre: Theatre, act: Act) -> None:
    await theatre.send(act.messages)


@pytest.fixture(scope="module")
def told_once() -> dict[str, Outcome]:
    """The outcome that all others are held against, once it is known."""
    return {}


async def test_the_stories_reach_every_end(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome]
) -> None:
    outcome = told_once["plain"] = await perform(as_it_is)
    turns = outcome.rows["turns"]
    ends = Counter((turn["state"], turn["refusal"], turn["refund"]) for turn in turns)
    assert set(ends) == {
        ("HELD", None, "NONE"),
        ("CONFIRMED", None, "NONE"),
        ("EXPIRED", None, "NONE"),
        ("EXPIRED", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "DUE"),
        ("CANCELLED_BY_CITIZEN", None, "NONE"),
        ("CANCELLED_BY_OFFICE", None, "NONE"),
        ("REFUSED", "sold-out", "NONE"),
        ("REFUSED", "window-full", "NONE"),
        ("REFUSED", "one-live-turn", "NONE"),
        ("REFUSED", "closed", "NONE"),
    }
    assert outcome.dead == Counter()
    assert set(outcome.sent.values()) == {1}
    for day in outcome.rows["quota_days"]:
        live = [turn for turn in turns if turn["pool"] == day["pool"] and turn["state"] in {"HELD", "CONFIRMED"}]
        assert len(live) == day["in_use"] <= day["capacity"]


async def doubled(theatre: Theatre, act: Act) -> None:
    """Each message twice in a row, and the whole act once more when it was played."""
    await theatre.send(act.messages, times=2)
    await theatre.has_played()
    await theatre.send(act.messages)


async def shuffled_and_doubled(theatre: Theatre, act: Act) -> None:
    await theatre.send(act.shuffled(seed=7), times=2)


@pytest.mark.parametrize("way", [doubled, shuffled_and_doubled])
async def test_doubled_and_in_another_order(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome], way: Performance
) -> None:
    same(await perform(way), told_once["plain"])


async def test_delivered_again_from_the_beginning(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome]
) -> None:
    """Twice all acknowledgements are lost, once in the middle: whatever was read comes again."""
    same(await perform(as_it_is, again_after=[5, 12]), told_once["plain"])


def same(outcome: Outcome, plain: Outcome) -> None:
    for table, rows in plain.rows.items():
        assert outcome.rows[table] == rows, table
    assert outcome.messages == plain.messages
    assert outcome.dead == plain.dead
    assert set(outcome.sent.values()) == {1}
