"""Kafka and PostgreSQL for real: what was acknowledged is there after a kill, on the same port."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from dawr.tools.embedded.errors import EmbeddedError
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.ports import free_port
from dawr.tools.embedded.postgres import Postgres, binary


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield server.getsockname()[1]


async def produce(kafka: Kafka, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value, partition=0)


async def read_two(kafka: Kafka, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [(await consumer.getone()).value for _ in range(2)]
    finally:
        await consumer.stop()


async def test_the_broker_keeps_what_it_acknowledged_through_a_kill(kafka: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    await produce(kafka, "kept", b"before the kill")
    port, pid = kafka.port, kafka.pid
    kafka.kill()
    assert kafka.pid is None
    kafka.restart()
    assert kafka.port == port
    assert kafka.pid not in (None, pid)
    await produce(kafka, "kept", b"after it")
    assert await read_two(kafka, "kept") == [b"before the kill", b"after it"]


async def test_no_topic_appears_by_being_named(kafka: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.describe_topics(["misspelt"])
        assert "misspelt" not in await admin.list_topics()
    finally:
        await admin.close()


def test_a_class_cache_that_java_cannot_read_is_no_hindrance(tmp_path: Path) -> None:
    cache = tmp_path / "kafka.aot"
    cache.write_bytes(b"not one")
    with Kafka(tmp_path / "data", java_options=(f"-XX:AOTCache={cache}",)) as broker:
        assert broker.pid is not None


def test_kafka_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(EmbeddedError, match=f"port {port} is in use") as refused:
        Kafka(tmp_path, port).start()
    assert refused.value.code == "port-in-use"


async def test_the_database_keeps_what_it_committed_through_a_kill(postgres: Postgres) -> None:
    postgres.create_database("booking")
    postgres.create_database("booking")
    connection = await asyncpg.connect(postgres.url("booking"))
    await connection.execute("CREATE TABLE turns (id int); INSERT INTO turns VALUES (7)")
    port = postgres.port
    postgres.kill()
    assert postgres.pid is None
    connection.terminate()
    postgres.restart()
    assert postgres.port == port
    connection = await asyncpg.connect(postgres.url("booking"))
    assert await connection.fetchval("SELECT id FROM turns") == 7
    await connection.close()


async def test_the_database_is_utf8_durable_and_asks_for_the_password(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url())
    shown = {name: await connection.fetchval(f"SHOW {name}") for name in ("server_encoding", "fsync", "TimeZone")}
    assert shown == {"server_encoding": "UTF8", "fsync": "on", "TimeZone": "UTC"}
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:wrong@127.0.0.1:{postgres.port}/postgres")


def test_a_pid_file_that_names_a_strangers_process_is_no_hindrance(postgres: Postgres) -> None:
    postgres.kill()
    pid_file = next(postgres.log.parent.glob("cluster/postmaster.pid"))
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    postgres.start()
    assert postgres.pid is not None


def test_postgres_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(EmbeddedError, match=f"port {port} is in use") as refused:
        Postgres(tmp_path, port).start()
    assert refused.value.code == "port-in-use"


def test_pgbench_comes_with_the_wheel() -> None:
    assert subprocess.run([binary("pgbench"), "--version"], check=True, capture_output=True).stdout.startswith(
        b"pgbench"
    )


def run_both(data: Path) -> tuple[subprocess.Popen[str], dict[str, object], list[psutil.Process]]:
    command = [sys.executable, "-m", "dawr.tools.embedded", "--data", str(data)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    said = json.loads(running.stdout.readline())
    return running, said, [psutil.Process(pid) for pid in said["pids"].values()]


def test_the_command_ends_both_servers_on_sigterm_and_also_when_it_is_killed(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        running, said, servers = run_both(tmp_path)
        assert set(said) == {"kafka", "postgres", "pids"}
        assert len(servers) == 2
        running.send_signal(number)
        code = running.wait(15)
        assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        _, left = psutil.wait_procs(servers, timeout=10)
        assert not left, f"{left} outlived the command after {number.name}"
