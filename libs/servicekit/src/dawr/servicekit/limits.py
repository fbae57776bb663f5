"""The outermost layer of HTTP: traces, what may come in, how long it took. Plain ASGI: every request pays for it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dawr.contracts import Text
from dawr.servicekit import problems, telemetry
from dawr.servicekit.errors import Refusal

MAX_DEPTH = 32
"""Of nested lists and objects in a JSON body."""
_LENGTH_DIGITS = 18
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
_JSON = (b"application/json",)
_FORM = ("application/x-www-form-urlencoded",)


class TooLarge(Refusal):
    """The body is larger than is read."""

    code = "too-large"
    status = 413
    title = Text(ar="الطلب كبير جداً", en="The request is too large")


class TooDeep(Refusal):
    """The body is nested deeper than anything that is asked for."""

    code = "too-deep"
    status = 400
    title = Text(ar="الطلب متداخل أكثر من المسموح", en="The request is nested too deeply")


class UnsupportedType(Refusal):
    """The body is not of a type that is read here."""

    code = "unsupported-media-type"
    status = 415
    title = Text(ar="نوع المحتوى غير مدعوم", en="Content type not supported")


@dataclass(frozen=True, slots=True)
class Upload:
    """What a path takes instead of JSON: files of some types."""

    body_bytes: int
    types: tuple[str, ...]


class Limits:
    """Reads a body whole up to a limit, refuses what is too large, too deep or not JSON, and times the answer.
    Whatever is raised within becomes a problem document, unless the answer has begun.

    `takes_form` tells paths that take HTML forms instead, `uploads` lists those that take files, with their own limits.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes: int,
        default_language: str,
        takes_form: Callable[[str], bool] | None = None,
        uploads: Mapping[str, Upload] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._default_language = default_language
        self._takes_form = takes_form
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        headers = dict(scope["headers"])
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        telemetry.traceparent.set(telemetry.new_traceparent(parent))
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Each answer says that its type is to be believed, and under which trace it can be found.
                message["headers"] = [
                    *message["headers"],
                    (b"x-content-type-options", b"nosniff"),
                    (b"x-trace-id", telemetry.trace_id().encode()),
                ]
            await send(message)

        try:
            if scope["method"] in _METHODS_WITH_BODY:
                body = await self._read(scope["path"], headers, receive)
                scope["dawr.body"] = body
                receive = _given(body, receive)
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if status:
                raise  # the answer has begun: all that is left is to break it off
            refusal = problems.refusal_for(error)
            accept = headers.get(b"accept-language", b"").decode("latin-1")
            lang = problems.language(accept, self._default_language)
            response = problems.respond(refusal, lang=lang, instance=scope["path"])
            await response(scope, receive, send_and_note)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            counter, seconds = _metrics(route, scope["method"], status or 500)
            counter.inc()
            seconds.observe(time.perf_counter() - start)

    async def _read(self, path: str, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            raise problems.MalformedRequest
        upload = self._uploads.get(path)
        limit = self._body_bytes if upload is None else upload.body_bytes
        if len(length) > _LENGTH_DIGITS or int(length) > limit:
            raise TooLarge(limit_bytes=limit)
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise problems.MalformedRequest  # half a body is no body, and nobody waits for the answer
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise TooLarge(limit_bytes=limit)
            parts.append(part)
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        if upload is not None:
            _check_type(headers.get(b"content-type", b""), upload.types)
        elif body and self._takes_form is not None and self._takes_form(path):
            _check_type(headers.get(b"content-type", b""), _FORM)
        elif body:
            _check_json(headers.get(b"content-type", b""), body)
        return body


@lru_cache(maxsize=1024)
def _metrics(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """The series of an answer: to look them up by their labels costs more than to count."""
    return telemetry.REQUESTS.labels(route, method, status), telemetry.REQUEST_SECONDS.labels(route)


def body_of(request: Request) -> bytes:
    """The body of a request, read and checked by `Limits`."""
    body: bytes = request.scope["dawr.body"]
    return body


def _check_type(content_type: bytes, types: tuple[str, ...]) -> None:
    if content_type.decode("latin-1").split(";")[0].strip().lower() not in types:
        raise UnsupportedType(accepts=", ".join(types))


def _check_json(content_type: bytes, body: bytes) -> None:
    kind = content_type.split(b";")[0].strip().lower()
    if kind not in _JSON and not kind.endswith(b"+json"):
        raise UnsupportedType(accepts="application/json")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise TooDeep(limit=MAX_DEPTH)
    if kind != b"application/json":
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise problems.MalformedRequest from error


def _depth(body: bytes) -> int:
    """How deep lists and objects are nested, outside of strings."""
    depth = deepest = 0
    in_string = escaped = False
    for character in body:
        if in_string:
            in_string = escaped or character != 0x22
            escaped = character == 0x5C and not escaped
        elif character == 0x22:
            in_string = True
        elif character in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in b"]}":
            depth -= 1
    return deepest


def _given(body: bytes, receive: Receive) -> Receive:
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
