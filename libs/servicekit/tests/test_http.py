"""The edge of every service: what may come in, and how what is wrong is answered."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Form, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dawr.contracts import Money, Text
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.errors import Refusal
from dawr.servicekit.limits import MAX_DEPTH, Upload, body_of
from dawr.servicekit.problems import document
from dawr.servicekit.service import Role, Service
from dawr.servicekit.settings import ServiceSettings

PROBLEM = "application/problem+json"
LIMIT = 64 * 1024


class Part(BaseModel):
    size: Annotated[int, Field(ge=1)]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=20)]
    parts: list[Part] = []


class SoldOut(Refusal):
    """Nothing is left."""

    code = "sold-out"
    title = Text(ar="نفدت الأماكن", en="Sold out")


def create_router() -> APIRouter:
    router = APIRouter()

    @router.post("/things")
    async def make(thing: Thing) -> Thing:
        return thing

    @router.get("/things")
    async def find(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> int:
        return limit

    @router.get("/things/{number}")
    async def look(number: int) -> int:
        return number

    @router.post("/files")
    async def file(request: Request) -> int:
        return len(body_of(request))

    @router.post("/forms")
    async def form(name: Annotated[str, Form()]) -> str:
        return name

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret of the house")

    @router.get("/away")
    async def away() -> None:
        raise ConnectionRefusedError("database.internal:5432")

    @router.get("/refused")
    async def refused() -> None:
        detail = Text(ar="لا أماكن في هذا اليوم", en="No seats on this day")
        raise SoldOut(detail, retry_after_seconds=7, fee=Money(minor=100, currency="SYP"), nothing=None)

    for route in router.routes:
        assert isinstance(route, APIRoute)
        route.openapi_extra = PUBLIC
    return router


async def echo(request: Request) -> Response:
    body = await request.json()
    if body == "refuse":
        raise SoldOut
    return JSONResponse(body)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    service = Service(
        name="shop",
        title="Shop",
        version="1",
        settings=ServiceSettings(),
        has_database=False,
        routers=(create_router(),),
        routes=(Route("/api/shop/echo", echo, methods=["POST"]),),
        takes_form="/api/shop/forms".__eq__,
        uploads={"/api/shop/files": Upload(2 * LIMIT, ("application/zip",))},
    )
    transport = httpx.ASGITransport(service.app(Role.SERVE), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/shop") as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, held to RFC 9457 and to our own members."""
    members: dict[str, Any] = answer.json()
    assert answer.status_code == members["status"] == status, members
    assert answer.headers["content-type"] == PROBLEM
    assert members["code"] == code
    assert members["type"] == f"/docs/problems#{code}"
    assert members["title"]
    assert members["detail"]
    assert members["instance"] == answer.request.url.path
    assert members["trace_id"] == answer.headers["x-trace-id"]
    assert len(members["trace_id"]) == 32
    assert "Traceback" not in answer.text
    return members


paths = pytest.mark.parametrize("path", ["/things", "/echo"])
JSON = {"content-type": "application/json"}


