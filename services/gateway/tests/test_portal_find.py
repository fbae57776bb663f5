"""Finding a service, an office and a day: what pages show of what the services tell, and where they lead."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from services.gateway.tests.finding import OFFICES, TODAY, Catalogue, office
from services.gateway.tests.turning import NOW, Portal, portal_on, refusal

from dawr.gateway.portal import maps
from dawr.gateway.portal.days import first_weekday_at
from dawr.gateway.portal.months import AHEAD_DAYS, Mark, Month, last_of, month_of
from dawr.gateway.portal.ways import Way
from dawr.servicekit.testing import Stage

RENEWAL = "/services/PASS_REN"
DAMASCUS = f"{RENEWAL}/offices/DAM-01"


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage,
    tmp_path_factory: pytest.TempPathFactory,
    listening: Callable[[Any], AbstractAsyncContextManager[int]],
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("keys"), listening) as portal:
        yield portal


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def portal(kept: Portal, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """The portal for somebody who has not signed in; nothing is kept from the test before."""
    monkeypatch.setattr("dawr.gateway.portal.days.KEPT_SECONDS", 0.0)
    kept.clock.now = NOW
    kept.client.cookies.clear()
    kept.behind.asked.clear()
    kept.behind.answers = catalogue.answers()
    forget(kept)
    return kept


def forget(portal: Portal) -> None:
    """What the way to the services kept for a moment."""
    services = next(
        each.__self__ for each in portal.service.closers if type(getattr(each, "__self__", None)).__name__ == "Services"
    )
    services._kept.clear()


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace(" ,", ",")


def links(page: str, start: str = "/") -> list[str]:
    found: list[str] = re.findall(r'<a[^>]* ?href="([^"]+)"', page)
    return [each.replace("&amp;", "&") for each in found if each.startswith(start)]


# Which service


async def test_the_start_page_leads_to_services_agencies_and_missions(portal: Portal) -> None:
    page = await portal.page("/")
    assert '<form class="search" action="/services"' in page
    assert {f"/services/{code}" for code in ("PASS_REN", "PASS_MINOR", "CSL_PASS")} <= set(links(page))
    assert {"/services?agency=IMM", "/services?channel=mission", "/turns"} <= set(links(page))
    assert "3 services" in plain(page)
    assert page.count("<h1>") == 1


async def test_the_start_page_is_there_when_the_catalogue_is_not(portal: Portal) -> None:
    portal.behind.answers["GET /api/catalog/services"] = refusal(503, "catalogue-missing")
    page = await portal.page("/")
    assert "list of services is not available right now" in page
    assert "/turns" in links(page)


async def test_a_search_shows_what_was_found_and_its_number(portal: Portal) -> None:
    page = await portal.page("/services?q=passport")
    assert links(page, "/services/") == ["/services/PASS_REN", "/services/PASS_MINOR", "/services/CSL_PASS"]
    assert "3 services" in plain(page)
    assert 'value="passport"' in page
    assert "خدمة واحدة" in await portal.page("/services?q=criminal", lang="ar")


async def test_a_search_for_nothing_known_suggests_and_escapes(portal: Portal) -> None:
    page = await portal.page("/services?q=<script>")
    assert "Nothing was found for" in page
    assert "<bdi>&lt;script&gt;</bdi>" in page
    assert f"{RENEWAL}" in links(page)


async def test_htmx_gets_the_results_alone(portal: Portal) -> None:
    part = await portal.page("/services?q=renewal", **{"hx-request": "true"})
    assert links(part) == ["/services/PASS_REN"]
    assert "<html" not in part


async def test_whom_it_is_for_is_carried_from_the_first_page_on(portal: Portal) -> None:
    child = "00000000-0000-0000-0000-000000000002"
    page = await portal.page(f"/services?person={child}")
    assert f"/services/PASS_MINOR?person={child}" in links(page)
    page = await portal.page(f"/services/PASS_MINOR?person={child}")
    assert f"/services/PASS_MINOR/start?person={child}" in links(page)
    page = await portal.page("/services/PASS_MINOR?person=somebody")
    assert "/services/PASS_MINOR/start" in links(page), "what is nobody is forgotten"


async def test_a_service_tells_what_it_costs_and_needs(portal: Portal) -> None:
    page = await portal.page(RENEWAL)
    text = plain(page)
    for said in ("Normal SYP 312,700", "Urgent SYP 432,700", "The old passport (if there is one)", "about 10 minutes"):
        assert said in text
    assert "6 years" in text
    assert f"{RENEWAL}/start" in links(page)


async def test_a_fee_that_is_decided_for_later_is_told(portal: Portal) -> None:
    shown = dict(portal.behind.answers["GET /api/catalog/services/PASS_REN"])  # type: ignore[arg-type]
    later = {"minor": 50000000, "currency": "SYP", "text": "SYP 500,000"}
    shown["coming_fees"] = [
        {"tier": "N", "channel": "online", "amount": later, "effective_from": "2027-01-01", "is_example": False}
    ]
    portal.behind.answers["GET /api/catalog/services/PASS_REN"] = shown
    assert "from 1 January 2027 : SYP 500,000" in plain(await portal.page(RENEWAL))


async def test_no_turn_is_offered_where_none_is_needed(portal: Portal) -> None:
    page = await portal.page("/services/CRIM_REC")
    assert "You need no turn for this" in page
    assert "/services/CRIM_REC/start" not in links(page)
    response = await portal.client.get("/services/CRIM_REC/start")
    assert response.headers["location"] == "/services/CRIM_REC"


async def test_an_unknown_service_has_a_page_of_its_own(portal: Portal) -> None:
    await portal.page("/services/NO_SUCH", status=404)
    await portal.page("/services/no such", status=404)


async def test_how_fast_is_asked_only_where_there_is_a_choice(portal: Portal) -> None:
    page = await portal.page(f"{RENEWAL}/start")
    assert re.findall(r'type="radio"[^>]+value="(\w+)"', page) == ["N", "U"]
    for asked, leads in (
        (f"{RENEWAL}/start?tier=U", f"{RENEWAL}/offices?tier=U"),
        ("/services/PASS_MINOR/start", "/services/PASS_MINOR/offices?tier=N"),
    ):
        assert (await portal.client.get(asked)).headers["location"] == leads
    wrong = await portal.page(f"{RENEWAL}/start?tier=")
    assert "There is a problem" in wrong
    assert "<title>Error:" in wrong


# Where


async def test_without_a_region_the_soonest_office_is_first(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-12-05", 9)
    catalogue.has("ALP-01", "2026-12-01", 1)
    page = await portal.page(f"{RENEWAL}/offices?tier=N")
    assert re.findall(r'<h3><a href="[^"]*/(\w+-\d+)/calendar', page) == ["ALP-01", "DAM-01", "RDM-01"]
    text = plain(page)
    assert "Tuesday 1 December · 1 seat left" in text
    assert "No free seat in the next 30 days" in text
    assert "Not reached by wheelchair" in text


async def test_with_a_region_the_nearest_office_is_first_and_its_distance_told(portal: Portal) -> None:
    page = await portal.page(f"{RENEWAL}/offices?tier=N&region=DAM")
    assert re.findall(r'<h3><a href="[^"]*/(\w+-\d+)/calendar', page) == ["DAM-01", "RDM-01", "ALP-01"]
    assert "Nearest to Region DAM" in plain(page)
    assert '<option value="DAM" selected>' in page
    assert "Street of RDM-01 · 17 km" in plain(page)
    assert "Street of DAM-01 ·" not in plain(page), "an office in the middle is at no distance"


async def test_the_map_names_regions_by_links_and_its_dots_are_on_the_list(portal: Portal) -> None:
    page = await portal.page(f"{RENEWAL}/offices?tier=N&region=ALP")
    [drawn] = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert f"{RENEWAL}/offices?tier=N&region=DAM" in links(drawn)
    assert drawn.count("<circle") == 3
    assert drawn.count('tabindex="-1"') == 3
    assert "region=DE" not in drawn, "a mission is not of this country's map"


async def test_an_office_page_asks_for_the_speed_first(portal: Portal) -> None:
    response = await portal.client.get(f"{RENEWAL}/offices")
    assert response.headers["location"] == f"{RENEWAL}/start"


def test_names_on_a_map_never_cover_each_other_or_a_dot() -> None:
    dots = [maps.Spot(33.5 + i / 50, 36.3 + i / 90, f"o{i}", "/o") for i in range(12)]
    names = [maps.Spot(33.5 + i / 40, 36.3 + i / 70, "Rif Dimashq", "/r", i == 3) for i in range(9)]
    drawn = maps.draw(dots, names)
    assert drawn is not None
    assert drawn.names
    assert any(each.is_chosen for each in drawn.names)
    for one in drawn.names:
        assert one.width / 2 <= one.x <= drawn.width - one.width / 2
        for other in drawn.names:
            assert one is other or abs(one.x - other.x) * 2 >= one.width + other.width or abs(one.y - other.y) >= 24
        assert not any(abs(one.x - dot.x) < one.width / 2 and abs(one.y - dot.y) < 6 for dot in drawn.dots)
    assert maps.draw([], names) is None


# Which day


def month(first: date, *days: dict[str, Any], today: date = TODAY, weekday: int = 5) -> Month:
    return month_of(first, days, today=today, first_weekday=weekday, link=lambda on: f"/days/{on}")


def test_a_month_has_whole_weeks_from_the_countrys_first_day() -> None:
    shown = month(date(2026, 12, 1))
    assert all(len(week) == 7 for week in shown.weeks)
    assert [cell.day.day if cell else None for cell in shown.weeks[0]] == [None, None, None, 1, 2, 3, 4]
    assert last_of(date(2026, 12, 1)) == date(2026, 12, 31)
    assert (first_weekday_at("Asia/Damascus"), first_weekday_at("Europe/Berlin"), first_weekday_at("Etc/UTC")) == (
        5,
        0,
        0,
    )


def test_weeks_that_are_over_are_left_out_and_months_end_where_booking_does() -> None:
    shown = month(date(2026, 11, 1))
    days = [cell.day for cell in shown.cells]
    assert days[0] == date(2026, 11, 14), "the week of today, which began on Saturday"
    assert shown.previous is None
    assert shown.next == date(2026, 12, 1)
    last = (TODAY + timedelta(days=AHEAD_DAYS)).replace(day=1)
    assert month(last).next is None
    assert month(last).previous is not None


async def test_each_free_day_is_a_link_that_says_the_day_and_its_seats(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-12-01", 12)
    catalogue.has("DAM-01", "2026-12-02", 1)
    catalogue.has("DAM-01", "2026-12-08", 0, "closed", reason={"kind": "holiday", "text": "Liberation Day"})
    catalogue.has("DAM-01", "2026-12-30", 0, "not-open-yet", opens_at="2026-11-29T21:00:00+00:00")
    page = await portal.page(f"{DAMASCUS}/calendar?tier=N&month=2026-12")
    named = {
        href.replace("&amp;", "&"): plain(re.sub(r'<strong aria-hidden="true">.*?</strong>', "", text)).strip()
        for href, text in re.findall(r'<td><a href="([^"]+)"[^>]*>(.*?)</a></td>', page, re.DOTALL)
    }
    assert named == {
        f"{DAMASCUS}/days/2026-12-01?tier=N": "Tuesday 1 December, 12 seats left",
        f"{DAMASCUS}/days/2026-12-02?tier=N": "Wednesday 2 December, 1 seat left",
    }
    assert 'class="many"' in page
    assert 'class="few"' in page
    text = plain(page)
    assert "Tuesday 8 December : Liberation Day" in text
    assert "The next of them, Wednesday 30 December , opens on 30 Nov 2026, 00:00" in text.replace(
        "December,", "December ,"
    )
    assert "<caption" in page
    assert re.findall(r'<abbr title="(\w+)">', page)[0] == "Saturday"


async def test_a_sold_out_month_shows_the_nearest_alternatives(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2027-01-03", 4)
    catalogue.has("DAM-01", "2027-01-05", 4)
    catalogue.has("DAM-01", "2027-01-07", 4)
    catalogue.has("ALP-01", "2026-12-01", 7)
    catalogue.has("RDM-01", "2026-12-02", 7)
    page = await portal.page(f"{DAMASCUS}/calendar?tier=N&month=2026-12")
    assert "All seats of this month are taken" in page
    others = links(page.split("Nearest alternatives")[1], "/services/PASS_REN/offices/")
    assert others == [
        f"{DAMASCUS}/days/2027-01-03?tier=N",
        f"{DAMASCUS}/days/2027-01-05?tier=N",
        f"{RENEWAL}/offices/RDM-01/days/2026-12-02?tier=N",
    ]


async def test_alternatives_are_of_the_same_kind_of_office(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("ALP-01", "2026-12-01", 7)
    mission = office("BER-02", "DE", (52.0, 13.0), kind="mission")
    portal.behind.answers["GET /api/catalog/offices"] = {"items": [*OFFICES[:3], mission], "next": None}
    catalogue.has("BER-02", "2026-12-01", 7)
    page = await portal.page(f"{DAMASCUS}/calendar?tier=N&month=2026-12")
    assert "BER-02" not in page


async def test_many_look_at_one_calendar_and_booking_is_asked_once(
    portal: Portal, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dawr.gateway.portal.days.KEPT_SECONDS", 60.0)
    catalogue.has("DAM-01", "2027-02-01", 12)
    path = f"{DAMASCUS}/calendar?tier=N&month=2027-02"
    first = await portal.page(path)
    asked = len(portal.behind.asked)
    catalogue.has("DAM-01", "2027-02-01", 0)
    assert await portal.page(path) == first
    assert len(portal.behind.asked) == asked
    assert "ممتلئ" in await portal.page(path, lang="ar"), "another language is another calendar"
    assert "12 <span" in await portal.page(path, **{"hx-request": "true"})


async def test_a_month_that_can_not_be_is_the_present_one(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-11-25", 3)
    for asked in ("", "&month=2020-01", "&month=never", "&month=9999-12"):
        assert "November 2026" in await portal.page(f"{DAMASCUS}/calendar?tier=N{asked}")


# Which hour


async def test_a_day_with_windows_asks_for_the_hour(portal: Portal, catalogue: Catalogue) -> None:
    windows = [{"start": "09:00", "end": "09:30", "left": 0}, {"start": "09:30", "end": "10:00", "left": 4}]
    catalogue.has("DAM-01", "2026-12-01", 4, windows=windows)
    page = await portal.page(f"{DAMASCUS}/days/2026-12-01?tier=N")
    assert re.search(r'value="09:00" disabled', page)
    assert re.search(r'value="09:30" checked', page)
    assert '<form action="/take">' in page
    assert '<input type="hidden" name="date" value="2026-12-01">' in page


async def test_a_day_without_windows_leads_on(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-12-01", 4)
    response = await portal.client.get(f"{DAMASCUS}/days/2026-12-01?tier=N")
    assert response.headers["location"] == "/take?service=PASS_REN&tier=N&office=DAM-01&date=2026-12-01"


@pytest.mark.parametrize(
    ("state", "more", "said"),
    [
        ("sold-out", {}, "That day is sold out"),
        ("closed", {"reason": {"kind": "holiday", "text": "Liberation Day"}}, "The office is closed on that day"),
        ("not-open-yet", {"opens_at": "2026-11-30T21:00:00+00:00"}, "More seats open on 1 Dec 2026, 00:00"),
    ],
)
async def test_an_old_link_to_a_day_tells_why_and_what_else(
    portal: Portal, catalogue: Catalogue, state: str, more: dict[str, Any], said: str
) -> None:
    catalogue.has("DAM-01", "2026-12-08", 0, state, **more)
    catalogue.has("DAM-01", "2026-12-09", 5)
    for path in (
        f"{DAMASCUS}/days/2026-12-08?tier=N",
        "/sold-out?service=PASS_REN&tier=N&office=DAM-01&date=2026-12-08",
    ):
        page = await portal.page(path)
        assert said in plain(page)
        assert f"{DAMASCUS}/days/2026-12-09?tier=N" in links(page)


async def test_a_day_that_is_past_is_over(portal: Portal) -> None:
    assert "That day is over" in await portal.page(f"{DAMASCUS}/days/2026-11-01?tier=N")
    await portal.page(f"{DAMASCUS}/days/2026-13-01?tier=N", status=404)


def test_marks_of_days_are_those_of_booking() -> None:
    days = [{"date": "2026-12-01", "left": 0, "state": "open", "reason": None, "opens_at": None}]
    shown = month(date(2026, 12, 1), *days)
    assert {cell.day.day: cell.mark for cell in shown.cells if cell.day.day < 3} == {1: Mark.NONE, 2: Mark.CLOSED}


def test_a_way_says_only_what_was_chosen() -> None:
    way = Way(service="PASS_REN", tier="N", region="DAM", office="DAM-01", date="2026-12-01", person="self")
    assert way.with_(person="").at("ALP-01").day == f"{RENEWAL}/offices/ALP-01/days/2026-12-01?tier=N&region=DAM"
    assert way.calendar(date(2026, 12, 1)).endswith("calendar?tier=N&region=DAM&person=self&month=2026-12")
    assert "window" not in way.take
