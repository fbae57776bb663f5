"""Catalog over HTTP: what everybody reads, what planners decide, and that it reaches the topics."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from dawr.catalog.app import create_service
from dawr.catalog.seeding import seed
from dawr.catalog.settings import CatalogSettings
from dawr.contracts import Channel, Money
from dawr.contracts.catalog import CapacityPublished, ServiceDescribed
from dawr.contracts.topics import TOPIC_OF
from dawr.servicekit.auth import Role as Who
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PLANNER = uuid4()
DAY = "DAM-01/PASS_REN/N/2026-12-01"


@dataclass
class Desk:
    """A running catalog, and one who calls it."""

    stage: Stage
    service: Service
    client: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(f"/api/catalog{path}", headers=sent)

    def planner(self, *roles: Who, **headers: str) -> dict[str, str]:
        signed = self.stage.signed_in(PLANNER, *(roles or (Who.PLANNER,)))
        return signed | {name.replace("_", "-"): value for name, value in headers.items()}

    async def fee(self, key: str | None = None, who: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        """Decide a fee; `changes` replace fields of one that holds."""
        body = {
            "service": "PASS_LOST",
            "tier": "N",
            "channel": "online",
            "amount": {"minor": 100, "currency": "SYP"},
            "effective_from": "2026-12-01",
            "reason": "decree 12",
        }
        headers = (who or self.planner()) | {"idempotency-key": key or str(uuid4())}
        return await self.client.post("/api/catalog/fees", json=body | changes, headers=headers)

    async def day(self, path: str, who: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Decide a day of capacity."""
        filled = {"reason": "a second counter"} | body
        return await self.client.put(f"/api/catalog/capacity/{path}", json=filled, headers=who or self.planner())

    async def month_told(self, key: str, revision: int) -> CapacityPublished:
        """The month with a revision, once it is on the topic."""
        return await self._told(CapacityPublished, key, revision)

    async def service_told(self, code: str, revision: int) -> ServiceDescribed:
        """The service with a revision, once it is on the topic."""
        return await self._told(ServiceDescribed, code, revision)

    async def _told(self, kind: Any, key: str, revision: int) -> Any:
        async def there() -> Any:
            for each in await self.stage.messages(TOPIC_OF[kind]):
                message: Any = each.message
                if message.key() == key and message.revision == revision:
                    return message
            return None

        return await until(there, every=0.1, what=f"{key} at revision {revision}")


@pytest.fixture(scope="module")
async def desk(the_stage: Stage) -> AsyncIterator[Desk]:
    settings = CatalogSettings(database_url=await the_stage.database("catalog"), platform=the_stage.platform)
    service = create_service(settings, clock=FakeClock(NOW))
    transport = httpx.ASGITransport(service.app())
    async with service.running(Role.RUN), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await seed(service)
        yield Desk(the_stage, service, client)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["code"]


