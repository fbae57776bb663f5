"""Asking the services behind, in a visitor's name or in nobody's, over the connections of `passing`."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from dawr.gateway.errors import BrokenAnswer, ServiceSlow
from dawr.gateway.passing.connections import Answer, HungUp, Silent
from dawr.gateway.passing.reach import RETRY_AFTER_SECONDS, Reach
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.problems import MalformedRequest

Query = Mapping[str, str | int | None]
_KEPT_ANSWERS = 4000


class Refused(Exception):
    """A service said no: its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_seconds: int | None) -> None:
        super().__init__(f"{status} {problem.get('code')}")
        self.status = status
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """A service's yes."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    """In whose name, and in which language."""

    lang: str
    token: str | None = None


class Services:
    """The services behind, by the second part of a path: `/api/booking/turns` is booking's."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._reaches = {name: Reach(name, settings) for name in settings.services}
        self._kept: OrderedDict[tuple[str, str], tuple[float, asyncio.Future[Reply]]] = OrderedDict()

    async def get(self, asking: Asking, path: str, query: Query | None = None) -> Reply:
        """What is there; raises Refused, ServiceUnavailable, ServiceSlow, BrokenAnswer."""
        return await self._ask("GET", asking, _target(path, query))

    async def post(
        self, asking: Asking, path: str, body: Any = None, *, key: str | None = None, wait: int | None = None
    ) -> Reply:
        """Ask for a change, under an idempotency key; `wait` is how many seconds to wait for what is settled later."""
        return await self._ask("POST", asking, path, body=body, key=key, wait=wait)

    async def put(self, asking: Asking, path: str, body: Any) -> Reply:
        """Put something in the place of what is there."""
        return await self._ask("PUT", asking, path, body=body)

    async def public(self, lang: str, path: str, query: Query | None = None, *, seconds: float = 1.0) -> Reply:
        """What anybody may see, kept for a moment: whoever asks the same meanwhile gets the same answer."""
        key = (lang, _target(path, query))
        now = time.monotonic()
        known = self._kept.get(key)
        if known is not None and known[0] > now:
            return await asyncio.shield(known[1])
        asked = asyncio.ensure_future(self._ask("GET", Asking(lang), key[1]))
        asked.add_done_callback(lambda done: self._forget_failed(key, done))
        self._kept[key] = (now + seconds, asked)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT_ANSWERS:
            self._kept.popitem(last=False)
        return await asyncio.shield(asked)

    def _forget_failed(self, key: tuple[str, str], done: asyncio.Future[Reply]) -> None:
        """What failed is not kept, whether who asked first has waited for it or left."""
        known = self._kept.get(key)
        if (done.cancelled() or done.exception() is not None) and known is not None and known[1] is done:
            del self._kept[key]

    async def events(self, asking: Asking, path: str, query: Query | None = None) -> AsyncIterator[Any]:
        """The data of server-sent events, each read as JSON, until the service ends them; None for a sign of life."""
        reach = self._reaches[_service_of(path)]
        request = self._request("GET", asking, _target(path, query), accept="text/event-stream")
        connection, answer = await reach.ask("GET", request, reach.streams)
        try:
            if answer.status != 200:
                raise _refused(answer, await _whole(answer))
            waiting = b""
            async with aclosing(answer.parts()) as parts:  # type: ignore[type-var]
                async for part in parts:
                    waiting += part.replace(b"\r\n", b"\n")
                    while b"\n\n" in waiting:
                        event, _, waiting = waiting.partition(b"\n\n")
                        yield _data_of(event)
        except (HungUp, Silent):
            return
        finally:
            reach.streams.give_back(connection)

    async def close(self) -> None:
        """Close the connections."""
        for reach in self._reaches.values():
            reach.close()

    async def _ask(
        self,
        method: str,
        asking: Asking,
        target: str,
        *,
        body: Any = None,
        key: str | None = None,
        wait: int | None = None,
    ) -> Reply:
        reach = self._reaches[_service_of(target)]
        request = self._request(method, asking, target, body=body, key=key, wait=wait)
        connection, answer = await reach.ask(method, request, reach.calls)
        try:
            content = await _whole(answer)
        except HungUp as error:
            raise BrokenAnswer(retry_after_seconds=RETRY_AFTER_SECONDS, service=reach.service) from error
        except Silent as error:
            raise ServiceSlow(retry_after_seconds=RETRY_AFTER_SECONDS, service=reach.service) from error
        finally:
            reach.calls.give_back(connection)
        if answer.status >= 400:
            raise _refused(answer, content)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
        return Reply(answer.status, orjson.loads(content) if content else None, headers)

    def _request(
        self,
        method: str,
        asking: Asking,
        target: str,
        *,
        body: Any = None,
        key: str | None = None,
        wait: int | None = None,
        accept: str = "application/json",
    ) -> bytes:
        content = b"" if body is None else orjson.dumps(body)
        lines = [
            f"{method} {target} HTTP/1.1",
            f"host: {self._reaches[_service_of(target)].host}",
            f"accept: {accept}",
            f"accept-language: {asking.lang if asking.lang == 'ar' else f'{asking.lang}, en;q=0.5'}",
            f"traceparent: {telemetry.traceparent.get()}",
        ]
        if asking.token is not None:
            lines.append(f"authorization: Bearer {asking.token}")
        if key is not None:
            lines.append(f"idempotency-key: {key}")
        if wait:
            lines.append(f"prefer: wait={wait}")
        if body is not None:
            lines.append("content-type: application/json")
        if method != "GET":
            lines.append(f"content-length: {len(content)}")
        head = "\r\n".join(lines)
        if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or not head.isascii():
            raise MalformedRequest  # a header that would be read as two
        return head.encode() + b"\r\n\r\n" + content


def segment(text: object) -> str:
    """A part of a path, with whatever else it holds escaped."""
    return quote(str(text), safe="")


def _target(path: str, query: Query | None) -> str:
    asked = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def _service_of(target: str) -> str:
    return target.split("/", 3)[2]


async def _whole(answer: Answer) -> bytes:
    return b"".join([part async for part in answer.parts()])


def _refused(answer: Answer, content: bytes) -> Refused:
    try:
        problem = orjson.loads(content)
    except orjson.JSONDecodeError:
        problem = {}
    headers = dict(answer.headers)
    after = headers.get(b"retry-after", b"")
    return Refused(answer.status, problem if isinstance(problem, dict) else {}, int(after) if after.isdigit() else None)


def _data_of(event: bytes) -> Any:
    data = b"\n".join(line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:"))
    return orjson.loads(data) if data else None
