"""What belongs to somebody else: a person's, an office's, a mission's. Each row that has an owner is asked here."""

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from tests.access.asking import MISSION, OFFICE, TABLE, Asking, all_of
from tests.access.bodies import sample
from tests.access.estate import STORM, Estate, settle
from tests.town import someone

from dawr.gateway.access import PUBLIC, SIGNED_IN, Owner, Row
from dawr.servicekit.auth import Role

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

ELSEWHERE = {
    "POST /api/payments/refunds/{refund_id}/approval": "services/payments/tests/test_payments_refunds.py::"
    "test_only_another_person_of_finance_approves",
    **dict.fromkeys(
        (
            "PUT /api/staff/accounts/{account_id}",
            "POST /api/staff/accounts/{account_id}/extension",
            "POST /api/staff/accounts/{account_id}/invitation",
            "POST /api/staff/accounts/{account_id}/suspension",
        ),
        "services/gateway/tests/test_gateway_staff.py::test_nobody_changes_their_own_account",
    ),
    **dict.fromkeys(
        (
            "GET /api/staff/me/passkeys",
            "POST /api/staff/me/passkeys",
            "POST /api/staff/me/passkeys/challenges",
            "DELETE /api/staff/me/passkeys/{id}",
        ),
        "services/gateway/tests/test_gateway_passkeys.py::test_passkeys_are_added_listed_and_let_go_by_their_owner",
    ),
    "POST /api/staff/me/password": "services/gateway/tests/test_gateway_staff_accounts.py::"
    "test_a_new_password_takes_the_old_ones_place_and_ends_sessions",
    "POST /api/staff/me/recovery-codes": "services/gateway/tests/test_gateway_staff.py::"
    "test_a_recovery_code_is_good_once_in_place_of_the_authenticators",
}
"""Asked where such a thing can be made: a refund that a bank refused for good, an account of staff."""
LOOKS = {
    "/api/session": "/api/sessions",
    "/api/sessions/{session_id}": "/api/sessions",
    "/api/notifications/inbox/{id}/read": "/api/notifications/inbox",
}
"""Where it is seen that nothing happened to a thing, if not where the thing itself is."""
DAY = "2027-06-01"
BODIES: dict[str, Any] = {
    "POST /api/booking/offices/{code}/days/{date}/cancellation": {"reason": STORM, "instead": "refund"},
    "POST /api/catalog/closures": {
        "scope": "office", "code": OFFICE, "first_day": DAY, "last_day": DAY, "reason": STORM,
    },
    "PUT /api/catalog/plans/{plan_id}": {
        "valid_from": DAY,
        "days": [{"weekdays": ["SUN"], "capacity": 5, "opens_days_before": 30}],
        "reason": "counted again",
    },
}  # fmt: skip
SEE_ALL = {Role.FINANCE, Role.AUDITOR}
"""Who sees what is `own-or-role`."""
ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def estate(asking: Asking) -> Estate:
    return await settle(asking)


def rows(*owners: Owner, of_one: bool | None = None) -> list[Any]:
    """The rows of these owners, about one thing or not, but for those that are asked elsewhere."""
    return [
        pytest.param(row, id=row.name)
        for row in TABLE
        if row.owner in owners and row.name not in ELSEWHERE and of_one in {None, "{" in row.path}
    ]


def body_for(estate: Estate, row: Row) -> Any:
    """A body that the row takes, if it takes one: of its form, unless its parts must go together."""
    if row.name in BODIES:
        return BODIES[row.name]
    operation = estate.asking.described[row.name]
    schema = operation.body()
    return None if schema is None else sample(operation, schema)


def bare(answer: httpx.Response, id: str) -> str:
    """A problem without what differs between any two."""
    return str({name: value for name, value in answer.json().items() if name != "trace_id"}).replace(id, "…")


