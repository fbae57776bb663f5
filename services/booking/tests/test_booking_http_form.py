"""What booking answers to requests of a wrong form: precise problems in both languages, and never a 5xx."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from schemathesis.specs.openapi import definitions
from services.booking.tests.conftest import DAY, Booking

from dawr.booking.settings import BookingSettings
from dawr.contracts import Pool
from dawr.servicekit.auth import Role

BODY = {"service": "PASS_REN", "tier": "N", "office": "DAM-01", "date": DAY.isoformat()}
ENCODED = json.dumps(BODY).encode()
TURNS = "/api/booking/turns"


def is_problem(answer: httpx.Response, status: int, code: str, lang: str) -> dict[str, Any]:
    """The members of a problem document, checked against RFC 9457 and our own conventions."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    members: dict[str, Any] = answer.json()
    assert (members["status"], members["code"], members["type"]) == (status, code, f"/docs/problems#{code}")
    assert answer.headers["content-language"] == lang
    assert any("\u0600" <= letter <= "\u06ff" for letter in members["title"]) == (lang == "ar")
    assert members["instance"] == answer.request.url.path
    assert len(members["trace_id"]) == 32
    assert "Traceback" not in answer.text
    return members


async def post(
    booking: Booking, content: bytes, *, lang: str = "en", path: str = TURNS, **headers: str
) -> httpx.Response:
    sent = booking.stage.signed_in(uuid4()) | {
        "idempotency-key": str(uuid4()),
        "content-type": "application/json",
        "accept-language": lang,
    }
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in (sent | changed).items() if value}
    return await booking.http.post(path, content=content, headers=kept)


BROKEN = {
    "empty": (b"", 400, "malformed-request"),
    "not json": (b"service=PASS_REN", 400, "malformed-request"),
    "cut": (ENCODED[:-4], 400, "malformed-request"),
    "two documents": (ENCODED + ENCODED, 400, "malformed-request"),
    "trailing comma": (ENCODED[:-1] + b",}", 400, "malformed-request"),
    "invalid utf-8": (ENCODED.replace(b"PASS", b"\xff\xfe"), 400, "malformed-request"),
    "overlong utf-8": (ENCODED.replace(b"PASS", b"\xc0\xaf"), 400, "malformed-request"),
    "utf-16": (json.dumps(BODY).encode("utf-16"), 400, "malformed-request"),
    "zero bytes": (b"\0" * 64, 400, "malformed-request"),
    "lone surrogate in a name": (b'{"\\ud800": 1}', 400, "malformed-request"),
    "deep lists": (b"[" * 1000 + b"]" * 1000, 400, "too-deep"),
    "deep objects": (b'{"a":' * 200 + b"1" + b"}" * 200, 400, "too-deep"),
    "huge": (b'{"service": "' + b"A" * 70_000 + b'"}', 413, "too-large"),
    "NaN": (b'{"service": NaN}', 422, "invalid-request"),
    "null": (b"null", 422, "invalid-request"),
    "list": (b"[]", 422, "invalid-request"),
    "text": (b'"PASS_REN"', 422, "invalid-request"),
    "number": (b"1e999", 422, "invalid-request"),
    "nothing in it": (b"{}", 422, "invalid-request"),
}


@pytest.mark.parametrize("lang", ["ar", "en"])
@pytest.mark.parametrize("name", BROKEN)
async def test_a_body_that_can_t_be_read(booking: Booking, name: str, lang: str) -> None:
    content, status, code = BROKEN[name]
    is_problem(await post(booking, content, lang=lang), status, code, lang)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"service": 1}, "#/service"),
    ({"service": None}, "#/service"),
    ({"service": "pass"}, "#/service"),
    ({"service": "A" * 33}, "#/service"),
    ({"tier": "NN"}, "#/tier"),
    ({"tier": ["N"]}, "#/tier"),
    ({"office": ""}, "#/office"),
    ({"office": {"code": "DAM-01"}}, "#/office"),
    ({"office": "DAM-01\n"}, "#/office"),
    ({"date": 0}, "#/date"),
    ({"date": 1_800_000_000}, "#/date"),
    ({"date": True}, "#/date"),
    ({"date": "2026-02-30"}, "#/date"),
    ({"date": "2026-12-01T00:00:00"}, "#/date"),
    ({"date": "١٢-١٢-٢٠٢٦"}, "#/date"),
    ({"date": "99999-01-01"}, "#/date"),
    ({"window": "9:00"}, "#/window"),
    ({"window": "24:00"}, "#/window"),
    ({"window": 900}, "#/window"),
    ({"asked_by": "7b0d6f5e-0000-4000-8000-000000000001"}, "#/asked_by"),
    ({"a/b~c": 1}, "#/a~1b~0c"),
]


