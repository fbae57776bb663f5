"""Kept connections to a service: HTTP/1.1 over asyncio, parsed by llhttp (through httptools, as in uvicorn).

Why not httpx: with a dozen requests in flight its pool costs twenty times the CPU of what is here, as each request
looks at every connection and polls its socket. Here a connection knows by itself when it is dead, and a request costs
a look at the last one that was given back.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools

_PAUSE_BYTES = 256 * 1024
"""A service that answers faster than its caller reads is told to wait."""
_HEADER_BYTES = 64 * 1024


class Unreachable(Exception):
    """No connection could be had."""


class HungUp(Exception):
    """The connection ended, or did not speak HTTP, before the answer was whole."""


class Silent(Exception):
    """Nothing came for too long."""


class Answer:
    """The head of an answer, and its body as it arrives."""

    def __init__(self, connection: "Connection", status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers
        """Names in lower case."""
        self._connection = connection

    async def parts(self) -> AsyncIterator[bytes]:
        """The body, part by part; raises HungUp or Silent if it does not come whole."""
        while (part := await self._connection.next_part()) is not None:
            yield part


class Connection(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self, read_seconds: float) -> None:
        self.is_open = False
        self.is_reusable = False
        """Whether the last answer was whole and the service keeps the connection."""
        self.idle_since = 0.0
        self._read_seconds = read_seconds
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_head_request = False
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._has_head = self._is_whole = self._is_paused = self._ends_with_connection = False
        self._parts: deque[bytes] = deque()
        self._buffered = 0
        self._failure: Exception | None = None

    async def ask(self, method: str, request: bytes) -> Answer:
        """Send a whole request and wait for the head of its answer."""
        if self._transport is None or not self.is_open:
            raise HungUp
        self._begin(method)
        self._transport.write(request)
        while not self._has_head:
            await self._more()
        return Answer(self, self._status, self._headers)

    async def next_part(self) -> bytes | None:
        """What came of the body since the last part; none after the last one."""
        while not self._parts and not self._is_whole:
            await self._more()
        if not self._parts:
            return None
        part = self._parts.popleft() if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return part

    def abort(self) -> None:
        """Hang up at once."""
        self.is_open = self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._is_head_request = method == "HEAD"
        self._status = 0
        self._headers = []
        self._header_bytes = 0
        self._has_head = self._is_whole = self._is_paused = self._ends_with_connection = False
        self._parts.clear()
        self._buffered = 0
        self._failure = None
        self.is_reusable = False

    async def _more(self) -> None:
        """Wait until something came; raises what went wrong."""
        if self._failure is None and not self.is_open:
            self._failure = HungUp()
        if self._failure is not None:
            raise self._failure
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._read_seconds):
                await self._waiter
        except TimeoutError:
            raise Silent from None
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self) -> None:
        if not self._is_whole:
            self._failure = HungUp()
        self.abort()
        self._wake()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's is none by its bases, but has all of its methods
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; what nobody asked for ends the connection."""
        if self._parser is None or self._is_whole:
            self._fail()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail()
            return
        if self._buffered > _PAUSE_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed: that ends a body which has no other end, and breaks every other one."""
        self.is_open = self.is_reusable = False
        if exc is None and self._has_head and self._ends_with_connection:
            self._is_whole = True
        elif not self._is_whole:
            self._failure = HungUp()
        self._wake()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        if self._is_whole:
            raise HungUp

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _HEADER_BYTES:
            raise HungUp
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        assert self._parser is not None  # noqa: S101
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return
        named = {name for name, _ in self._headers}
        self._ends_with_connection = not named & {b"content-length", b"transfer-encoding"}
        self._has_head = True
        if self._is_head_request:
            self._is_whole = True  # and the parser waits for a body that will not come: not used again

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self._is_head_request:
            self._parts.append(body)
            self._buffered += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole, or it was an interim one."""
        assert self._parser is not None  # noqa: S101
        if not self._has_head:
            self._headers = []
            return
        if not self._is_head_request:
            self._is_whole = True
            self.is_reusable = self.is_open and self._parser.should_keep_alive()


class Pool:
    """Connections to one address. The last one given back is taken first, so that the others grow old and go."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        limit: int,
        kept: int,
        connect_seconds: float,
        read_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._kept = kept
        self._connect_seconds, self._read_seconds, self._idle_seconds = connect_seconds, read_seconds, idle_seconds
        self._places = asyncio.Semaphore(limit)
        self._idle: deque[Connection] = deque()

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection for one request, to be given back; raises Unreachable. A fresh one was never used."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Unreachable from None
        try:
            return (None if fresh else self._from_idle()) or await self._connect()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was whole; hang up any other."""
        self._places.release()
        if connection.is_reusable and len(self._idle) < self._kept:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        """Hang up what is idle."""
        while self._idle:
            self._idle.pop().abort()

    def _from_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._idle_seconds
        while self._idle and (not self._idle[0].is_open or self._idle[0].idle_since < oldest):
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self._read_seconds), self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        return connection
