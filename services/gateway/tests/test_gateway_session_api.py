"""Sessions over HTTP: in a browser with cookies, and in a program with tokens."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from services.gateway.tests.browsing import CITIZEN, Browser, House, house_on

from dawr.gateway.app import create_service
from dawr.gateway.sessions import Issued, Sessions
from dawr.servicekit.auth import make_token
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage

SITE = "http://127.0.0.1:8080"
OWN = {"origin": SITE, "sec-fetch-site": "same-origin"}


@dataclass
class Place:
    """A gateway that answers, and how people come to be signed in at it."""

    house: House
    sessions: Sessions
    transport: httpx.ASGITransport

    def client(self, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport, base_url=SITE, **more)

    async def signed_in(self, person: UUID | None = None) -> Issued:
        """Somebody who has signed in at another replica."""
        return await self.house.begin(self.sessions, Browser(self.house.clock), person_id=person or uuid4())

    def browser(self, issued: Issued) -> httpx.AsyncClient:
        jar = httpx.Cookies()
        for each in issued.cookies:
            jar.set(each.name, each.value, domain="127.0.0.1")
        return self.client(cookies=jar)


@pytest.fixture(scope="module")
async def kept_place(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with house_on(the_stage, tmp_path_factory.mktemp("house")) as house:
        service = create_service(house.settings, clock=house.clock)
        yield Place(house, house.replica(), httpx.ASGITransport(service.app()))
        for close in service.closers:
            await close()
        await service.database.close()


@pytest.fixture
def place(kept_place: Place) -> Place:
    kept_place.house.clock.now = utc_now()
    return kept_place


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_program_goes_on_with_the_token_of_the_answer(place: Place) -> None:
    issued = await place.signed_in()
    async with place.client() as program:
        token = issued.refresh_token
        for _ in range(3):
            place.house.clock.turn(seconds=601)
            answer = await program.post("/api/session/refresh", json={"refresh_token": token})
            session = answer.json()
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            assert "set-cookie" not in answer.headers
            assert session["refresh_token"] != token
            assert session["session_id"] == str(issued.signed_in.session_id)
            me = (await program.get("/api/me", headers=bearer(session["access_token"]))).json()
            assert me["person_id"] == session["person_id"] == str(issued.signed_in.person_id)
            token = session["refresh_token"]
        again = await program.post("/api/session/refresh", json={"refresh_token": issued.refresh_token})
        assert (again.status_code, again.json()["code"]) == (401, "session-ended")
        ended = await program.post("/api/session/refresh", json={"refresh_token": token})
        assert ended.json()["code"] == "session-ended"
        refused = await program.get("/api/me", headers=bearer(session["access_token"]))
        assert refused.json()["code"] == "not-signed-in", "the gateway knows that the session is over"


async def test_a_browser_goes_on_by_its_cookie_and_scripts_read_no_refresh_token(place: Place) -> None:
    issued = await place.signed_in()
    async with place.browser(issued) as browser:
        answer = await browser.post("/api/session/refresh", headers=OWN)
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] is None
        for cookie in answer.headers.get_list("set-cookie"):
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
        assert browser.cookies["dawr-session"] != issued.refresh_token
        assert browser.cookies["dawr-access"] == answer.json()["access_token"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://evil.127.0.0.1:8080"},
    ],
)
async def test_another_site_moves_nothing_with_a_browsers_cookies(place: Place, headers: dict[str, str]) -> None:
    issued = await place.signed_in()
    async with place.browser(issued) as browser:
        for method, path in (("POST", "/api/session/refresh"), ("DELETE", "/api/session")):
            answer = await browser.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "from-elsewhere")
            assert "set-cookie" not in answer.headers
        row = await place.house.row(issued.signed_in.session_id)
        assert (row["generation"], row["ended_at"]) == (0, None)
        begun = await browser.post(
            "/api/session", json={"identity_number": "10000000001", "code": "123456"}, headers=headers
        )
        assert begun.json()["code"] == "from-elsewhere", "nor is anybody signed in as somebody else"


async def test_a_cookie_opens_nothing_of_the_api_that_a_token_opens(place: Place) -> None:
    issued = await place.signed_in()
    async with place.browser(issued) as browser:
        for method, path in (
            ("GET", "/api/me"),
            ("GET", "/api/sessions"),
            ("DELETE", "/api/sessions"),
            ("DELETE", f"/api/sessions/{issued.signed_in.session_id}"),
        ):
            assert (await browser.request(method, path, headers=OWN)).json()["code"] == "not-signed-in"


@pytest.mark.parametrize("by", ["cookie", "token"])
async def test_signing_out_ends_this_session_and_no_other(place: Place, by: str) -> None:
    person = uuid4()
    mine, other = await place.signed_in(person), await place.signed_in(person)
    async with place.browser(mine) as browser:
        headers = OWN if by == "cookie" else bearer(mine.access_token)
        answer = await browser.delete("/api/session", headers=headers)
        assert answer.status_code == 204
        assert not browser.cookies
        assert (await browser.get("/api/me", headers=bearer(mine.access_token))).status_code == 401
        refreshed = await browser.post("/api/session/refresh", json={"refresh_token": mine.refresh_token})
        assert refreshed.json()["code"] == "session-ended"
        assert (await browser.get("/api/me", headers=bearer(other.access_token))).status_code == 200
        assert (await browser.delete("/api/session")).json()["code"] == "not-signed-in"
    assert (await place.house.row(mine.signed_in.session_id))["ended_why"] == "signed-out"


async def test_a_token_of_no_session_signs_out_and_reads_its_sessions(place: Place) -> None:
    """Those that `dawr token` makes on a development platform."""
    person = uuid4()
    key = await place.sessions._keys.signing()
    token = make_token(key.private, key.kid, person, CITIZEN)
    other = await place.signed_in(person)
    async with place.client(headers=bearer(token)) as program:
        [listed] = (await program.get("/api/sessions")).json()["sessions"]
        assert (listed["id"], listed["is_this"]) == (str(other.signed_in.session_id), False)
        assert (await program.delete("/api/session")).status_code == 204
        assert (await program.get("/api/me")).status_code == 200, "nobody can call it back"
        assert (await program.delete("/api/sessions")).status_code == 204
        assert (await program.get("/api/sessions")).json()["sessions"] == []


async def test_one_sees_and_ends_ones_own_sessions(place: Place) -> None:
    person = uuid4()
    mine, elsewhere = await place.signed_in(person), await place.signed_in(person)
    stranger = await place.signed_in()
    async with place.client(headers=bearer(mine.access_token)) as program:
        listed = (await program.get("/api/sessions")).json()["sessions"]
        assert [(each["id"], each["is_this"]) for each in listed] == [
            (str(mine.signed_in.session_id), True),
            (str(elsewhere.signed_in.session_id), False),
        ]
        assert {(each["how"], each["agent"]) for each in listed} == {("code", "Firefox, Android")}
        for unknown in (stranger.signed_in.session_id, uuid4()):
            answer = await program.delete(f"/api/sessions/{unknown}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        ended = await program.delete(f"/api/sessions/{elsewhere.signed_in.session_id}")
        assert ended.status_code == 204
        assert len((await program.get("/api/sessions")).json()["sessions"]) == 1
        assert (await program.get("/api/me", headers=bearer(elsewhere.access_token))).status_code == 401
        assert (await program.get("/api/me", headers=bearer(stranger.access_token))).status_code == 200

        assert (await program.delete("/api/sessions")).status_code == 204
        assert (await program.get("/api/sessions")).json()["code"] == "not-signed-in", "this one too"
        assert (await program.get("/api/me", headers=bearer(stranger.access_token))).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'{"refresh_token": ""}',
        b'{"refresh_token": null}',
        b'{"refresh_token": 7}',
        b'{"refresh_token": "x"}',
        b'{"refresh_token": "\\u0000"}',
        b'{"refresh_token": "\\ud800"}',
        b'{"refresh_token": "' + b"A" * 70 + b'"}',
        b'{"refresh_token": "' + b"A" * 5000 + b'"}',
        b'{"refresh_token": "x", "session_id": "y"}',
    ],
)
async def test_nothing_that_is_sent_breaks_a_refresh(place: Place, body: bytes) -> None:
    async with place.client() as program:
        answer = await program.post("/api/session/refresh", content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["code"]
        for cookie in ("x", "a" * 4000, "\x80"):
            answer = await program.post("/api/session/refresh", headers={b"cookie": f"dawr-session={cookie}".encode()})
            assert answer.json()["code"] == "session-ended"
