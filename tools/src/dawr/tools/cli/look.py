"""Looking into a running platform: its parts, topics, lag, outboxes."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from dawr.contracts.topics import TOPICS
from dawr.servicekit import refused as refused_messages
from dawr.servicekit import relay
from dawr.servicekit.lag import Lags
from dawr.servicekit.refused import RefusedMessage
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.platform import state as states
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.parts import PARTS
from dawr.tools.platform.readiness import look

NOT_RUNNING = 3


def running(root: Path) -> states.State:
    """The platform that runs from this folder; PlatformError if none does."""
    state = states.running(Folder.of(root))
    if state is None:
        raise PlatformError("not-running", "No platform runs from this folder: start one with `make up`.")
    return state


def status(root: Path, *, as_json: bool) -> int:
    """Print what runs; the exit code: 0 if all is ready, 1 if not yet, 3 if nothing runs."""
    state = asyncio.run(look(root))
    if state is None:
        if as_json:
            print(json.dumps({"running": False, "ready": False, "ports": {}, "parts": {}}))
        else:
            Console().print("Not running. Start it with [bold]make up[/].")
        return NOT_RUNNING
    all_ready = state.status == "ready" and all(part.ready for part in state.parts.values())
    if as_json:
        parts = {
            name: {
                "url": part.url, "port": part.port, "pid": part.pid, "ready": part.ready, "restarts": part.restarts,
            }
            for name, part in state.parts.items()
        }  # fmt: skip
        told = {
            "running": True, "ready": all_ready, "status": state.status, "pid": state.pid,
            "since": state.since.isoformat(), "kafka": state.kafka, "ports": state.ports, "parts": parts,
        }  # fmt: skip
        print(json.dumps(told, indent=2))
    else:
        table = Table("part", "ready", "address", "process", "restarts", box=None, padding=(0, 2, 0, 0))
        for name, part in state.parts.items():
            mark = "[green]✓[/]" if part.ready else "[red]✗[/]"
            table.add_row(name, mark, part.url, str(part.pid or "–"), str(part.restarts))
        Console().print(table)
    return 0 if all_ready else 1


def topics(root: Path) -> None:
    """Print the table of topics with the records that they hold."""
    state = running(root)
    held = asyncio.run(_held(state))
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("topic", no_wrap=True)
    for column in ("key", "kind", "partitions", "records"):
        table.add_column(column, justify="right" if column in {"partitions", "records"} else "left")
    table.add_column("readers", no_wrap=True)
    for topic in TOPICS:
        records = str(held.get(topic.name, 0))
        readers = "\n".join(topic.readers)
        table.add_row(topic.name, topic.key, topic.kind.value, str(topic.partitions), records, readers)
    Console().print(table)


async def _held(state: states.State) -> dict[str, int]:
    names = [state.topic_prefix + topic.name for topic in TOPICS]
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=state.kafka, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        starts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    held: dict[str, int] = {}
    for each in partitions:
        name = each.topic.removeprefix(state.topic_prefix)
        held[name] = held.get(name, 0) + ends[each] - starts[each]
    return held


def lag(root: Path) -> None:
    """Print how many records wait, by topic and group."""
    state = running(root)
    table = Table("topic", "group", "waiting", box=None, padding=(0, 2, 0, 0))
    for topic, group, waiting in asyncio.run(lag_of_groups(state)):
        table.add_row(topic, group, f"[{'red' if waiting > 1000 else 'green'}]{waiting}[/]")
    Console().print(table)


async def lag_of_groups(state: states.State) -> list[tuple[str, str, int]]:
    """Topic, group, and how many records wait for it."""
    lags = Lags(PlatformSettings(kafka=state.kafka, topic_prefix=state.topic_prefix))
    try:
        return [(each.topic, each.group, each.waiting) for each in await lags.read()]
    finally:
        await lags.close()


def outbox(root: Path) -> None:
    """Print what waits in each outbox, and each message that the broker refuses."""
    state = running(root)
    table = Table("service", "unsent", "oldest", "refused", box=None, padding=(0, 2, 0, 0))
    aside = Table("refused at", "service", "topic", "type", "bytes", "reason", box=None, padding=(0, 2, 0, 0))
    for part in PARTS:
        if part.database:
            depth, refused = asyncio.run(_waiting(state.database(part.name)))
            table.add_row(part.name, str(depth.unsent), f"{depth.oldest_seconds:.1f} s", str(len(refused)))
            for each in refused:
                at = each.refused_at.strftime("%Y-%m-%d %H:%M:%S")
                aside.add_row(at, part.name, each.topic, each.wire_type, str(each.body_bytes or 0), each.reason)
    Console().print(table)
    if aside.row_count:
        Console().print(aside)


async def _waiting(url: str) -> tuple[relay.Depth, Sequence[RefusedMessage]]:
    async with _connected(url) as connection:
        return await relay.depth(connection), await refused_messages.read(connection)


def put_back(root: Path, service: str) -> None:
    """Have a service's refused messages sent after all."""
    count = asyncio.run(_put_back(_outbox_of(root, service)))
    Console().print(f"{count} messages of {service} are in its outbox again.")


async def _put_back(url: str) -> int:
    async with _connected(url) as connection:
        return await refused_messages.put_back(connection)


def _outbox_of(root: Path, service: str) -> str:
    state = running(root)
    if service not in {part.name for part in PARTS if part.database}:
        raise PlatformError("unknown-service", f"There is no service {service!r} with an outbox.")
    return state.database(service)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection to a service's database, in a transaction that is committed at the end."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


def resend(root: Path, service: str, hours: float) -> None:
    """Have a service's kept messages of the last hours sent again."""
    count = asyncio.run(_resend(_outbox_of(root, service), hours))
    Console().print(f"{count} messages of {service} are sent again.")


async def _resend(url: str, hours: float) -> int:
    async with _connected(url) as connection:
        return await relay.resend(connection, datetime.now(UTC) - timedelta(hours=hours))
