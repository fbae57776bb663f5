"""Who may do what over HTTP; closures that are told at once; months as they would be, before anybody decides."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dawr.servicekit.auth import Role as Who

from .conftest import Desk, problem

READERS = {Who.PLANNER, Who.APPROVER, Who.AUDITOR, Who.ADMINISTRATOR}
KEEPERS = {Who.PLANNER, Who.ADMINISTRATOR}
CLOSERS = {Who.PLANNER, Who.OFFICE_MANAGER}

MAY: dict[str, set[Who]] = {
    "list_fees": READERS,
    "decide_fee": {Who.PLANNER},
    "get_capacity": READERS,
    "decide_day": {Who.PLANNER},
    "list_changes": READERS,
    "compare_revisions": READERS,
    "list_plans": READERS,
    "get_plan": READERS,
    "compare_plan": READERS,
    "propose_plan": {Who.PLANNER},
    "revise_plan": {Who.PLANNER},
    "withdraw_plan": {Who.PLANNER},
    "publish_plan": {Who.PLANNER},
    "approve_plan": {Who.APPROVER},
    "reject_plan": {Who.APPROVER},
    "list_closures": READERS | CLOSERS,
    "get_closure": READERS | CLOSERS,
    "close_days": CLOSERS,
    "withdraw_closure": CLOSERS,
    "preview_month": READERS,
    "preview_wanted": READERS,
    "retire_service": KEEPERS,
    "reinstate_service": KEEPERS,
    "retire_office": KEEPERS,
    "reinstate_office": KEEPERS,
    "import_catalogue": {Who.ADMINISTRATOR},
    "export_catalogue": {Who.ADMINISTRATOR},
    **{f"get_{kind}_form": READERS for kind in ("agency", "region", "tier", "extra", "calendar", "service", "office")},
    **{
        f"{step}_{kind}": KEEPERS
        for step in ("create", "change")
        for kind in ("agency", "region", "tier", "extra", "calendar", "service", "office")
    },
}
"""Who may do what, by operation. All others need no token."""

CLOSURE = {
    "scope": "office",
    "code": "DAM-02",
    "first_day": "2026-12-01",
    "last_day": "2026-12-02",
    "reason": {"ar": "عاصفة", "en": "a storm"},
}


NO_DAYS = {"valid_from": "2026-12-01", "days": []}


class Office:
    """Those who close days and look ahead."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def close(self, *roles: Who, of: str | None = None, **changes: Any) -> httpx.Response:
        signed = self.desk.stage.signed_in(uuid4(), *(roles or (Who.PLANNER,)), office=of)
        headers = signed | {"idempotency-key": str(uuid4()), "accept-language": "en"}
        return await self.desk.client.post("/api/catalog/closures", json=CLOSURE | changes, headers=headers)

    async def withdraw(
        self, closure: httpx.Response, *roles: Who, of: str | None = None, tag: str | None = None
    ) -> httpx.Response:
        signed = self.desk.stage.signed_in(uuid4(), *(roles or (Who.PLANNER,)), office=of)
        headers = signed | {"idempotency-key": str(uuid4()), "if-match": tag or closure.headers["etag"]}
        path = f"/api/catalog/closures/{closure.json()['id']}/withdrawal"
        return await self.desk.client.post(path, json={"reason": "it is over"}, headers=headers)

    async def month(self, offer: str) -> dict[str, Any]:
        answer = await self.desk.get(f"/capacity/{offer}?month=2026-12", **self.desk.planner())
        shown: dict[str, Any] = answer.json()
        return shown

    async def preview(self, query: str) -> httpx.Response:
        headers = self.desk.planner(accept_language="en")
        return await self.desk.get(f"/previews/months?service=PASS_REN&tier=N&month=2026-12&{query}", **headers)

    async def preview_with(self, **body: Any) -> httpx.Response:
        asked = {"service": "PASS_REN", "tier": "N", "month": "2026-12"} | body
        headers = self.desk.planner(accept_language="en")
        return await self.desk.client.post("/api/catalog/previews", json=asked, headers=headers)


@pytest.fixture
def office(desk: Desk) -> Office:
    return Office(desk)


