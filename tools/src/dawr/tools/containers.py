"""Kafka and PostgreSQL in containers, for the tests: the official images, by testcontainers.

The broker has the settings of the embedded one, so that a test finds the same server in both. Both listen on
loopback; where the tests themselves run in a container (TESTCONTAINERS_CONNECTION_MODE=docker_host), on all addresses
of the engine's host.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import ExecWaitStrategy, LogMessageWaitStrategy

from dawr.tools.embedded.kafka import ONE_NODE
from dawr.tools.embedded.ports import free_port
from dawr.tools.errors import ToolError

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
START_SECONDS = 120
_LOOPBACK = {"localhost", "127.0.0.1"}

BROKER = {
    "CLUSTER_ID": "ZGF3ci1kYXdyLWRhd3ItMQ",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_NODE_ID": "1",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    # Two, for the broker calls itself, and can't on the address by which the host reaches it.
    "KAFKA_LISTENERS": "PLAINTEXT://:19092,PLAINTEXT_HOST://:9092,CONTROLLER://:29093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m",
    **{"KAFKA_" + name.upper().replace(".", "_"): value for name, value in ONE_NODE.items()},
}
"""The broker's environment, but for the address by which it is known outside."""

_INITDB = "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"


@contextmanager
def containers() -> Iterator[tuple[str, str]]:
    """Both servers, while the context lasts: Kafka's bootstrap address, and the address of PostgreSQL's
    administrative database. ToolError if there is no Docker engine to ask."""
    host = _engine_host()
    with _postgres(host) as (postgres, url), _kafka(host) as (kafka, bootstrap):
        # Both start at once; each is waited for only then.
        ExecWaitStrategy(["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"]).with_startup_timeout(
            START_SECONDS
        ).wait_until_ready(postgres)
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_SECONDS).wait_until_ready(kafka)
        yield bootstrap, url


@contextmanager
def _kafka(host: str) -> Iterator[tuple[Any, str]]:
    port = free_port()
    address = f"{host}:{port}"
    container = DockerContainer(KAFKA_IMAGE, hostname="kafka").with_envs(
        **BROKER, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://localhost:19092,PLAINTEXT_HOST://{address}"
    )
    with _published(container, 9092, port, host):
        yield container, address


@contextmanager
def _postgres(host: str) -> Iterator[tuple[Any, str]]:
    port, password = free_port(), secrets.token_urlsafe(16)
    container = (
        DockerContainer(POSTGRES_IMAGE)
        .with_envs(POSTGRES_PASSWORD=password, POSTGRES_INITDB_ARGS=_INITDB)
        .with_command(["postgres", "-c", "max_connections=200", "-c", "timezone=UTC"])
    )
    with _published(container, 5432, port, host):
        yield container, f"postgresql://postgres:{password}@{host}:{port}/postgres"


@contextmanager
def _published(container: Any, inside: int, port: int, host: str) -> Iterator[None]:
    container.ports[f"{inside}/tcp"] = ("127.0.0.1", port) if host in _LOOPBACK else port
    with container:
        yield


def _engine_host() -> str:
    """Where ports that the engine publishes are reached."""
    try:
        engine = DockerClient()
        engine.client.ping()
        host = engine.host()
        engine.client.close()
    except DockerException as error:
        raise ToolError(
            "no-docker",
            "There is no Docker engine to run containers: start one, or run the tests without --containers.",
        ) from error
    return "127.0.0.1" if host in _LOOPBACK else str(host)
