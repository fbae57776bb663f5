"""A copy of a topic of state is whole when nothing is left of what the topic held; not before, and for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from dawr.contracts.catalog import CapacityPublished
from dawr.contracts.topics import BOOKING_REQUESTS, CATALOG_CAPACITY
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.copies import Copies, are_whole
from dawr.servicekit.database import Transaction
from dawr.servicekit.migrations import WHOLE_COPIES
from dawr.servicekit.service import Role, Service
from dawr.servicekit.settings import ServiceSettings
from dawr.servicekit.testing import Stage, headers_of, until


def month(office: str) -> CapacityPublished:
    return CapacityPublished(
        office=office, service="ANY", tier="N", month="2026-12", revision=1, zone="Asia/Damascus", days=()
    )


class Watched(Copies):
    """Tells how often it has looked."""

    looks = 0

    async def _ends(self, *arguments: Any) -> Any:
        self.looks += 1
        return await super()._ends(*arguments)

    async def _positions(self, *arguments: Any) -> Any:
        self.looks += 1
        return await super()._positions(*arguments)

    async def looks_again(self) -> None:
        """Wait until it has looked some more, and has acted on what it saw: more often than one round does, which asks
        for the ends, for the positions, and once more for each of six partitions."""
        before = self.looks

        async def has_looked() -> bool:
            return self.looks > before + 8

        await until(has_looked, what="a look at the copies")


class Reader:
    """A service that keeps a copy of one topic with six partitions: the offices that it has heard of."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.service = Service(
            name="booking", title="", version="0", settings=ServiceSettings(database_url=url, platform=stage.platform)
        )
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        consumers = self.service.consumers = Consumers("booking", self.service.database, stage.platform)
        months = consumers.topic(CATALOG_CAPACITY, is_copy=True)

        @months(CapacityPublished)
        async def on_month(month: CapacityPublished, tx: Transaction) -> None:
            await self.may_go_on.wait()
            await tx.connection.exec_driver_sql("INSERT INTO copied VALUES ($1)", (month.office,))

        self.copies = Watched(consumers, self.service.database, stage.platform)

    def partitions(self) -> int:
        """How many it reads."""
        assert self.service.consumers is not None
        subscriber = self.service.consumers.subscriptions[0].subscriber
        return len(subscriber.consumer.assignment()) if subscriber is not None and subscriber.consumer else 0

    async def is_whole(self) -> bool:
        async with self.service.database.reading() as connection:
            return await are_whole(connection, [CATALOG_CAPACITY])

    async def copied(self) -> list[str]:
        async with self.service.database.reading() as connection:
            return [row[0] for row in await connection.exec_driver_sql("SELECT office FROM copied ORDER BY 1")]


async def new_database(stage: Stage) -> str:
    url = await stage.bare_database()
    connection = await asyncpg.connect(url)
    await connection.execute(f"{WHOLE_COPIES}; CREATE TABLE copied (office text NOT NULL)")
    await connection.close()
    return url


@asynccontextmanager
async def reading(stage: Stage, url: str, *, goes_on: bool = True, watches: bool = True) -> AsyncIterator[Reader]:
    reader = Reader(stage, url)
    if watches:
        reader.service.background = {"copies": reader.copies.follow}
    if not goes_on:
        reader.may_go_on.clear()
    async with reader.service.running(Role.CONSUME):

        async def joined() -> bool:
            return (await reader.service.checks())["consumers"]

        await until(joined, what="the group")
        try:
            yield reader
        finally:
            reader.may_go_on.set()


async def test_a_topic_that_never_held_anything_makes_no_whole_copy(empty_stage: Stage) -> None:
    async with reading(empty_stage, await new_database(empty_stage)) as reader:
        await reader.copies.looks_again()
        assert not await reader.is_whole()
        await empty_stage.send(month("OFF-01"))
        await until(reader.is_whole, what="a whole copy")
        assert await reader.copied() == ["OFF-01"]


async def test_it_is_whole_when_every_partition_is_read_whoever_reads_it(empty_stage: Stage) -> None:
    offices = [f"OFF-{number:02}" for number in range(20)]
    url = await new_database(empty_stage)
    async with (
        reading(empty_stage, url, goes_on=False, watches=False) as first,
        reading(empty_stage, url, watches=False) as second,
    ):

        async def is_shared_out() -> bool:
            return bool(first.partitions() and second.partitions() and first.partitions() + second.partitions() == 6)

        await until(is_shared_out, what="partitions shared out")
        await empty_stage.send(*map(month, offices))
        await until(second.copied, what="the second's part of the copy")
        watching = [asyncio.ensure_future(each.copies.follow()) for each in (first, second)]
        await second.copies.looks_again()
        assert not await second.is_whole()
        first.may_go_on.set()
        await until(second.is_whole, what="a whole copy")
        assert await second.copied() == offices
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    async with reading(empty_stage, url, goes_on=False) as again:
        await empty_stage.send(month("NEW-01"))
        assert await again.is_whole(), "what comes later does not count"


@pytest.mark.parametrize("ends", ["committed", "aborted"])
async def test_offsets_that_hold_no_record_are_not_waited_for(empty_stage: Stage, ends: str) -> None:
    """The marker of a transaction takes an offset; nothing ever comes from it."""
    name = empty_stage.platform.topic_prefix + CATALOG_CAPACITY.name
    producer = AIOKafkaProducer(bootstrap_servers=empty_stage.platform.kafka, transactional_id=str(uuid4()))
    await producer.start()
    try:
        for partition, office in ((0, "OFF-01"), (3, "OFF-02")):
            await producer.begin_transaction()
            message = month(office)
            await producer.send_and_wait(
                name,
                key=message.key().encode(),
                value=message.model_dump_json().encode(),
                headers=headers_of(message, uuid4()),
                partition=partition,
            )
            await (producer.commit_transaction() if ends == "committed" else producer.abort_transaction())
    finally:
        await producer.stop()
    async with reading(empty_stage, await new_database(empty_stage)) as reader:
        await until(reader.is_whole, what="a whole copy")
        assert await reader.copied() == ["OFF-01", "OFF-02"]


async def test_new_tables_are_filled_though_the_group_has_acknowledged_all(empty_stage: Stage) -> None:
    offices = [f"OFF-{number:02}" for number in range(20)]
    await empty_stage.send(*map(month, offices))
    async with reading(empty_stage, await new_database(empty_stage)) as before:
        await until(before.is_whole, what="a whole copy")
    async with reading(empty_stage, await new_database(empty_stage)) as anew:
        await until(anew.is_whole, what="a whole copy again")
        assert await anew.copied() == offices


async def test_only_a_topic_of_state_is_copied(empty_stage: Stage) -> None:
    consumers = Reader(empty_stage, await new_database(empty_stage)).service.consumers
    assert consumers is not None
    with pytest.raises(ValueError, match="no topic of state"):
        consumers.topic(BOOKING_REQUESTS, is_copy=True)
