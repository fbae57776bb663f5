"""What everybody reads of catalog over HTTP, and asks for again only if it changed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx
import pytest
from sqlalchemy import event

from dawr.catalog.service.editions import Editions
from dawr.catalog.store.editions import Edition
from dawr.servicekit.testing import FakeClock, until

from .conftest import Desk, problem

_counted: ContextVar[list[str] | None] = ContextVar("counted", default=None)


@contextmanager
def counted(desk: Desk) -> Iterator[list[str]]:
    """The statements that this test's own requests send; those of the service's own work are left out."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if _counted.get() is statements:
            statements.append(statement)

    engine = desk.service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    token = _counted.set(statements)
    try:
        yield statements
    finally:
        _counted.reset(token)
        event.remove(engine, "before_cursor_execute", note)


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

    @pytest.mark.parametrize(
        "path",
        ["/services?q=جواز", "/services/PASS_NEW", "/offices?near=33.5,36.3", "/offices/DAM-01", "/regions"],
    )
    async def test_to_say_that_nothing_changed_costs_no_query(self, desk: Desk, path: str) -> None:
        with counted(desk) as queries:
            first = await desk.get(path)
            assert len(queries) > 1
        with counted(desk) as queries:
            for _ in range(20):
                again = await desk.get(path, if_none_match=first.headers["etag"])
                assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])
        assert queries == []

    async def test_who_does_not_know_the_edition_asks_for_it(self, desk: Desk) -> None:
        editions = Editions(desk.service.database, look_seconds=0.001)
        seen = Edition(1, ("Asia/Damascus",))
        assert editions.latest() is None
        editions.note(seen, time.monotonic() + 60)
        assert editions.latest() is seen
        editions.note(Edition(0, ()), time.monotonic())
        assert editions.latest() is seen
        old = Editions(desk.service.database, look_seconds=0.001)
        old.note(seen, time.monotonic() - 1)
        assert old.latest() is None

    async def test_what_is_not_there_is_not_unchanged(self, desk: Desk) -> None:
        assert problem(await desk.get("/services/NOPE", if_none_match="*")) == (404, "unknown-service")

    async def test_a_decision_makes_the_old_answer_stale(self, desk: Desk) -> None:
        before = await desk.get("/services/PASS_LOST")
        assert (await desk.fee()).status_code == 201

        async def another() -> httpx.Response | None:
            answer = await desk.get("/services/PASS_LOST", if_none_match=before.headers["etag"])
            return answer if answer.status_code == 200 else None

        after = await until(another, timeout=5, what="the decision in an answer")
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
