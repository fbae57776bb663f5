"""Plans over HTTP: two people, whatever they call themselves; races on a real database; months told at once."""

import asyncio
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from dawr.catalog.domain.use import SeenTurn, Standing
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.folder.catalogue import read_catalogue
from dawr.catalog.service.describe import Author
from dawr.catalog.service.load import load_catalogue
from dawr.catalog.store.use import note
from dawr.servicekit.auth import Role as Who

from .conftest import FOLDER, PLANNER, Desk, problem

APPROVER = uuid4()

Answer = httpx.Response


def days(capacity: int, *weekdays: str, **more: Any) -> dict[str, Any]:
    """What some weekdays can take."""
    return {"weekdays": weekdays or ("SUN", "MON"), "capacity": capacity, "opens_days_before": 30} | more


def minutes(count: int) -> list[dict[str, Any]]:
    """Windows of a minute and one seat each."""
    clock = [f"{9 + n // 60:02}:{n % 60:02}" for n in range(count + 1)]
    return [{"start": start, "end": end, "capacity": 1} for start, end in pairwise(clock)]


class Ministry:
    """People who plan: each call names who makes it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def signed(self, person: UUID, *roles: Who, **headers: str) -> dict[str, str]:
        signed = self.desk.stage.signed_in(person, *(roles or (Who.PLANNER,)))
        return signed | {"idempotency-key": str(uuid4())} | {k.replace("_", "-"): v for k, v in headers.items()}

    async def propose(self, offer: str, capacity: int = 12, by: UUID = PLANNER, *roles: Who, **changes: Any) -> Answer:
        office, service, tier = offer.split("/")
        body: dict[str, Any] = {
            "office": office,
            "service": service,
            "tier": tier,
            "valid_from": "2026-12-01",
            "reason": "more clerks",
        }
        body["days"] = [days(capacity)]
        return await self.desk.client.post("/api/catalog/plans", json=body | changes, headers=self.signed(by, *roles))

    async def move(
        self, plan: Answer, step: str, by: UUID, *roles: Who, revision: int | None = None, key: str | None = None
    ) -> Answer:
        shown = plan.json()
        tag = f'"{shown["revision"] if revision is None else revision}"'
        usual = Who.APPROVER if step in {"approval", "rejection"} else Who.PLANNER
        headers = self.signed(by, *(roles or (usual,)), if_match=tag)
        if key is not None:
            headers["idempotency-key"] = key
        return await self.desk.client.post(
            f"/api/catalog/plans/{shown['id']}/{step}", json={"reason": "as agreed"}, headers=headers
        )

    async def revise(self, plan: Answer, by: UUID, capacity: int, *roles: Who, tag: str | None = None) -> Answer:
        body = {"valid_from": "2026-12-01", "days": [days(capacity)], "reason": "counted again"}
        headers = self.signed(by, *roles, if_match=tag or plan.headers["etag"])
        return await self.desk.client.put(f"/api/catalog/plans/{plan.json()['id']}", json=body, headers=headers)

    async def published(self, offer: str, capacity: int) -> Answer:
        plan = await self.propose(offer, capacity)
        plan = await self.move(plan, "approval", APPROVER)
        plan = await self.move(plan, "publication", PLANNER)
        assert plan.status_code == 200, plan.text
        return plan

    async def month(self, offer: str) -> dict[str, Any]:
        answer = await self.desk.get(f"/capacity/{offer}?month=2026-12", **self.desk.planner())
        shown: dict[str, Any] = answer.json()
        return shown


@pytest.fixture
def ministry(desk: Desk) -> Ministry:
    return Ministry(desk)


class TestALife:
    async def test_proposed_approved_and_published_it_is_on_the_topic(self, ministry: Ministry) -> None:
        offer = "DAM-01/PASS_NEW/N"
        before = await ministry.month(offer)
        plan = await ministry.propose(offer, 12, days=[days(12, "SUN", "MON"), days(5, "TUE")])
        assert (plan.status_code, plan.headers["etag"]) == (201, '"1"')
        assert plan.headers["location"] == f"/api/catalog/plans/{plan.json()['id']}"
        assert plan.json()["based_on"] is not None
        approved = await ministry.move(plan, "approval", APPROVER)
        assert (approved.status_code, approved.json()["state"], approved.headers["etag"]) == (200, "APPROVED", '"2"')
        assert (await ministry.month(offer)) == before
        published = await ministry.move(approved, "publication", PLANNER)
        assert published.json()["state"] == "PUBLISHED"
        told = await ministry.desk.month_told(f"{offer}/2026-12", before["revision"] + 1)
        # 2026-12-01 is a Tuesday; Wednesdays and Thursdays are no longer planned.
        assert [(each.date.day, each.capacity) for each in told.days[:4]] == [(1, 5), (6, 12), (7, 12), (8, 5)]
        acts = published.json()
        assert [UUID(acts[step]["by"]) for step in ("proposed", "approved", "published")] == [
            PLANNER,
            APPROVER,
            PLANNER,
        ]
        entries = (await ministry.desk.get(f"/changes?subject=plan/{acts['id']}", **ministry.desk.planner())).json()
        assert [each["what"] for each in entries["items"]] == ["plan-published", "plan-approved", "plan-proposed"]
        before_it = await ministry.desk.get(f"/plans/{acts['based_on']}", **ministry.desk.planner())
        assert before_it.json()["state"] == "PUBLISHED"  # begins earlier: it only gives way from then on

    async def test_a_plan_without_days_ends_the_offer(self, ministry: Ministry) -> None:
        plan = await ministry.propose("HMS-01/PASS_LOST/U", days=[])
        plan = await ministry.move(plan, "approval", APPROVER)
        assert (await ministry.move(plan, "publication", PLANNER)).status_code == 200
        left = (await ministry.month("HMS-01/PASS_LOST/U"))["days"]
        assert left == []

    async def test_rejected_and_withdrawn_plans_are_at_their_end(self, ministry: Ministry) -> None:
        rejected = await ministry.move(await ministry.propose("DAM-02/PASS_NEW/N"), "rejection", APPROVER)
        assert rejected.json()["state"] == "REJECTED"
        withdrawn = await ministry.move(await ministry.propose("DAM-02/PASS_NEW/N"), "withdrawal", PLANNER)
        assert withdrawn.json()["state"] == "WITHDRAWN"
        for plan in (rejected, withdrawn):
            for step, by in (("approval", APPROVER), ("publication", PLANNER), ("withdrawal", PLANNER)):
                assert problem(await ministry.move(plan, step, by)) == (409, "plan-moved-on")

    async def test_pages_of_plans_go_from_the_newest(self, ministry: Ministry) -> None:
        made = [(await ministry.propose("ALP-01/PASS_LOST/N", capacity)).json()["id"] for capacity in range(3, 6)]
        url: str | None = "/api/catalog/plans?office=ALP-01&service=PASS_LOST&state=PROPOSED&limit=2"
        found: list[str] = []
        while url is not None:
            answer = await ministry.desk.client.get(url, headers=ministry.desk.planner())
            found += [each["id"] for each in answer.json()["items"]]
            url = answer.links.get("next", {}).get("url")
        assert found == made[::-1]


class TestFourEyes:
    """Every way to approve one's own plan."""

    @pytest.mark.parametrize(
        "roles",
        [
            (Who.APPROVER,),
            (Who.APPROVER, Who.PLANNER),
            (Who.APPROVER, Who.ADMINISTRATOR),
            tuple(Who),
        ],
    )
    async def test_under_no_role_and_with_no_new_token(self, ministry: Ministry, roles: tuple[Who, ...]) -> None:
        plan = await ministry.propose("DAM-01/PASS_REN/U")
        for step in ("approval", "rejection"):
            assert problem(await ministry.move(plan, step, PLANNER, *roles)) == (403, "own-proposal")
        assert problem(await ministry.move(plan, "publication", PLANNER, *Who)) == (409, "plan-moved-on")

    async def test_not_for_another_office_in_the_token(self, ministry: Ministry) -> None:
        plan = await ministry.propose("DAM-01/PASS_REN/U")
        signed = ministry.desk.stage.signed_in(PLANNER, Who.APPROVER, office="ALP-01")
        headers = signed | {"idempotency-key": str(uuid4()), "if-match": '"1"'}
        path = f"/api/catalog/plans/{plan.json()['id']}/approval"
        answer = await ministry.desk.client.post(path, json={"reason": "as agreed"}, headers=headers)
        assert problem(answer) == (403, "own-proposal")

    async def test_an_administrator_without_the_role_approves_nothing(self, ministry: Ministry) -> None:
        plan = await ministry.propose("DAM-01/PASS_REN/U")
        for roles in ((Who.ADMINISTRATOR,), (Who.PLANNER,)):
            assert problem(await ministry.move(plan, "approval", APPROVER, *roles)) == (403, "not-allowed")

    async def test_revising_makes_nobody_a_second_person(self, ministry: Ministry) -> None:
        plan = await ministry.propose("DAM-01/PASS_REN/U")
        assert problem(await ministry.revise(plan, APPROVER, 90, Who.PLANNER)) == (403, "not-your-proposal")
        revised = await ministry.revise(plan, PLANNER, 90)
        assert (revised.status_code, revised.headers["etag"]) == (200, '"2"')
        assert problem(await ministry.move(revised, "approval", PLANNER)) == (403, "own-proposal")
        assert (await ministry.move(revised, "approval", APPROVER)).status_code == 200

    async def test_what_was_approved_is_what_was_read(self, ministry: Ministry) -> None:
        """Its proposer can't slip another week under an approver's eyes, or change it once it is approved."""
        plan = await ministry.propose("DAM-01/PASS_REN/U")
        revised = await ministry.revise(plan, PLANNER, 99)
        assert problem(await ministry.move(plan, "approval", APPROVER)) == (412, "changed-meanwhile")
        approved = await ministry.move(revised, "approval", APPROVER)
        assert problem(await ministry.revise(approved, PLANNER, 500)) == (409, "plan-moved-on")

    async def test_an_import_only_proposes_and_its_author_is_the_proposer(self, ministry: Ministry) -> None:
        catalogue = read_catalogue(FOLDER)
        week = next(each for each in catalogue.plans if each.offer.service == "PASS_MINOR")
        wanted = replace(week, valid_from=week.valid_from.replace(year=2027))
        said = replace(catalogue, plans=(wanted,), closures=(), numbers={})
        async with ministry.desk.service.database.transaction() as tx:
            await load_catalogue(tx, said, Author("the new year", PLANNER))
        listed = await ministry.desk.get(
            f"/plans?office={week.offer.office}&service=PASS_MINOR&state=PROPOSED", **ministry.desk.planner()
        )
        (shown,) = listed.json()["items"]
        plan = await ministry.desk.get(f"/plans/{shown['id']}", **ministry.desk.planner())
        assert problem(await ministry.move(plan, "approval", PLANNER)) == (403, "own-proposal")
        assert problem(await ministry.move(plan, "publication", PLANNER)) == (409, "plan-moved-on")

    async def test_the_database_refuses_it_too(self, ministry: Ministry) -> None:
        plan = (await ministry.propose("DAM-01/PASS_REN/U")).json()["id"]
        for change in (
            "state = 'APPROVED', approved_by = proposed_by, approved_at = now(), approved_reason = 'x'",
            "state = 'PUBLISHED'",
        ):
            with pytest.raises(IntegrityError, match=r"two_people|approved_before_force"):
                async with ministry.desk.service.database.transaction() as tx:
                    await tx.connection.exec_driver_sql(f"UPDATE plans SET {change} WHERE id = '{plan}'")


