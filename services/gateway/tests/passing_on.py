"""A service behind the gateway that tells what it was asked, and a gateway that passes on to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from dawr.gateway.access import Row, read_table


@dataclass
class Behind:
    """The service behind the gateway: notes what it is asked, and answers as the path says."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self) -> None:
        self.asked.clear()
        self.go_on.clear()
        self.left.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        asked = {
            "method": scope["method"],
            "target": scope["raw_path"].decode() + ("?" + scope["query_string"].decode()) * bool(scope["query_string"]),
            "headers": headers,
            "body": body.decode(),
        }
        self.asked.append(asked)
        if scope["path"].endswith("/updates"):
            await self._stream(receive, send)
        elif scope["path"].endswith("/slow"):
            await self._wait_for_leaving(receive)
        else:
            answer = json.dumps(asked).encode()
            answer_headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(answer)).encode()),
                (b"etag", b'"7"'),
                (b"connection", b"x-hop"),
                (b"x-hop", b"of this hop only"),
                (b"x-trace-id", b"the service's own"),
                (b"set-cookie", b"tracked=1"),
            ]
            await send({"type": "http.response.start", "status": 207, "headers": answer_headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer})

    async def _stream(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        leaving = asyncio.create_task(self._wait_for_leaving(receive))
        going = asyncio.create_task(self.go_on.wait())
        await asyncio.wait({leaving, going}, return_when=asyncio.FIRST_COMPLETED)
        if self.go_on.is_set():
            await send({"type": "http.response.body", "body": b"data: second\n\n", "more_body": True})
            await leaving
        going.cancel()

    async def _wait_for_leaving(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


@dataclass
class Passing:
    """A gateway in front of one service."""

    behind: Behind
    port: int
    client: httpx.AsyncClient
    exchange: Callable[[int, bytes], Awaitable[bytes]]

    async def raw(self, request_line: str, *headers: str) -> tuple[int, dict[str, Any]]:
        """Send a request that no well-behaved client would; status and JSON."""
        head = "\r\n".join([request_line, "Host: evil.example", "Connection: close", "Accept-Language: en", *headers])
        answer = await self.exchange(self.port, head.encode("latin-1") + b"\r\n\r\n")
        status_line, _, rest = answer.partition(b"\r\n")
        body = rest.partition(b"\r\n\r\n")[2]
        return int(status_line.split()[1]), json.loads(body) if body.startswith(b"{") else {}


ACCESS = (
    *read_table(),
    *(
        Row("booking", method, path, ("public",), "-", "")
        for method, path in [
            *(("GET", f"/api/booking/{path}") for path in ("slow", "quick", "metrics", "healthz")),
            ("GET", "/api/booking/open/{one}/{other}"),
            *((method, "/api/booking/quick") for method in ("PUT", "PATCH", "DELETE")),
            ("POST", "/api/booking/slow"),
        ]
    ),
)
"""The table, and what only these tests ask for."""

Listening = Callable[[Any], AbstractAsyncContextManager[int]]
PassingTo = Callable[..., AbstractAsyncContextManager[Passing]]