@pytest.mark.parametrize(("change", "pointer"), WRONG, ids=lambda each: json.dumps(each, default=str)[:40])
async def test_a_field_that_is_wrong_is_pointed_at(booking: Booking, change: dict[str, Any], pointer: str) -> None:
    answer = await post(booking, json.dumps(BODY | change).encode())
    problem = is_problem(answer, 422, "invalid-request", "en")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert set(problem["errors"][0]) == {"pointer", "code", "detail"}
    assert all(str(value) not in answer.text for value in change.values() if isinstance(value, str) and len(value) > 9)


@pytest.mark.parametrize("missing", ["service", "tier", "office", "date"])
async def test_each_needed_field(booking: Booking, missing: str) -> None:
    body = {name: value for name, value in BODY.items() if name != missing}
    problem = is_problem(await post(booking, json.dumps(body).encode()), 422, "invalid-request", "en")
    assert problem["errors"] == [{"pointer": f"#/{missing}", "code": "missing", "detail": "Field required"}]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "text/plain"}, 415, "unsupported-media-type"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type"),
        ({"content_type": ""}, 415, "unsupported-media-type"),
        ({"idempotency_key": ""}, 400, "idempotency-key-missing"),
        ({"idempotency_key": "with space"}, 400, "idempotency-key-missing"),
        ({"idempotency_key": "k" * 129}, 400, "idempotency-key-missing"),
        ({"authorization": ""}, 401, "not-signed-in"),
        ({"authorization": "Bearer"}, 401, "not-signed-in"),
        ({"authorization": "Bearer x.y.z"}, 401, "not-signed-in"),
        ({"authorization": "Basic dTpw"}, 401, "not-signed-in"),
        ({"authorization": "Bearer " + "a" * 5000}, 401, "not-signed-in"),
        ({"content_length": "70000"}, 413, "too-large"),
        ({"content_length": "-1"}, 400, "malformed-request"),
    ],
    ids=str,
)
@pytest.mark.parametrize("lang", ["ar", "en"])
async def test_headers_that_are_wrong(
    booking: Booking, headers: dict[str, str], status: int, code: str, lang: str
) -> None:
    answer = await post(booking, ENCODED, lang=lang, **headers)
    is_problem(answer, status, code, lang)
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_only_citizens_take_turns(booking: Booking) -> None:
    for role in set(Role) - {Role.CITIZEN}:
        headers = booking.stage.signed_in(uuid4(), role)
        is_problem(await post(booking, ENCODED, **headers), 403, "not-allowed", "en")


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=x", "wait=-1", "wait=9999999999", "respond-async", "\xff", ","]
)
async def test_a_preference_that_is_not_understood_is_no_error(booking: Booking, prefer: str) -> None:
    """RFC 7240, section 2: it is ignored as if it were not there."""
    office = await booking.opened(1)
    body = json.dumps(BODY | {"office": office}).encode()
    headers = booking.stage.signed_in(uuid4()) | {"idempotency-key": "k", "content-type": "application/json"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers | {"prefer": prefer}).items()]
    answer = await booking.http.post(TURNS, content=body, headers=raw)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    "prefer", ["wait=10", "respond-async, wait=10", "handling=lenient; wait=10", 'Wait="10"', "wait = 10"]
)
async def test_the_ways_to_prefer_waiting(booking: Booking, prefer: str) -> None:
    body = json.dumps(BODY | {"office": await booking.opened(1)}).encode()
    answer = await post(booking, body, prefer=prefer)
    assert (answer.status_code, answer.json().get("state")) == (201, "HELD")


async def test_no_path_and_no_method(booking: Booking) -> None:
    signed = booking.stage.signed_in(uuid4()) | {"accept-language": "en"}
    is_problem(await booking.http.get("/api/booking/nothing", headers=signed), 404, "not-found", "en")
    is_problem(await booking.http.put(TURNS, headers=signed), 405, "method-not-allowed", "en")
    is_problem(await booking.http.get(f"{TURNS}/not-a-uuid", headers=signed), 422, "invalid-request", "en")


