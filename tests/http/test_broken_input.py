"""What no client should send, to all that takes a body or a parameter: always a 4xx problem with a stable code."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from tests.http.documents import SERVICES, Operation, operations, problem_codes
from tests.town import SLOW, Town, asked, someone

from dawr.servicekit.auth import Role

pytestmark = [pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

JSON = "application/json"
BROKEN: dict[str, tuple[bytes, str]] = {
    "cut off": (b'{"service": "PASS', JSON),
    "two documents": (b"{}{}", JSON),
    "a comma too many": (b'{"a": 1,}', JSON),
    "no JSON at all": (b"<a>b</a>", JSON),
    "nothing but a NUL": (b"\0", JSON),
    "not a number": (b'{"a": NaN}', JSON),
    "a number without an end": (b'{"a": ' + b"9" * 30_000 + b"}", JSON),
    "invalid UTF-8": (b'{"a": "\xff\xfe"}', JSON),
    "half a surrogate pair": (b'{"a": "\\ud800"}', JSON),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), JSON),
    "an overlong encoding": (b'{"a": "\xc0\xaf"}', JSON),
    "a list": (b"[]", JSON),
    "a text": (b'"text"', JSON),
    "a number": (b"7", JSON),
    "deep lists": (b"[" * 5_000 + b"]" * 5_000, JSON),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, JSON),
    "deep and cut off": (b"[" * 60_000, JSON),
    "huge": (b'{"a": "' + b"x" * 200_000 + b'"}', JSON),
    "many fields": (json.dumps({f"f{number}": 0 for number in range(4_000)}).encode(), JSON),
    "plain text": (b'{"a": 1}', "text/plain"),
    "a form": (b"a=1&b=2", "application/x-www-form-urlencoded"),
    "XML": (b"<a/>", "application/xml"),
    "no type": (b'{"a": 1}', ""),
    "a type that is none": (b'{"a": 1}', "json; charset"),
    "an upload": (b"--x\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
}
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**70, 1e308, 0.1, "", " ", "\0", "a\0b", "\ud800", "\u202e", "x" * 20_000,
    "'; DROP TABLE turns; --", "../../etc/passwd", "{{7*7}}", "${jndi:ldap://x}", "9999-99-99", "0001-01-01",
    "2026-02-30", "25:61", [], {}, [[]], {"a": {"b": [None]}}, ["x"] * 200,
)  # fmt: skip
IN_AN_ADDRESS = (
    "%00",
    "%ff",
    "%2e%2e%2f",
    "%",
    "%zz",
    "x" * 5_000,
    "'",
    "\u0661\u0662",
    "-1",
    "9" * 40,
    "%E0%A4%A",
    "a%0d%0ab",
)
HEADERS: tuple[dict[str, str | bytes], ...] = (
    {"accept-language": "x" * 5_000}, {"accept-language": b"\xff\xfe"}, {"accept-language": "ar;q=x, en;q=1e999"},
    {"idempotency-key": "x" * 5_000}, {"idempotency-key": b"\xc3\x28"}, {"idempotency-key": ""},
    {"prefer": "wait=999999999999"}, {"prefer": "wait=-1"}, {"prefer": b"\xff"}, {"if-match": '"' * 2_000},
    {"traceparent": "00-xyz"}, {"traceparent": b"\xff" * 200}, {"authorization": "Bearer " + "x" * 9_000},
    {"authorization": b"Bearer \xff"}, {"authorization": "Basic eDp5"}, {"content-encoding": "gzip"},
    {"last-event-id": "x" * 3_000}, {"range": "bytes=9-1"}, {"x-forwarded-for": "x" * 3_000},
)  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Someone who may do everything and has one of each thing, so that nothing is refused before it is read."""

    town: Town
    http: httpx.Client
    person: UUID
    things: dict[str, dict[str, str]]
    """By the beginning of a path: what its parameters are filled in with."""

    def headers(self) -> dict[str, str]:
        return self.town.theatre.as_(self.person, *Role) | {"idempotency-key": someone().hex}

    def values(self, operation: Operation) -> dict[str, str]:
        """What fills in the address of an operation."""
        fitting = [values for beginning, values in self.things.items() if operation.path.startswith(beginning)]
        return fitting[0] if fitting else {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(town: Town) -> AsyncIterator[Desk]:
    me, call = someone(), town.theatre.call
    at_home = await town.free_seats("DAM-01", "PASS_LOST", 5, days_ahead=25)
    abroad = await town.free_seats("STO-01", "CSL_PASS", 5, days_ahead=25, tier="U")
    turn = await call("POST", "/api/booking/turns", me, body=asked(at_home))
    held = await town.theatre.until(turn.json()["id"], me, "HELD")
    await town.checkout(held["payment"]["id"], me)
    case = await call("POST", "/api/consular/cases", me, body={
        "service": abroad.service, "tier": abroad.tier, "mission": abroad.office, "date": abroad.date})  # fmt: skip
    planner = town.theatre.as_(me, Role.PLANNER)
    async with httpx.AsyncClient(timeout=SLOW, trust_env=False) as client:
        plans = await client.get(f"{town.platform.url('catalog')}/api/catalog/plans?limit=1", headers=planner)
    draft = {"person_id": str(someone()), "kinship": "sibling"}
    mandate = await call("POST", "/api/consular/mandates", me, body=draft)
    [message, *_] = await town.inbox(me, "turn-held")
    things = {
        "/api/booking/turns/": {"id": held["id"]},
        "/api/catalog/services/": {"code": "FAM_BOOK"},
        "/api/catalog/offices/": {"code": "HMS-01"},
        "/api/catalog/agencies/": {"code": "IMM"},
        "/api/catalog/regions/": {"code": "HMS"},
        "/api/catalog/tiers/": {"code": "N"},
        "/api/catalog/calendars/": {"code": "SY"},
        "/api/catalog/plans/": {"plan_id": plans.json()["items"][0]["id"]},
        "/api/catalog/capacity/": {"office": "HMS-01", "service": "FAM_BOOK", "tier": "N", "date": at_home.date},
        "/api/payments/payments/": {"payment_id": held["payment"]["id"]},
        "/api/payments/webhooks/": {"provider": "sandbox"},
        "/api/consular/cases/": {"id": case.json()["id"]},
        "/api/consular/mandates/": {"id": mandate.json()["id"]},
        "/api/consular/missions/": {"code": "STO-01"},
        "/api/consular/fx-rates/": {"base": "TRY", "quote": "SEK", "day": "2020-01-01"},
        "/api/notifications/inbox/": {"id": message["id"]},
        "/api/notifications/templates/": {"code": "turn-held"},
    }
    with httpx.Client(timeout=SLOW, trust_env=False) as http:
        yield Desk(town, http, me, things)


def expect_problem(answer: httpx.Response, codes: set[str], what: str) -> None:
    """A refusal that a program can act on."""
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json", what
    problem = answer.json()
    assert problem["code"] in codes, f"{what}: the document does not tell of {problem['code']}"
    assert {"type", "title", "status", "detail", "instance", "trace_id"} <= set(problem), what
    assert problem["status"] == answer.status_code, what
    assert "Traceback" not in answer.text, what


def expect_no_failure(answer: httpx.Response, codes: set[str], what: str) -> None:
    """Anything but a failure of ours; what is refused is refused with a problem."""
    assert answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400:
        expect_problem(answer, codes, what)


@pytest.mark.parametrize("service", SERVICES)
def test_bodies_that_nobody_can_read(desk: Desk, service: str) -> None:
    url, codes = desk.town.platform.url(service), problem_codes(desk.http, desk.town.platform.url(service))
    for operation in operations(desk.http, service, url):
        if operation.method not in {"POST", "PUT", "PATCH"}:
            continue
        # Where no body is asked for, one that can be read as nothing is no reason to refuse.
        expect = expect_problem if operation.body() is not None else expect_no_failure
        for what, (body, content_type) in BROKEN.items():
            headers = desk.headers() | ({"content-type": content_type} if content_type else {})
            address = url + operation.address(desk.values(operation))
            answer = desk.http.request(operation.method, address, content=body, headers=headers)
            expect(answer, codes, f"{operation.name}, {what}")


@pytest.mark.parametrize("service", SERVICES)
def test_fields_with_hostile_values(desk: Desk, service: str) -> None:
    url, codes = desk.town.platform.url(service), problem_codes(desk.http, desk.town.platform.url(service))
    for operation in operations(desk.http, service, url):
        schema = operation.body()
        if schema is None:
            continue
        example, address = operation.example(), url + operation.address(desk.values(operation))
        for field in [*schema.get("properties", {}), "unknown"]:
            for value in HOSTILE:
                body = json.dumps(example | {field: value}).encode()
                headers = desk.headers() | {"content-type": JSON}
                answer = desk.http.request(operation.method, address, content=body, headers=headers)
                expect_no_failure(answer, codes, f"{operation.name}, {field} = {str(value)[:40]!r}")


@pytest.mark.parametrize("service", SERVICES)
def test_addresses_and_headers_with_hostile_values(desk: Desk, service: str) -> None:
    url, codes = desk.town.platform.url(service), problem_codes(desk.http, desk.town.platform.url(service))
    for operation in operations(desk.http, service, url):
        for address, headers, what in _hostile_requests(operation, desk):
            with desk.http.stream(operation.method, url + address, headers=headers) as answer:
                if answer.status_code >= 400 or not operation.streams:
                    answer.read()
                expect_no_failure(answer, codes, f"{operation.name}, {what}")


def _hostile_requests(operation: Operation, desk: Desk) -> Iterator[tuple[str, dict[bytes, bytes], str]]:
    """Addresses with headers, each with one thing that is wrong, and what that is."""
    values, plain = desk.values(operation), operation.address(desk.values(operation))
    for value in IN_AN_ADDRESS:
        for parameter in (each["name"] for each in operation.parameters("path")):
            yield operation.address({**values, parameter: value}), _bytes(desk.headers()), f"{parameter} = {value[:40]}"
        for parameter in (each["name"] for each in operation.parameters("query")):
            yield f"{plain}?{parameter}={value}", _bytes(desk.headers()), f"?{parameter}={value[:40]}"
    for headers in HEADERS:
        yield plain, _bytes({**desk.headers(), **headers}), str(headers)[:60]


def _bytes(headers: Mapping[str, str | bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in headers.items()}
