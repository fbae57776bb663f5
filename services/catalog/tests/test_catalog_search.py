"""What people type and what they must find, in the shipped catalogue, in PostgreSQL."""

import csv
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from math import acos, cos, radians, sin
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from dawr.catalog.app import create_service
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Agency, Service
from dawr.catalog.folder.catalogue import read_catalogue, shipped
from dawr.catalog.service.describe import Author, Draft, describe
from dawr.catalog.service.load import load_catalogue
from dawr.catalog.settings import CatalogSettings
from dawr.catalog.store.search import WORDS
from dawr.catalog.store.things import Thing, thing
from dawr.contracts import Text
from dawr.servicekit.service import Role
from dawr.servicekit.service import Service as Running
from dawr.servicekit.testing import FakeClock, Stage

from .conftest import NOW, problem

SEARCHES = Path(__file__).parent / "searches.csv"
UMAYYAD_SQUARE = (33.5138, 36.2765)


def searches() -> list[tuple[str, str]]:
    """What people type, and the service that must come first."""
    with SEARCHES.open(encoding="utf-8", newline="") as file:
        return [(row["query"], row["first"]) for row in csv.DictReader(file)]


@dataclass
class Counter:
    """A catalog with all that is shipped, and somebody who asks it."""

    service: Running
    client: httpx.AsyncClient

    async def page(self, resource: str, **query: Any) -> dict[str, Any]:
        answer = await self.client.get(f"/api/catalog/{resource}", params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def codes(self, resource: str, **query: Any) -> list[str]:
        return [each["code"] for each in (await self.page(resource, **query))["items"]]

    async def form(self, written: str) -> str:
        async with self.service.database.reading() as connection:
            form = await connection.execute(text("SELECT search_form(:written)"), {"written": written})
            return str(form.scalar_one())

    async def describe(self, kind: type[Any], code: str, **changes: Any) -> Thing:
        """Change a thing as a planner would; the thing as it was."""
        async with self.service.database.transaction() as tx:
            before = await thing(tx.connection, kind, code, lock=True)
            assert before is not None
            await describe(tx, [Draft(replace(before.thing, **changes), before)], Author("a decree"))
        was: Thing = before.thing
        return was


@pytest.fixture(scope="module")
async def counter(the_stage: Stage) -> AsyncIterator[Counter]:
    """One for the module; a test that changes it changes it back."""
    settings = CatalogSettings(database_url=await the_stage.database("catalog"), platform=the_stage.platform)
    service = create_service(settings, clock=FakeClock(NOW))
    transport = httpx.ASGITransport(service.app())
    async with service.running(Role.SERVE), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        async with service.database.transaction() as tx:
            await load_catalogue(tx, read_catalogue(shipped()))
        yield Counter(service, client)


class TestServices:
    def test_there_are_enough_searches(self) -> None:
        assert len({query for query, _ in searches()}) >= 60

    @pytest.mark.parametrize(("query", "first"), searches())
    async def test_what_people_type_finds_the_service_first(self, counter: Counter, query: str, first: str) -> None:
        assert (await counter.codes("services", q=query))[:1] == [first]

    @pytest.mark.parametrize("query", ["PASS_REN", "pass_ren", " Pass ren ", "تجديد جواز سفر", "PASSPORT RENEWAL"])
    async def test_a_code_or_a_whole_name_comes_first_in_any_case(self, counter: Counter, query: str) -> None:
        assert (await counter.codes("services", q=query))[0] == "PASS_REN"

    async def test_a_name_weighs_more_than_a_keyword_and_that_more_than_the_description(self, counter: Counter) -> None:
        word = "قفطان"
        wanted: list[tuple[str, dict[str, Any]]] = [
            ("JUDG_COPY", {"name": Text(ar=f"صورة {word}", en="Copy")}),
            ("LAND_EXT", {"keywords": ("عقار", word)}),
            ("COM_REG", {"description": Text(ar=f"قيد {word}", en="An entry")}),
        ]
        before = [(code, await counter.describe(Service, code, **changes)) for code, changes in reversed(wanted)]
        try:
            assert await counter.codes("services", q=word) == [code for code, _ in wanted]
        finally:
            for code, was in before:
                assert isinstance(was, Service)
                await counter.describe(Service, code, name=was.name, keywords=was.keywords, description=was.description)
        assert await counter.codes("services", q=word) == []

    async def test_what_has_every_word_leaves_out_what_has_some(self, counter: Counter) -> None:
        assert "BIRTH_CERT" not in await counter.codes("services", q="marriage certificate")
        assert await counter.codes("services", q="marriage xyzzyq") == await counter.codes("services", q="marriage")

    @pytest.mark.parametrize(
        ("filters", "codes"),
        [
            ({"q": "passport", "channel": "mission"}, {"CSL_PASS", "CSL_LP"}),
            ({"q": "سيارة", "agency": "INS"}, {"INS_COMP"}),
            ({"agency": "IMM", "audience": "resident"}, {"TRAVEL_REC", "RESID_PERM", "EXIT_VISA"}),
            ({"audience": "expatriate", "channel": "mission", "q": "marriage"}, {"CSL_MARR"}),
        ],
    )
    async def test_filters_hold_with_and_without_words(
        self, counter: Counter, filters: dict[str, str], codes: set[str]
    ) -> None:
        assert set(await counter.codes("services", **filters)) == codes

    @pytest.mark.parametrize("query", ["", "   "])
    async def test_no_words_find_everything_by_code(self, counter: Counter, query: str) -> None:
        found = await counter.codes("services", q=query, limit=100)
        assert len(found) == 55
        assert found == sorted(found)

    @pytest.mark.parametrize("query", ["...", "؟!", "%", "_", "'", '"', "\\", "xyzzyq", "the", "ـــ", "🛂", "ً"])
    async def test_what_says_nothing_finds_nothing(self, counter: Counter, query: str) -> None:
        assert await counter.page("services", q=query) == {"items": [], "next": None}

    @pytest.mark.parametrize(
        "query",
        [
            "passport & !renewal",
            "passport renewal:*",
            "(passport | renewal",
            "'passport' <-> renewal'",
            "passport\\ renewal\\",
        ],
    )
    async def test_signs_of_queries_are_no_more_than_spaces(self, counter: Counter, query: str) -> None:
        assert (await counter.codes("services", q=query))[0] == "PASS_REN"

    async def test_both_scripts_in_one_question(self, counter: Counter) -> None:
        assert (await counter.codes("services", q="تجديد passport"))[0] == "PASS_REN"
        assert (await counter.codes("services", q="badal هوية ضائعة"))[0] == "ID_REPL"

    async def test_a_short_word_that_nothing_has_stands_for_no_other(self, counter: Counter) -> None:
        assert await counter.codes("services", q="بدي") == []  # "I want", one letter from بدل, a replacement
        assert (await counter.codes("services", q="بدي جدد جوازي"))[0] == "PASS_REN"

    async def test_long_questions(self, counter: Counter) -> None:
        assert await counter.codes("services", q=" ".join(["xyzzyq"] * 28)) == []
        assert (await counter.codes("services", q="renew " * 17 + "passport " * 10))[0] == "PASS_REN"
        words = [f"xyzzyq{letter}" for letter in ascii_lowercase[:WORDS]]
        assert await counter.codes("services", q=" ".join([*words, "passport"])) == []
        answer = await counter.client.get("/api/catalog/services", params={"q": "ج" * 201})
        assert problem(answer) == (422, "invalid-request")

    async def test_pages_of_a_search_follow_each_other_and_keep_the_order(self, counter: Counter) -> None:
        whole = await counter.codes("services", q="certificate", limit=100)
        assert len(whole) > 4
        found: list[str] = []
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await counter.page("services", q="certificate", limit=2, **more)
            found += [each["code"] for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == whole

    async def test_a_cursor_of_another_order_is_refused(self, counter: Counter) -> None:
        by_code = (await counter.page("services", limit=2))["next"]
        answer = await counter.client.get("/api/catalog/services", params={"q": "passport", "cursor": by_code})
        assert problem(answer) == (422, "invalid-request")


class TestForms:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("إِخْرَاجُ قَيْدٍ", "اخراج قيد"),
            ("أحمد إسلام آمنة", "احمد اسلام امنه"),
            ("شهادة", "شهاده"),
            ("مستشفى", "مستشفي"),
            ("جــــواز", "جواز"),
            ("براءة", "براه"),
            ("مسؤول", "مسوول"),
            ("الجواز والجواز بالجواز للجواز", "جواز جواز جواز جواز"),
            ("الف", "الف"),
            ("کتاب گاز", "كتاب كاز"),
            ("٢٠٢٦", "2026"),
            ("sijil 3adli", "SIJIL ADLI"),
            ("São Paulo", "sao paulo"),
            ("laissez-passer", "laissez passer"),
            ("جواز\u200f سفر", "جواز سفر"),
            ("ﺟﻮﺍﺯ", "جواز"),
        ],
    )
    async def test_two_ways_to_write_the_same(self, counter: Counter, one: str, other: str) -> None:
        assert await counter.form(one) == await counter.form(other)

    @pytest.mark.parametrize("form", ["الف", "2026", "a1", "تجديد جواز سفر", "البان"])
    async def test_what_has_its_form_keeps_its_letters(self, counter: Counter, form: str) -> None:
        once = await counter.form(form)
        assert await counter.form(once) == once
        assert once in {form, form.removeprefix("ال")}


