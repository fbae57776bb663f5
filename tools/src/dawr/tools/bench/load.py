"""A load of HTTP requests from this process: as many connections as asked, each with one request at a time.

It speaks just enough HTTP/1.1 to count answers, so that little of the machine goes into asking.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PAUSE_SECONDS = 0.002


@dataclass
class Answers:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many answers there were."""
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.count / self.seconds if self.seconds else 0.0


class _Connection(asyncio.Protocol):
    def __init__(
        self, requests: Iterator[bytes], answers: Answers, done: "asyncio.Future[None]", may_ask: Callable[[], bool]
    ) -> None:
        self._requests = requests
        self._may_ask = may_ask
        self._answers = answers
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(type(transport).__name__)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if not self._may_ask():
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._ask)
            return
        request = next(self._requests, None)
        if self._transport is None:
            return
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end]) if at > 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            self._answers.statuses[int(self._buffer[9:12])] += 1
            self._buffer = self._buffer[end + 4 + length :]
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def ask_all(
    host: str, port: int, requests: Iterator[bytes], *, connections: int, may_ask: Callable[[], bool] = lambda: True
) -> Answers:
    """Send all requests over so many connections; returns when every one was answered.

    While `may_ask` says no, whoever has their answer waits before they ask again.
    """
    loop = asyncio.get_running_loop()
    answers = Answers()
    begin = time.perf_counter()
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: _Connection(requests, answers, done, may_ask), host, port)  # type: ignore[misc]
        ends.append(done)
    await asyncio.gather(*ends)
    answers.seconds = time.perf_counter() - begin
    return answers


def get(path: str, headers: dict[str, str]) -> bytes:
    """The bytes of a GET."""
    lines = [f"GET {path} HTTP/1.1", "host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a POST with a JSON body."""
    lines = [f"POST {path} HTTP/1.1", "host: bench", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
