"""What staff change of the catalogue over HTTP: by the folder's rules, kept, told, and never deleted."""

import asyncio
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dawr.contracts import Channel, Money
from dawr.contracts.catalog import OfficeDescribed
from dawr.contracts.topics import TOPIC_OF
from dawr.servicekit.auth import Role as Who
from dawr.servicekit.testing import until

from .conftest import Desk, problem

KINDS = ("agencies", "regions", "tiers", "extras", "calendars", "services", "offices")
ONE_OF = {
    "agencies": "IMM",
    "regions": "ALP",
    "tiers": "N",
    "extras": "DLV_HOME",
    "calendars": "SY",
    "services": "PASS_REN",
    "offices": "DAM-01",
}


def text(word: str) -> dict[str, str]:
    return {"ar": word, "en": word}


def new_service(code: str, **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "agency": "IMM",
        "family": "PASSPORT",
        "name": text("a pass"),
        "description": text("a pass for a day"),
        "audiences": ["citizen"],
        "visit": "required",
        "channels": ["online"],
        "tiers": ["N"],
        "duration_minutes": 10,
        "documents": [{"code": "ID_CARD", "name": text("card"), "condition": text("if there is one")}],
        "extras": [{"extra": "DLV_HOME", "amount": {"minor": 100, "currency": "SYP"}}],
    } | changes


def fee(tier: str = "N", channel: str = "online", currency: str = "SYP") -> dict[str, Any]:
    amount = {"minor": 500, "currency": currency}
    return {"tier": tier, "channel": channel, "amount": amount, "effective_from": "2026-12-01"}


def span(opens: str, closes: str) -> dict[str, str]:
    return {"opens": opens, "closes": closes}


class Office:
    """Where things are changed."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def form(self, path: str) -> httpx.Response:
        return await self.desk.get(f"/{path}/form", **self.desk.planner(Who.ADMINISTRATOR))

    async def add(self, kind: str, state: dict[str, Any], **more: Any) -> httpx.Response:
        body = {"state": state, "reason": "a new decree", **more}
        headers = self.desk.planner(Who.ADMINISTRATOR, idempotency_key=str(uuid4()), accept_language="en")
        return await self.desk.client.post(f"/api/catalog/{kind}", json=body, headers=headers)

    async def change(self, path: str, tag: str | None = None, **changes: Any) -> httpx.Response:
        """Change fields of a thing as it is; `fees` are a service's new ones."""
        read = await self.form(path)
        more = {"fees": changes.pop("fees")} if "fees" in changes else {}
        body = {"state": read.json()["state"] | changes, "reason": "a new decree", **more}
        headers = self.desk.planner(if_match=tag or read.headers["etag"], accept_language="en")
        return await self.desk.client.put(f"/api/catalog/{path}", json=body, headers=headers)

    async def stand(self, path: str, step: str) -> httpx.Response:
        tag = (await self.form(path)).headers["etag"]
        headers = self.desk.planner(if_match=tag, idempotency_key=str(uuid4()))
        body = {"reason": "a new decree"}
        return await self.desk.client.post(f"/api/catalog/{path}/{step}", json=body, headers=headers)

    async def office_told(self, code: str, revision: int) -> OfficeDescribed:
        async def there() -> OfficeDescribed | None:
            for each in await self.desk.stage.messages(TOPIC_OF[OfficeDescribed]):
                found = each.message
                if isinstance(found, OfficeDescribed) and (found.code, found.revision) == (code, revision):
                    return found
            return None

        return await until(there, every=0.1, what=f"{code} at revision {revision}")


@pytest.fixture
def office(desk: Desk) -> Office:
    return Office(desk)