@paths
@pytest.mark.parametrize("announced", [True, False], ids=["with its length", "in chunks"])
async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient, path: str, announced: bool) -> None:
    body = json.dumps({"name": "x" * LIMIT}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    answer = await http.post(path, content=body if announced else chunks(), headers=JSON)
    assert problem(answer, 413, "too-large")["limit_bytes"] == LIMIT


async def test_a_path_for_files_takes_its_own_types_up_to_its_own_size(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/zip"}
    answer = await http.post("/files", content=b"[" * 2 * LIMIT, headers=headers)
    assert (answer.status_code, answer.json()) == (200, 2 * LIMIT)
    answer = await http.post("/files", content=b"x" * (2 * LIMIT + 1), headers=headers)
    assert problem(answer, 413, "too-large")["limit_bytes"] == 2 * LIMIT
    assert problem(await http.post("/files", json={}), 415, "unsupported-media-type")["accepts"] == "application/zip"
    assert problem(await http.post("/files"), 415, "unsupported-media-type")
    answer = await http.post("/things", content=b"PK", headers=headers)
    assert problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1e3", "٣"])
async def test_a_length_that_is_none_is_refused(http: httpx.AsyncClient, length: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    answer = await http.post("/things", content=b"{}", headers=headers)
    assert answer.status_code in {400, 413}


async def test_a_body_of_the_very_limit_is_read(http: httpx.AsyncClient) -> None:
    body = json.dumps("x" * (LIMIT - 2))
    assert len(body) == LIMIT
    answer = await http.post("/echo", content=body, headers=JSON)
    assert answer.status_code == 200
    assert answer.json() == json.loads(body)


@paths
@pytest.mark.parametrize("nest", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
async def test_a_body_that_is_too_deep_is_refused(http: httpx.AsyncClient, path: str, nest: tuple[str, str]) -> None:
    deep = nest[0] * (MAX_DEPTH + 1) + "1" + nest[1] * (MAX_DEPTH + 1)
    assert problem(await http.post(path, content=deep, headers=JSON), 400, "too-deep")["limit"] == MAX_DEPTH
    endless = nest[0] * 20_000 if len(nest[0]) == 1 else nest[0] * 10_000
    problem(await http.post(path, content=endless, headers=JSON), 400, "too-deep")


async def test_brackets_in_a_text_are_no_depth(http: httpx.AsyncClient) -> None:
    for value in ("[" * 100, '"[{\\' * 30, ["{"] * 40):
        assert (await http.post("/echo", json=value)).json() == value
    shallow: Any = "x"
    for _ in range(MAX_DEPTH):
        shallow = [shallow]
    assert (await http.post("/echo", json=shallow)).json() == shallow


@paths
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "json"])
async def test_a_body_of_another_type_is_refused(http: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await http.post(path, content=b"{}", headers={"content-type": kind})
    assert problem(answer, 415, "unsupported-media-type")["accepts"] == "application/json"


async def test_json_with_parameters_or_a_suffix_is_json(http: httpx.AsyncClient) -> None:
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.dawr+json"):
        answer = await http.post("/echo", content=b'{"a": 1}', headers={"content-type": kind})
        assert answer.json() == {"a": 1}, kind


@pytest.mark.parametrize(
    "body", [b"{", b'{"name": }', b"\xff\xfe", b'{"name": "\xff"}', b"nul", b"", b'{"name": "a"} x', b"[1e999999"]
)
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/things", content=body, headers=JSON)
    problem(answer, 422 if body == b"" else 400, "invalid-request" if body == b"" else "malformed-request")


@pytest.mark.parametrize(
    "body",
    [
        b'{"\\ud800": 1, "name": "a"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "parts": [{"size": 1e999}]}',
        b'{"name": "a", "parts": [{"size": NaN}]}',
        b'{"name": "a", "parts": [{"size": ' + b"9" * 5000 + b"}]}",
        b'{"name": {"name": "a"}}',
        b"[]",
        b"null",
        b'"text"',
    ],
)
async def test_values_that_no_field_takes_are_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/things", content=body, headers=JSON)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == PROBLEM


async def test_each_wrong_field_is_pointed_at_without_its_value(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/things", json={"name": "a name that is secret and too long", "parts": [{"size": 1}, {"size": 0}], "a/b~c": 1}
    )
    members = problem(answer, 422, "invalid-request")
    pointers = {each["pointer"]: each["code"] for each in members["errors"]}
    assert pointers == {
        "#/name": "string_too_long",
        "#/parts/1/size": "greater_than_equal",
        "#/a~1b~0c": "extra_forbidden",
    }
    assert all(each["detail"] for each in members["errors"])
    assert "secret" not in answer.text


async def test_parameters_are_pointed_at_too(http: httpx.AsyncClient) -> None:
    members = problem(await http.get("/things?limit=1000"), 422, "invalid-request")
    assert members["errors"][0]["pointer"] == "?limit"
    members = problem(await http.get("/things/many"), 422, "invalid-request")
    assert members["errors"][0]["pointer"] == "path:number"


async def test_hundreds_of_wrong_fields_are_answered_with_a_few(http: httpx.AsyncClient) -> None:
    answer = await http.post("/things", json={"name": "a", "parts": [{"size": 0}] * 500})
    assert len(problem(answer, 422, "invalid-request")["errors"]) == 20


async def test_a_form_is_read_where_forms_are_taken(http: httpx.AsyncClient) -> None:
    assert (await http.post("/forms", data={"name": "a"})).json() == "a"
    problem(await http.post("/things", data={"name": "a"}), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("accept", "lang"),
    [
        (None, "ar"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("ar-SY, en;q=0.8", "ar"),
        ("fr, de;q=0.9", "ar"),
        ("en;q=0.5, ar;q=0.7", "ar"),
        ("fr, en;q=0.1", "en"),
        ("en;q=nonsense, ar;q=0.1", "ar"),
        ("*", "ar"),
        (",;;,q=", "ar"),
        ("x" * 10_000, "ar"),
    ],
)
async def test_a_refusal_is_told_in_the_callers_language(
    http: httpx.AsyncClient, accept: str | None, lang: str
) -> None:
    answer = await http.get("/refused", headers={"accept-language": accept} if accept else {})
    members = problem(answer, 409, "sold-out")
    assert members["title"] == {"ar": "نفدت الأماكن", "en": "Sold out"}[lang]
    assert members["detail"] == {"ar": "لا أماكن في هذا اليوم", "en": "No seats on this day"}[lang]
    assert answer.headers["content-language"] == lang
    assert answer.headers["retry-after"] == "7"
    assert members["fee"] == {"minor": 100, "currency": "SYP"}
    assert "nothing" not in members


async def test_a_plain_route_refuses_as_the_others_do(http: httpx.AsyncClient) -> None:
    answer = await http.post("/echo", json="refuse", headers={"accept-language": "en"})
    assert problem(answer, 409, "sold-out")["title"] == "Sold out"


async def test_a_bug_is_told_without_its_secrets(http: httpx.AsyncClient) -> None:
    answer = await http.get("/broken", headers={"accept-language": "en"})
    problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_part_that_is_away_is_told_with_when_to_come_back(http: httpx.AsyncClient) -> None:
    answer = await http.get("/away")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "internal" not in answer.text


def test_data_takes_the_place_of_no_member_of_its_own() -> None:
    refusal = SoldOut(code="N", status=200, title="no", type="x", instance="y", trace_id="z", left=0, other=None)
    told = document(refusal, lang="en", instance="/things")
    own = {"type": "/docs/problems#sold-out", "code": "sold-out", "title": "Sold out", "status": 409}
    assert told == own | {"detail": "Sold out", "instance": "/things", "trace_id": told["trace_id"], "left": 0}
    assert told["trace_id"] != "z"


async def test_what_is_not_here_is_answered_as_a_problem(http: httpx.AsyncClient) -> None:
    problem(await http.get("/nothing"), 404, "not-found")
    answer = await http.delete("/things")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"]
    assert (await http.get("/things/")).status_code in {404, 422}, "no redirect to where the Host header says"


@pytest.mark.parametrize(
    ("sent", "joined"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("nonsense", False),
        ("00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", False),
        ("", False),
    ],
)
async def test_a_request_joins_the_trace_of_its_caller(http: httpx.AsyncClient, sent: str, joined: bool) -> None:
    answer = await http.get("/things", headers={"traceparent": sent})
    assert (answer.headers["x-trace-id"] == "0af7651916cd43dd8448eb211c80319c") is joined
    assert len(answer.headers["x-trace-id"]) == 32
    assert answer.headers["x-content-type-options"] == "nosniff"
