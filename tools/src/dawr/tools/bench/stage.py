"""What a run of the benchmark stands on: embedded servers of its own, a catalogue, people with tokens, processes."""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dawr.contracts import Channel, Message, Money, Pool, Text
from dawr.contracts.booking import RequestTurn
from dawr.contracts.catalog import CapacityDay, CapacityPublished, Fee, OfficeDescribed, ServiceDescribed, Tier
from dawr.contracts.ids import turn_id
from dawr.contracts.topics import TOPIC_OF
from dawr.servicekit.auth import Role, make_token, public_jwk
from dawr.servicekit.clock import new_id
from dawr.servicekit.envelope import headers_for
from dawr.servicekit.idempotency import fingerprint
from dawr.servicekit.migrations import migrate
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.topics import create_topics
from dawr.tools.bench.load import get, post
from dawr.tools.embedded.ports import free_port

SEATS = 1_000_000
OFFICES = tuple(f"OFF-{number:02}" for number in range(1, 25))
FIRST_DAY = datetime.now(UTC).date() + timedelta(days=7)
KID = "bench"
KEY = "k"


@dataclass(frozen=True)
class Person:
    """Somebody who takes one turn."""

    id: UUID
    token: str
    pool: Pool

    @property
    def turn_id(self) -> UUID:
        """The turn that their request makes."""
        return turn_id(self.id, KEY)

    def request(self) -> bytes:
        """Their `POST /turns`, as bytes."""
        body = orjson.dumps(
            {
                "service": self.pool.service,
                "tier": self.pool.tier,
                "office": self.pool.office,
                "date": self.pool.date.isoformat(),
            }
        )
        return post("/api/booking/turns", body, {"authorization": f"Bearer {self.token}", "idempotency-key": KEY})

    def look(self) -> bytes:
        """Their `GET` of the turn that they are about to ask for, as bytes."""
        return get(f"/api/booking/turns/{self.turn_id}", {"authorization": f"Bearer {self.token}"})

    def command(self) -> RequestTurn:
        """What the intake makes of it."""
        return RequestTurn(
            turn_id=self.turn_id,
            person_id=self.id,
            asked_by=self.id,
            pool=self.pool,
            fingerprint=fingerprint(self.pool.key, None),
            asked_at=datetime.now(UTC),
        )


@dataclass
class BenchStage:
    """Servers, and what is on them."""

    kafka: str
    postgres: str
    """Address of the database server, without a database's name."""
    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    runs: int = 0

    def platform(self, prefix: str) -> PlatformSettings:
        """The settings of one measurement."""
        return PlatformSettings(
            kafka=self.kafka, topic_prefix=prefix, jwks=str(self.folder / "jwks.json"), log_level="warning"
        )

    async def new_run(self, *, seats: int = SEATS) -> "Run":
        """Topics, a migrated database of booking's and a catalogue for one measurement."""
        run = await self.bare_run("booking")
        await run.send([*small_catalogue(), *_capacity(seats)])
        return run

    async def bare_run(self, service: str) -> "Run":
        """Topics and a migrated database of a service, with nothing on or in them."""
        self.runs += 1
        name = f"bench{self.runs}"
        run = Run(self, f"{name}.", await self._database(name, service))
        await create_topics(self.platform(run.prefix))
        return run

    async def beside(self, run: "Run", service: str) -> "Run":
        """The same topics, and a migrated database of a further service."""
        return Run(self, run.prefix, await self._database(f"{run.prefix.rstrip('.')}_{service}", service))

    async def _database(self, name: str, service: str) -> str:
        admin = await asyncpg.connect(f"{self.postgres}/postgres")
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        url = f"{self.postgres}/{name}"
        await migrate(url, f"dawr.{service}")
        return url

    def people(self, count: int, *, signed_in: bool = True) -> list[Person]:
        """So many new people, spread over the offices' pools."""
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [public_jwk(self.key, KID)]}))
        citizen = frozenset({Role.CITIZEN})
        people = []
        for number in range(count):
            id = uuid4()
            pool = Pool(office=OFFICES[number % len(OFFICES)], service="PASS_REN", tier="N", date=FIRST_DAY)
            token = make_token(self.key, KID, id, citizen, lifetime=timedelta(hours=2)) if signed_in else ""
            people.append(Person(id, token, pool))
        return people


