"""Help, privacy and what is for developers: in both languages, without inline scripts, and true."""

import inspect
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

import dawr.gateway.app
from dawr.gateway.app import create_service
from dawr.gateway.behind import Behind
from dawr.gateway.documents import merged
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import catalogue
from dawr.servicekit.settings import PlatformSettings

PAGES = ["/docs", "/api/docs", "/docs/problems", "/help", "/privacy", "/accessibility", "/offline"]
EXTENDED = "x-problems"


def document(name: str, **paths: dict[str, Any]) -> dict[str, Any]:
    """What a service tells of itself."""
    turn = {"title": "Turn", "type": "object", "properties": {"id": {"type": "string", "format": "uuid"}}}
    ask = {
        "title": "Ask",
        "type": "object",
        "required": ["service"],
        "properties": {
            "service": {"type": "string", "description": "A code <of> the catalogue"},
            "tier": {"$ref": "#/components/schemas/Tier"},
            "companions": {"type": "array", "items": {"$ref": "#/components/schemas/Turn"}},
        },
    }
    take = {
        "operationId": "take",
        "summary": f"Take a turn at {name}",
        "tags": ["turns"],
        "security": [{"bearer": []}],
        "parameters": [{"name": "Prefer", "in": "header", "schema": {"anyOf": [{"type": "string"}, {"type": "null"}]}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
        "responses": {
            "201": {
                "description": "Held",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Turn"}}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": name.title(), "version": "1"},
        "paths": {f"/api/{name}/turns": {"post": take}, "/healthz": {"get": {"responses": {}}}, **paths},
        "components": {
            "schemas": {"Turn": turn, "Ask": ask, "Tier": {"title": "Tier", "enum": ["N", "U"]}},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        EXTENDED: [
            {"code": "sold-out", "status": 409, "title": {"ar": "نفدت", "en": "Sold out"}, "meaning": "None left."},
            {
                "code": "not-found",
                "status": 404,
                "title": {"ar": "غير موجود", "en": "Not found"},
                "meaning": "Nothing.",
            },
        ],
    }


class Service:
    """A service behind, as far as the pages ask it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks = {"database": True, "broker": True}
        self.asked: list[str] = []
        self.is_up = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        answer: dict[str, Any] = document(self.name)
        if scope["path"] == "/readyz":
            answer = {"ready": all(self.checks.values()), "checks": self.checks}
        body = json.dumps(answer).encode() if self.is_up else b"<html>"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


Listening = Callable[[Any], AbstractAsyncContextManager[int]]


@pytest.fixture(scope="module")
async def booking(listening: Listening) -> AsyncIterator[tuple[Service, int]]:
    service = Service("booking")
    async with listening(service) as port:
        yield service, port


@pytest.fixture
async def client(
    booking: tuple[Service, int], unused_port: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway of which booking is up and all others are away."""
    booking[0].checks = {"database": True, "broker": True}
    nowhere = f"http://127.0.0.1:{unused_port}"
    settings = GatewaySettings(
        keys_path=tmp_path_factory.mktemp("keys"),
        public_url="https://dawr.example",
        mail_url="http://127.0.0.1:8088",
        platform=PlatformSettings(environment="development"),
        booking_url=f"http://127.0.0.1:{booking[1]}",
        catalog_url=nowhere,
        payments_url=nowhere,
        consular_url=nowhere,
        notifications_url=nowhere,
    )
    service = create_service(settings)
    transport = httpx.ASGITransport(service.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://evil.example") as client:
        yield client
    for close in service.closers:
        await close()
    await service.database.close()


@pytest.mark.parametrize("page", PAGES)
async def test_pages_are_in_the_readers_language_and_direction(client: httpx.AsyncClient, page: str) -> None:
    for accept, ask, lang, direction in (
        ("", "", "ar", "rtl"),
        ("en-GB,en;q=0.9", "", "en", "ltr"),
        ("ar-SY", "?lang=en", "en", "ltr"),
        ("en", "?lang=ar", "ar", "rtl"),
        ("en", "?lang=fr", "en", "ltr"),
    ):
        answer = await client.get(page + ask, headers={"accept-language": accept})
        assert answer.status_code == 200
        assert f'<html lang="{lang}" dir="{direction}">' in answer.text
        assert answer.headers["content-language"] == lang
        assert (("ال" in answer.text) and ("Skip to content" not in answer.text)) == (lang == "ar")


@pytest.mark.parametrize("page", PAGES)
async def test_pages_run_no_inline_script_and_load_nothing_from_elsewhere(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" in answer.headers
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", answer.text))
    assert "style=" not in answer.text
    assert "evil.example" not in answer.text, "the Host header decides nothing"
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', answer.text)
    assert loaded
    for each in loaded:
        assert each.startswith(("/static/", "/manifest.webmanifest"))
        assert (await client.get(each)).status_code == 200
    ids = re.findall(r'\bid="([^"]*)"', answer.text)
    assert len(ids) == len(set(ids))
    for link in re.findall(r'<a [^>]*href="(/(?:docs|api/docs|help|privacy|accessibility|sign-in)[^"]*)"', answer.text):
        assert (await client.get(link)).status_code == 200, link


async def test_the_page_for_developers_tells_how_each_service_is(
    client: httpx.AsyncClient, booking: tuple[Service, int]
) -> None:
    booking[0].checks = {"database": True, "consumers": False}
    page = (await client.get("/docs", headers={"accept-language": "en"})).text
    rows = {str(re.search(r"<code[^>]*>([^<]*)", row)[1]): row for row in page.split("<tr>")[2:] if "<code" in row}  # type: ignore[index]
    assert "waits for" in rows["/api/booking/"]
    assert "consumers" in rows["/api/booking/"]
    assert "database" not in rows["/api/booking/"]
    assert "no answer" in rows["/api/catalog/"]
    assert "http://127.0.0.1:8088" in page, "where codes arrive, in development"
    before = len(booking[0].asked)
    for _ in range(5):
        await client.get("/docs")
    assert len(booking[0].asked) == before, "a short cache stands between readers and services"


async def test_production_tells_nothing_of_mailboxes(production: dict[str, Any], tmp_path_factory: Any) -> None:
    settings = GatewaySettings(keys_path=tmp_path_factory.mktemp("keys"), **production)
    service = create_service(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app()), base_url="http://test") as client:
        page = (await client.get("/?lang=en")).text
    assert "8088" not in page
    assert "dawr token" not in page
    for close in service.closers:
        await close()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_documents_are_merged_without_touching_each_other() -> None:
    own = document("gateway")
    own["paths"] = {"/api/session": {"get": {"operationId": "me", "responses": {}}}}
    booking, consular = document("booking"), document("consular", **{"/api/session": {"get": {"responses": {}}}})
    consular["components"]["securitySchemes"]["bearer"] = {"type": "http", "scheme": "basic"}
    whole = merged(own, {"booking": booking, "consular": consular}, ("payments",), public_url="https://dawr.example")

    assert set(whole["paths"]) == {"/api/session", "/api/booking/turns", "/api/consular/turns"}
    assert whole["paths"]["/api/session"]["get"]["tags"] == ["gateway"], "nobody describes another's paths"
    for reference in references(whole):
        section, _, name = reference.removeprefix("#/components/").partition("/")
        assert name in whole["components"][section]
    taken = whole["paths"]["/api/booking/turns"]["post"]
    assert taken["tags"] == ["booking"]
    assert taken["operationId"] == "booking_take"
    assert taken["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/booking_Ask")
    assert taken["security"] == [{"bearer": []}]
    assert whole["paths"]["/api/consular/turns"]["post"]["security"] == [{"consular_bearer": []}]
    assert whole["components"]["securitySchemes"]["consular_bearer"]["scheme"] == "basic"
    assert whole["x-left-out"] == ["payments"]
    sold_out = next(each for each in whole["x-problems"] if each["code"] == "sold-out")
    assert sold_out["services"] == ["gateway", "booking", "consular"]
    assert document("booking") == booking, "what came in is left as it was"


async def test_the_api_page_shows_what_can_be_asked_and_says_what_it_left_out(client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/docs?lang=en")).text
    whole = (await client.get("/api/openapi.json")).json()
    for path, item in whole["paths"].items():
        for operation in item.values():
            assert path in page
            assert f'id="{operation["operationId"]}"' in page
    for expected in (
        "Take a turn at booking",
        "N | U",
        "list of Turn",
        "A code &lt;of&gt; the catalogue",
        "sign-in needed",
    ):
        assert expected in page
    assert {"/api/session", "/api/session/codes", "/api/me", "/.well-known/jwks.json"} <= set(whole["paths"])
    assert "/api/booking/turns" in whole["paths"]
    assert "/healthz" not in whole["paths"]
    assert whole["x-left-out"] == ["catalog", "payments", "consular", "notifications"]
    assert "catalog, payments, consular, notifications" in page


async def test_a_service_that_goes_away_is_told_of_as_it_was(booking: tuple[Service, int]) -> None:
    behind = Behind({"booking": f"http://127.0.0.1:{booking[1]}"}, ready_seconds=0.0, document_seconds=0.0)
    try:
        documents, left_out = await behind.documents()
        assert (list(documents), left_out) == (["booking"], ())
        booking[0].is_up = False
        assert not (await behind.standings())[0].answers
        documents, left_out = await behind.documents()
        assert (list(documents), left_out) == (["booking"], ())
    finally:
        booking[0].is_up = True
        await behind.close()


async def test_every_problem_code_has_its_place_and_both_languages(client: httpx.AsyncClient) -> None:
    """Where the `type` of each problem leads: the gateway's codes from its code, booking's as booking tells them."""
    page = (await client.get("/docs/problems?lang=ar")).text
    codes = {
        code
        for refusal in every(Refusal)
        if refusal.__module__.startswith(("dawr.gateway", "dawr.servicekit"))
        for code in refusal.titles()
    }
    assert {"wrong-code", "sign-in-paused", "service-unavailable", "too-large", "not-signed-in"} <= codes
    for code in {*codes, "sold-out", "method-not-allowed"}:
        assert f'<tr id="{code}">' in page
    for problem in catalogue():
        assert re.search("[\u0600-\u06ff]", problem["title"]["ar"]), problem
        assert problem["title"]["en"]
        assert problem["meaning"]
    refused = (await client.get("/api/me")).json()
    where, _, anchor = refused["type"].partition("#")
    assert where == "/docs/problems"
    assert f'<tr id="{anchor}">' in page


def every(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in refusal.__subclasses__():
        yield each
        yield from every(each)


async def test_every_cookie_in_the_code_is_told_of(client: httpx.AsyncClient) -> None:
    page = (await client.get("/privacy?lang=en")).text
    named = set(re.findall(r'<code dir="ltr">(dawr-[a-z-]+)</code>', page))
    source = Path(inspect.getfile(dawr.gateway.app)).parent
    in_code = {
        name
        for path in source.rglob("*.py")
        if path.name != "about.py" and "ookie" in path.read_text()
        for name in re.findall(r'"(?:\{prefix\})?(dawr-[a-z-]+)"', path.read_text())
    }
    assert {"dawr-access", "dawr-session", "dawr-visitor", "dawr-code", "dawr-kept", "dawr-language"} <= named
    assert in_code <= named | {"dawr-gateway"}


async def test_where_there_is_no_page_people_get_one_and_programs_a_problem(client: httpx.AsyncClient) -> None:
    as_person, as_program = {"accept": "text/html,*/*;q=0.8"}, {"accept": "application/json"}
    page = await client.get("/no/such/page", headers={**as_person, "accept-language": "en"})
    assert page.status_code == 404
    assert "<h1>Page not found</h1>" in page.text
    for path, headers in (
        ("/no/such/page", as_program),
        ("/no/such/page", {}),
        ("/api/no/such", as_person),
        ("/static/none.css", as_person),
        ("/readyz/x", as_person),
    ):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not-found"
    assert (await client.post("/no/such/page", headers=as_person)).status_code in {404, 405, 415}
    assert (await client.get("/healthz", headers=as_person)).status_code == 200, "what is there stays there"


async def test_the_worker_keeps_what_there_is_and_nothing_of_anybodys_own(client: httpx.AsyncClient) -> None:
    answer = await client.get("/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    kept = json.loads(re.search(r"const KEPT = (\[.*?\]);", answer.text)[1])  # type: ignore[index]
    for path in kept:
        assert path.startswith("/static/")
        assert (await client.get(path)).status_code == 200
    assert 'credentials: "omit"' in answer.text, "the page is kept as somebody sees it who is not signed in"
    for lang in ("ar", "en"):
        assert (await client.get(f"/offline?lang={lang}")).headers["content-language"] == lang
        manifest = (await client.get(f"/manifest.webmanifest?lang={lang}")).json()
        assert (manifest["lang"], manifest["start_url"], manifest["scope"]) == (lang, "/", "/")
        assert (await client.get(manifest["icons"][0]["src"])).status_code == 200


async def test_search_engines_leave_peoples_own_pages_alone(client: httpx.AsyncClient) -> None:
    robots = (await client.get("/robots.txt")).text
    for path in ("/account", "/turns", "/inbox", "/staff", "/api/", "/sign-"):
        assert f"Disallow: {path}\n" in robots
    assert "Disallow: /services" not in robots
    icon = await client.get("/favicon.ico")
    assert icon.headers["content-type"] == "image/svg+xml"


def test_every_operation_of_the_gateway_is_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = GatewaySettings(
        keys_path=tmp_path_factory.mktemp("keys"), platform=PlatformSettings(environment="development")
    )
    app: FastAPI = create_service(settings).fastapi()
    described = app.openapi()["paths"]
    for path, method in {
        ("/api/session/codes", "post"),
        ("/api/session", "post"),
        ("/api/session", "delete"),
        ("/api/me", "get"),
    }:
        operation = described[path][method]
        assert operation["summary"]
        assert operation["operationId"]
        assert set(operation["responses"]) >= ({"401"} if path != "/api/session/codes" else {"202", "422", "429"})
    assert not any(isinstance(route, APIRoute) and not route.summary for route in app.routes)