async def seen(estate: Estate, row: Row, id: str = "") -> Any:
    """What the owner sees of a thing, or of all their things."""
    path = LOOKS.get(row.path) or row.path[: (row.path + "}").index("}") + 1]
    answer = await estate.asking.ask("GET", re.sub(r"\{.*", id, path), estate.owners_token(row.path))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_owner_is_tried() -> None:
    tried = {Owner.OWN, Owner.OWN_OR_ROLE, Owner.OWN_OR_OFFICE, Owner.OWN_OFFICE, Owner.OWN_MISSION}
    assert tried | {Owner.OWN_PROPOSAL, Owner.NOT_OWN, Owner.NOBODY} == set(Owner)
    for name, test in ELSEWHERE.items():
        file, _, function = test.partition("::")
        assert f"def {function}(" in (ROOT / file).read_text("utf-8"), name
        assert name in {row.name for row in TABLE}, name


@pytest.mark.parametrize("row", rows(Owner.OWN, Owner.OWN_OR_ROLE, of_one=True))
async def test_somebody_elses_is_answered_like_what_is_not_there(estate: Estate, row: Row) -> None:
    id, unknown, body = estate.id_of(row.path), str(uuid4()), body_for(estate, row)
    before = await seen(estate, row, id)

    async def ask(of: str, token: str) -> httpx.Response:
        return await estate.asking.ask(row.method, re.sub(r"\{\w+\}", of, row.path), token, body=body)

    async def stranger(role: Role) -> str | None:
        token = estate.asking.token(role)
        theirs, nobodys = await asyncio.gather(ask(id, token), ask(unknown, token))
        if row.owner == Owner.OWN_OR_ROLE and role in SEE_ALL:
            return None if (theirs.status_code, nobodys.status_code) == (200, 404) else f"{role}: {theirs.text}"
        is_hidden = theirs.status_code == nobodys.status_code == 404 and bare(theirs, id) == bare(nobodys, unknown)
        return None if is_hidden else f"{role}: {theirs.status_code} {theirs.text[:300]}, {nobodys.text[:300]}"

    roles = [*Role] if SIGNED_IN in row.roles else [Role(role) for role in row.roles]
    await all_of(stranger(role) for role in roles)
    assert await seen(estate, row, id) == before, "nothing happened to it"
    if row.method == "GET" and row.path.count("{") == 1:
        assert (await ask(id, estate.owners_token(row.path))).status_code == 200


@pytest.mark.parametrize("row", rows(Owner.OWN, of_one=False))
async def test_what_everybody_has_is_each_ones_own(estate: Estate, row: Row) -> None:
    before = await seen(estate, row)
    stranger = estate.asking.token(
        Role.CITIZEN if {"citizen", SIGNED_IN, PUBLIC} & {*row.roles} else Role(row.roles[0])
    )
    answer = await estate.asking.ask(row.method, row.path, stranger, body=body_for(estate, row))
    assert await seen(estate, row) == before
    if row.method == "GET":
        assert answer.status_code == 200
        theirs = {str(estate.owner), *estate.ids.values()}
        assert any(id in str(before) for id in theirs) or "inbox" in row.path or "preferences" in row.path
        assert not any(id in answer.text for id in theirs)


async def test_a_turn_is_asked_for_by_those_whose_it_will_be(estate: Estate) -> None:
    day = {"service": "PASS_LOST", "tier": "N", "office": OFFICE, "date": "2026-12-01"}
    other, reason = str(someone()), {"reason": "medical"}
    ask, token, path = estate.asking.ask, estate.asking.token, "/api/booking/turns"
    urgent = day | {"share": "urgent", "person_id": other} | reason
    for body, caller, code in [
        (day | {"person_id": other}, token(Role.CITIZEN, acts_for=frozenset({someone()})), "not-your-relative"),
        (urgent, token(Role.CITIZEN), "share-not-allowed"),
        (urgent, token(Role.DESK, office="HMS-01"), "share-not-allowed"),
        (urgent, token(Role.OFFICE_MANAGER, office="HMS-01"), "share-not-allowed"),
        (urgent | {"share": "assisted"}, token(Role.OFFICE_MANAGER), "share-not-allowed"),
        (day, token(Role.DESK), "not-allowed"),
        (day | {"person_id": other}, token(Role.DESK), "not-allowed"),
    ]:
        answer = await ask("POST", path, caller, body=body)
        assert (answer.status_code, answer.json()["code"]) == (403, code), body