class TestWhoMay:
    async def test_each_role_may_what_the_table_says_and_no_more(self, desk: Desk) -> None:
        """A form without its fields is looked at only once it is sure who asks: 422 and 404 are let in, 403 is not."""
        document = (await desk.client.get("/openapi.json")).json()
        asked = set()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if "security" not in operation:
                    continue
                asked.add(operation["operationId"])
                for role in Who:
                    headers = desk.planner(role)
                    if "requestBody" in operation:
                        headers["content-type"] = next(iter(operation["requestBody"]["content"]))
                    url = path.replace("{", "").replace("}", "")
                    answer = await desk.client.request(method, url, headers=headers, content=b"{}")
                    allowed = not (answer.status_code == 403 and answer.json()["code"] == "not-allowed")
                    assert allowed == (role in MAY[operation["operationId"]]), (operation["operationId"], role)
        assert asked == set(MAY)

    async def test_every_refusal_is_told_in_both_languages(self, desk: Desk) -> None:
        document = (await desk.client.get("/openapi.json")).json()
        assert {each["code"] for each in document["x-problems"]} >= {
            "if-match-needed", "rules-broken", "code-taken", "unknown-code", "unknown-revision", "fixed-while-offered",
            "retired-already", "not-retired", "own-proposal", "plan-overtaken", "below-use",
        }  # fmt: skip
        assert all(each["title"]["ar"] and each["title"]["en"] and each["meaning"] for each in document["x-problems"])


class TestClosures:
    async def test_closed_days_are_told_at_once_and_opened_again(self, office: Office) -> None:
        key = "DAM-02/PASS_REN/N/2026-12"
        before = await office.month("DAM-02/PASS_REN/N")
        closed = await office.close()
        assert (closed.status_code, closed.headers["etag"], closed.json()["touches"]) == (201, '"1"', 0)
        told = await office.desk.month_told(key, before["revision"] + 1)
        assert [(each.date.day, each.kind, each.reason.en) for each in told.closed] == [
            (1, "closure", "a storm"),
            (2, "closure", "a storm"),
        ]
        opened = await office.withdraw(closed)
        assert (opened.status_code, opened.json()["withdrawn_reason"]) == (200, "it is over")
        again = await office.desk.month_told(key, before["revision"] + 2)
        assert not again.closed
        assert (await office.month("DAM-02/PASS_REN/N"))["days"] == before["days"]
        assert problem(await office.withdraw(closed)) == (412, "changed-meanwhile")
        assert problem(await office.withdraw(opened)) == (409, "closure-withdrawn")

    async def test_a_manager_closes_their_own_office_and_no_other(self, office: Office) -> None:
        closed = await office.close(Who.OFFICE_MANAGER, of="DAM-02", first_day="2026-12-20", last_day="2026-12-20")
        assert closed.status_code == 201
        place = {"first_day": "2026-12-20", "last_day": "2026-12-20"}
        for changes in ({}, {"scope": "region", "code": "DAM"}, {"scope": "everything", "code": None}):
            refused = await office.close(Who.OFFICE_MANAGER, of="HMS-01", **place, **changes)
            assert problem(refused) == (403, "not-allowed")
        assert problem(await office.close(Who.OFFICE_MANAGER, **place)) == (403, "not-allowed")
        assert problem(await office.withdraw(closed, Who.OFFICE_MANAGER, of="HMS-01")) == (403, "not-allowed")
        assert (await office.withdraw(closed, Who.OFFICE_MANAGER, of="DAM-02")).status_code == 200

    async def test_closures_at_once_all_hold_and_days_stay_closed_until_the_last_is_withdrawn(
        self, office: Office
    ) -> None:
        scopes = (
            {"scope": "office", "code": "HMS-01"},
            {"scope": "region", "code": "HMS"},
            {"scope": "everything", "code": None},
        )
        days = {"first_day": "2026-12-14", "last_day": "2026-12-14"}
        closed = await asyncio.gather(*(office.close(**scope, **days) for scope in scopes))
        assert {each.status_code for each in closed} == {201}
        for number, closure in enumerate(closed):
            left = {each["date"] for each in (await office.month("HMS-01/PASS_REN/N"))["days"]}
            told = (await office.preview("office=HMS-01")).json()["items"][0]["days"]
            kind = next(each["published"]["closed"]["kind"] for each in told if each["date"] == "2026-12-14")
            assert (kind, number) == ("closure", number), left
            assert (await office.withdraw(closure)).status_code == 200
        assert "2026-12-14" in {each["date"] for each in (await office.month("HMS-01/PASS_REN/N"))["days"]}

    async def test_withdrawn_twice_at_once_it_is_withdrawn_once(self, office: Office) -> None:
        closed = await office.close(first_day="2026-12-27", last_day="2026-12-27")
        answers = await asyncio.gather(*(office.withdraw(closed) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"code": "NOPE"}, 404, "unknown-office"),
            ({"scope": "region", "code": "NOPE"}, 404, "unknown-region"),
            ({"code": None}, 422, "invalid-request"),
            ({"scope": "everything"}, 422, "invalid-request"),
            ({"first_day": "2026-12-03"}, 422, "closure-ends-early"),
            ({"first_day": "2026-11-23"}, 409, "date-over"),
            ({"last_day": "2036-12-02"}, 422, "date-too-far"),
            ({"reason": {"en": "a storm"}}, 422, "invalid-request"),
        ],
    )
    async def test_closures_that_cannot_be(
        self, office: Office, changes: dict[str, Any], status: int, code: str
    ) -> None:
        assert problem(await office.close(**changes)) == (status, code)

    async def test_lists_have_who_and_what_was_withdrawn(self, office: Office) -> None:
        closed = await office.close(first_day="2026-12-29", last_day="2026-12-29")
        await office.withdraw(closed)
        url: str | None = "/api/catalog/closures?limit=2"
        found: list[dict[str, Any]] = []
        while url is not None:
            answer = await office.desk.client.get(url, headers=office.desk.planner())
            found += answer.json()["items"]
            url = answer.links.get("next", {}).get("url")
        mine = next(each for each in found if each["id"] == closed.json()["id"])
        assert mine["withdrawn_by"] != mine["decided_by"]
        assert len({each["id"] for each in found}) == len(found)
        assert any(each["decided_by"] is None for each in found)


