"""What schemathesis makes of each service's OpenAPI document, fitting and unfitting, with a token and without."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Err
from tests.http.documents import SERVICES
from tests.town import Town, someone

from dawr.servicekit.auth import Role

pytestmark = [pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

EXAMPLES = 5
"""Of each operation, for each of the four ways to ask."""


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
def test_generated_data_never_break_a_service(
    town: Town, service: str, mode: GenerationMode, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))  # schemathesis keeps a folder of its own where it runs
    url = town.platform.url(service)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    asked = 0
    for found in schema.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        operation = found.ok()
        if (
            _streams(operation)
            or _takes_files(operation)
            or (mode is GenerationMode.NEGATIVE and not _takes_anything(operation))
        ):
            continue
        asked += 1
        for headers in (town.theatre.as_(someone(), *Role), {}):
            _ask(operation, mode, url, headers)
    assert asked


def _streams(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """An event stream goes on until the caller leaves, so its answer can't be waited for (see test_broken_input)."""
    return "text/event-stream" in operation.definition.raw["responses"].get("200", {}).get("content", {})


def _takes_files(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """Files that are made up are refused by their first bytes: broken ones have a corpus of their own (catalog)."""
    return any(body.media_type != "application/json" for body in operation.body)


def _takes_anything(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


def _ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, url: str, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def never_fails(case: Case[Any]) -> None:
        answer = case.call(base_url=url, headers=headers, timeout=60)
        told = f"{operation.label}: {answer.status_code} {answer.content[:300]!r}\n{case.as_curl_command()}"
        assert answer.status_code < 500, told
        if answer.status_code >= 400:
            kind = answer.headers["content-type"][0]
            assert kind == "application/problem+json", told
            assert answer.json()["code"]

    never_fails()