async def test_a_mandate_holds_by_its_persons_word(estate: Estate) -> None:
    ask, id = estate.asking.ask, estate.ids["/api/consular/mandates/"]
    consent = f"/api/consular/mandates/{id}/consent"
    agent, person = (estate.asking.token(Role.CITIZEN, person=each) for each in (estate.owner, estate.relative))
    refused = await ask("POST", consent, agent)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert (await ask("POST", consent, person)).json()["state"] == "ACTIVE"
    # It is the agent's to use, and nobody else's.
    case = {"service": "CSL_PASS", "tier": "N", "mission": MISSION, "date": "2026-12-20", "mandate": id}
    for stranger in (estate.asking.token(Role.CITIZEN), person):
        answer = await ask("POST", "/api/consular/cases", stranger, body=case)
        assert answer.status_code in {404, 409}, answer.text
        assert (answer.json()["code"]) in {"not-found", "mandate-not-active"}


@pytest.mark.parametrize("row", rows(Owner.OWN_OFFICE))
async def test_an_office_decides_about_itself(estate: Estate, row: Row) -> None:
    ask, token = estate.asking.ask, estate.asking.token
    here, elsewhere = token(Role.OFFICE_MANAGER), token(Role.OFFICE_MANAGER, office="HMS-01")
    nowhere = token(Role.OFFICE_MANAGER, office="")
    day, _, cancellation = estate.ids[f"/api/booking/offices/{OFFICE}/days/"].partition("/cancellations/")
    path = row.path.replace("{code}", OFFICE).replace("{date}", day).replace("{id}", cancellation)
    path = path.replace("{closure_id}", estate.ids["/api/catalog/closures/"])
    body = body_for(estate, row)
    for caller in (elsewhere, nowhere):
        answer = await ask(row.method, path, caller, body=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
        assert day not in answer.text.replace(path, "")
    if row.method == "GET":
        for caller in (here, token(Role.APPROVER)):
            assert (await ask(row.method, path, caller)).status_code == 200


@pytest.mark.parametrize("row", rows(Owner.OWN_MISSION))
async def test_a_mission_sees_its_own_people(estate: Estate, row: Row) -> None:
    ask, token, path = estate.asking.ask, estate.asking.token, row.path.replace("{code}", MISSION)
    for office in ("BER-01", "DAM-01", "NOWHERE-99", ""):
        answer = await ask(row.method, path, token(Role.MISSION, office=office))
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    theirs = await ask(row.method, path, token(Role.MISSION))
    assert estate.ids["/api/consular/cases/"] in theirs.text


@pytest.mark.parametrize("row", rows(Owner.OWN_PROPOSAL, Owner.NOT_OWN))
async def test_who_proposes_and_who_decides_are_two_people(estate: Estate, row: Row) -> None:
    ask, role = estate.asking.ask, Role(row.roles[0])
    path = re.sub(r"\{\w+\}", estate.ids["/api/catalog/plans/"], row.path)
    before = await ask("GET", f"/api/catalog/plans/{estate.ids['/api/catalog/plans/']}", estate.asking.token(role))
    # Who has both roles is still one person.
    wrong = someone() if row.owner == Owner.OWN_PROPOSAL else estate.planner
    caller = estate.asking.token(role, Role.PLANNER, Role.APPROVER, person=wrong)
    answer = await ask(row.method, path, caller, body=body_for(estate, row), **{"if-match": before.headers["etag"]})
    code = "not-your-proposal" if row.owner == Owner.OWN_PROPOSAL else "own-proposal"
    assert (answer.status_code, answer.json()["code"]) == (403, code)