class TestPreviews:
    async def test_what_december_looks_like_in_aleppo(self, office: Office) -> None:
        answer = (await office.preview("region=ALP")).json()
        (place,) = answer["items"]
        assert place["office"]["code"] == "ALP-01"
        days = {each["date"]: each for each in place["days"]}
        assert list(days) == [f"2026-12-{day:02}" for day in range(1, 32)]
        tuesday, friday = days["2026-12-01"], days["2026-12-04"]
        assert (tuesday["planned"], tuesday["differs"]) == (tuesday["published"], False)
        assert tuesday["planned"]["seats"] == sum(each["capacity"] for each in tuesday["planned"]["windows"])
        assert friday["planned"]["closed"]["kind"] == "weekend"
        assert (friday["published"], friday["differs"]) == (None, False)
        # Published are thirty days from 24 November on; what comes after is only planned.
        later = days["2026-12-29"]
        assert (later["published"], later["differs"]) == (None, True)
        assert later["planned"]["seats"] == tuesday["planned"]["seats"]

    async def test_what_a_plan_would_change_and_nothing_is_kept(self, office: Office) -> None:
        before = await office.month("ALP-01/PASS_REN/N")
        week = {"weekdays": ["SUN", "FRI"], "capacity": 7, "opens_days_before": 9}
        plan = {"valid_from": "2026-12-10", "days": [week | {"weekdays": ["SUN"]}]}
        body = plan | {"office": "ALP-01", "service": "PASS_REN", "tier": "N", "reason": "fewer clerks"}
        headers = office.desk.planner(idempotency_key=str(uuid4()))
        proposed = await office.desk.client.post("/api/catalog/plans", json=body, headers=headers)
        kept = await office.preview(f"office=ALP-01&plan={proposed.json()['id']}")
        unsaved = await office.preview_with(office="ALP-01", plan=plan)
        assert kept.json() == unsaved.json()
        days = {each["date"]: each for each in unsaved.json()["items"][0]["days"]}
        assert days["2026-12-13"]["planned"]["seats"] == 7
        assert days["2026-12-13"]["differs"]
        assert days["2026-12-14"]["planned"]["closed"]["kind"] == "no-plan"
        assert not days["2026-12-09"]["differs"]
        assert await office.month("ALP-01/PASS_REN/N") == before
        broken = await office.preview_with(office="ALP-01", plan={"valid_from": "2026-12-10", "days": [week]})
        assert problem(broken) == (422, "rules-broken")
        assert broken.json()["errors"][0]["pointer"] == "#/plan/days/0/weekdays"

    async def test_what_is_published_is_what_was_previewed(self, office: Office) -> None:
        plan = {
            "valid_from": "2026-12-03",
            "days": [{"weekdays": ["SUN", "TUE"], "capacity": 3, "opens_days_before": 9}],
        }
        look = {"office": "DAM-02", "service": "PASS_NEW", "tier": "U"}
        previewed = (await office.preview_with(**look, plan=plan)).json()["items"][0]["days"]
        body = plan | look | {"reason": "fewer clerks"}
        made = await office.desk.client.post(
            "/api/catalog/plans", json=body, headers=office.desk.planner(idempotency_key=str(uuid4()))
        )
        for step, person in (("approval", uuid4()), ("publication", uuid4())):
            signed = office.desk.stage.signed_in(person, Who.APPROVER, Who.PLANNER)
            headers = signed | {"idempotency-key": str(uuid4()), "if-match": made.headers["etag"]}
            path = f"/api/catalog/plans/{made.json()['id']}/{step}"
            made = await office.desk.client.post(path, json={"reason": "as agreed"}, headers=headers)
        assert made.json()["state"] == "PUBLISHED", made.text
        month = await office.month("DAM-02/PASS_NEW/U")
        expected = {
            each["date"]: each["planned"]["seats"]
            for each in previewed
            if each["planned"]["opens_at"] and each["date"] < "2026-12-24"
        }
        assert {each["date"]: each["capacity"] for each in month["days"]} == expected

    async def test_what_a_closure_would_close(self, office: Office) -> None:
        closure = CLOSURE | {"scope": "everything", "code": None}
        answer = await office.preview_with(region="HMS", closure=closure)
        days = {each["date"]: each for each in answer.json()["items"][0]["days"]}
        assert days["2026-12-02"]["planned"]["closed"] == {
            "kind": "closure",
            "text": "a storm",
            "texts": {"ar": "عاصفة", "en": "a storm"},
        }
        assert days["2026-12-02"]["published"]["seats"] > 0

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("office=NOPE", 404, "unknown-office"),
            ("region=NOPE", 404, "unknown-region"),
            ("office=DAM-01&region=DAM", 422, "invalid-request"),
            ("", 422, "invalid-request"),
            ("office=DAM-01&plan=0198c1de-0000-7000-8000-00000000cafe", 404, "unknown-plan"),
        ],
    )
    async def test_previews_that_cannot_be(self, office: Office, query: str, status: int, code: str) -> None:
        assert problem(await office.preview(query)) == (status, code)

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"month": "2026-10"}, 409, "date-over"),
            ({"month": "0000-01"}, 409, "date-over"),
            ({"month": "9999-12"}, 422, "date-too-far"),
            ({"service": "NOPE"}, 404, "unknown-service"),
            ({"tier": "F"}, 409, "not-offered"),
            ({"closure": CLOSURE | {"first_day": "2026-11-01"}}, 409, "date-over"),
            ({"closure": CLOSURE | {"code": "NOPE"}}, 404, "unknown-office"),
            ({"office": None, "region": "DAM", "plan": NO_DAYS}, 422, "invalid-request"),
        ],
    )  # fmt: skip
    async def test_wanted_months_that_cannot_be(
        self, office: Office, body: dict[str, Any], status: int, code: str
    ) -> None:
        assert problem(await office.preview_with(**{"office": "DAM-01"} | body)) == (status, code)
