"""Many people who wait in the line with its page open, and how long it takes until each is told that a seat is theirs.

Everybody has an event stream of the gateway open, as their browser does. The allocator is held back until all wait;
then it settles all of them at once, which is the worst that can happen.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx

from dawr.tools.bench.load import get
from dawr.tools.bench.measures import until_capacity
from dawr.tools.bench.report import Report
from dawr.tools.bench.stage import Person, Run
from dawr.tools.bench.town import ACCESS_COOKIE, Town

IDLE_SECONDS = 20.0
TOLD_WITHIN_SECONDS = 60.0
_AT_ONCE = 32
_T = TypeVar("_T")
_PLACE, _TURN = b"event: place\n", b"event: turn\n"


class Stream(asyncio.Protocol):
    """One person's event stream."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._seen = b""
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.is_in_line: asyncio.Future[None] = loop.create_future()
        self.told_at: asyncio.Future[float] = loop.create_future()
        """Seconds since the epoch at which the first part of another state came."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Look what it is; a piece of the last part is kept, as an event's name may come in two."""
        now = time.time()
        self._seen = self._seen[-len(_PLACE) :] + data
        if _PLACE in self._seen and not self.is_in_line.done():
            self.is_in_line.set_result(None)
        if _TURN in self._seen and not self.told_at.done():
            self.told_at.set_result(now)

    def leave(self) -> None:
        """Close the page."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        for each in (self.is_in_line, self.told_at):
            if not each.done():
                each.set_exception(ConnectionError(self._seen[:200].decode(errors="replace")))


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds, sorted."""

    milliseconds: list[float]

    def at(self, share: float) -> float:
        """So much it was at most for this share of all."""
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * share))]


async def measure(town: Town, report: Report, *, people: int) -> None:
    """The figures of so many people."""
    await until_capacity(town.booking)
    crowd = town.people(people)
    places = await _ask(town, crowd)
    streams = await _open(town.ports["gateway"], crowd, places)
    await _within(30, [each.is_in_line for each in streams])
    before, begun = town.spent(), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    idle, seconds = town.spent(), time.monotonic() - begun
    for name, spent in idle.items():
        report.note(f"{people} in the line, {name}'s memory", spent.megabytes, "MiB")
        share = 100 * (spent.cpu_seconds - before[name].cpu_seconds) / seconds
        report.note(f"{people} in the line, {name} of a core while they wait", share, "%")
    async with town.booking.booking("consume"):
        told = await _within(TOLD_WITHIN_SECONDS, [each.told_at for each in streams])
        after = town.spent()
    for stream in streams:
        stream.leave()
    held = await _held(town.booking)
    waits = waits_of(held, {str(each.turn_id): at for each, at in zip(crowd, told, strict=True)})
    report.note(f"{people} in the line, held → told, p50", waits.at(0.5), "ms")
    report.note(f"{people} in the line, held → told, p99", waits.at(0.99), "ms")
    report.note(f"{people} in the line, held → told, the last", waits.at(1), "ms", goal="≤ 2000")
    for name, spent in after.items():
        cpu = 1000 * (spent.cpu_seconds - idle[name].cpu_seconds) / people
        report.note(f"{people} in the line, {name}'s time to tell one", cpu, "ms")


def waits_of(held: dict[str, datetime], told: dict[str, float]) -> Waits:
    """From the moment when a turn was held to when its person was told; KeyError if one was told of what is not."""
    return Waits(sorted((at - held[id].timestamp()) * 1000 for id, at in told.items()))


async def _ask(town: Town, crowd: Sequence[Person]) -> list[str]:
    """Everybody asks for a turn; the query that names the place of each."""
    at_once = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{town.ports['booking']}", trust_env=False) as http:

        async def ask(person: Person) -> str:
            head, _, body = person.request().partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[2:])
            async with at_once:
                answer = await http.post("/api/booking/turns", content=body, headers=headers)
            if answer.status_code != 202:
                raise RuntimeError(f"{answer.status_code} {answer.text[:200]}")
            return urlsplit(answer.headers["location"]).query

        return await asyncio.gather(*(ask(each) for each in crowd))


async def _open(port: int, crowd: Sequence[Person], places: Sequence[str]) -> list[Stream]:
    loop = asyncio.get_running_loop()
    streams = []
    for person, place in zip(crowd, places, strict=True):
        headers = {"cookie": f"{ACCESS_COOKIE}={person.token}", "accept": "text/event-stream", "accept-language": "ar"}
        stream = Stream(get(f"/turns/{person.turn_id}/updates?{place}", headers))
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", port)  # type: ignore[misc]
        streams.append(stream)
    return streams


async def _within(seconds: float, awaited: Sequence["asyncio.Future[_T]"]) -> list[_T]:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.gather(*awaited)
    except TimeoutError:
        missing = sum(not each.done() or each.cancelled() for each in awaited)
        raise TimeoutError(f"{missing} of {len(awaited)} after {seconds:.0f} s") from None


async def _held(run: Run) -> dict[str, datetime]:
    """When the transaction that gave each turn its seat began, by the turn."""
    connection = await asyncpg.connect(run.database_url)
    try:
        rows = await connection.fetch("""
            SELECT id::text, (step->>'at')::timestamptz AS at
            FROM turns, jsonb_array_elements(history) AS step WHERE step->>'state' = 'HELD'
        """)
    finally:
        await connection.close()
    return {row["id"]: row["at"] for row in rows}