class TestForms:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_what_is_read_and_sent_back_changes_nothing(self, office: Office, kind: str) -> None:
        path = f"{kind}/{ONE_OF[kind]}"
        read = await office.form(path)
        assert read.headers["etag"] == f'"{read.json()["revision"]}"'
        again = await office.change(path)
        assert (again.status_code, again.json()) == (200, read.json())

    @pytest.mark.parametrize("kind", KINDS)
    async def test_codes_that_nothing_has(self, office: Office, kind: str) -> None:
        code = "Z" if kind == "tiers" else "NOPE"
        unknown = {"services": "unknown-service", "offices": "unknown-office"}.get(kind, "unknown-code")
        assert problem(await office.form(f"{kind}/{code}")) == (404, unknown)
        state = (await office.form(f"{kind}/{ONE_OF[kind]}")).json()["state"]
        body = {"state": state | {"code": code}, "reason": "a new decree"}
        headers = office.desk.planner(if_match='"1"')
        answer = await office.desk.client.put(f"/api/catalog/{kind}/{code}", json=body, headers=headers)
        assert problem(answer) == (404, unknown)

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_code_is_given_once_and_never_changes(self, office: Office, kind: str) -> None:
        state = (await office.form(f"{kind}/{ONE_OF[kind]}")).json()["state"]
        assert problem(await office.add(kind, state)) == (409, "code-taken")
        other = "Z" if kind == "tiers" else "OTHER"
        renamed = await office.change(f"{kind}/{ONE_OF[kind]}", code=other)
        assert problem(renamed) == (422, "rules-broken")
        assert renamed.json()["errors"][0]["code"] == "code-differs"

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_change_names_what_was_read(self, office: Office, kind: str) -> None:
        path = f"{kind}/{ONE_OF[kind]}"
        body = {"state": (await office.form(path)).json()["state"], "reason": "a new decree"}
        answer = await office.desk.client.put(f"/api/catalog/{path}", json=body, headers=office.desk.planner())
        assert problem(answer) == (428, "if-match-needed")
        assert problem(await office.change(path, tag='"999"')) == (412, "changed-meanwhile")

    @pytest.mark.parametrize(
        ("kind", "code", "changes"),
        [
            ("agencies", "NEW_AGENCY", {}),
            ("regions", "NEW_REGION", {}),
            ("tiers", "Y", {}),
            ("extras", "NEW_EXTRA", {}),
            ("calendars", "NEW_CAL", {"holidays_of": "DE-BE", "left_out": ["12-26"]}),
            ("offices", "ALP-99", {"latitude": 36.2, "longitude": 37.1}),
        ],
    )
    async def test_a_new_thing_is_kept_with_who_and_why(
        self, office: Office, kind: str, code: str, changes: dict[str, Any]
    ) -> None:
        state = (await office.form(f"{kind}/{ONE_OF[kind]}")).json()["state"] | {"code": code} | changes
        made = await office.add(kind, state)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        assert made.json()["state"] == (await office.form(f"{kind}/{code}")).json()["state"] == state
        subject = f"{kind.removesuffix('ies') + 'y' if kind.endswith('ies') else kind.removesuffix('s')}/{code}"
        (entry,) = (await office.desk.get(f"/changes?subject={subject}", **office.desk.planner())).json()["items"]
        assert (entry["what"], entry["reason"], entry["origin"]) == ("described", "a new decree", "staff")


