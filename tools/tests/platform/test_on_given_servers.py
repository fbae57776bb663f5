"""Platforms on servers that are there already: they run none, share them, and leave nothing on them."""

import secrets
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from dawr.contracts.topics import TOPICS
from dawr.tools.embedded.ports import free_port
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.given import Servers, room_on
from dawr.tools.platform.parts import PARTS
from dawr.tools.platform.platform import Platform

SOME = tuple(part for part in PARTS if part.name in ("kafka", "postgres", "catalog"))


async def on_the_servers(kafka: str, postgres: str, name: str) -> tuple[set[str], set[str]]:
    """The topics and the databases whose names begin with a platform's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        topics = await admin.list_topics()
    finally:
        await admin.close()
    connection = await asyncpg.connect(postgres)
    try:
        databases = [row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")]
    finally:
        await connection.close()
    return {each for each in topics if each.startswith(name)}, {each for each in databases if each.startswith(name)}


async def months(platform: Platform) -> int:
    connection = await asyncpg.connect(platform.database("catalog"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM capacity_months"))
    finally:
        await connection.close()


async def test_two_platforms_share_servers_that_they_do_not_run(
    tmp_path: Path, kafka_address: str, postgres_address: str
) -> None:
    one, two = (f"{name}{secrets.token_hex(4)}" for name in ("one", "two"))
    async with (
        room_on(kafka_address, postgres_address, one) as its_room,
        room_on(kafka_address, postgres_address, two) as other_room,
        Platform(tmp_path / "one", ports="free", parts=SOME, servers=its_room) as platform,
        Platform(tmp_path / "two", ports="free", parts=SOME, servers=other_room) as other,
    ):
        assert list(platform.state.parts) == ["catalog"]
        assert platform.bootstrap == kafka_address
        topics, databases = await on_the_servers(kafka_address, postgres_address, one)
        assert {f"{one}.{topic.name}" for topic in TOPICS} <= topics
        assert databases == {f"{one}_catalog"}

        # What happens to one is nothing to the other, and the seed was told to each on its own topics.
        assert await months(platform) == await months(other) > 0
        connection = await asyncpg.connect(platform.database("catalog"))
        await connection.execute("TRUNCATE capacity_months")
        await connection.close()
        assert await months(other) > await months(platform) == 0

        # What was made for one outlives its run, and is found again.
        await platform.stop()
        assert (await on_the_servers(kafka_address, postgres_address, one))[1] == databases
        await its_room.create_topics()
        await its_room.create_database("catalog")
    for name in (one, two):
        assert await on_the_servers(kafka_address, postgres_address, name) == (set(), set())


@pytest.mark.parametrize("server", ["Kafka", "PostgreSQL"])
async def test_a_server_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, kafka_address: str, postgres_address: str, server: str
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    name = f"away{secrets.token_hex(4)}"
    gone = Servers(nobody, postgres_address, name)
    if server == "PostgreSQL":
        gone = Servers(kafka_address, f"postgresql://me:sesame@{nobody}/postgres", name)
    try:
        with pytest.raises(PlatformError, match=f"{server} at {nobody}.* can't be used") as refused:
            await Platform(tmp_path, ports="free", parts=SOME, servers=gone).start()
        assert refused.value.code == "server-refused"
        assert "sesame" not in str(refused.value)
    finally:
        await Servers(kafka_address, postgres_address, name).clear()


@pytest.mark.parametrize("name", ["", "Big", "1st", 'a"b', "a.b"])
def test_a_name_that_would_hit_what_is_others_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a platform's name"):
        Servers("127.0.0.1:1", "postgresql://127.0.0.1:1/postgres", name)
