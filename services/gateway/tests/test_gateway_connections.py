"""Connections to a service, against a server that plays a script: what is an answer, and what is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from dawr.gateway.passing.connections import HungUp, Pool, Silent, Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Script = Sequence[bytes | Callable[[], Awaitable[None]]]


@dataclass
class Scripted:
    """A server that answers each request of a connection with the next script, and the pool that asks it."""

    scripts: list[Script]
    pool: Pool
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str = "GET") -> tuple[int, bytes]:
        connection = await self.pool.take()
        try:
            answer = await connection.ask(method, REQUEST)
            return answer.status, b"".join([part async for part in answer.parts()])
        finally:
            self.pool.give_back(connection)


@asynccontextmanager
async def playing(*scripts: Script, limit: int = 8) -> AsyncIterator[Scripted]:
    """Each script is bytes to write and things to wait for; the connection stays open until one is empty."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scripted.connections += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                script = scripted.scripts.pop(0)
                for step in script:
                    if callable(step):
                        await step()
                    else:
                        writer.write(step)
                        await writer.drain()
                if not script or script[-1] == b"":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            scripted.ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    pool = Pool(host, port, tls=None, limit=limit, kept=limit, connect_seconds=0.3, read_seconds=0.5, idle_seconds=30)
    scripted = Scripted(list(scripts), pool)
    try:
        yield scripted
    finally:
        pool.close()
        server.close()


async def test_a_connection_is_used_again() -> None:
    async with playing([OK], [OK], [OK]) as server:
        assert [await server.ask() for _ in range(3)] == [(200, b"ok")] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    ("method", "written", "expected"),
    [
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            (200, b"ok!"),
        ),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, (200, b"ok")),
        ("POST", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, (200, b"ok")),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\nETag: "1"\r\n\r\n', (304, b"")),
    ],
)
async def test_every_frame_of_an_answer_is_understood_and_leaves_the_connection_usable(
    method: str, written: bytes, expected: tuple[int, bytes]
) -> None:
    async with playing([written], [OK]) as server:
        assert await server.ask(method) == expected
        assert await server.ask() == (200, b"ok")
        assert server.connections == 1


async def test_it_does_not_matter_how_an_answer_is_cut_up() -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    async def breath() -> None:
        await asyncio.sleep(0)

    script = [step for place in range(len(whole)) for step in (whole[place : place + 1], breath)]
    async with playing(script) as server:
        assert await server.ask() == (200, b"ok")


async def test_an_answer_to_head_has_no_body_whatever_it_announces() -> None:
    async with playing([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"], [OK]) as server:
        assert await server.ask("HEAD") == (200, b"")
        assert await server.ask() == (200, b"ok")


async def test_a_body_without_another_end_ends_with_the_connection() -> None:
    async with playing([b"HTTP/1.1 200 OK\r\n\r\nall of", b" it", b""], [OK]) as server:
        assert await server.ask() == (200, b"all of it")
        assert await server.ask() == (200, b"ok")
        assert server.connections == 2


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
    ],
    ids=lambda written: repr(written[:40]),
)
async def test_what_is_no_whole_answer_is_none(written: bytes) -> None:
    async with playing([written, b""]) as server:
        with pytest.raises(HungUp):
            await server.ask()


async def test_bytes_that_nobody_asked_for_never_become_the_next_answer() -> None:
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    said = asyncio.Event()

    async def later() -> None:
        await said.wait()

    async with playing([OK + poison], [OK, later, poison], [OK]) as server:
        assert await server.ask() == (200, b"ok")
        assert await server.ask() == (200, b"ok")
        said.set()
        await server.ended.wait()
        server.ended.clear()
        await server.ended.wait()
        assert await server.ask() == (200, b"ok")
        assert server.connections == 3


async def test_silence_is_not_waited_for_longer_than_agreed() -> None:
    async def for_ever() -> None:
        await server.ended.wait()

    async with playing([for_ever], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", for_ever]) as server:
        for _ in range(2):
            with pytest.raises(Silent):
                await server.ask()


async def test_a_full_house_is_told_after_a_while() -> None:
    async with playing(limit=1) as server:
        taken = await server.pool.take()
        with pytest.raises(Unreachable):
            await server.ask()
        server.pool.give_back(taken)
        server.scripts.append([OK])
        assert await server.ask() == (200, b"ok")


async def test_a_service_that_answers_faster_than_its_caller_reads_is_told_to_wait() -> None:
    size = 64 * 1024 * 1024
    async with playing(
        [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, *[b"x" * 1024 * 1024] * (size // 1024 // 1024)]
    ) as server:
        connection = await server.pool.take()
        answer = await connection.ask("GET", REQUEST)
        largest = total = 0
        async for part in answer.parts():
            largest, total = max(largest, len(part)), total + len(part)
            for _ in range(20):
                await asyncio.sleep(0)
        assert total == size
        assert largest < 1024 * 1024
        server.pool.give_back(connection)