CANCELLATIONS = {
    "lone surrogate in a name": (b'{"\\ud800": 1}', 422, "invalid-request"),
    "lone surrogate in a value": (b'{"reason": "\\ud800"}', 422, "invalid-request"),
    "not json": (b"reason", 400, "malformed-request"),
    "invalid utf-8": (b'{"reason": "\xff"}', 400, "malformed-request"),
    "wrong type": (b'{"reason": 7}', 422, "invalid-request"),
    "list": (b"[1]", 422, "invalid-request"),
    "upper case": (b'{"reason": "Changed-Mind"}', 422, "invalid-request"),
    "too long": (b'{"reason": "' + b"a" * 65 + b'"}', 422, "invalid-request"),
    "extra": (b'{"refund": true}', 422, "invalid-request"),
    "huge": (b'{"reason": "' + b"a" * 70_000 + b'"}', 413, "too-large"),
    "deep": (b"[" * 1000 + b"]" * 1000, 400, "too-deep"),
    "a number longer than is read": (b'{"reason": 1' + b"0" * 5000 + b"}", 400, "malformed-request"),
}


@pytest.mark.parametrize("lang", ["ar", "en"])
@pytest.mark.parametrize("name", CANCELLATIONS)
async def test_a_cancellation_that_can_t_be_read(booking: Booking, name: str, lang: str) -> None:
    content, status, code = CANCELLATIONS[name]
    is_problem(await post(booking, content, lang=lang, path=f"{TURNS}/{UUID(int=7)}/cancellation"), status, code, lang)


async def test_a_cancellation_without_a_key(booking: Booking) -> None:
    answer = await post(booking, b"", path=f"{TURNS}/{UUID(int=7)}/cancellation", idempotency_key="")
    is_problem(answer, 400, "idempotency-key-missing", "en")


# The document


@pytest.fixture(scope="module")
async def document(booking: Booking) -> dict[str, Any]:
    found: dict[str, Any] = (await booking.http.get("/api/booking/openapi.json")).json()
    return found


def nodes(of: object) -> Iterator[dict[str, Any]]:
    if isinstance(of, dict):
        yield of
        for each in of.values():
            yield from nodes(each)
    elif isinstance(of, list):
        for each in of:
            yield from nodes(each)


async def test_the_openapi_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    definitions.OPENAPI_31_VALIDATOR.validate(document)
    for node in nodes(document):
        if isinstance(ref := node.get("$ref"), str):
            found: Any = document
            for part in ref.removeprefix("#/").split("/"):
                found = found[part]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {"take_turn", "get_turn", "list_turns", "follow_turn", "cancel_turn", "availability"} <= set(names)
    assert all(operation["summary"] and operation["tags"] for operation in operations)


async def test_taking_a_turn_is_in_it_as_the_code_has_it(booking: Booking, document: dict[str, Any]) -> None:
    operation = document["paths"][TURNS]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/TakeTurn"}
    schema = document["components"]["schemas"]["TakeTurn"]
    assert set(schema["required"]) == {"service", "tier", "office", "date"}
    assert (schema["additionalProperties"], set(schema["properties"])) == (
        False,
        {*BODY, "window", "share", "person_id", "reason"},
    )
    assert operation["security"] == [{"bearer": []}]
    assert {"201", "202", "400", "401", "403", "404", "409", "413", "415", "422", "503"} <= set(operation["responses"])
    assert document["paths"][TURNS]["get"]["operationId"] == "list_turns"
    assert Pool(**(BODY)).key


async def test_who_asks_without_end_is_asked_to_wait(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    encoded = json.dumps(BODY | {"office": office}).encode()
    limit = BookingSettings.model_fields["person_requests_per_minute"].default
    answers = [
        await post(booking, encoded, **booking.stage.signed_in(ada) | {"idempotency-key": f"k{number}"})
        for number in range(limit)
    ]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert answers[0].headers["ratelimit-policy"] == f'"turns";q={limit};w=60'
    assert answers[0].headers["ratelimit"].startswith(f'"turns";r={limit - 1};t=')
    refused = await post(booking, encoded, **booking.stage.signed_in(ada) | {"idempotency-key": "one-more"})
    is_problem(refused, 429, "too-many-requests", "en")
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    again = await post(booking, encoded, **booking.stage.signed_in(ada) | {"idempotency-key": "k0"})
    assert again.status_code == 202, "a retry is no new request"
    assert (await post(booking, encoded)).status_code in {202, 409}, "nobody else is meant"