class TestRaces:
    async def test_of_two_who_edit_one_plan_the_second_is_told(self, ministry: Ministry) -> None:
        plan = await ministry.propose("ALP-01/PASS_NEW/U")
        answers = await asyncio.gather(*(ministry.revise(plan, PLANNER, seats) for seats in (21, 22)))
        assert sorted(each.status_code for each in answers) == [200, 412]
        late = next(each for each in answers if each.status_code == 412)
        assert late.json()["revision"] == 2

    async def test_published_twice_it_has_one_effect(self, ministry: Ministry) -> None:
        offer = "ALP-01/PASS_NEW/N"
        before = (await ministry.month(offer))["revision"]
        plan = await ministry.move(await ministry.propose(offer, 17), "approval", APPROVER)
        twins = await asyncio.gather(*(ministry.move(plan, "publication", PLANNER) for _ in range(4)))
        assert sorted(each.status_code for each in twins) == [200, 412, 412, 412]
        assert (await ministry.month(offer))["revision"] == before + 1
        entries = await ministry.desk.get(f"/changes?subject=plan/{plan.json()['id']}", **ministry.desk.planner())
        assert [each["what"] for each in entries.json()["items"]].count("plan-published") == 1

    async def test_with_one_key_the_answer_is_the_first_again(self, ministry: Ministry) -> None:
        offer = "ALP-01/PASS_NEW/I"
        plan = await ministry.move(await ministry.propose(offer, 7), "approval", APPROVER)
        key = str(uuid4())
        first = await ministry.move(plan, "publication", PLANNER, key=key)
        again = await ministry.move(plan, "publication", PLANNER, key=key)
        assert (first.status_code, first.json()) == (again.status_code, again.json())

    async def test_a_plan_that_another_overtook_is_refused(self, ministry: Ministry) -> None:
        offer = "DAM-02/PASS_REN/N"
        first, second, third = [await ministry.propose(offer, seats) for seats in (31, 32, 33)]
        third = await ministry.move(third, "approval", APPROVER)
        await ministry.move(await ministry.move(first, "approval", APPROVER), "publication", PLANNER)
        late = await ministry.move(second, "approval", APPROVER)
        assert problem(late) == (409, "plan-overtaken")
        assert late.json()["in_force"] == first.json()["id"]
        assert problem(await ministry.move(third, "publication", PLANNER)) == (409, "plan-overtaken")
        again = await ministry.revise(second, PLANNER, 34)
        approved = await ministry.move(again, "approval", APPROVER)
        assert (await ministry.move(approved, "publication", PLANNER)).status_code == 200
        replaced = await ministry.desk.get(f"/plans/{first.json()['id']}", **ministry.desk.planner())
        assert replaced.json()["state"] == "SUPERSEDED"

    async def test_of_two_plans_published_at_once_one_is_in_force(self, ministry: Ministry) -> None:
        offer = "DAM-02/PASS_REN/I"
        plans = [await ministry.move(await ministry.propose(offer, seats), "approval", APPROVER) for seats in (41, 42)]
        answers = await asyncio.gather(*(ministry.move(each, "publication", PLANNER) for each in plans))
        assert sorted(each.status_code for each in answers) == [200, 409]
        late = next(each for each in answers if each.status_code == 409)
        assert problem(late) == (409, "plan-overtaken")


