"""One's own pages: preferences, sessions and messages, each of its owner alone."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from services.gateway.tests.visiting import Browser, Listening, Portal, afresh, new_id, portal_on

from dawr.servicekit.testing import Stage

KNOWN = {"language": "en", "digits": "latn", "email": "a@mail.example", "phone": None}


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, listening: Listening, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("gateway"), listening) as running:
        yield running


@pytest.fixture
def portal(kept: Portal) -> Portal:
    kept.behind.on("/api/notifications/inbox", lambda *_: (200, {"items": [], "unread": 3, "next": None}))
    kept.behind.on("/api/notifications/preferences", lambda *_: (200, {**KNOWN, "channels": ["sms", "email", "inbox"]}))
    return afresh(kept)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal.browser() as browser:
        await browser.sign_in()
        portal.behind.asked.clear()
        yield browser


def checked(page: str) -> set[str]:
    return set(re.findall(r'<input type="radio"[^>]* value="([^"]*)" checked', page))


async def test_preferences_are_shown_as_they_are_and_saved_as_wanted(portal: Portal, browser: Browser) -> None:
    page = await browser.open("/preferences")
    assert checked(page.text) == {"en", "latn", "sms-email"}
    assert 'value="a@mail.example"' in page.text
    answer = await browser.send(
        page,
        "/preferences",
        language="ar",
        digits="arab",
        channels="email",
        phone="٠٠٩٦٣ ٩٩١ ٢٣٤ ٥٦٧",
        email="",
    )
    assert answer.headers["location"] == "/preferences?saved=1"
    [(_, path, body, headers)] = [each for each in portal.behind.asked if each[0] == "PUT"]
    assert path == "/api/notifications/preferences"
    assert body == {
        "language": "ar",
        "digits": "arab",
        "email": None,
        "phone": "+963991234567",
        "channels": ["email", "inbox"],
    }
    assert headers["authorization"].startswith("Bearer "), "in the visitor's name"
    page = await browser.open("/preferences?saved=1")
    assert '<html lang="ar" dir="rtl">' in page.text, "the pages follow at once"
    assert "تم الحفظ" in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nobody"), ("phone", "0991 12"), ("language", "fr"), ("digits", ""), ("channels", "pigeon")],
)
async def test_preferences_that_can_not_be_are_told_in_place(
    portal: Portal, browser: Browser, field: str, value: str
) -> None:
    answer = await browser.send(await browser.open("/preferences"), "/preferences", **{field: value})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert not [each for each in portal.behind.asked if each[0] == "PUT"]


async def test_what_notifications_refuses_is_told_at_its_field(portal: Portal, browser: Browser) -> None:
    page = await browser.open("/preferences")
    errors = [{"pointer": "#/email", "code": "x", "detail": "Not this one"}]
    portal.behind.on(
        "/api/notifications/preferences", lambda *_: (422, {"code": "invalid-request", "title": "No", "errors": errors})
    )
    answer = await browser.send(page, "/preferences")
    assert answer.status_code == 422
    assert '<a href="#email">Not this one</a>' in answer.text


async def test_sessions_elsewhere_are_seen_and_ended(portal: Portal, browser: Browser) -> None:
    number = portal.number()
    async with portal.browser() as here, portal.browser() as there, portal.browser() as stranger:
        there.client.headers["user-agent"] = "Mozilla/5.0 (Android 8.0; Mobile; rv:61.0) Gecko/61.0 Firefox/61.0"
        await here.sign_in(number)
        await there.sign_in(number)
        await stranger.sign_in()
        page = await here.open("/sessions")
        assert page.text.count('action="/sessions/') == 3, "two of theirs, and everywhere"
        assert "Firefox, Android" in page.text
        [elsewhere] = [
            each
            for each in re.findall(r'action="(/sessions/[0-9a-f-]{36})"', page.text)
            if each not in re.findall(r"this one.*?action=\"([^\"]*)\"", page.text, re.DOTALL)[0]
        ]
        foreign = re.findall(r'action="(/sessions/[0-9a-f-]{36})"', (await stranger.open("/sessions")).text)[0]
        token = re.findall(r'name="form-token" value="([^"]*)"', page.text)[0]
        await here.post(foreign, {"form-token": token})
        assert (await stranger.open("/sessions")).status_code == 200, "another person's goes on"
        await here.send(page, elsewhere)
        assert (await there.get("/sessions")).headers["location"].startswith("/sign-in")
        await there.sign_in(number)
        answer = await here.send(await here.open("/sessions"), "/sessions/everywhere")
        assert "You are signed out" in (await here.open(answer.headers["location"])).text
        assert (await there.get("/sessions")).headers["location"].startswith("/sign-in")
        assert (await stranger.get("/sessions")).status_code == 200


async def test_a_message_counts_as_read_once_it_is_opened(portal: Portal, browser: Browser) -> None:
    turn, found = new_id(), new_id()
    message: dict[str, Any] = {
        "id": found,
        "template": "turn-confirmed",
        "subject": "Your turn <is> confirmed",
        "text": "Come at nine.\n\nBring <your> document.",
        "turn_id": turn,
        "created_at": "2026-11-30T01:00:00+00:00",
        "read_at": None,
    }

    def inbox(method: str, path: str, _body: Any) -> tuple[int, Any]:
        if method == "POST":
            message["read_at"] = "2026-11-30T02:00:00+00:00"
            return 200, {"id": found, "read_at": message["read_at"]}
        if "cursor=two" in path:
            return 200, {"items": [message], "unread": 1, "next": None}
        return 200, {"items": [], "unread": 1, "next": "two"}

    portal.behind.on("/api/notifications/inbox", inbox)
    page = await browser.open("/inbox")
    assert "1 message is unread" in page.text
    assert 'href="/inbox?cursor=two"' in page.text
    page = await browser.open("/inbox?cursor=two")
    assert f'href="/inbox/{found}?cursor=two"' in page.text
    assert not [each for each in portal.behind.asked if each[0] == "POST"], "a list reads nothing"
    page = await browser.open(f"/inbox/{found}?cursor=two")
    assert "<p>Bring &lt;your&gt; document.</p>" in page.text
    assert f'href="/turns/{turn}"' in page.text
    [(_, path, _, _)] = [each for each in portal.behind.asked if each[0] == "POST"]
    assert path == f"/api/notifications/inbox/{found}/read"
    await browser.open(f"/inbox/{found}")
    assert len([each for each in portal.behind.asked if each[0] == "POST"]) == 1, "and only once"
    assert (await browser.get(f"/inbox/{new_id()}")).status_code == 404
    assert (await browser.get("/inbox/none")).status_code == 404


async def test_a_service_that_is_away_costs_one_page_and_not_the_others(portal: Portal, browser: Browser) -> None:
    portal.behind.on("/api/notifications", lambda *_: (503, {"code": "unavailable", "title": "Away"}))
    portal.behind.answerers = {"/api/notifications": portal.behind.answerers["/api/notifications"]}
    assert (await browser.get("/preferences")).status_code == 503
    assert (await browser.get("/account")).status_code == 200, "one reads of oneself without messages, too"
    assert (await browser.get("/sessions")).status_code == 200
