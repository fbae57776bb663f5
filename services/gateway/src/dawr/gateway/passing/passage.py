"""The way to one service and back: plain ASGI over kept connections, nothing buffered on the way back.

The pools are httpcore's, which httpx uses too: here a request goes on the wire as it is written, with no cookie jar,
no default headers and no rewriting of the address, and for less work.
"""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import httpcore
from starlette.types import Receive, Scope, Send

from dawr.gateway.addresses import Addresses
from dawr.gateway.errors import BrokenAnswer, ServiceSlow, ServiceUnavailable
from dawr.gateway.passing.headers import RawHeaders, answer_headers, request_headers
from dawr.gateway.passing.paths import target_for
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import MalformedRequest

_log = telemetry.get_logger("dawr.gateway.passing")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RETRY_AFTER_SECONDS = 2
_SAFE = {"GET", "HEAD", "OPTIONS"}
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}
_IDLE_SECONDS = 30.0
"""For how long a connection is kept unused: shorter than the services keep theirs, so that they never hang up first."""
_KEPT_CONNECTIONS = 64
_CLIENT_GONE = 499
"""Noted in the metrics for a caller who left; nobody receives it."""


class Passage:
    """Passes requests on to one service. Event streams have connections of their own, so that they leave the others
    alone however many there are."""

    def __init__(self, service: str, settings: GatewaySettings, addresses: Addresses) -> None:
        behind = urlsplit(settings.services[service])
        if behind.scheme not in {"http", "https"} or not behind.hostname:
            raise ValueError(f"{service}: not an address of a service: {settings.services[service]}")
        self.service = service
        self._prefix = f"/api/{service}/".encode()
        self._scheme, self._host = behind.scheme.encode(), behind.hostname.encode()
        self._port = behind.port
        self._host_header = behind.netloc.rpartition("@")[2].encode()
        public = urlsplit(settings.public_url)
        self._public_scheme, self._public_host = public.scheme, public.netloc
        self._addresses = addresses
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=settings.upstream_connections,
            max_keepalive_connections=min(_KEPT_CONNECTIONS, settings.upstream_connections),
            keepalive_expiry=_IDLE_SECONDS,
        )
        self._streams = httpcore.AsyncConnectionPool(
            max_connections=settings.upstream_streams, max_keepalive_connections=0
        )
        self._timeouts = {
            "connect": settings.upstream_connect_seconds,
            "pool": settings.upstream_connect_seconds,
            "read": settings.upstream_read_seconds,
            "write": settings.upstream_read_seconds,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the service's answer; raises a Refusal if there is none."""
        request = self._request(scope, await _body(receive))
        pool = self._streams if _wants_events(scope["headers"]) else self._pool
        passing = asyncio.create_task(self._pass_on(request, pool, send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done():
                passing.cancel()
                with suppress(asyncio.CancelledError, Refusal):
                    await passing
                # Heard by nobody but the metrics.
                await send({"type": "http.response.start", "status": _CLIENT_GONE, "headers": []})
                return
            passing.result()
        finally:
            leaving.cancel()
            passing.cancel()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        await self._streams.aclose()

    def _request(self, scope: Scope, body: bytes) -> httpcore.Request:
        method: str = scope["method"]
        target = target_for(self._prefix, scope["raw_path"], scope["query_string"])
        headers = request_headers(
            scope["headers"],
            host=self._host_header,
            client=self._addresses.of(scope),
            scheme=self._public_scheme,
            public_host=self._public_host,
            traceparent=telemetry.traceparent.get(),
        )
        if method not in _WITHOUT_BODY:
            headers.append((b"content-length", str(len(body)).encode()))
        return httpcore.Request(
            method,
            httpcore.URL(scheme=self._scheme, host=self._host, port=self._port, target=target),
            headers=headers,
            content=body if method not in _WITHOUT_BODY else b"",
            extensions={"timeout": self._timeouts},
        )

    async def _pass_on(self, request: httpcore.Request, pool: httpcore.AsyncConnectionPool, send: Send) -> None:
        answer = await self._ask(request, pool)
        try:
            headers: RawHeaders = answer_headers(answer.headers)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for part in answer.aiter_stream():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            # The answer has begun, so no other can be given: it is left incomplete, and the caller sees that it is.
            _log.warning("answer.cut", service=self.service, why=type(error).__name__)
            return
        finally:
            await answer.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ask(self, request: httpcore.Request, pool: httpcore.AsyncConnectionPool) -> httpcore.Response:
        """The head of the service's answer. What is safe to ask twice is, once, if a kept connection turns out dead."""
        for may_repeat in (request.method.decode() in _SAFE, False):
            try:
                return await pool.handle_async_request(request)
            except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
                self._note(error)
                raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error
            except httpcore.TimeoutException as error:
                self._note(error)
                raise ServiceSlow(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error
            except httpcore.LocalProtocolError as error:
                raise MalformedRequest from error
            except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
                self._note(error)
                if not may_repeat:
                    raise BrokenAnswer(retry_after_seconds=RETRY_AFTER_SECONDS, service=self.service) from error
        raise AssertionError("the second try returns or raises")

    def _note(self, error: Exception) -> None:
        _log.warning("service.unanswered", service=self.service, why=type(error).__name__)


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


async def _until_gone(receive: Receive) -> None:
    """Until the caller leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
