"""No body writes what only the server decides: every field of every body, and many that there are not."""

import pytest
from tests.access.asking import TABLE, Asking, all_of
from tests.access.bodies import Broken, broken
from tests.http.documents import SERVICES

from dawr.gateway.access import PUBLIC, SIGNED_IN, Row
from dawr.servicekit.auth import Role

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

UNREAD = {"POST /api/payments/webhooks/{provider}"}
"""The provider's own form, of which nothing is read before its signature holds."""


def bodies(asking: Asking, service: str) -> list[tuple[Row, list[Broken]]]:
    """What takes JSON, and all that is wrong with it."""
    return [
        (row, list(broken(asking.described[row.name])))
        for row in TABLE
        if row.service == service and row.name in asking.described and row.name not in UNREAD
        if asking.described[row.name].body() is not None
    ]


def token(asking: Asking, row: Row) -> str | None:
    """One of somebody who may."""
    if PUBLIC in row.roles:
        return None
    return asking.token(Role.CITIZEN if SIGNED_IN in row.roles else Role(row.roles[0]))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_field_that_is_not_the_callers_to_write_is_refused(asking: Asking, service: str) -> None:
    async def ask(row: Row, each: Broken, caller: str | None) -> str | None:
        path = asking.path(row)
        answer = await asking.ask(row.method, path, caller, body=each.body)
        pointers = [error["pointer"] for error in answer.json().get("errors", ())] if answer.content else []
        is_refused = answer.status_code == 422 and any(
            pointer == each.pointer or pointer.startswith(f"{each.pointer}/") for pointer in pointers
        )
        return None if is_refused else f"{row.name}, {each.pointer} {each.what}: {answer.status_code} {pointers}"

    await all_of(
        ask(row, each, caller)
        for row, found in bodies(asking, service)
        for caller in [token(asking, row)]
        for each in found
    )


async def test_every_body_has_something_to_try(asking: Asking) -> None:
    tried = {row.name: found for service in SERVICES for row, found in bodies(asking, service)}
    assert {"POST /api/booking/turns", "POST /api/catalog/plans", "PUT /api/notifications/preferences"} <= set(tried)
    for name, found in tried.items():
        assert {each.what for each in found} >= {"with revision", "with made_by", "of another type"}, name
        assert any(each.what == "without it" for each in found) or not asking.described[name].body().get("required")
