"""For tests: a stage on real servers, a clock that can be turned, and stories about messages.

Used by every package's tests through the fixtures of the repository's `conftest.py`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dawr.contracts import Message
from dawr.contracts.topics import TOPIC_OF, TOPICS, Topic
from dawr.servicekit.auth import Role, make_token, public_jwk
from dawr.servicekit.clock import new_id
from dawr.servicekit.dead_letters import read_all
from dawr.servicekit.envelope import Headers, Received, Record, headers_for, open_record
from dawr.servicekit.migrations import DELIVERY_TABLES, migrate
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.topics import create_topics

T = TypeVar("T")
KID = "test"


class FakeClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, *, seconds: float = 0, days: int = 0) -> None:
        """Go on (or back) in time."""
        self.now += timedelta(days=days, seconds=seconds)


async def until(
    condition: Callable[[], Awaitable[T | None]], *, timeout: float = 20.0, every: float = 0.02, what: str = ""
) -> T:
    """The first truthy answer of a condition that is asked again and again; TimeoutError with `what` if none comes."""
    end = time.monotonic() + timeout
    while True:
        answer = await condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout} s: {what or condition}; last answer {answer!r}")
        await asyncio.sleep(every)


@dataclass
class Stage:
    """A broker and a database server with room for one test module: topics with a prefix, databases of its own."""

    platform: PlatformSettings
    postgres: str
    """Address of the server's administrative database."""
    key: Ed25519PrivateKey
    name: str
    _databases: list[str] = field(default_factory=list)

    async def database(self, service: str) -> str:
        """A new, migrated database for a service; its address."""
        url = await self._new_database(service)
        await migrate(url, f"dawr.{service}")
        return url

    async def bare_database(self) -> str:
        """A new database with servicekit's own tables and nothing else; its address."""
        url = await self._new_database("bare")
        connection = await asyncpg.connect(url)
        try:
            for statement in DELIVERY_TABLES:
                await connection.execute(statement)
        finally:
            await connection.close()
        return url

    async def _new_database(self, service: str) -> str:
        name = f"{self.name}_{service}_{len(self._databases)}".lower()
        admin = await asyncpg.connect(self.postgres)
        try:
            await admin.execute(f'CREATE DATABASE "{name}"')
        finally:
            await admin.close()
        self._databases.append(name)
        return self.postgres.rpartition("/")[0] + "/" + name

    def token(self, person: UUID, *roles: Role, office: str | None = None, acts_for: Iterable[UUID] = ()) -> str:
        """An access token for a person; a citizen's unless roles are named."""
        held = frozenset(roles or {Role.CITIZEN})
        return make_token(self.key, KID, person, held, office=office, acts_for=frozenset(acts_for))

    def signed_in(
        self, person: UUID, *roles: Role, office: str | None = None, acts_for: Iterable[UUID] = ()
    ) -> dict[str, str]:
        """The header that carries such a token."""
        return {"authorization": f"Bearer {self.token(person, *roles, office=office, acts_for=acts_for)}"}

    async def send(self, *messages: Message, id: UUID | None = None, topic: Topic | None = None) -> list[UUID]:
        """Put messages on their topics as their owners would; their ids."""
        ids = []
        async with self.raw_producer() as producer:
            for message in messages:
                message_id = id or new_id()
                where = topic or TOPIC_OF[type(message)]
                await producer.send_and_wait(
                    self.platform.topic_prefix + where.name,
                    key=message.key().encode(),
                    value=message.model_dump_json().encode(),
                    headers=headers_of(message, message_id),
                )
                ids.append(message_id)
        return ids

    @asynccontextmanager
    async def raw_producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """A bare producer, for records that no service would send."""
        producer = AIOKafkaProducer(bootstrap_servers=self.platform.kafka, acks="all")
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def messages(self, topic: Topic | str) -> list[Received]:
        """All messages that a topic holds now, by partition and offset; dead letters and tombstones left out."""
        known = topic.messages if isinstance(topic, Topic) else {}
        opened = [open_record(record, known) for record in await self.records(topic)]
        return [each for each in opened if isinstance(each, Received)]

    async def records(self, topic: Topic | str) -> list[Record]:
        """All raw records that a topic holds now."""
        name = self.platform.topic_prefix + (topic.name if isinstance(topic, Topic) else topic)
        return await read_all(self.platform.kafka, [name])

    async def wait_for(self, wanted: type[Message], count: int = 1, *, timeout: float = 20.0) -> list[Message]:
        """Wait until a message type is on its topic so often; the messages."""

        async def enough() -> list[Message] | None:
            found = [each.message for each in await self.messages(TOPIC_OF[wanted]) if isinstance(each.message, wanted)]
            return found if len(found) >= count else None

        return await until(enough, timeout=timeout, every=0.1, what=f"{count} × {wanted.wire_type}")


def headers_of(message: Message, id: UUID, traceparent: str | None = None) -> Headers:
    """The headers under which a test sends a message."""
    return headers_for(
        id=id,
        wire_type=message.wire_type,
        source="test",
        subject=message.key(),
        time=datetime.now(UTC),
        traceparent=traceparent,
    )


@asynccontextmanager
async def stage(name: str, *, kafka: str, postgres: str, folder: Path) -> AsyncIterator[Stage]:
    """Set a stage and clear it away: `name` is unique in a run, and makes the prefix of topics and databases."""
    key = Ed25519PrivateKey.generate()
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public_jwk(key, KID)]}))
    platform = PlatformSettings(kafka=kafka, topic_prefix=f"{name}.", jwks=str(jwks), environment="development")
    await create_topics(platform)
    set_up = Stage(platform, postgres, key, name)
    try:
        yield set_up
    finally:
        await _delete_topics(platform)
        admin = await asyncpg.connect(postgres)
        try:
            for database in set_up._databases:
                await admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        finally:
            await admin.close()


async def _delete_topics(platform: PlatformSettings) -> None:
    """A broker's heap holds some thousands of partitions; hundreds of stages leave more."""
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.kafka)
    await admin.start()
    try:
        ours = [name for name in await admin.list_topics() if name.startswith(platform.topic_prefix)]
        await admin.delete_topics(ours)
    finally:
        await admin.close()


def topics_of(group: str) -> Sequence[Topic]:
    """The topics that a group reads by the contracts' table."""
    return [topic for topic in TOPICS if group in topic.readers]
