"""The pages of a turn that is settled: what each state shows, its papers, another day, giving it back, the refund."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import icalendar
import pytest
from services.gateway.tests.turning import (
    CASE,
    CHILD,
    FEE,
    NOW,
    OTHER,
    PAYMENT,
    TURN,
    Portal,
    citizen,
    plain,
    portal_on,
    refund,
    refusal,
    step,
    turn,
)

from dawr.gateway.keys import PASSES, Keys
from dawr.gateway.passes import public_keys, read_pass, sign_pass
from dawr.gateway.portal.turns.papers import given_at, pass_of, svg_of
from dawr.servicekit.testing import Stage

PAGE = f"/turns/{TURN}"
LINE = f"{PAGE}?at=3:41&request={'a' * 32}"
BOOKING = f"/api/booking/turns/{TURN}"
ATTEMPTS = f"/api/payments/payments/{PAYMENT}/attempts"
BANK = "http://127.0.0.1:8086/pay/chk_1"


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage,
    tmp_path_factory: pytest.TempPathFactory,
    listening: Callable[[Any], AbstractAsyncContextManager[int]],
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("keys"), listening) as portal:
        yield portal


@pytest.fixture
def portal(kept: Portal) -> Portal:
    """The portal at its moment, with a confirmed turn behind it."""
    kept.clock.now = NOW
    kept.client.cookies.clear()
    kept.client.cookies.set("dawr-access", citizen(kept.folder, NOW))
    kept.behind.begin(turn())
    return kept


@pytest.mark.parametrize("opens_at", [None, "2026-11-25T07:00:00+00:00"])
async def test_a_refused_turn_says_why_and_where_else(portal: Portal, opens_at: str | None) -> None:
    refused = {"code": "not-open-yet", "title": "Not open yet"} | ({"opens_at": opens_at} if opens_at else {})
    portal.behind.begin(turn("REFUSED", payment=None, refusal=refused))
    page = await portal.page(PAGE)
    assert "Not open yet" in page
    assert ("25 Nov 2026, 10:00" in page) is bool(opens_at)
    assert 'href="/services/PASS_REN/offices/DAM-01/calendar?tier=N"' in page


# What is taken along


async def test_a_confirmed_turn_tells_all_that_is_needed(portal: Portal) -> None:
    page = await portal.page(PAGE)
    said = plain(page)
    for expected in (
        "Tuesday, 1 December 2026",
        "09:00 – 09:30",
        "Layla Haddad",
        "Damascus, Baramkeh",
        "The old passport",
        "Two photographs",
        "if older than 12",
        "Normal",
        "What happened so far",
    ):
        assert expected in said, expected
    assert "Proof of urgency" not in said, "that is for another tier"
    for link in ("pass", "calendar.ics", "reschedule", "cancel"):
        assert f'href="{PAGE}/{link}"' in page
    gone = {"cancel": False, "reschedule": False, "why_not_reschedule": "too-late-to-move", "refund_if_cancelled": None}
    portal.behind.begin(turn(can=turn()["can"] | gone))
    late = await portal.page(PAGE)
    assert f"{PAGE}/cancel" not in late
    assert f"{PAGE}/reschedule" not in late
    assert "The day of the turn has begun" in late


async def test_a_child_s_turn_names_the_child(portal: Portal) -> None:
    portal.behind.begin(turn(person_id=str(CHILD)))
    assert "Salma Haddad" in await portal.page(PAGE)
    assert "سلمى الحداد" in await portal.page(PAGE, lang="ar")
    assert "Salma Haddad" in await portal.page(f"{PAGE}/pass")


async def test_a_move_by_the_office_is_told(portal: Portal) -> None:
    moved = step("CONFIRMED", "moved-by-office", 60, **{"from": "DAM-01/PASS_REN/N/2026-11-30", "by": str(OTHER)})
    portal.behind.begin(turn(history=[*turn()["history"], moved]))
    said = plain(await portal.page(PAGE))
    assert "The office moved this turn from Monday, 30 November 2026 to Tuesday, 1 December 2026" in said.replace(
        " .", "."
    )


async def test_the_pass_says_what_its_code_says(portal: Portal) -> None:
    page = await portal.page(f"{PAGE}/pass")
    keys = public_keys((await portal.client.get("/.well-known/passes.json")).json())
    text = await signed_now(portal)
    assert read_pass(text, keys) == pass_of(turn())
    assert svg_of(text) in page
    for expected in ("Layla Haddad", "Damascus, Baramkeh", "Tuesday, 1 December 2026", "Two photographs", str(TURN)):
        assert expected in plain(page)
    image = await portal.client.get(f"{PAGE}/pass.svg")
    assert image.headers["content-type"] == "image/svg+xml"
    assert 'xmlns="http://www.w3.org/2000/svg"' in image.text
    assert svg_of(text) in await portal.page(f"{PAGE}/pass"), "printed again it is the same"


async def signed_now(portal: Portal) -> str:
    """The text that the pass of this platform carries."""
    return sign_pass(pass_of(turn()), await Keys(portal.folder, PASSES).signing())


async def test_only_a_confirmed_turn_has_papers(portal: Portal) -> None:
    portal.behind.begin(turn("CANCELLED_BY_CITIZEN"))
    for paper in ("pass", "pass.svg", "calendar.ics"):
        answer = await portal.client.get(f"{PAGE}/{paper}")
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE)


async def test_a_moved_turn_has_a_newer_pass_and_a_newer_entry(portal: Portal) -> None:
    before = turn()
    moved = step("CONFIRMED", "moved-by-citizen", 90, **{"from": "DAM-01/PASS_REN/N/2026-11-30"})
    after = turn(history=[*before["history"], moved])
    assert given_at(after) > given_at(before)
    portal.behind.begin(before)
    first = await entry(portal)
    portal.behind.begin(after)
    second = await entry(portal)
    assert first["uid"] == second["uid"] == f"{TURN}@dawr"
    assert (first["sequence"], second["sequence"]) == (0, 1)


async def entry(portal: Portal) -> icalendar.Event:
    answer = await portal.client.get(f"{PAGE}/calendar.ics", headers={"accept-language": "en"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    whole = icalendar.Calendar.from_ical(answer.content)
    assert [zone["tzid"] for zone in whole.walk("VTIMEZONE")] == ["Asia/Damascus"]
    [found] = whole.walk("VEVENT")
    return found


async def test_the_calendar_file_is_in_the_office_s_time_with_a_reminder(portal: Portal) -> None:
    found = await entry(portal)
    assert found["dtstart"].dt.isoformat() == "2026-12-01T09:00:00+03:00"
    assert found["dtend"].dt.isoformat() == "2026-12-01T09:30:00+03:00"
    assert found["dtstart"].params["TZID"] == "Asia/Damascus"
    [alarm] = found.walk("VALARM")
    assert alarm["trigger"].dt == timedelta(days=-1)
    assert "Two photographs" in found["description"]
    assert found["url"] == f"http://127.0.0.1:8080{PAGE}"


# Another day


def with_days(portal: Portal, **more: Any) -> None:
    days = [
        {"office": "DAM-01", "date": f"2026-12-{day:02}", "state": "open" if day > 1 else "sold-out", "left": day - 1,
         "accessible": 0, "opens_at": None, "reason": None,
         "windows": [{"start": "10:00", "end": "10:30", "left": 2}, {"start": "11:00", "end": "11:30", "left": 0}]}
        for day in range(1, 4)
    ]  # fmt: skip

    def availability(asked: dict[str, Any]) -> Any:
        only = re.search(r"from=([\d-]+)&to=\1", asked["query"])
        return {"days": [each for each in days if only is None or each["date"] == only[1]], "first_free": None}

    portal.behind.begin(turn(), **{"GET /api/booking/availability": availability, **more})


async def test_another_day_is_chosen_checked_and_asked_for(portal: Portal) -> None:
    with_days(portal, **{f"POST {BOOKING}/reschedule": turn(date="2026-12-03")})
    page = await portal.page(f"{PAGE}/reschedule")
    assert "It stays yours until you have the other day" in plain(page)
    assert f'href="{PAGE}/reschedule/days/2026-12-03?office=DAM-01"' in page
    assert f'href="{PAGE}/reschedule/days/2026-12-01' not in page
    hours = await portal.page(f"{PAGE}/reschedule/days/2026-12-03?office=DAM-01")
    wrong = await portal.send(f"{PAGE}/reschedule/days/2026-12-03", hours, window="11:00")
    assert wrong.status_code == 422
    assert "Choose an hour that has room" in wrong.text
    chosen = await portal.send(f"{PAGE}/reschedule/days/2026-12-03", hours, window="10:00")
    assert chosen.headers["location"] == f"{PAGE}/reschedule/check?date=2026-12-03&window=10%3A00&office=DAM-01"
    check = await portal.page(chosen.headers["location"])
    assert "Thursday, 3 December 2026" in plain(check)
    moved = await portal.send(f"{PAGE}/reschedule/check", check)
    assert (moved.status_code, moved.headers["location"]) == (303, f"{PAGE}?told=moved")
    [asked] = portal.behind.posts()
    assert asked["body"] == {"date": "2026-12-03", "window": "10:00"}
    assert asked["headers"]["prefer"] == "wait=8"
    assert asked["headers"]["idempotency-key"]


async def test_a_refused_move_says_why_and_that_the_turn_stays(portal: Portal) -> None:
    with_days(portal, **{f"POST {BOOKING}/reschedule": refusal(409, "window-full", "This window is full")})
    check = await portal.page(f"{PAGE}/reschedule/check?date=2026-12-03&window=10:00")
    refused = await portal.send(f"{PAGE}/reschedule/check", check)
    assert refused.status_code == 409
    assert "This window is full" in refused.text
    assert "Your turn stays as it was" in refused.text


async def test_a_move_that_takes_its_time_is_followed(portal: Portal) -> None:
    wish = f"{BOOKING}/reschedules/{CASE}"
    waiting = {"id": str(CASE), "turn_id": str(TURN), "state": "waiting", "refusal": None, "office": "DAM-01",
               "date": "2026-12-03", "window": None, "links": {"self": f"{wish}?at=3:77"}}  # fmt: skip
    with_days(portal, **{f"POST {BOOKING}/reschedule": (202, waiting), f"GET {wish}": waiting})
    check = await portal.page(f"{PAGE}/reschedule/check?date=2026-12-03")
    sent = await portal.send(f"{PAGE}/reschedule/check", check)
    assert sent.headers["location"] == f"{PAGE}/reschedule/asked/{CASE}?at=3%3A77"
    assert "Moving the turn" in await portal.page(sent.headers["location"])
    portal.behind.answers[f"GET {wish}"] = waiting | {
        "state": "refused",
        "refusal": {"code": "sold-out", "title": "Sold out"},
    }
    assert "Your turn stays as it was" in await portal.page(sent.headers["location"])
    portal.behind.answers[f"GET {wish}"] = waiting | {"state": "moved"}
    assert (await portal.client.get(sent.headers["location"])).headers["location"] == f"{PAGE}?told=moved"


async def test_a_turn_that_can_t_be_moved_says_why(portal: Portal) -> None:
    can = turn()["can"] | {"reschedule": False, "why_not_reschedule": "moved-too-often"}
    portal.behind.begin(turn(can=can))
    for page in ("", "/check?date=2026-12-03", "/days/2026-12-03", "/offices"):
        assert "as often as is allowed" in await portal.page(f"{PAGE}/reschedule{page}", status=409)


# Giving back


async def test_giving_back_says_what_comes_back_and_asks_why(portal: Portal) -> None:
    portal.behind.begin(turn(), **{f"POST {BOOKING}/cancellation": turn("CANCELLED_BY_CITIZEN")})
    page = await portal.page(f"{PAGE}/cancel")
    assert "SYP 312,700" in page
    assert "until the end of Monday, 30 November 2026" in plain(page).replace(" ,", ",")
    missing = await portal.send(f"{PAGE}/cancel", page)
    assert missing.status_code == 422
    assert "<title>Error: " in missing.text
    assert portal.behind.posts() == []
    done = await portal.send(f"{PAGE}/cancel", page, reason="cannot-come")
    assert (done.status_code, done.headers["location"]) == (303, PAGE)
    [asked] = portal.behind.posts()
    assert asked["body"] == {"reason": "cannot-come"}
    assert asked["headers"]["idempotency-key"]


async def test_a_mission_s_turn_is_given_back_at_the_mission(portal: Portal) -> None:
    path = f"/api/consular/cases/{CASE}/cancellation"
    portal.behind.begin(turn(case_id=str(CASE)), **{f"POST {path}": (202, {"state": "CONFIRMED"})})
    done = await portal.send(f"{PAGE}/cancel", await portal.page(f"{PAGE}/cancel"), reason="not-needed")
    assert done.headers["location"] == f"{PAGE}?told=giving-back"
    assert [each["path"] for each in portal.behind.posts()] == [path]
    assert "on its way" in await portal.page(done.headers["location"])


async def test_what_can_t_be_given_back_says_why(portal: Portal) -> None:
    portal.behind.begin(turn(can=turn()["can"] | {"cancel": False, "why_not": "too-late-to-cancel"}))
    page = await portal.page(f"{PAGE}/cancel")
    assert "The day of the turn has begun" in page
    assert '<button class="danger"' not in page
    portal.behind.begin(turn("CANCELLED_BY_CITIZEN"))
    assert (await portal.client.get(f"{PAGE}/cancel")).headers["location"] == PAGE


# The refund


async def test_a_refund_is_followed_step_by_step(portal: Portal) -> None:
    due = {"state": "ACCEPTED", "amount": FEE, "links": {}}
    portal.behind.begin(turn("CANCELLED_BY_CITIZEN", refund=due))
    assert "is on its way back to you" in await portal.page(PAGE)
    page = await portal.page(f"{PAGE}/refund")
    assert 'hx-trigger="every 5s"' in page
    portal.behind.answers["GET /api/payments/refunds"] = {
        "items": [refund("REQUESTED", "APPROVED", "SUBMITTED")],
        "next": None,
    }
    part = await portal.page(f"{PAGE}/refund", **{"hx-request": "true"})
    assert "<html" not in part
    assert "Usually within 5 working days" in part
    assert re.search(r'class="now"[^>]*><span>Bank told to pay it back', part)
    assert re.search(r'class="next"[^>]*><span>Paid back by the bank', part)
    portal.behind.answers["GET /api/payments/refunds"] = {
        "items": [refund("REQUESTED", "APPROVED", "SUBMITTED", "FAILED")],
        "next": None,
    }
    assert "a person of the finance office looks into it" in await portal.page(f"{PAGE}/refund")
    portal.behind.answers["GET /api/payments/refunds"] = {
        "items": [refund("REQUESTED", "APPROVED", "SUBMITTED", "SUCCEEDED", expected=None)], "next": None,
    }  # fmt: skip
    over = await portal.page(f"{PAGE}/refund")
    assert "hx-trigger" not in over
    assert "http-equiv" not in over


# All turns


async def test_my_turns_are_those_to_come_and_those_before(portal: Portal) -> None:
    items = [turn("HELD", id=str(OTHER)), turn(), turn("REFUSED", id=str(CHILD)), turn(id=str(CASE), date="2026-11-02")]
    portal.behind.begin(turn(), **{"GET /api/booking/turns": {"items": items, "next": "abc=="}})
    page = await portal.page("/turns")
    to_come, before = page.split("Before</h2>")
    assert [str(each) in to_come for each in (OTHER, TURN, CHILD, CASE)] == [True, True, False, False]
    assert [str(each) in before for each in (CHILD, CASE)] == [True, True]
    assert "Waits for payment" in to_come
    assert 'href="/turns?cursor=abc%3D%3D"' in page
    portal.behind.begin(turn(), **{"GET /api/booking/turns": {"items": [], "next": None}})
    assert "You have no turn at the moment" in await portal.page("/turns")


async def test_a_case_leads_to_its_turn(portal: Portal) -> None:
    case = {
        "id": str(CASE),
        "turn_id": str(TURN),
        "state": "OPENED",
        "refusal": None,
        "service": "CSL_PASS",
        "tier": "N",
    }
    portal.behind.begin(turn(), **{f"GET /api/consular/cases/{CASE}": case})
    back = await portal.client.get(f"/cases/{CASE}?status=declined")
    assert (back.status_code, back.headers["location"]) == (303, f"{PAGE}?status=declined")
    portal.behind.answers[f"GET {BOOKING}"] = refusal(404, "unknown-turn")
    assert "Your case is opened" in await portal.page(f"/cases/{CASE}")


async def test_somebody_else_s_turn_is_not_found(portal: Portal) -> None:
    portal.behind.begin(turn(), **{f"GET {BOOKING}": refusal(404, "unknown-turn")})
    for page in ("", "/pass", "/pass.svg", "/calendar.ics", "/cancel", "/reschedule", "/refund"):
        assert (await portal.client.get(PAGE + page)).status_code == 404, page
    assert (await portal.client.get("/turns/not-an-id")).status_code == 404


async def test_nobody_sees_a_turn_without_signing_in(portal: Portal) -> None:
    portal.client.cookies.clear()
    for page in ("", "/pass", "/calendar.ics", "/refund"):
        answer = await portal.client.get(PAGE + page)
        assert answer.headers["location"].startswith("/sign-in?next=%2Fturns%2F")
