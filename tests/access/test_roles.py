"""Every row of the table, asked for as every role and as nobody."""

import re

import httpx
import pytest
from tests.access.asking import TABLE, Asking, all_of
from tests.http.documents import SERVICES

from dawr.gateway.access import Row
from dawr.servicekit.auth import NotAllowed, NotSignedIn, Role

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

OTHER_PROOF = {"DELETE /api/session"}
"""Takes the session's cookie as well as a token, so it may miss both."""
CALLERS: tuple[Role | None, ...] = (None, *Role)


def refused(answer: httpx.Response, role: Role | None) -> bool:
    """Whether it is the one answer to those who may not ask."""
    expected: tuple[int, str] = (403, NotAllowed.code) if role else (401, NotSignedIn.code)
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    return is_problem and (answer.status_code, answer.json()["code"]) == expected


async def test_the_documents_that_are_served_are_those_of_the_table(asking: Asking) -> None:
    told = {
        name: ("public",) if operation.described.get("x-public") else tuple(operation.described["x-roles"])
        for name, operation in asking.described.items()
    }
    assert {row.name: row.roles for row in TABLE if row.name in told} == told
    assert {row.path for row in TABLE if row.name not in told} == {f"/api/{each}/openapi.json" for each in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
async def test_whoever_may_is_let_in_and_nobody_else(asking: Asking, service: str) -> None:
    async def ask(row: Row, role: Role | None) -> str | None:
        answer = await asking.ask_for(row, asking.token(role) if role else None)
        may = row.allows([role] if role else [])
        is_as_told = answer.status_code not in {401, 403} if may else refused(answer, role)
        is_as_told |= row.name in OTHER_PROOF and refused(answer, role)
        told = f"{row.name} as {role or 'nobody'}: {answer.status_code}"
        return None if is_as_told and answer.status_code < 500 else told

    await all_of(ask(row, role) for row in TABLE if row.service == service for role in CALLERS)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_role_is_looked_at_before_anything_else(asking: Asking, service: str) -> None:
    async def ask(row: Row, role: Role | None) -> str | None:
        answer = await asking.ask_for(row, asking.token(role) if role else None, broken=True)
        return None if refused(answer, role) else f"{row.name} as {role or 'nobody'}: {answer.status_code}"

    await all_of(
        ask(row, role)
        for row in TABLE
        if row.service == service
        for role in CALLERS
        if not row.allows([role] if role else [])
    )


async def test_a_path_that_the_table_does_not_name_leads_nowhere(asking: Asking) -> None:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    paths = {f"/api/{service}/{path}" for service in SERVICES[:-1] for path in ("", "metrics", "healthz", "secrets/1")}
    named = {row.name for row in TABLE}
    known = {row.path for row in TABLE if row.path.startswith(tuple(f"/api/{each}/" for each in SERVICES[:-1]))}

    async def ask(method: str, path: str, status: int) -> str | None:
        # Types are looked at before paths where files are taken, and there alone.
        headers = {"content-type": "application/zip"} if path.endswith("/import") else {}
        answer = await asking.ask(method, re.sub(r"\{\w+\}", "1", path), asking.token(*Role), **headers)
        return None if answer.status_code == status else f"{method} {path}: {answer.status_code}"

    await all_of(
        [
            *(ask(method, path, 404) for path in paths for method in methods),
            *(ask(method, path, 405) for path in known for method in methods if f"{method} {path}" not in named),
        ]
    )
