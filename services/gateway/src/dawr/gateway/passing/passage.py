"""The way to one service and back: plain ASGI over kept connections, nothing buffered on the way back."""

import asyncio
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from dawr.gateway.access import Ways
from dawr.gateway.addresses import Addresses
from dawr.gateway.passing.connections import HungUp, Pool, Silent
from dawr.gateway.passing.headers import RawHeaders, answer_headers, request_headers
from dawr.gateway.passing.paths import target_for
from dawr.gateway.passing.reach import SAFE, Reach
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.problems import MalformedRequest, NotFound

_log = telemetry.get_logger("dawr.gateway.passing")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WATCH_AFTER_SECONDS = 0.05
"""Most answers are there by then, and nobody has to watch whether their callers leave."""
_CLIENT_GONE = 499
"""Noted in the metrics for a caller who left; nobody receives it."""


class Passage:
    """Passes requests on to one service, those that the table of who may ask what names and no others.

    What it does not name is a 404, and a path that it names with another method a 405 that says which ones there are:
    that is how the service would answer itself, and its public document tells no less. Event streams have connections
    of their own, so that they leave room to the others however many there are.
    """

    def __init__(self, service: str, settings: GatewaySettings, addresses: Addresses, ways: Ways) -> None:
        self._reach = Reach(service, settings)
        self.service = service
        self._ways = ways
        self._prefix = f"/api/{service}/".encode()
        self._host_header = self._reach.host.encode()
        public = urlsplit(settings.public_url)
        self._public_scheme, self._public_host = public.scheme, public.netloc
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the service's answer; raises a Refusal if there is none."""
        method: str = scope["method"]
        request = self._request(scope, method, await _body(receive))
        pool = self._reach.streams if _wants_events(scope["headers"]) else self._reach.calls
        leaving = _Leaving(receive)
        try:
            await self._pass_on(method, request, pool, send)
        except asyncio.CancelledError:
            if not leaving.has_left:
                raise
            leaving.forgive()
            # Heard by nobody but the metrics.
            await send({"type": "http.response.start", "status": _CLIENT_GONE, "headers": []})
        finally:
            leaving.stop_watching()

    async def close(self) -> None:
        """Close the connections."""
        self._reach.close()

    def _request(self, scope: Scope, method: str, body: bytes) -> bytes:
        """The request as it goes on the wire."""
        target = target_for(self._prefix, scope["raw_path"], scope["query_string"])
        methods = self._ways.methods(scope["raw_path"])
        if methods is None:
            raise NotFound
        if method not in methods:
            raise HTTPException(405, headers={"allow": ", ".join(sorted(methods))})
        headers = request_headers(
            scope["headers"],
            host=self._host_header,
            client=self._addresses.of(scope),
            scheme=self._public_scheme,
            public_host=self._public_host,
            traceparent=telemetry.traceparent.get(),
        )
        if method in SAFE:
            body = b""
        else:
            headers.append((b"content-length", str(len(body)).encode()))
        lines = [b"%s %s HTTP/1.1" % (method.encode(), target), *(b"%s: %s" % header for header in headers), b"", b""]
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
            raise MalformedRequest  # a header that would be read as two
        return head + body

    async def _pass_on(self, method: str, request: bytes, pool: Pool, send: Send) -> None:
        connection, answer = await self._reach.ask(method, request, pool)
        try:
            headers: RawHeaders = answer_headers(answer.headers)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for part in answer.parts():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except (HungUp, Silent) as error:
            # The answer has begun, so no other can be given: it is left incomplete, and the caller sees that it is.
            _log.warning("answer.cut", service=self.service, why=type(error).__name__)
            return
        finally:
            pool.give_back(connection)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Leaving:
    """Cancels the task that answers a caller, once the caller has left."""

    def __init__(self, receive: Receive) -> None:
        self.has_left = False
        self._receive = receive
        self._answering = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._watch)

    def _watch(self) -> None:
        self._watching = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        if self._answering is not None:
            self._answering.cancel()

    def forgive(self) -> None:
        """The cancellation has done its work."""
        if self._answering is not None:
            self._answering.uncancel()

    def stop_watching(self) -> None:
        """The answer is given, or nobody waits for it."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()


def _wants_events(headers: RawHeaders) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value for name, value in headers)


async def _body(receive: Receive) -> bytes:
    """The body; its size was limited by the outermost layer."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)