class TestOffices:
    @pytest.mark.parametrize(
        ("query", "first"),
        [
            ("stockholm", "STO-01"),
            ("stokholm", "STO-01"),
            ("ستوكهلم", "STO-01"),
            ("المزة", "DAM-02"),
            ("مزه", "DAM-02"),
            ("مرور حلب", "ALP-04"),
            ("فرع المرور في حلب", "ALP-04"),
            ("Aleppo traffic", "ALP-04"),
            ("سفارة برلين", "BER-01"),
            ("embassy berlin", "BER-01"),
            ("dam-01", "DAM-01"),
            ("جوازات دمشق", "DAM-01"),
            ("القامشلي", "HAS-03"),
        ],
    )
    async def test_what_people_type_finds_the_office_first(self, counter: Counter, query: str, first: str) -> None:
        assert (await counter.codes("offices", q=query))[:1] == [first]

    async def test_the_nearest_come_first_with_their_distance(self, counter: Counter) -> None:
        page = await counter.page("offices", near="{},{}".format(*UMAYYAD_SQUARE), limit=100)
        distances = [each["distance_km"] for each in page["items"]]
        assert distances == sorted(distances)
        assert page["items"][0]["region"]["code"] == "DAM"
        for each in page["items"]:
            place = (each["place"]["latitude"], each["place"]["longitude"])
            assert each["distance_km"] == pytest.approx(_kilometres(UMAYYAD_SQUARE, place), abs=0.051)

    async def test_the_nearest_of_those_that_offer_a_service(self, counter: Counter) -> None:
        found = await counter.codes("offices", near="36.2021,37.1343", service="PASS_REN", limit=2)
        assert {code.partition("-")[0] for code in found} == {"ALP"}
        assert "HMS-02" in await counter.codes("offices", near="34.73,36.71", q="passport", limit=3)

    async def test_pages_by_distance(self, counter: Counter) -> None:
        near = "33.5,36.3"
        whole = await counter.codes("offices", near=near, limit=100)
        first = await counter.page("offices", near=near, limit=60)
        second = await counter.page("offices", near=near, limit=60, cursor=first["next"])
        codes = [each["code"] for each in (*first["items"], *second["items"])]
        assert codes[:100] == whole
        assert len(set(codes)) == len(codes) == 102

    async def test_without_a_place_there_is_no_distance(self, counter: Counter) -> None:
        assert {each["distance_km"] for each in (await counter.page("offices"))["items"]} == {None}
        was = await counter.describe(Office, "DAM-01", latitude=None, longitude=None)
        assert isinstance(was, Office)
        try:
            last = (await counter.page("offices", region="DAM", near="33.5,36.3"))["items"][-1]
            assert (last["code"], last["distance_km"]) == ("DAM-01", None)
        finally:
            await counter.describe(Office, "DAM-01", latitude=was.latitude, longitude=was.longitude)

    @pytest.mark.parametrize(
        "near", ["33.5", "33.5,", "91,0", "0,181", "a,b", "33.5;36.2", "nan,nan", "1e1,2", "٣٣,٣٦"]
    )
    async def test_what_is_no_place_is_refused(self, counter: Counter, near: str) -> None:
        answer = await counter.client.get("/api/catalog/offices", params={"near": near})
        assert problem(answer) == (422, "invalid-request")


