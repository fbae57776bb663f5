"""The measurements, one function each: a rate per second, or latencies in milliseconds."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer

from dawr.booking.app import create_service
from dawr.booking.settings import BookingSettings
from dawr.contracts.booking import TurnHeld
from dawr.contracts.topics import BOOKING_EVENTS
from dawr.servicekit.database import Database
from dawr.servicekit.outbox import Staged
from dawr.servicekit.producer import Producer
from dawr.servicekit.relay import Relay
from dawr.servicekit.settings import ServiceSettings
from dawr.tools.bench.load import ask_all
from dawr.tools.bench.stage import OFFICES, BenchStage, Person, Run
from dawr.tools.embedded.ports import free_port

CONNECTIONS = 64
WAITING = 2_000
"""How many may have asked and not be held yet: a crowd that goes on, and not a pile that is worked off at the end."""
HELD_TURNS = "SELECT count(*) FROM turns WHERE state = 'HELD'"


def hot_row(pgbench: Path, url: str, folder: Path, *, seconds: int, clients: Sequence[int] = (1, 8, 32)) -> float:
    """Transactions per second of pgbench on one row: the best of some client counts."""
    script = folder / "hot-row.sql"
    script.write_text("UPDATE hot SET n = n + 1 WHERE id = 1;\n")
    best = 0.0
    for count in clients:
        command = [str(pgbench), "-n", "-f", str(script), "-c", str(count), "-j", str(min(2, count))]
        done = subprocess.run([*command, "-T", str(seconds), url], capture_output=True, text=True, check=True)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        best = max(best, float(found.group(1)) if found else 0.0)
    return best


async def prepare_hot_row(url: str) -> None:
    """The one row."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE hot (id int PRIMARY KEY, n bigint NOT NULL); INSERT INTO hot VALUES (1, 0)")
    await connection.close()


async def plain_post(people: Sequence[Person]) -> float:
    """Answers per second of a plain FastAPI POST of the same body."""
    async with plain_app() as port:
        requests = [each.request().replace(b"/api/booking/turns", b"/turns", 1) for each in people]
        await ask_all("127.0.0.1", port, iter(requests[:2000]), connections=CONNECTIONS)
        return (await ask_all("127.0.0.1", port, iter(requests), connections=CONNECTIONS)).per_second


@asynccontextmanager
async def plain_app() -> AsyncIterator[int]:
    """The plain FastAPI app in a process of its own; its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "dawr.tools.bench.plain", str(port)])
    try:
        await _until_open(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def _until_open(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.05)
    raise TimeoutError("the plain app did not start")


async def look(port: int, people: Sequence[Person]) -> None:
    """Let everybody look at their turns, as people do before they ask: from then on booking knows their tokens."""
    requests = iter([each.look() for each in people])
    expect((await ask_all("127.0.0.1", port, requests, connections=CONNECTIONS)).statuses, 404)


async def intake(run: Run, port: int, people: Sequence[Person]) -> float:
    """Requests per second that the broker has and the caller was told of (202)."""
    answers = await ask_all("127.0.0.1", port, iter([each.request() for each in people]), connections=CONNECTIONS)
    expect(answers.statuses, 202)
    return answers.per_second


async def end_to_end(run: Run, port: int, people: Sequence[Person], *, connections: int = CONNECTIONS) -> float:
    """Turns per second from the first request to the last `TurnHeld` on the topic, with `WAITING` in the line."""
    requests = [each.request() for each in people]
    asked = 0

    def counted() -> Iterator[bytes]:
        nonlocal asked
        for request in requests:
            asked += 1
            yield request

    before = await _count(run, HELD_TURNS)
    async with _Events(run) as events:
        begin = time.perf_counter()
        answers, _ = await asyncio.gather(
            ask_all(
                "127.0.0.1",
                port,
                counted(),
                connections=connections,
                may_ask=lambda: asked - events.grown < WAITING,
            ),
            events.until_grown(len(people)),
        )
        seconds = time.perf_counter() - begin
    expect(answers.statuses, 202)
    if (held := await _count(run, HELD_TURNS) - before) != len(people):
        raise RuntimeError(f"{len(people)} asked, {held} held")
    return len(people) / seconds


class _Events:
    """The length of booking's events: nobody pays in a measurement, so each of them is a `TurnHeld`."""

    def __init__(self, run: Run) -> None:
        self._consumer = AIOKafkaConsumer(run.prefix + BOOKING_EVENTS.name, bootstrap_servers=run.stage.kafka)
        self.grown = 0
        """By how many, as last seen."""

    async def __aenter__(self) -> "_Events":
        await self._consumer.start()
        self._begin = await self._length()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._consumer.stop()

    async def _length(self) -> int:
        return sum((await self._consumer.end_offsets(list(self._consumer.assignment()))).values())

    async def until_grown(self, count: int) -> None:
        """Wait until there are so many more."""
        async with asyncio.timeout(120):
            while self.grown < count:
                await asyncio.sleep(0.02)
                self.grown = await self._length() - self._begin


