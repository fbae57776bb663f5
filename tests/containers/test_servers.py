"""The run's servers, wherever they run, are what the services are made for. With --containers: the official images."""

import asyncio
import json
import os
import sys

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from dawr.servicekit.testing import Stage
from dawr.servicekit.topics import wanted_topics


async def test_postgresql_is_18_with_room_for_all_pools(postgres_address: str) -> None:
    connection = await asyncpg.connect(postgres_address)
    try:
        assert connection.get_server_version().major == 18
        assert int(await connection.fetchval("SHOW max_connections")) >= 200
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert (
            await connection.fetchval("SELECT datlocprovider::text FROM pg_database WHERE datname = 'postgres'") == "b"
        )
    finally:
        await connection.close()


async def test_the_broker_reaches_itself(the_stage: Stage) -> None:
    """Transactions need it; with one listener in a container, they would wait for ever."""
    prefix = the_stage.platform.topic_prefix
    producer = AIOKafkaProducer(
        bootstrap_servers=the_stage.platform.kafka, transactional_id=f"{prefix}self", request_timeout_ms=20_000
    )
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(f"{prefix}dawr.notifications.events", b"{}")
    finally:
        await producer.stop()


async def test_the_broker_makes_no_topic_by_itself(the_stage: Stage) -> None:
    name = f"{the_stage.platform.topic_prefix}unheard-of"
    producer = AIOKafkaProducer(bootstrap_servers=the_stage.platform.kafka, request_timeout_ms=1_000)
    await producer.start()
    try:
        with pytest.raises(KafkaError):
            await producer.send_and_wait(name, b"{}")
    finally:
        await producer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=the_stage.platform.kafka)
    await admin.start()
    try:
        assert name not in await admin.list_topics()
    finally:
        await admin.close()


async def test_the_step_for_topics_creates_what_is_missing_and_may_run_again(the_stage: Stage) -> None:
    wanted = len(wanted_topics(""))
    told = {
        "DAWR_KAFKA": the_stage.platform.kafka,
        "DAWR_TOPIC_PREFIX": f"{the_stage.platform.topic_prefix}step.",
        "DAWR_LOG_FORMAT": "json",
    }
    for created in (wanted, 0):
        step = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "dawr.servicekit.topics"),
            env=os.environ | told,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await step.communicate()
        assert step.returncode == 0
        assert json.loads(printed) | {"created": created, "there": wanted - created} == json.loads(printed)