@dataclass
class Run:
    """One measurement's own topics and database."""

    stage: BenchStage
    prefix: str
    database_url: str
    more: dict[str, str] = field(default_factory=dict)
    """Further variables of its processes' environment."""
    pids: dict[str, int] = field(default_factory=dict)
    """Of the process of each role that runs, or ran last."""

    @property
    def platform(self) -> PlatformSettings:
        """Its settings."""
        return self.stage.platform(self.prefix)

    async def send(self, messages: Sequence[Message]) -> None:
        """Put messages on their topics."""
        producer = AIOKafkaProducer(bootstrap_servers=self.stage.kafka, acks="all", linger_ms=5, max_batch_size=262144)
        await producer.start()
        try:
            for message in messages:
                await producer.send(
                    self.prefix + TOPIC_OF[type(message)].name,
                    key=message.key().encode(),
                    value=message.model_dump_json().encode(),
                    headers=headers_for(
                        id=new_id(),
                        wire_type=message.wire_type,
                        source="bench",
                        subject=message.key(),
                        time=datetime.now(UTC),
                        traceparent=None,
                    ),
                )
            await producer.flush()
        finally:
            await producer.stop()

    @asynccontextmanager
    async def booking(self, *roles: str) -> AsyncIterator[dict[str, int]]:
        """Booking's processes of these roles; their ports by role, once all are ready."""
        async with self.processes("booking", *roles) as ports:
            yield ports

    @asynccontextmanager
    async def processes(self, service: str, *roles: str) -> AsyncIterator[dict[str, int]]:
        """A service's processes of these roles; their ports by role, once all are ready."""
        ports = {role: free_port() for role in roles}
        processes = [self._process(service, role, port) for role, port in ports.items()]
        self.pids |= {role: process.pid for role, process in zip(roles, processes, strict=True)}
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                for port in ports.values():
                    await _until_ready(client, port)
            yield ports
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                await asyncio.to_thread(process.wait, 20)

    def _process(self, service: str, role: str, port: int) -> "subprocess.Popen[bytes]":
        environment = os.environ | {
            "DAWR_KAFKA": self.stage.kafka,
            "DAWR_TOPIC_PREFIX": self.prefix,
            "DAWR_JWKS": str(self.stage.folder / "jwks.json"),
            "DAWR_LOG_LEVEL": "warning",
            f"{service.upper()}_DATABASE_URL": self.database_url,
            f"{service.upper()}_HTTP_PORT": str(port),
            **self.more,
        }
        return subprocess.Popen([sys.executable, "-m", f"dawr.{service}", role], env=environment)


async def _until_ready(client: httpx.AsyncClient, port: int, *, seconds: float = 60) -> None:
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError(f"port {port} did not become ready")
        await asyncio.sleep(0.1)


def small_catalogue() -> Iterator[ServiceDescribed | OfficeDescribed]:
    """One service and the offices that offer it."""
    name = Text(ar="تجديد جواز سفر", en="Passport renewal")
    yield ServiceDescribed(
        code="PASS_REN",
        revision=1,
        agency="IMM",
        family="PASSPORT",
        name=name,
        description=name,
        channels=(Channel.ONLINE,),
        tiers=(Tier(code="N", name=name),),
        fees=(
            Fee(
                tier="N",
                channel=Channel.ONLINE,
                amount=Money(minor=31_270_000, currency="SYP"),
                effective_from=dt.date(2025, 2, 1),
                is_example=False,
            ),
        ),
        duration_minutes=15,
    )
    for code in OFFICES:
        office = Text(ar=code, en=code)
        yield OfficeDescribed(
            code=code,
            revision=1,
            kind="office",
            region="DAM",
            region_name=office,
            name=office,
            address=office,
            zone="Asia/Damascus",
            currency="SYP",
            services=("PASS_REN",),
        )


def _capacity(seats: int) -> Iterator[Message]:
    for office in OFFICES:
        yield CapacityPublished(
            office=office,
            service="PASS_REN",
            tier="N",
            month=FIRST_DAY.strftime("%Y-%m"),
            revision=1,
            zone="Asia/Damascus",
            days=(CapacityDay(date=FIRST_DAY, capacity=seats, opens_at=datetime(2025, 1, 1, tzinfo=UTC)),),
        )
