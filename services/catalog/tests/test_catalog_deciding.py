"""What planners decide over HTTP reaches the topics, is kept with who, when and why, and nobody else may."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from dawr.contracts import Channel, Money
from dawr.servicekit.auth import Role as Who

from .conftest import DAY, NOW, PLANNER, Desk, problem


def _syp(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "SYP"}


class TestDecidingFees:
    async def test_a_fee_reaches_the_topic_and_readers_find_it_from_its_day_on(self, desk: Desk) -> None:
        answer = await desk.fee(service="PASS_NEW", amount={"minor": 40_000_000, "currency": "SYP"})
        assert answer.status_code == 201
        assert answer.headers["location"] == "/api/catalog/services/PASS_NEW"
        body = answer.json()
        assert body["fee"]["is_example"] is False
        told = await desk.service_told("PASS_NEW", body["revision"])
        fees = [told.fee("N", Channel.ONLINE, date(2026, *day)) for day in ((11, 30), (12, 1))]
        assert fees == [Money(minor=31_270_000, currency="SYP"), Money(minor=40_000_000, currency="SYP")]
        assert told.fee("U", Channel.ONLINE, date(2026, 12, 1)) == Money(minor=43_270_000, currency="SYP")

    async def test_of_two_for_one_day_the_later_stands_and_both_are_kept(self, desk: Desk) -> None:
        for minor in (1_000, 2_000):
            answer = await desk.fee(service="FAM_BOOK", amount={"minor": minor, "currency": "SYP"})
        told = await desk.service_told("FAM_BOOK", answer.json()["revision"])
        assert told.fee("N", Channel.ONLINE, date(2026, 12, 1)) == Money(minor=2_000, currency="SYP")
        async with desk.service.database.reading() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT minor, origin FROM fees WHERE service = 'FAM_BOOK' ORDER BY number"
            )
            assert [tuple(row) for row in rows] == [(3_000_000, "seed"), (1_000, "staff"), (2_000, "staff")]

    async def test_racing_planners_lose_no_fee(self, desk: Desk) -> None:
        before = (await desk.get("/services/CRIM_REC")).json()["revision"]
        days = [date(2027, 1, n) for n in range(1, 9)]
        answers = await asyncio.gather(
            *(desk.fee(service="CRIM_REC", effective_from=on.isoformat(), amount=_syp(on.day)) for on in days)
        )
        assert sorted(each.json()["revision"] for each in answers) == [before + n for n in range(1, 9)]
        told = await desk.service_told("CRIM_REC", before + 8)
        assert [told.fee("N", Channel.ONLINE, on) for on in days] == [
            Money(minor=on.day, currency="SYP") for on in days
        ]

    async def test_a_kept_fee_cannot_be_rewritten_even_by_hand(self, desk: Desk) -> None:
        for statement in ("UPDATE fees SET minor = 0", "DELETE FROM fees", "DELETE FROM changes", "TRUNCATE fees"):
            with pytest.raises(Exception, match="never changed or deleted"):
                async with desk.service.database.transaction() as tx:
                    await tx.connection.exec_driver_sql(statement)

    async def test_twins_of_a_request_make_one_decision(self, desk: Desk) -> None:
        key = str(uuid4())
        answers = await asyncio.gather(*(desk.fee(key, service="DL_NEW") for _ in range(8)))
        made = [each for each in answers if each.status_code == 201]
        assert made
        assert {each.status_code for each in answers} <= {201, 409}
        again = await desk.fee(key, service="DL_NEW")
        assert (again.status_code, again.json()) == (201, made[0].json())
        assert problem(await desk.fee(key, service="DL_NEW", tier="U")) == (422, "idempotency-key-reused")
        entries = (await desk.get("/changes?subject=service/DL_NEW", **desk.planner())).json()["items"]
        assert [each["what"] for each in entries] == ["fee-decided", "described"]

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"service": "NOPE"}, 404, "unknown-service"),
            ({"tier": "I"}, 409, "not-offered"),
            ({"channel": "mission"}, 409, "not-offered"),
            ({"amount": {"minor": -1, "currency": "SYP"}}, 422, "negative"),
            ({"amount": {"minor": 100, "currency": "USD"}}, 422, "wrong-currency"),
            ({"amount": {"minor": 100, "currency": "JPY"}}, 422, "currency-not-supported"),
            ({"effective_from": "2026-11-23"}, 409, "date-over"),
            ({"effective_from": "2062-12-01"}, 422, "date-too-far"),
            ({"effective_from": 1_800_000_000}, 422, "invalid-request"),
            ({"amount": {"minor": 100.5, "currency": "SYP"}}, 422, "invalid-request"),
            ({"amount": {"minor": "100", "currency": "SYP"}}, 422, "invalid-request"),
            ({"amount": {"minor": 10**30, "currency": "SYP"}}, 422, "invalid-request"),
            ({"reason": " "}, 422, "invalid-request"),
            ({"reason": "nul \u0000 byte"}, 422, "invalid-request"),
            ({"is_example": True}, 422, "invalid-request"),
        ],
    )
    async def test_fees_that_cannot_be_are_refused(
        self, desk: Desk, changes: dict[str, Any], status: int, code: str
    ) -> None:
        before = (await desk.get("/services/PASS_LOST")).json()["revision"]
        assert problem(await desk.fee(**changes)) == (status, code)
        assert (await desk.get("/services/PASS_LOST")).json()["revision"] == before

    async def test_it_needs_a_key(self, desk: Desk) -> None:
        answer = await desk.client.post("/api/catalog/fees", json={}, headers=desk.planner())
        assert problem(answer) == (422, "invalid-request")
        body = {
            "service": "PASS_LOST", "tier": "N", "channel": "online", "amount": {"minor": 1, "currency": "SYP"},
            "effective_from": "2026-12-01", "reason": "decree",
        }  # fmt: skip
        answer = await desk.client.post("/api/catalog/fees", json=body, headers=desk.planner())
        assert problem(answer) == (400, "idempotency-key-missing")


class TestDecidingDays:
    async def test_a_day_reaches_the_topic_in_its_month(self, desk: Desk) -> None:
        before = await desk.get("/capacity/DAM-01/PASS_REN/N?month=2026-12", **desk.planner())
        assert (before.status_code, before.headers["etag"]) == (200, '"1"')
        windows = [
            {"start": "09:00", "end": "10:00", "capacity": 30},
            {"start": "10:00", "end": "12:00", "capacity": 30},
        ]
        answer = await desk.day(DAY, capacity=60, windows=windows)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        first = answer.json()["days"][0]
        assert (first["date"], first["capacity"], first["decided_by"]) == ("2026-12-01", 60, "staff")
        told = await desk.month_told("DAM-01/PASS_REN/N/2026-12", 2)
        assert [(each.start, each.end, each.capacity) for each in told.days[0].windows] == [
            ("09:00", "10:00", 30),
            ("10:00", "12:00", 30),
        ]
        assert [day.capacity for day in told.days[1:]] == [day["capacity"] for day in before.json()["days"][1:]]
        assert told.days[0].opens_at == datetime.fromisoformat(before.json()["days"][0]["opens_at"])

    async def test_a_scarce_day_can_keep_its_seats_for_a_shorter_while(self, desk: Desk) -> None:
        answer = await desk.day("ALP-01/PASS_REN/I/2026-12-01", capacity=5, hold_seconds=60)
        assert answer.json()["days"][0]["hold_seconds"] == 60
        told = await desk.month_told("ALP-01/PASS_REN/I/2026-12", answer.json()["revision"])
        assert [day.hold_seconds for day in told.days[:2]] == [60, None]

    async def test_the_same_again_is_no_new_revision(self, desk: Desk) -> None:
        once = await desk.day("ALP-01/PASS_REN/N/2026-12-01", capacity=5)
        again = await desk.day("ALP-01/PASS_REN/N/2026-12-01", capacity=5)
        assert once.json() == again.json()

    async def test_a_closed_weekday_and_a_month_not_planned_yet_can_be_opened(self, desk: Desk) -> None:
        friday = await desk.day("HMS-01/PASS_REN/N/2026-12-04", capacity=5)
        assert "2026-12-04" in {day["date"] for day in friday.json()["days"]}
        far = await desk.day("HMS-01/PASS_REN/N/2027-06-02", capacity=5, opens_at="2027-05-01T09:00:00+03:00")
        assert (far.status_code, far.json()["revision"]) == (200, 1)
        told = await desk.month_told("HMS-01/PASS_REN/N/2027-06", 1)
        assert told.days[0].opens_at == datetime(2027, 5, 1, 6, tzinfo=UTC)

    async def test_of_two_who_read_the_same_month_the_second_is_told(self, desk: Desk) -> None:
        read = await desk.get("/capacity/DAM-02/PASS_REN/U?month=2026-12", **desk.planner())
        who = desk.planner(if_match=read.headers["etag"])
        assert (await desk.day("DAM-02/PASS_REN/U/2026-12-01", who, capacity=9)).status_code == 200
        late = await desk.day("DAM-02/PASS_REN/U/2026-12-02", who, capacity=9)
        assert problem(late) == (412, "changed-meanwhile")
        assert late.json()["revision"] == 2
        for tag in ('W/"2"', '"two"', "2"):
            late = await desk.day("DAM-02/PASS_REN/U/2026-12-02", desk.planner(if_match=tag), capacity=9)
            assert problem(late) == (412, "changed-meanwhile")
        for tag in ('"2"', '"1", "3"', "*"):
            fine = await desk.day("DAM-02/PASS_REN/U/2026-12-02", desk.planner(if_match=tag), capacity=9 + len(tag))
            assert fine.status_code == 200

    async def test_racing_planners_lose_no_decision(self, desk: Desk) -> None:
        days = [f"2026-12-{day:02}" for day in (1, 2, 3, 6, 7, 8, 9, 10)]
        answers = await asyncio.gather(*(desk.day(f"ALP-01/ID_NEW/U/{day}", capacity=77) for day in days))
        assert {each.status_code for each in answers} == {200}
        month = (await desk.get("/capacity/ALP-01/ID_NEW/U?month=2026-12", **desk.planner())).json()
        assert {day["date"] for day in month["days"] if day["capacity"] == 77} == set(days)
        assert month["revision"] == 1 + len(days)
        told = await desk.month_told("ALP-01/ID_NEW/U/2026-12", 1 + len(days))
        assert sum(day.capacity == 77 for day in told.days) == len(days)

    @pytest.mark.parametrize(
        ("path", "body", "status", "code"),
        [
            ("NOPE/PASS_REN/N/2026-12-01", {"capacity": 1}, 404, "unknown-office"),
            ("DAM-01/NOPE/N/2026-12-01", {"capacity": 1}, 404, "unknown-service"),
            ("DAM-01/DL_NEW/N/2026-12-01", {"capacity": 1}, 409, "not-offered"),
            ("DAM-01/PASS_REN/F/2026-12-01", {"capacity": 1}, 409, "not-offered"),
            ("DAM-01/CRIM_REC/N/2026-12-01", {"capacity": 1}, 409, "not-offered"),
            ("DAM-01/PASS_REN/N/2026-11-23", {"capacity": 1}, 409, "date-over"),
            ("DAM-01/PASS_REN/N/0001-01-01", {"capacity": 1}, 409, "date-over"),
            ("DAM-01/PASS_REN/N/9999-12-31", {"capacity": 1}, 422, "date-too-far"),
            ("DAM-01/PASS_REN/N/2026-02-30", {"capacity": 1}, 422, "invalid-request"),
            ("DAM-01/PASS_REN/N/1800000000", {"capacity": 1}, 422, "invalid-request"),
            (DAY, {"capacity": -1}, 422, "negative"),
            (DAY, {"capacity": 10**9}, 422, "invalid-request"),
            (DAY, {"capacity": True}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "hold_seconds": 0}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "reason": ""}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "opens_at": "2026-12-01"}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "opens_at": "2026-12-01T09:00:00"}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "opens_at": "0001-01-01T00:00:00+14:00"}, 422, "invalid-request"),
            (DAY, {"capacity": 1, "opens_at": "2026-12-02T00:00:00+03:00"}, 422, "opens-too-late"),
            (
                DAY,
                {"capacity": 9, "windows": [{"start": "09:00", "end": "10:00", "capacity": 8}]},
                422,
                "windows-dont-add-up",
            ),
            (
                DAY,
                {"capacity": 8, "windows": [{"start": "10:00", "end": "09:00", "capacity": 8}]},
                422,
                "windows-overlap",
            ),
            (
                DAY,
                {"capacity": 8, "windows": [{"start": "24:00", "end": "25:00", "capacity": 8}]},
                422,
                "invalid-request",
            ),
        ],
    )  # fmt: skip
    async def test_days_that_cannot_be_are_refused(
        self, desk: Desk, path: str, body: dict[str, Any], status: int, code: str
    ) -> None:
        assert problem(await desk.day(path, **body)) == (status, code)


class TestWhoMay:
    @pytest.mark.parametrize("role", [role for role in Who if role is not Who.PLANNER])
    async def test_only_planners_decide(self, desk: Desk, role: Who) -> None:
        who = desk.planner(role)
        assert problem(await desk.fee(who=who)) == (403, "not-allowed")
        assert problem(await desk.day(DAY, who, capacity=1)) == (403, "not-allowed")

    async def test_nobody_decides_or_looks_without_signing_in(self, desk: Desk) -> None:
        nobody = {"authorization": "Bearer nonsense"}
        assert problem(await desk.fee(who=nobody)) == (401, "not-signed-in")
        assert problem(await desk.day(DAY, nobody, capacity=1)) == (401, "not-signed-in")
        for path in ("/capacity/DAM-01/PASS_REN/N", "/changes"):
            assert problem(await desk.get(path)) == (401, "not-signed-in")

    @pytest.mark.parametrize("role", list(Who))
    async def test_who_may_look(self, desk: Desk, role: Who) -> None:
        may = role in {Who.PLANNER, Who.APPROVER, Who.AUDITOR, Who.ADMINISTRATOR}
        for path in ("/capacity/DAM-01/PASS_REN/I", "/changes?limit=1"):
            answer = await desk.get(path, **desk.planner(role))
            assert answer.status_code == (200 if may else 403)
            assert answer.headers["cache-control"] == "no-store"


class TestTheRecordOfChanges:
    async def test_each_change_names_who_when_why_and_the_one_before(self, desk: Desk) -> None:
        for capacity in (3, 4):
            await desk.day("DAM-02/FAM_BOOK/N/2026-12-01", capacity=capacity, reason=f"{capacity} clerks")
        subject = "capacity/DAM-02/FAM_BOOK/N/2026-12"
        last, first = (await desk.get(f"/changes?subject={subject}", **desk.planner())).json()["items"]
        assert (first["previous"], last["previous"]) == (None, first["number"])
        assert [UUID(each["by_person"]) for each in (first, last)] == [PLANNER, PLANNER]
        assert [each["reason"] for each in (first, last)] == ["3 clerks", "4 clerks"]
        assert [each["revision"] for each in (first, last)] == [2, 3]
        assert datetime.fromisoformat(last["at"]) == NOW
        assert last["detail"]["before"]["day"]["capacity"] == 3
        assert last["detail"]["after"]["day"]["capacity"] == 4

    async def test_pages_go_from_the_newest_to_the_seed(self, desk: Desk) -> None:
        url: str | None = "/api/catalog/changes?limit=7"
        numbers: list[int] = []
        while url is not None:
            answer = await desk.client.get(url, headers=desk.planner())
            numbers += [each["number"] for each in answer.json()["items"]]
            url = answer.links.get("next", {}).get("url")
        assert numbers == list(range(max(numbers), 0, -1))


async def test_the_document_names_every_operation_and_its_refusals(desk: Desk) -> None:
    document = (await desk.client.get("/openapi.json")).json()
    operations = {
        operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()
    }
    assert set(operations) == {
        "list_services", "get_service", "list_offices", "get_office", "list_regions",
        "list_fees", "decide_fee", "get_capacity", "decide_day", "list_changes", "compare_revisions",
        "list_plans", "get_plan", "propose_plan", "revise_plan", "withdraw_plan", "approve_plan", "reject_plan",
        "publish_plan", "compare_plan", "list_closures", "get_closure", "close_days", "withdraw_closure",
        "preview_month", "preview_wanted", "retire_service", "reinstate_service", "retire_office", "reinstate_office",
        "import_catalogue", "export_catalogue",
        *(
            name
            for kind in ("agency", "region", "tier", "extra", "calendar", "service", "office")
            for name in (f"get_{kind}_form", f"create_{kind}", f"change_{kind}")
        ),
    }  # fmt: skip
    assert all(each["summary"] and each["tags"] for each in operations.values())
    for name in ("decide_fee", "get_capacity", "decide_day", "list_changes"):
        assert {"401", "403", "422"} <= set(operations[name]["responses"])
        assert operations[name]["security"] == [{"bearer": []}]
    for name in ("list_services", "get_service", "list_offices", "get_office", "list_regions"):
        assert "304" in operations[name]["responses"]
        assert "security" not in operations[name]
