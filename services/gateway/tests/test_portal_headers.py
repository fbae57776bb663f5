"""What every page tells browsers to allow, by which cookies, and whom it believes about where it is."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from services.gateway.tests.visiting import Browser, Listening, Portal, afresh, portal_on

from dawr.servicekit.testing import Stage

URL = "https://dawr.example"
OPEN = ("/sign-in", "/sign-up", "/sign-up/number", "/sign-up/born", "/sign-up/document", "/sign-up/reach", "/sign-out",
        "/help", "/privacy", "/accessibility", "/offline", "/docs", "/docs/problems", "/api/docs")  # fmt: skip
OWN = ("/account", "/preferences", "/sessions", "/inbox", "/relatives", "/relatives/ask", "/sign-out")
PREFERENCES = {"language": "en", "digits": "latn", "email": None, "phone": None, "channels": ["email", "sms", "inbox"]}


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, listening: Listening, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("gateway"), listening, public_url=URL) as running:
        running.behind.on("/api/notifications/inbox", lambda *_: (200, {"items": [], "unread": 0, "next": None}))
        running.behind.on("/api/notifications/preferences", lambda *_: (200, PREFERENCES))
        running.behind.on("/api/consular/mandates", lambda *_: (200, {"items": [], "next": None}))
        yield running


@pytest.fixture
def portal(kept: Portal) -> Portal:
    return afresh(kept)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal.browser(URL) as browser:
        yield browser


def check(page: httpx.Response) -> None:
    policy = dict(each.strip().partition(" ")[::2] for each in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "*" not in policy["form-action"].replace("http://127.0.0.1:*", "").replace("http://localhost:*", "")
    assert page.headers["strict-transport-security"].startswith("max-age=31536000")
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "geolocation=()" in page.headers["permissions-policy"]
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    for inline in ("<style", "style=", "javascript:", "onclick", "onsubmit", "onload"):
        assert inline not in page.text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page.text))
    ids = re.findall(r'\bid="([^"]*)"', page.text)
    assert len(ids) == len(set(ids))
    assert page.text.count("<h1") == 1


async def test_every_page_of_everybody_is_guarded(browser: Browser) -> None:
    for path in (*OPEN, "/nowhere"):
        page = await browser.get(path)
        assert page.status_code == (404 if path == "/nowhere" else 200), path
        check(page)


@pytest.mark.parametrize("path", ["//evil.example/x", "/%5Cevil.example/x", "/%2Fevil.example/x"])
async def test_no_link_of_a_page_leads_where_its_address_looks_like(browser: Browser, path: str) -> None:
    page = await browser.client.get(f"{URL}{path}", headers={"accept": "text/html"})
    assert page.status_code == 404
    hrefs = re.findall(r'href="([^"]*)"', page.text)
    assert hrefs
    assert all(httpx.URL(URL).join(each).host == httpx.URL(URL).host for each in hrefs if "\\" not in each)
    assert not [each for each in hrefs if each.startswith(("//", "/\\"))]


async def test_every_page_of_ones_own_is_guarded(browser: Browser) -> None:
    for path in OWN:
        assert (await browser.get(path)).status_code in {200, 303}
    await browser.sign_in()
    for path in OWN:
        page = await browser.get(path)
        assert page.status_code == 200, path
        check(page)


async def test_cookies_go_by_https_alone_and_not_to_scripts(portal: Portal, browser: Browser) -> None:
    """`__Host-` keeps neighbours under the same domain from setting them."""
    set_cookies: list[str] = []
    number = portal.number()
    page = await browser.open("/sign-in?lang=en")
    set_cookies += page.headers.get_list("set-cookie")
    asked = await browser.send(page, "/sign-in", number=number)
    page = await browser.open("/sign-in/code")
    [code] = await portal.codes(number)
    answer = await browser.send(page, "/sign-in/code", code=code)
    set_cookies += [*asked.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    names = {each.split("=")[0] for each in set_cookies}
    assert {"__Host-dawr-visitor", "__Host-dawr-code", "__Host-dawr-access", "__Host-dawr-session"} <= names
    assert names <= {"__Host-dawr-visitor", "__Host-dawr-code", "__Host-dawr-access", "__Host-dawr-session",
                     "__Host-dawr-sign-up", "dawr-language"}  # fmt: skip
    for each in set_cookies:
        flags = {flag.strip().lower() for flag in each.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
        assert number not in each
    assert not any(number in value for value in browser.client.cookies.values()), "sealed"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "dawr.example", "x-forwarded-host": "evil.example"},
        {"host": "dawr.example", "forwarded": "host=evil.example;proto=http"},
        {"host": "dawr.example", "x-original-url": "/evil.example", "x-rewrite-url": "/evil.example"},
        {"host": "dawr.example@evil.example"},
    ],
)
async def test_no_page_believes_a_header_about_where_it_is(browser: Browser, headers: dict[str, str]) -> None:
    for path in (*OPEN, "/account", "/nowhere", "/robots.txt", "/manifest.webmanifest", "/worker.js"):
        answer = await browser.client.get(path, headers={"accept": "text/html", **headers})
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers.get("location"))
        if "location" in answer.headers:
            assert answer.headers["location"].startswith("/")