class TestServices:
    async def test_a_new_service_is_told_with_its_fees_and_can_be_planned(self, office: Office) -> None:
        made = await office.add("services", new_service("DAY_PASS"), fees=[fee()])
        assert made.status_code == 201, made.text
        told = await office.desk.service_told("DAY_PASS", 1)
        assert told.fee("N", Channel.ONLINE, date(2026, 12, 1)) == Money(minor=500, currency="SYP")
        assert told.documents[0].condition is not None
        plan = {
            "office": "DAM-01",
            "service": "DAY_PASS",
            "tier": "N",
            "valid_from": "2026-12-01",
            "days": [{"weekdays": ["SUN"], "capacity": 3, "opens_days_before": 9}],
            "reason": "a first plan",
        }
        headers = office.desk.planner(idempotency_key=str(uuid4()))
        assert (await office.desk.client.post("/api/catalog/plans", json=plan, headers=headers)).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "fees", "pointer", "code"),
        [
            ({}, [], "#/state/tiers", "fee-missing"),
            ({"tiers": ["N", "U"]}, [fee()], "#/state/tiers", "fee-missing"),
            ({"agency": "NOPE"}, [fee()], "#/state/agency", "unknown"),
            ({"tiers": ["N", "Z"]}, [fee(), fee("Z")], "#/state/tiers", "unknown"),
            ({"needs_service": "NOPE"}, [fee()], "#/state/needs_service", "unknown"),
            ({"needs_service": "BAD_PASS"}, [fee()], "#/state/needs_service", "needs-itself"),
            ({"min_age": 30, "max_age": 20}, [fee()], "#/state/max_age", "ages-out-of-order"),
            ({"allocation": "draw"}, [fee()], "#/state/allocation", "not-available"),
            ({"name": {"ar": "x" * 121, "en": "x"}}, [fee()], "#/state/name/ar", "string-too-long"),
            ({"keywords": ["a", "a"]}, [fee()], "#/state/keywords", "word-twice"),
            (
                {"documents": [{"code": "ID_CARD", "name": text("x"), "tiers": ["I"]}]},
                [fee()],
                "#/state/documents/0/tiers",
                "not-offered",
            ),
            (
                {"extras": [{"extra": "NOPE", "amount": {"minor": 1, "currency": "SYP"}}]},
                [fee()],
                "#/state/extras/0/extra",
                "unknown",
            ),
            (
                {"extras": [{"extra": "DLV_HOME", "amount": {"minor": -1, "currency": "SYP"}}]},
                [fee()],
                "#/state/extras/0/amount/minor",
                "greater-than-equal",
            ),
            ({}, [fee(currency="JPY")], "#/fees/0/amount/currency", "currency-not-supported"),
        ],
    )
    async def test_the_folders_rules_hold_and_name_the_place(
        self, office: Office, changes: dict[str, Any], fees: list[Any], pointer: str, code: str
    ) -> None:
        answer = await office.add("services", new_service("BAD_PASS", **changes), fees=fees)
        assert problem(answer) == (422, "rules-broken")
        assert (pointer, code) in [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
        assert problem(await office.form("services/BAD_PASS")) == (404, "unknown-service")

    async def test_a_new_tier_comes_with_its_fee(self, office: Office) -> None:
        await office.add("services", new_service("TIER_PASS"), fees=[fee()])
        without = await office.change("services/TIER_PASS", tiers=["N", "U"])
        assert problem(without) == (422, "rules-broken")
        changed = await office.change("services/TIER_PASS", tiers=["N", "U"], fees=[fee("U")])
        assert changed.headers["etag"] == '"2"'
        told = await office.desk.service_told("TIER_PASS", 2)
        assert [each.code for each in told.tiers] == ["N", "U"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"tiers": ["N"], "documents": []}, "tiers"),
            ({"channels": ["mission"], "fees": [fee(each, "mission") for each in "NUI"]}, "channels"),
            ({"visit": "none"}, "visit"),
            ({"allocation": "open"}, "allocation"),
        ],
    )
    async def test_what_plans_build_on_stays(self, office: Office, changes: dict[str, Any], field: str) -> None:
        answer = await office.change("services/PASS_NEW", **changes)
        assert problem(answer) == (409, "fixed-while-offered")
        assert answer.json()["field"] == field

    async def test_a_retired_service_has_no_days_to_come_and_gets_them_back(self, office: Office) -> None:
        month = "/capacity/HMS-01/PASS_LOST/N?month=2026-12"
        before = (await office.desk.get(month, **office.desk.planner())).json()
        retired = await office.stand("services/PASS_LOST", "retirement")
        assert (retired.status_code, retired.json()["retired"]) == (200, True)
        told = await office.desk.month_told("HMS-01/PASS_LOST/N/2026-12", before["revision"] + 1)
        assert told.days == ()
        assert (await office.desk.service_told("PASS_LOST", retired.json()["revision"])).retired
        assert problem(await office.desk.get(month, **office.desk.planner())) == (409, "not-offered")
        assert problem(await office.stand("services/PASS_LOST", "retirement")) == (409, "retired-already")
        changed = await office.change("services/PASS_LOST", duration_minutes=21)
        assert changed.json()["retired"] is True
        assert (await office.stand("services/PASS_LOST", "reinstatement")).json()["retired"] is False
        after = (await office.desk.get(month, **office.desk.planner())).json()
        assert (after["days"], after["revision"]) == (before["days"], before["revision"] + 2)
        assert problem(await office.stand("services/PASS_LOST", "reinstatement")) == (409, "not-retired")


