"""Servers that are there already: a Kafka and a PostgreSQL that a platform stands on without running them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.topics import create_topics
from dawr.tools.platform.errors import PlatformError


@dataclass(frozen=True)
class Servers:
    """Both servers, and what is one platform's on them. Platforms of different names share them.

    `name`: a small letter, then small letters, digits and underscores. The broker is told by host:port, the database
    server by postgresql://… of a database in which others may be created.
    """

    kafka: str
    postgres: str
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"not a platform's name: {self.name!r}")

    @property
    def topic_prefix(self) -> str:
        """Before each of its topics and groups."""
        return f"{self.name}."

    @property
    def database_prefix(self) -> str:
        """Before each of its databases."""
        return f"{self.name}_"

    async def create_topics(self) -> None:
        """Creates those that are missing. Raises PlatformError server-refused."""
        try:
            await create_topics(PlatformSettings(kafka=self.kafka, topic_prefix=self.topic_prefix))
        except KafkaError as error:
            raise _refused("Kafka", self.kafka, error) from error

    async def create_database(self, service: str) -> None:
        """Creates a service's unless it exists. Raises PlatformError server-refused."""
        try:
            admin = await asyncpg.connect(self.postgres)
            try:
                await admin.execute(f'CREATE DATABASE "{self.database_prefix}{service}"')
            except asyncpg.DuplicateDatabaseError:
                pass
            finally:
                await admin.close()
        except (asyncpg.PostgresError, OSError) as error:
            raise _refused("PostgreSQL", self.postgres.rpartition("@")[2], error) from error

    async def clear(self) -> None:
        """Deletes the platform's topics and databases, with all that is in them."""
        kafka = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await kafka.start()
        try:
            topics = await kafka.list_topics()
            await kafka.delete_topics([topic for topic in topics if topic.startswith(self.topic_prefix)])
        finally:
            await kafka.close()
        postgres = await asyncpg.connect(self.postgres)
        try:
            for row in await postgres.fetch(
                "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", self.database_prefix
            ):
                await postgres.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
        finally:
            await postgres.close()


@asynccontextmanager
async def room_on(kafka: str, postgres: str, name: str) -> AsyncIterator[Servers]:
    """Servers with room for one platform, which is cleared away in the end: for tests."""
    servers = Servers(kafka, postgres, name)
    try:
        yield servers
    finally:
        await servers.clear()


def _refused(server: str, address: str, error: Exception) -> PlatformError:
    return PlatformError(
        "server-refused",
        f"{server} at {address} can't be used ({type(error).__name__}: {error}): see that it runs and lets you in.",
    )
