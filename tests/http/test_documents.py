"""What the services' OpenAPI documents say of refusals and callers, against each other and against the services."""

import re
from typing import Any

import httpx
import pytest
from tests.http.documents import SERVICES, Operation, operations
from tests.town import SLOW, Town

from dawr.gateway.access import read_table
from dawr.servicekit.auth import NotSignedIn

pytestmark = [pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

BY_COOKIE = {"DELETE /api/session"}
"""What takes the session's cookie instead of a token, and has neither here."""
CODES = re.compile(r"`([a-z-]+)`: ")


def listed(town: Town, service: str) -> list[Operation]:
    with httpx.Client(timeout=SLOW, trust_env=False) as http:
        return list(operations(http, service, town.platform.url(service)))


def refused(operation: Operation) -> dict[str, dict[str, Any]]:
    """The answers that are errors, by status."""
    return {status: each for status, each in operation.described["responses"].items() if status >= "400"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_refusal_is_a_problem_of_the_one_schema(town: Town, service: str) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found = listed(town, service)
    known = {each["code"] for each in found[0].document["x-problems"]}
    for operation in found:
        assert "503" in refused(operation), operation.name
        for status, answer in refused(operation).items():
            assert answer.get("content") == problem, f"{operation.name}: {status}"
            codes = CODES.findall(answer["description"])
            assert codes, f"{operation.name}: {status}"
            assert set(codes) <= known, f"{operation.name}: {codes}"
            assert answer["description"].startswith(f"`{codes[0]}`"), f"{operation.name}: {answer['description']}"
    schemas = found[0].document["components"]["schemas"]
    with httpx.Client(trust_env=False) as http:
        answer = http.get(f"{town.platform.url(service)}/nowhere").json()
    assert set(answer) == set(schemas["Problem"]["required"])
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


@pytest.mark.parametrize("service", SERVICES)
def test_every_list_has_the_same_pages(town: Town, service: str) -> None:
    for operation in listed(town, service):
        asked = {each["name"] for each in operation.parameters("query")}
        content = operation.described["responses"].get("200", {}).get("content", {}).get("application/json", {})
        answer = operation.resolved(content.get("schema", {}))
        if operation.method == "GET" and ("cursor" in asked or "items" in answer.get("properties", {})):
            fields = {"items"} | ({"next"} if "cursor" in asked else set())
            assert fields <= set(answer["required"]), operation.name
            assert ("limit" in asked) == ("cursor" in asked), operation.name


@pytest.mark.parametrize("service", SERVICES)
def test_who_needs_a_token_is_told_and_is_so(town: Town, service: str) -> None:
    public = set()
    with httpx.Client(timeout=SLOW, trust_env=False) as http:
        for operation in operations(http, service, town.platform.url(service)):
            needs_token = operation.described.get("security") == [{"bearer": []}]
            told = refused(operation).get("401", {}).get("description", "")
            # One that needs none may take one all the same, and then refuse it.
            assert f"`{NotSignedIn.code}`" in told or not needs_token, operation.name
            # What else is wrong with the request, such as a body without its fields, is looked at only after the token.
            asked: dict[str, Any] = {"json": {}} if operation.body() is not None else {}
            if operation.files:
                asked = {"content": b"PK", "headers": {"content-type": operation.files[0]}}
            answer = http.request(operation.method, f"{town.platform.url(service)}{operation.address({})}", **asked)
            is_refused = answer.status_code == 401 and answer.json()["code"] == NotSignedIn.code
            assert is_refused == (needs_token or operation.name in BY_COOKIE), (
                f"{operation.name}: {answer.status_code} {answer.text[:200]}"
            )
            if not needs_token:
                public.add(operation.name)
    assert public == {row.name for row in read_table() if row.service == service and "public" in row.roles} - {
        f"GET /api/{service}/openapi.json"
    }