class TestOffices:
    async def test_shorter_hours_reach_the_topic_with_the_days_that_follow(self, office: Office) -> None:
        read = (await office.form("offices/ALP-01")).json()
        hours = [each for each in read["state"]["hours"] if each["weekday"] != "THU"]
        changed = await office.change("offices/ALP-01", hours=hours, name=text("Aleppo centre"))
        told = await office.office_told("ALP-01", changed.json()["revision"])
        assert told.name.en == "Aleppo centre"
        month = await office.desk.month_told("ALP-01/PASS_REN/N/2026-12", 2)
        assert not [day for day in month.days if day.date.isoweekday() == 4]
        assert {each.date.isoweekday() for each in month.closed} == {4}
        found = await office.desk.get(
            f"/changes/differences?subject=office/ALP-01&from={read['revision']}&to={changed.json()['revision']}",
            **office.desk.planner(),
        )
        assert [each["path"] for each in found.json()["items"]] == ["/hours/4", "/name/ar", "/name/en"]

    async def test_a_special_day_closes_every_office_of_its_calendar(self, office: Office) -> None:
        day = {"first_day": "2026-12-07", "last_day": "2026-12-07", "kind": "closed", "name": text("a day of rest")}
        answer = await office.change("calendars/SY", special_days=[day])
        assert answer.status_code == 200, answer.text
        for code in ("HMS-01", "DAM-02"):
            month = await office.desk.month_told(f"{code}/PASS_REN/N/2026-12", 2)
            assert [(each.date.day, each.kind) for each in month.closed] == [(7, "special")]

    @pytest.mark.parametrize(
        ("changes", "pointer", "code"),
        [
            ({"region": "NOPE"}, "#/state/region", "unknown"),
            ({"calendar": "NOPE"}, "#/state/calendar", "unknown"),
            ({"zone": "Nowhere/Town"}, "#/state/zone", "not-a-zone"),
            ({"currency": "KWD"}, "#/state/currency", "currency-not-supported"),
            ({"latitude": None}, "#/state/latitude", "half-a-place"),
            ({"hours": [{"weekday": "SUN", "hours": [span("15:00", "08:00")]}]}, "#/state/hours", "not-hours"),
            ({"languages": ["ar", "ar"]}, "#/state/languages", "word-twice"),
        ],
    )  # fmt: skip
    async def test_the_folders_rules_hold(
        self, office: Office, changes: dict[str, Any], pointer: str, code: str
    ) -> None:
        answer = await office.change("offices/DAM-01", **changes)
        assert problem(answer) == (422, "rules-broken")
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]

    @pytest.mark.parametrize("changes", [{"zone": "Asia/Amman"}, {"currency": "USD"}, {"kind": "mission"}])
    async def test_what_days_and_fees_follow_from_stays(self, office: Office, changes: dict[str, Any]) -> None:
        answer = await office.change("offices/DAM-01", **changes)
        assert problem(answer) == (409, "fixed-while-offered")
        assert answer.json()["field"] == next(iter(changes))

    async def test_of_two_who_read_the_same_office_the_second_is_told(self, office: Office) -> None:
        tag = (await office.form("offices/HMS-01")).headers["etag"]
        answers = await asyncio.gather(*(office.change("offices/HMS-01", tag, counters=each) for each in (7, 8)))
        assert sorted(each.status_code for each in answers) == [200, 412]

    async def test_of_two_who_add_the_same_code_one_does(self, office: Office) -> None:
        state = (await office.form("offices/HMS-01")).json()["state"] | {"code": "HMS-77"}
        answers = await asyncio.gather(*(office.add("offices", state) for _ in range(3)))
        assert sorted(each.status_code for each in answers) == [201, 409, 409]


async def test_a_regions_name_is_told_with_its_offices(office: Office) -> None:
    before = (await office.form("offices/BER-01")).json()["revision"]
    await office.change("regions/DE", name=text("Deutschland"))
    told = await office.office_told("BER-01", before + 1)
    assert told.region_name.en == "Deutschland"


async def test_a_fee_between_two_revisions_is_a_difference(office: Office) -> None:
    revision = (await office.form("services/FAM_BOOK")).json()["revision"]
    await office.desk.fee(service="FAM_BOOK", amount={"minor": 77, "currency": "SYP"})
    path = f"/changes/differences?subject=service/FAM_BOOK&from={revision}&to={revision + 1}"
    found = (await office.desk.get(path, **office.desk.planner())).json()["items"]
    added = {"minor": 77, "currency": "SYP"}
    assert found == [{"path": "/fees/N/online/2026-12-01", "before": None, "after": added}]
    unknown = await office.desk.get(path.replace("to=", "to=9"), **office.desk.planner())
    assert problem(unknown) == (404, "unknown-revision")
    history = (await office.desk.get("/fees?service=FAM_BOOK&limit=1", **office.desk.planner())).json()
    (last,) = history["items"]
    assert (last["amount"]["minor"], last["origin"]) == (77, "staff")
    assert history["next"] is not None