class TestReading:
    async def test_a_service_says_what_it_costs_and_needs_and_where_it_is(self, desk: Desk) -> None:
        answer = await desk.get("/services/PASS_REN", accept_language="en")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["name"], body["names"]["ar"]) == ("Passport renewal", "تجديد جواز سفر")
        assert {(fee["tier"], fee["channel"], fee["amount"]["text"]) for fee in body["fees"]} == {
            ("N", "online", "SYP 312,700"),
            ("U", "online", "SYP 432,700"),
            ("I", "online", "SYP 2,010,700"),
        }
        assert not any(fee["is_example"] for fee in body["fees"])
        assert [each["code"] for each in body["offices"]] == ["ALP-01", "DAM-01", "DAM-02", "HMS-01"]
        assert {"OLD_PASSPORT", "ID_CARD"} <= {each["code"] for each in body["documents"]}
        assert (body["agency"]["code"], body["family"], body["as_of"]) == ("IMM", "PASSPORT", "2026-11-24")

    async def test_the_language_is_the_callers_and_arabic_by_default(self, desk: Desk) -> None:
        arabic = await desk.get("/services/CSL_PASS")
        assert arabic.headers["content-language"] == "ar"
        assert arabic.json()["name"] == "جواز سفر عبر البعثة"
        english = await desk.get("/services/CSL_PASS", accept_language="fr, en;q=0.5")
        assert english.json()["name"] == "Passport through a mission"
        assert {fee["amount"]["text"] for fee in english.json()["fees"]} == {"$ 300", "$ 800"}

    async def test_a_free_service_costs_nothing_and_says_so(self, desk: Desk) -> None:
        (fee,) = (await desk.get("/services/CIV_CORR")).json()["fees"]
        assert (fee["amount"]["minor"], fee["is_example"]) == (0, True)

    @pytest.mark.parametrize(
        ("query", "codes"),
        [
            ("q=passport&channel=mission", ["CSL_PASS"]),
            ("q=%D8%B1%D8%AE%D8%B5%D8%A9", ["DL_NEW"]),  # رخصة
            ("q=licence", ["DL_NEW"]),
            ("q=LICENCE", ["DL_NEW"]),
            ("q=100%25", []),
            ("agency=CIV", ["CIV_CORR", "FAM_BOOK", "ID_NEW"]),
            ("agency=XXX", []),
        ],
    )
    async def test_services_are_found(self, desk: Desk, query: str, codes: list[str]) -> None:
        answer = await desk.get(f"/services?{query}")
        assert [each["code"] for each in answer.json()["items"]] == codes

    @pytest.mark.parametrize(
        ("query", "codes"),
        [
            ("region=DAM", ["DAM-01", "DAM-02"]),
            ("service=DL_NEW", ["ALP-01", "DAM-02"]),
            ("q=stockholm", ["STO-01"]),
            ("q=%D8%A7%D9%84%D9%85%D8%B2%D8%A9", ["DAM-02"]),  # المزة
            ("region=HMS&service=DL_NEW", []),
        ],
    )
    async def test_offices_are_found(self, desk: Desk, query: str, codes: list[str]) -> None:
        answer = await desk.get(f"/offices?{query}")
        assert [each["code"] for each in answer.json()["items"]] == codes

    async def test_pages_follow_each_other_to_the_end(self, desk: Desk) -> None:
        whole = [each["code"] for each in (await desk.get("/services?limit=100")).json()["items"]]
        assert len(whole) == 10
        found: list[str] = []
        url: str | None = "/api/catalog/services?limit=3&channel=online"
        while url is not None:
            answer = await desk.client.get(url)
            found += [each["code"] for each in answer.json()["items"]]
            url = answer.links.get("next", {}).get("url")
            assert (url is None) == (answer.json()["next"] is None)
        assert found == [code for code in whole if code != "CSL_PASS"]

    async def test_a_mission_says_its_zone_week_and_currency(self, desk: Desk) -> None:
        body = (await desk.get("/offices/BER-01", accept_language="en")).json()
        assert (body["kind"], body["zone"], body["currency"]) == ("mission", "Europe/Berlin", "USD")
        assert body["closed_weekdays"] == ["SAT", "SUN"]
        assert body["region"]["name"] == "Germany"
        assert [each["name"] for each in body["offers"]] == ["Passport through a mission"]

    async def test_regions_at_home_and_abroad(self, desk: Desk) -> None:
        items = (await desk.get("/regions")).json()["items"]
        assert {each["code"] for each in items if not each["abroad"]} == {"DAM", "ALP", "HMS"}
        assert {each["code"] for each in items if each["abroad"]} == {"DE", "SE"}

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/services/NOPE", 404, "unknown-service"),
            ("/offices/NOPE", 404, "unknown-office"),
            ("/services/nope", 422, "invalid-request"),
            ("/services?q=%00", 422, "invalid-request"),
            ("/services?channel=fax", 422, "invalid-request"),
            ("/services?limit=101", 422, "invalid-request"),
            ("/services?cursor=%C3%A4", 422, "invalid-request"),
            ("/services?cursor=cGFzcw", 422, "invalid-request"),
            ("/offices?cursor=!!!", 422, "invalid-request"),
        ],
    )
    async def test_what_cannot_be_read_is_refused(self, desk: Desk, path: str, status: int, code: str) -> None:
        assert problem(await desk.get(path)) == (status, code)


class TestConditionalReading:
    @pytest.mark.parametrize(
        "path", ["/services", "/services?limit=2", "/services/PASS_NEW", "/offices", "/offices/DAM-01", "/regions"]
    )
    async def test_what_did_not_change_is_not_sent_again(self, desk: Desk, path: str) -> None:
        first = await desk.get(path)
        assert first.headers["cache-control"] == "public, max-age=30"
        assert first.headers["vary"] == "Accept-Language"
        for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
            again = await desk.get(path, if_none_match=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert again.headers["cache-control"] == first.headers["cache-control"]
        assert (await desk.get(path, if_none_match='"x"')).status_code == 200
        other = await desk.get(path, if_none_match=first.headers["etag"], accept_language="en")
        assert (other.status_code, other.headers["content-language"]) == (200, "en")

    async def test_what_is_not_there_is_not_unchanged(self, desk: Desk) -> None:
        assert problem(await desk.get("/services/NOPE", if_none_match="*")) == (404, "unknown-service")

    async def test_a_decision_makes_the_old_answer_stale(self, desk: Desk) -> None:
        before = await desk.get("/services/PASS_LOST")
        assert (await desk.fee()).status_code == 201
        after = await desk.get("/services/PASS_LOST", if_none_match=before.headers["etag"])
        assert after.status_code == 200
        assert after.json()["revision"] == before.json()["revision"] + 1

    async def test_a_new_day_can_bring_another_fee_without_any_decision(self, desk: Desk) -> None:
        await desk.fee(service="ID_NEW", effective_from="2026-11-26")
        before = await desk.get("/services/ID_NEW")
        clock = desk.service.database.clock
        assert isinstance(clock, FakeClock)
        clock.turn(days=2)
        after = await desk.get("/services/ID_NEW", if_none_match=before.headers["etag"])
        clock.turn(days=-2)
        assert after.status_code == 200
        fees = [{fee["tier"]: fee["amount"]["minor"] for fee in each.json()["fees"]}["N"] for each in (before, after)]
        assert fees == [2_500_000, 100]
        assert [fee["amount"]["minor"] for fee in before.json()["coming_fees"]] == [100]


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
        "decide_fee", "get_capacity", "decide_day", "list_changes",
    }  # fmt: skip
    assert all(each["summary"] and each["tags"] for each in operations.values())
    for name in ("decide_fee", "get_capacity", "decide_day", "list_changes"):
        assert {"401", "403", "422"} <= set(operations[name]["responses"])
        assert operations[name]["security"] == [{"bearer": []}]
    for name in ("list_services", "get_service", "list_offices", "get_office", "list_regions"):
        assert "304" in operations[name]["responses"]
        assert "security" not in operations[name]
