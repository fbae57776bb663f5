"""The supervisor with Kafka and PostgreSQL: topics, databases, and what a kill leaves."""

from pathlib import Path

import asyncpg
import httpx
import psutil
from aiokafka.admin import AIOKafkaAdminClient

from dawr.contracts.topics import TOPICS
from dawr.servicekit.testing import until
from dawr.tools.platform.parts import PARTS
from dawr.tools.platform.platform import Platform

SOME = tuple(part for part in PARTS if part.name in ("kafka", "postgres", "registry", "gateway"))


async def topics_of(platform: Platform) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def test_a_platform_has_topics_databases_and_services_and_finds_its_data_again(tmp_path: Path) -> None:
    async with Platform(tmp_path, ports="free", parts=SOME) as platform:
        assert {topic.name for topic in TOPICS} <= await topics_of(platform)
        connection = await asyncpg.connect(platform.database("gateway"))
        tables = {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables")}
        assert "outbox_messages" in tables
        await connection.execute("CREATE TABLE yesterday (id int)")
        await connection.close()
        async with httpx.AsyncClient(trust_env=False) as client:
            keys = (await client.get(f"{platform.url('gateway')}/.well-known/jwks.json")).json()
        assert [key["kid"] for key in keys["keys"]] == [platform.keys.kid]
        ended = [psutil.Process(platform.pid(part.name)) for part in SOME]
    assert not any(process.is_running() for process in ended)

    async with Platform(tmp_path, ports="free", parts=SOME) as platform:
        connection = await asyncpg.connect(platform.database("gateway"))
        assert await connection.fetchval("SELECT count(*) FROM yesterday") == 0
        await connection.close()

        for name in ("postgres", "kafka"):
            before = platform.state.parts[name].port
            await platform.kill(name)
            assert platform.pid(name) is None
            await platform.restart(name)
            assert platform.state.parts[name].port == before

        server = psutil.Process(platform.pid("postgres"))
        server.kill()  # not by the supervisor: a crash

        async def is_back() -> bool:
            part = platform.state.parts["postgres"]
            return part.ready and part.pid not in (None, server.pid) and part.restarts == 1

        await until(is_back, timeout=30, what="a server that was started again")
        assert {topic.name for topic in TOPICS} <= await topics_of(platform)
        await platform.wait_ready("gateway")
