"""Browsers for the stories of pages: they keep cookies, read forms and send them, as people's do without scripts."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from services.gateway.tests.test_gateway_sign_in import Gateway, gateway_on, opened
from starlette.types import Receive, Scope, Send

from dawr.gateway.identity import Identity
from dawr.gateway.settings import DEVELOPMENT_PEPPER
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage

Listening = Callable[[Any], AbstractAsyncContextManager[int]]
Answerer = Callable[[str, str, Any], tuple[int, Any]]
KEY = "sandbox-key"


@dataclass
class Behind:
    """The services behind, as far as a room asks them: a table of who answers which path. What was asked is kept."""

    answerers: dict[str, Answerer] = field(default_factory=dict)
    asked: list[tuple[str, str, Any, Mapping[str, str]]] = field(default_factory=list)

    def on(self, start: str, answerer: Answerer) -> None:
        """Answer all paths that begin so from now on: `(method, path, body) -> (status, body)`."""
        self.answerers[start] = answerer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        sent = json.loads(body) if body else None
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["method"], path, sent, headers))
        starts = [start for start in self.answerers if path.startswith(start)]
        status, answer = 404, {"code": "not-found", "title": "Not found"}
        if starts:
            status, answer = self.answerers[max(starts, key=len)](scope["method"], path, sent)
        content = json.dumps(answer).encode()
        kind = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        await send({"type": "http.response.body", "body": content})


@dataclass
class FormOnPage:
    """A form: where it goes, and what it holds before anybody types."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FormOnPage] = []
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(FormOnPage(given.get("action", "")))
        elif tag == "input" and self.forms and "name" in given:
            if given.get("type") in {"radio", "checkbox"} and "checked" not in given:
                return
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            self.forms[-1].fields[self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1].fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None


def forms_of(page: httpx.Response) -> list[FormOnPage]:
    """The forms of a page."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def words(page: httpx.Response) -> str:
    """What a page says, without what is never the same twice."""
    text = re.sub(r'(name="form-(?:token|key)" value=")[^"]*', r"\1", page.text)
    return re.sub(r"\s+", " ", unescape(re.sub(r'(<bdi dir="ltr">)[0-9a-f]{32}(</bdi>)', r"\1\2", text)))


@dataclass
class Browser:
    """Somebody at the pages."""

    gateway: Gateway
    client: httpx.AsyncClient
    asked: list[str] = field(default_factory=list)
    """Every address that was asked for, with its query."""

    async def open(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page, and be led on to where it leads."""
        page = await self.get(path, **headers)
        while page.is_redirect:
            page = await self.get(page.headers["location"])
        return page

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page, and for nothing that it leads to."""
        self.asked.append(path)
        return await self.client.get(path, headers={"accept": "text/html", **_named(headers)})

    async def send(self, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
        """Fill in the form that goes there, and send it; the answer, which mostly leads on."""
        form = next(each for each in forms_of(page) if each.action == action)
        return await self.post(action, {**form.fields, **typed})

    async def post(self, path: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        """Send fields, whatever page they come from."""
        self.asked.append(path)
        return await self.client.post(path, data=dict(fields), headers={"accept": "text/html", **_named(headers)})

    async def sign_in(self, number: str | None = None, *, path: str = "/sign-in") -> httpx.Response:
        """The whole way in, with the code that was sent; where it leads."""
        number = number or self.gateway.number()
        known = len(await self.gateway.sent(number))
        asked = await self.send(await self.open(path), "/sign-in", number=number)
        codes = await self.gateway.codes(number, known + 1)
        return await self.send(await self.open(asked.headers["location"]), "/sign-in/code", code=codes[-1])


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Portal(Gateway):
    """A running gateway with its pages."""

    behind: Behind

    @asynccontextmanager
    async def browser(self, url: str = "http://127.0.0.1:8080", *, lang: str = "en") -> AsyncIterator[Browser]:
        """One more browser, which keeps its own cookies."""
        transport = httpx.ASGITransport(self.service.app(), client=("192.0.2.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url=url, headers={"accept-language": lang}) as client:
            yield Browser(self, client)

    async def sent(self, number: str) -> list[str]:
        """The codes that were staged for a number until now, oldest first."""
        person_id = Identity(DEVELOPMENT_PEPPER).person_id(number)
        rows = await self.rows(
            "SELECT body FROM outbox_messages WHERE wire_type = 'notifications.send-message.v1' "
            f"AND key = convert_to('{person_id}', 'UTF8') ORDER BY id"
        )
        return [str(opened(json.loads(row["body"])["sealed"])["code"]) for row in rows]

    async def codes(self, number: str, count: int = 1) -> list[str]:
        """The same, as many as there have to be."""
        codes = await self.sent(number)
        assert len(codes) == count
        return codes


@asynccontextmanager
async def portal_on(
    stage: Stage, folder: Path, listening: Callable[[Any], AbstractAsyncContextManager[int]], **settings: Any
) -> AsyncIterator[Portal]:
    """A gateway whose services behind are one `Behind`."""
    behind = Behind()
    async with listening(behind) as port:
        url = f"http://127.0.0.1:{port}"
        names = ("booking", "catalog", "payments", "consular", "notifications")
        urls = {f"{name}_url": url for name in names}
        given = {
            "registration_answer_seconds": 0.0,
            "registry_seconds": 20.0,
            "address_codes": 100_000,
            **urls,
            **settings,
        }
        async with gateway_on(stage, folder, **given) as made:
            portal = Portal(made.stage, made.service, made.client, made.clock, made.url)
            portal.behind = behind
            yield portal


def afresh(portal: Portal) -> Portal:
    """The portal at the present moment, with services that have forgotten what they were asked."""
    portal.clock.now = utc_now()
    portal.behind.asked.clear()
    return portal


def new_id() -> str:
    """Of anything."""
    return str(uuid4())