async def test_a_plan_that_leaves_too_few_seats_for_turns_stays_approved_and_changes_nothing(
    ministry: Ministry,
) -> None:
    offer = "HMS-01/PASS_NEW/N"
    before = await ministry.month(offer)
    plan = await ministry.move(await ministry.propose(offer, 1), "approval", APPROVER)
    turns = [
        SeenTurn(uuid4(), Offer("HMS-01", "PASS_NEW", "N"), date(2026, 12, 6), Standing.SEATED, window)
        for window in ("09:00", "10:00")
    ]
    async with ministry.desk.service.database.transaction() as tx:
        await note(tx.connection, turns)
    refused = await ministry.move(plan, "publication", PLANNER)
    assert problem(refused) == (409, "below-use")
    assert (refused.json()["in_use"], refused.json()["wanted"]) == (2, 1)
    assert await ministry.month(offer) == before
    shown = await ministry.desk.get(f"/plans/{plan.json()['id']}", **ministry.desk.planner())
    assert shown.json() == plan.json()


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("offer", "changes", "status", "code"),
        [
            ("NOPE/PASS_REN/N", {}, 404, "unknown-office"),
            ("DAM-01/NOPE/N", {}, 404, "unknown-service"),
            ("DAM-01/PASS_REN/F", {}, 409, "not-offered"),
            ("DAM-01/PASS_REN/N", {"valid_from": "2026-11-23"}, 409, "date-over"),
            ("DAM-01/PASS_REN/N", {"valid_from": "2036-11-23"}, 422, "date-too-far"),
            ("DAM-01/PASS_REN/N", {"valid_from": "0001-01-01"}, 409, "date-over"),
            ("DAM-01/PASS_REN/N", {"reason": "x"}, 422, "invalid-request"),
            ("DAM-01/PASS_REN/N", {"days": [days(-1)]}, 422, "invalid-request"),
            ("DAM-01/PASS_REN/N", {"approved_by": str(PLANNER)}, 422, "invalid-request"),
        ],
    )
    async def test_plans_that_cannot_be_are_refused(
        self, ministry: Ministry, offer: str, changes: dict[str, Any], status: int, code: str
    ) -> None:
        assert problem(await ministry.propose(offer, **changes)) == (status, code)

    @pytest.mark.parametrize(
        ("planned", "pointer", "code"),
        [
            ([days(5, "FRI")], "#/days/0/weekdays", "closed"),
            ([days(5, "SUN"), days(6, "SUN")], "#/days/1/weekdays", "twice"),
            (
                [days(5, windows=[{"start": "07:00", "end": "08:00", "capacity": 5}])],
                "#/days/0/windows",
                "outside-hours",
            ),
            (
                [days(5, windows=[{"start": "09:00", "end": "10:00", "capacity": 4}])],
                "#/days/0/windows",
                "windows-dont-add-up",
            ),
            ([days(5, releases=[{"at": "00:00", "percent": 50}])], "#/days/0/releases", "releases-dont-add-up"),
            ([days(5, kept_urgent=60, kept_assisted=60)], "#/days/0/kept_urgent", "kept-too-much"),
        ],
    )
    async def test_rules_of_the_folder_hold_and_name_the_place(
        self, ministry: Ministry, planned: list[Any], pointer: str, code: str
    ) -> None:
        answer = await ministry.propose("DAM-01/PASS_REN/N", days=planned)
        assert problem(answer) == (422, "rules-broken")
        assert (pointer, code) in [(each["pointer"], each["code"]) for each in answer.json()["errors"]]

    async def test_broken_rules_are_told_in_the_callers_language(self, ministry: Ministry) -> None:
        said = {}
        for lang in ("ar", "en"):
            body = {"valid_from": "2026-12-01", "days": [days(5, "FRI")], "reason": "fridays"}
            offer = {"office": "DAM-01", "service": "PASS_REN", "tier": "N"}
            headers = ministry.signed(PLANNER, accept_language=lang)
            answer = await ministry.desk.client.post("/api/catalog/plans", json=body | offer, headers=headers)
            said[lang] = answer.json()["errors"][0]["detail"]
        assert said == {"en": "DAM-01 is closed on FRI", "ar": "DAM-01 مغلق يوم FRI"}

    async def test_a_day_has_a_window_each_quarter_of_an_hour_at_most(self, ministry: Ministry) -> None:
        offer = "DAM-01/PASS_REN/I"
        assert (await ministry.propose(offer, days=[days(96, windows=minutes(96))])).status_code == 201
        planned = await ministry.propose(offer, days=[days(97, windows=minutes(97))])
        decided = await ministry.desk.day(f"{offer}/2026-12-01", capacity=97, windows=minutes(97))
        for answer, pointer in ((planned, "#/days/0/windows"), (decided, "#/windows")):
            assert problem(answer) == (422, "invalid-request")
            assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, "too_long")]

    async def test_a_move_needs_what_was_read_and_a_key(self, ministry: Ministry) -> None:
        plan = (await ministry.propose("DAM-01/PASS_REN/I")).json()["id"]
        for step in ("approval", "rejection", "publication", "withdrawal"):
            path, body = f"/api/catalog/plans/{plan}/{step}", {"reason": "as agreed"}
            headers = ministry.signed(APPROVER, *Who)
            for tag in ({}, {"if-match": "*"}):
                answer = await ministry.desk.client.post(path, json=body, headers=headers | tag)
                assert problem(answer) == (428, "if-match-needed")
            del headers["idempotency-key"]
            answer = await ministry.desk.client.post(path, json=body, headers=headers | {"if-match": '"1"'})
            assert problem(answer) == (400, "idempotency-key-missing")

    async def test_plans_that_are_not_there(self, ministry: Ministry) -> None:
        nowhere = uuid4()
        assert problem(await ministry.desk.get(f"/plans/{nowhere}", **ministry.desk.planner())) == (404, "unknown-plan")
        gone = f"/plans/{nowhere}/differences"
        assert problem(await ministry.desk.get(gone, **ministry.desk.planner())) == (404, "unknown-plan")


async def test_what_a_plan_changes_is_told_place_by_place(ministry: Ministry) -> None:
    plan = await ministry.propose("DAM-01/PASS_NEW/I", days=[days(6, "SUN", "MON", "TUE", "WED", "THU")])
    answer = await ministry.desk.get(f"/plans/{plan.json()['id']}/differences", **ministry.desk.planner())
    assert answer.json()["based_on"] == plan.json()["based_on"]
    found = {each["path"]: (each["before"], each["after"]) for each in answer.json()["items"]}
    assert found == {
        "/valid_from": ("2026-01-01", "2026-12-01"),
        **{f"/week/{day}/capacity": (5, 6) for day in ("SUN", "MON", "TUE", "WED", "THU")},
    }