async def latencies(run: Run, port: int, people: Sequence[Person], *, per_second: float) -> tuple[float, float]:
    """Milliseconds from a request to its `TurnHeld` on the topic at a steady rate: p50 and p99."""
    held = Held(run)
    await held.start()
    asked: dict[UUID, float] = {}
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    try:
        seen = asyncio.create_task(held.wait_for(len(people)))
        tasks = [asyncio.create_task(_ask_from(queue, port)) for _ in range(CONNECTIONS)]
        begin = time.perf_counter()
        for number, person in enumerate(people):
            due = begin + number / per_second
            while (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(min(wait, 0.005))
            asked[person.turn_id] = time.perf_counter()
            queue.put_nowait(person.request())
        await seen
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await held.stop()
    waits = sorted((held.at[turn] - at) * 1000 for turn, at in asked.items())
    return waits[len(waits) // 2], waits[int(len(waits) * 0.99)]


async def _ask_from(queue: "asyncio.Queue[bytes]", port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(await queue.get())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        found = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(found.group(1)) if found else 0)


class Held:
    """Notes when each `TurnHeld` was seen on the topic."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.at: dict[UUID, float] = {}
        self._count = 0

    async def start(self) -> None:
        """Look from now on."""
        self._consumer = AIOKafkaConsumer(
            self._run.prefix + BOOKING_EVENTS.name,
            bootstrap_servers=self._run.stage.kafka,
            fetch_max_wait_ms=5,
        )
        await self._consumer.start()
        for partition, end in (await self._consumer.end_offsets(list(self._consumer.assignment()))).items():
            self._consumer.seek(partition, end)

    async def wait_for(self, count: int, *, timeout: float = 120) -> None:
        """Wait until so many were seen."""
        wanted = TurnHeld.wire_type.encode()
        async with asyncio.timeout(timeout):
            while len(self.at) < count:
                batches = await self._consumer.getmany(timeout_ms=200)
                now = time.perf_counter()
                for records in batches.values():
                    for record in records:
                        if any(name == "ce_type" and value == wanted for name, value in record.headers):
                            self.at.setdefault(UUID(record.key.decode()), now)

    async def stop(self) -> None:
        """Look no more."""
        await self._consumer.stop()


async def allocator_alone(run: Run, people: Sequence[Person]) -> float:
    """Turns per second that the allocator takes from a full topic in whole batches, without relay or HTTP."""
    settings = BookingSettings(database_url=run.database_url, platform=run.platform)
    service = create_service(settings)
    if service.consumers is None:
        raise RuntimeError("booking has no consumers")
    following = [asyncio.ensure_future(service.background[name]()) for name in ("catalogue", "copies")]
    await service.consumers.start()
    try:
        await until_capacity(run)
        await run.send([each.command() for each in people[:1000]])
        await _until_turns(run, 1000)
        await service.consumers.stop()
        await run.send([each.command() for each in people[1000:]])
        begin = time.perf_counter()
        await service.consumers.start()
        joined = time.perf_counter()
        await _until_turns(run, len(people))
        return (len(people) - 1000) / (time.perf_counter() - (begin + joined) / 2)
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await service.consumers.stop()
        await service.database.close()


async def until_capacity(run: Run) -> None:
    """Wait until booking knows every pool of the stage."""
    await until(run, "SELECT count(*) FROM quota_days WHERE service = 'PASS_REN' AND tier = 'N'", len(OFFICES))


async def _until_turns(run: Run, count: int) -> None:
    await until(run, HELD_TURNS, count)


async def until(run: Run, query: str, count: int) -> None:
    """Wait until a query of one number gives so much."""
    async with asyncio.timeout(120):
        while await _count(run, query) < count:
            await asyncio.sleep(0.05)


async def _count(run: Run, query: str) -> int:
    connection = await asyncpg.connect(run.database_url)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def copy_rows(run: Run, count: int, *, batch: int) -> float:
    """Rows per second of COPY into a table like `turns`, indexes included: the floor under the allocator."""
    connection = await asyncpg.connect(run.database_url)
    try:
        await connection.execute("CREATE TABLE turns_copied (LIKE turns INCLUDING ALL)")
        rows = [tuple(row) for row in await connection.fetch("SELECT * FROM turns LIMIT $1", count)]
        begin = time.perf_counter()
        for start in range(0, len(rows), batch):
            async with connection.transaction():
                await connection.copy_records_to_table("turns_copied", records=rows[start : start + batch])
        return len(rows) / (time.perf_counter() - begin)
    finally:
        await connection.close()


async def relay_alone(run: Run, people: Sequence[Person]) -> tuple[float, float]:
    """Messages per second from a full outbox, and of producing the same payloads from memory."""
    settings = ServiceSettings(database_url=run.database_url, platform=run.platform)
    database = Database(settings, source="bench")
    producer = Producer(run.platform, client_id="bench")
    producer.start()
    await producer.wait_ready(20)
    staged = [Staged.of(each.command(), id=each.turn_id, traceparent=None) for each in people]
    try:
        records = [(each.topic, each.key, each.body, [("ce_id", str(each.id).encode())] * 8) for each in staged]
        begin = time.perf_counter()
        for start in range(0, len(records), 500):
            await producer.send_all(records[start : start + 500])
        memory = len(records) / (time.perf_counter() - begin)
        for start in range(0, len(staged), 500):
            async with database.transaction() as tx:
                for each in staged[start : start + 500]:
                    tx.stage_record(each)
        relay = Relay(database, producer, keep=timedelta(days=1), keep_inbox=timedelta(days=1))
        begin = time.perf_counter()
        async with database.reading() as session:
            while await relay.send_batch(session):
                pass
        return len(staged) / (time.perf_counter() - begin), memory
    finally:
        await producer.stop()
        await database.close()


async def sold_out(run: Run, port: int, people: Sequence[Person]) -> float:
    """Refusals per second once the process knows that the pools are sold out."""
    await look(port, people)
    async with asyncio.timeout(60):  # last: what a process knows lapses when nobody asks for two seconds
        while True:  # new people each time: who has asked already is answered from the line
            first = [each.request() for each in run.stage.people(50)]
            if (await ask_all("127.0.0.1", port, iter(first), connections=8)).statuses[409] == len(first):
                break
    answers = await ask_all("127.0.0.1", port, iter([each.request() for each in people]), connections=CONNECTIONS)
    expect(answers.statuses, 409)
    return answers.per_second


def expect(statuses: "dict[int, int]", wanted: int) -> None:
    """Raise if more than one answer of a hundred has another status."""
    others = {status: count for status, count in statuses.items() if status != wanted}
    if sum(others.values()) > 0.01 * sum(statuses.values()):
        raise RuntimeError(f"expected {wanted}, got {dict(statuses)}")


def bench_stage(kafka: str, postgres_url: str, folder: Path) -> BenchStage:
    """A stage on running servers."""
    return BenchStage(kafka, postgres_url.rpartition("/")[0], folder)