class TestChanges:
    async def test_a_new_name_is_found_at_once_and_the_old_one_no_more(self, counter: Counter) -> None:
        was = await counter.describe(Service, "TAX_CLEAR", name=Text(ar="شهادة ضريبية", en="Fiscal quittance"))
        assert isinstance(was, Service)
        try:
            assert await counter.codes("services", q="quittance") == ["TAX_CLEAR"]
            assert await counter.codes("services", q="quitance") == ["TAX_CLEAR"]
        finally:
            await counter.describe(Service, "TAX_CLEAR", name=was.name)
        assert await counter.codes("services", q="quittance") == []

    async def test_what_belongs_to_a_thing_is_found_by_its_new_name(self, counter: Counter) -> None:
        agency = await counter.describe(Agency, "INS", name=Text(ar="هيئة الضمان", en="Underwriters"))
        region = await counter.describe(Region, "SE", name=Text(ar="سفيا ريكا", en="Sverige"))
        assert isinstance(agency, Agency)
        assert isinstance(region, Region)
        try:
            assert await counter.codes("services", q="underwriters") == ["INS_COMP"]
            assert await counter.codes("offices", q="Sverige") == ["STO-01"]
        finally:
            await counter.describe(Agency, "INS", name=agency.name)
            await counter.describe(Region, "SE", name=region.name)

    async def test_what_is_retired_is_not_found(self, counter: Counter) -> None:
        await counter.describe(Service, "HEIR_CERT", retired=True)
        try:
            assert "HEIR_CERT" not in await counter.codes("services", q="inheritance")
        finally:
            await counter.describe(Service, "HEIR_CERT", retired=False)
        assert (await counter.codes("services", q="inheritance"))[0] == "HEIR_CERT"


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a, b), (c, d) = (tuple(map(radians, each)) for each in (one, other))
    return 6371.0088 * acos(min(1.0, sin(a) * sin(c) + cos(a) * cos(c) * cos(b - d)))
