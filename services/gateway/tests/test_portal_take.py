"""Taking a turn: for whom, what is sent under which key, and what each refusal says and leads to."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import pytest
from services.gateway.tests.finding import Catalogue
from services.gateway.tests.test_portal_find import forget, links, plain
from services.gateway.tests.turning import CASE, CHILD, NOW, PERSON, TURN, Portal, portal_on, refusal, turn

from dawr.gateway.keys import open_keys
from dawr.gateway.portal.take_refused import EXPLAINED, GONE
from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.testing import Stage

WANTED = "service=PASS_REN&tier=N&office=DAM-01&date=2026-12-01"
TAKE = f"/take?{WANTED}&person=self"
MINOR = "/take?service=PASS_MINOR&tier=N&office=DAM-01&date=2026-12-01"
MISSION = "/take?service=CSL_PASS&tier=N&office=BER-01&date=2026-12-01"
MANDATE = UUID(int=77)
CITIZENS = frozenset({Role.CITIZEN})


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
def portal(kept: Portal, catalogue: Catalogue) -> Portal:
    """A citizen with a child, and a day with seats."""
    kept.clock.now = NOW
    sign_in(kept, CHILD)
    kept.behind.asked.clear()
    catalogue.has("DAM-01", "2026-12-01", 9)
    catalogue.has("BER-01", "2026-12-01", 9)
    kept.behind.answers = {
        **catalogue.answers(),
        "GET /api/consular/mandates": {"items": [], "next": None},
        "GET /api/consular/fx-rates": {"items": [], "next": None},
        "GET /api/booking/turns": {"items": [], "next": None},
        "POST /api/booking/turns": asked_turn(),
    }
    forget(kept)
    return kept


def sign_in(portal: Portal, *acts_for: UUID) -> None:
    """With a token that lists these children."""
    key = open_keys(portal.folder).keys[0]
    token = make_token(
        key.private, key.kid, PERSON, CITIZENS, session_id=uuid4(), how="code", now=NOW, acts_for=frozenset(acts_for)
    )
    portal.client.cookies.clear()
    portal.client.cookies.set("dawr-access", token)


def asked_turn() -> tuple[int, dict[str, Any]]:
    self = f"/api/booking/turns/{TURN}?at=3:41&request={'a' * 32}"
    return 202, {"id": str(TURN), "state": "REQUESTED", "line": {}, "links": {"self": self}}


async def sent(portal: Portal, path: str = TAKE, **fields: str) -> Any:
    return await portal.send("/take", await portal.page(path), **fields)


# For whom, and what was chosen


async def test_whoever_has_not_signed_in_comes_back_to_their_answers(portal: Portal) -> None:
    portal.client.cookies.clear()
    response = await portal.client.get(TAKE)
    assert response.status_code == 303
    assert response.headers["location"] == (
        "/sign-in?next=%2Ftake%3Fservice%3DPASS_REN%26tier%3DN%26office%3DDAM-01%26date%3D2026-12-01%26person%3Dself"
    )


@pytest.mark.parametrize("key", ["a\r\nx-evil: 1", "\u0645\u0641\u062a\u0627\u062d"])
async def test_a_key_that_is_no_header_is_no_failure_of_ours(portal: Portal, key: str) -> None:
    response = await sent(portal, **{"form-key": key})
    assert response.status_code == 400
    assert not [each for each in portal.behind.asked if each["method"] == "POST"]


async def test_a_parent_is_asked_for_whom(portal: Portal) -> None:
    page = await portal.page(MINOR)
    assert "Who is the turn for?" in page
    choices = re.findall(r'type="radio"[^>]+value="([^"]+)"><label[^>]*>([^<]+)', page)
    assert choices == [(str(CHILD), "Salma Haddad"), ("self", "Myself")], "whom the service is for comes first"
    assert "born 1 March 2018" in plain(page)
    assert plain(page).count("not of the age that this service is for") == 1
    assert "There is a problem" in await portal.page(f"{MINOR}&asked=1")
    assert "سلمى الحداد" in await portal.page(MINOR, lang="ar")


async def test_one_without_children_is_not_asked(portal: Portal) -> None:
    sign_in(portal)
    page = await portal.page(f"/take?{WANTED}")
    assert "Check before you send" in page
    assert '<input type="hidden" name="person" value="self">' in page


async def test_nobody_acts_for_whom_their_session_does_not_name(portal: Portal) -> None:
    sign_in(portal)
    page = await portal.page(f"{MINOR}&person={CHILD}")
    assert str(CHILD) not in page.split("<main")[1]


async def test_the_answers_are_shown_each_with_a_way_to_change_it(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-12-01", 9, windows=[{"start": "09:00", "end": "09:30", "left": 9}])
    page = await portal.page(f"{TAKE}&window=09:00")
    text = plain(page)
    for said in ("Myself", "Passport renewal", "Normal", "Street of DAM-01", "Tuesday 1 December 2026", "SYP 312,700"):
        assert said in text
    assert "09:00 – 09:30" in text
    changes = re.findall(r'<dd class="change"><a href="([^"]+)">Change<span class="hidden"> ([^<]+)', page)
    assert {name: href.split("?")[0] for href, name in changes} == {
        "For": "/take",
        "Service": "/services",
        "How fast": "/services/PASS_REN/start",
        "Office": "/services/PASS_REN/offices",
        "Day": "/services/PASS_REN/offices/DAM-01/calendar",
        "Hour": "/services/PASS_REN/offices/DAM-01/days/2026-12-01",
    }


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("/take", "/services"),
        ("/take?service=PASS_REN", "/services/PASS_REN/start"),
        ("/take?service=PASS_REN&tier=N", "/services/PASS_REN/offices?tier=N"),
        ("/take?service=PASS_REN&tier=N&office=DAM-01", "/services/PASS_REN/offices/DAM-01/calendar?tier=N"),
        (
            "/take?service=PASS_REN&tier=N&office=DAM-01&date=2026-12-02",
            "/sold-out?service=PASS_REN&tier=N&office=DAM-01",
        ),
    ],
)
async def test_what_is_missing_is_asked_for(portal: Portal, asked: str, leads: str) -> None:
    response = await portal.client.get(asked)
    assert response.headers["location"].startswith(leads)


# Sending it


async def test_a_turn_is_asked_for_once_however_often_the_form_is_sent(portal: Portal) -> None:
    page = await portal.page(TAKE)
    for _ in range(2):
        response = await portal.send("/take", page)
        assert response.status_code == 303
        assert response.headers["location"] == f"/turns/{TURN}?at=3:41&request={'a' * 32}"
    first, again = portal.behind.posts()
    assert first["body"] == {"service": "PASS_REN", "tier": "N", "office": "DAM-01", "date": "2026-12-01"}
    assert first["headers"]["idempotency-key"] == again["headers"]["idempotency-key"]
    assert first["headers"]["authorization"].startswith("Bearer ")
    other = await portal.page(TAKE)
    await portal.send("/take", other)
    assert portal.behind.posts()[2]["headers"]["idempotency-key"] != first["headers"]["idempotency-key"]


async def test_a_turn_for_a_child_names_the_child_and_the_hour(portal: Portal, catalogue: Catalogue) -> None:
    catalogue.has("DAM-01", "2026-12-01", 9, windows=[{"start": "09:00", "end": "09:30", "left": 9}])
    await sent(portal, f"{MINOR}&person={CHILD}&window=09:00")
    [posted] = portal.behind.posts()
    assert (posted["body"]["person_id"], posted["body"]["window"]) == (str(CHILD), "09:00")


async def test_a_form_without_its_token_is_shown_again_and_nothing_is_sent(portal: Portal) -> None:
    response = await portal.client.post("/take", data={"service": "PASS_REN"}, headers={"accept-language": "en"})
    assert response.status_code == 409
    assert portal.behind.posts() == []


async def test_a_mission_gets_a_case_in_the_chosen_currency(portal: Portal) -> None:
    rate = {"base": "USD", "quote": "EUR", "rate": "0.92", "dated": "2026-11-19"}
    other = {"base": "EUR", "quote": "SEK", "rate": "11.2", "dated": "2026-11-19"}
    portal.behind.answers["GET /api/consular/fx-rates"] = {"items": [rate, other], "next": None}
    portal.behind.answers["POST /api/consular/cases"] = (202, {"id": str(CASE), "links": {}})
    page = await portal.page(MISSION)
    assert "1 USD is 0.92 EUR" in plain(page).replace("( ", "")
    assert "SEK" not in page
    response = await portal.send("/take", page, pay_currency="EUR")
    assert response.headers["location"] == f"/cases/{CASE}"
    [posted] = portal.behind.posts()
    assert posted["body"] == {
        "service": "CSL_PASS",
        "tier": "N",
        "mission": "BER-01",
        "date": "2026-12-01",
        "window": None,
        "mandate": None,
        "pay_currency": "EUR",
    }


async def test_at_a_mission_one_acts_for_whom_one_has_a_mandate_of(portal: Portal) -> None:
    mandate = {"id": str(MANDATE), "state": "ACTIVE", "person_id": str(CHILD), "agent_id": str(PERSON)}
    over = {**mandate, "id": str(UUID(int=78)), "state": "EXPIRED"}
    given = {**mandate, "id": str(UUID(int=79)), "agent_id": str(UUID(int=5)), "person_id": str(PERSON)}
    portal.behind.answers["GET /api/consular/mandates"] = {"items": [mandate, over, given], "next": None}
    portal.behind.answers["POST /api/consular/cases"] = (201, {"id": str(CASE), "links": {}})
    page = await portal.page(MISSION)
    choices = re.findall(r'type="radio"[^>]+value="([^"]+)"><label[^>]*>([^<]+)', page)
    assert choices == [("self", "Myself"), (f"mandate.{MANDATE}", "Salma Haddad")]
    assert "/relatives" in links(page)
    await sent(portal, f"{MISSION}&person=mandate.{MANDATE}")
    assert portal.behind.posts()[0]["body"]["mandate"] == str(MANDATE)


# Refusals


async def refused(portal: Portal, status: int, code: str, **more: Any) -> str:
    portal.behind.answers["POST /api/booking/turns"] = refusal(status, code, **more)
    response = await sent(portal)
    assert response.status_code == status
    page: str = response.text
    return page


@pytest.mark.parametrize("code", sorted(EXPLAINED))
async def test_each_refusal_has_a_sentence_and_a_way_on(portal: Portal, catalogue: Catalogue, code: str) -> None:
    catalogue.has("RDM-01", "2026-12-02", 5)
    page = await refused(portal, 409, code)
    main = page.split("<main")[1].split("</main>")[0]
    assert re.search(r"<h1>[^<]{8,}</h1>\s*<p>[^<]{20,}", main)
    assert links(main)
    assert ("/services/PASS_REN/offices/RDM-01/days/2026-12-02?tier=N&person=self" in links(main)) == (code in GONE)


@pytest.mark.parametrize("code", ["sold-out", "window-full"])
async def test_what_is_gone_has_three_nearest_alternatives(portal: Portal, catalogue: Catalogue, code: str) -> None:
    for code_, on in (
        ("DAM-01", "2026-12-03"),
        ("DAM-01", "2026-12-09"),
        ("DAM-01", "2026-12-20"),
        ("ALP-01", "2026-12-02"),
    ):
        catalogue.has(code_, on, 5)
    page = await refused(portal, 409, code)
    days = [each for each in links(page) if "/days/" in each and "2026-12-01" not in each]
    assert [each.split("?")[0].split("/offices/")[1] for each in days] == [
        "DAM-01/days/2026-12-03",
        "DAM-01/days/2026-12-09",
        "ALP-01/days/2026-12-02",
    ]


async def test_a_live_turn_in_the_way_is_led_to(portal: Portal) -> None:
    others = [turn("CANCELLED_BY_CITIZEN", id=str(UUID(int=8))), turn("CONFIRMED", service="PASS_MINOR")]
    portal.behind.answers["GET /api/booking/turns"] = {"items": others, "next": None}
    assert f"/turns/{TURN}" in links(await refused(portal, 409, "one-live-turn"))
    portal.behind.answers["GET /api/booking/turns"] = {"items": [turn(case_id=str(CASE))], "next": None}
    assert f"/cases/{CASE}" in links(await refused(portal, 409, "one-live-turn"))
    portal.behind.answers["GET /api/booking/turns"] = {"items": [], "next": None}
    assert "See my turns" in await refused(portal, 409, "one-live-turn")


async def test_a_day_that_opens_later_says_when_in_the_offices_time(portal: Portal) -> None:
    page = await refused(portal, 409, "not-open-yet", opens_at="2026-11-30T21:00:00+00:00")
    assert "It opens on 1 Dec 2026, 00:00 , local time of the office" in plain(page).replace(", local", " , local")


async def test_what_has_no_better_page_has_the_portals_own(portal: Portal) -> None:
    page = await refused(portal, 409, "something-new")
    assert "No" in page
    assert "something-new" in page


async def test_the_start_page_has_the_turn_that_comes_next(portal: Portal) -> None:
    items = [
        turn("CONFIRMED", id=str(UUID(int=8)), date="2026-12-20"),
        turn("HELD", service_name="Driving licence"),
        turn("EXPIRED", id=str(UUID(int=9)), date="2026-11-21"),
    ]
    portal.behind.answers["GET /api/booking/turns"] = {"items": items, "next": None}
    page = await portal.page("/")
    assert links(page, "/turns/") == [f"/turns/{TURN}"]
    assert "Driving licence" in page
    assert "pay before 14:15" in plain(page)
    portal.behind.answers["GET /api/booking/turns"] = refusal(503, "catalogue-missing")
    assert "You have a turn already?" in await portal.page("/")
