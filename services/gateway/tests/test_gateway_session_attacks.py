"""Attacks on sessions: refresh tokens that were stolen, replayed, changed or made up, and forms that others send."""

import asyncio
import base64
from collections.abc import AsyncIterator
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.gateway.tests.browsing import Browser, House, house_on
from starlette.requests import Request

from dawr.gateway.cookies import CookieNames
from dawr.gateway.csrf import Csrf, comes_from_elsewhere, visitor
from dawr.gateway.errors import SessionEnded
from dawr.gateway.refresh_tokens import RefreshTokens
from dawr.gateway.sessions import Sessions
from dawr.gateway.signatures import Signatures
from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
async def kept_house(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(kept_house: House) -> House:
    kept_house.clock.now = utc_now()
    return kept_house


async def refuses(sessions: Sessions, token: str) -> bool:
    try:
        await sessions.refresh(token, Request({"type": "http", "headers": []}))
    except SessionEnded:
        return True
    return False


@pytest.mark.parametrize("first", ["thief", "owner"])
async def test_a_copied_token_ends_the_session_for_both_whoever_comes_first(
    house: House, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions, owner = house.replica(), Browser(house.clock)
    issued = await house.begin(sessions, owner)
    thief = owner.copied()
    house.clock.turn(seconds=601)
    one, other = (thief, owner) if first == "thief" else (owner, thief)
    assert (await one.look(sessions)).signed_in is not None
    house.clock.turn(seconds=30)
    assert (await other.look(sessions)).ended, "30 seconds later the token before is a copy"
    assert (await house.row(issued.signed_in.session_id))["ended_why"] == "reused"
    house.clock.turn(seconds=1)
    assert (await one.look(sessions)).ended, "its access token is not taken any more either"
    assert not owner.cookies
    assert not thief.cookies
    assert "reused" in capsys.readouterr().out


async def test_within_the_grace_two_hold_the_same_token_and_part_at_the_next_use(house: House) -> None:
    sessions, owner = house.replica(), Browser(house.clock)
    await house.begin(sessions, owner)
    thief = owner.copied()
    house.clock.turn(seconds=601)
    await owner.look(sessions)
    house.clock.turn(seconds=29)
    assert (await thief.look(sessions)).signed_in is not None, "no more than two tabs are"
    assert thief.cookies["dawr-session"] == owner.cookies["dawr-session"]
    house.clock.turn(seconds=601)
    assert (await thief.look(sessions)).signed_in is not None
    house.clock.turn(seconds=31)
    assert (await owner.look(sessions)).ended
    assert (await thief.look(sessions)).ended


async def test_every_generation_but_the_last_two_ends_the_session_at_any_time(house: House) -> None:
    sessions = house.replica()
    for replayed in range(3):
        browser = Browser(house.clock)
        tokens = [(await house.begin(sessions, browser)).refresh_token]
        for _ in range(4):
            tokens.append((await sessions.refresh(tokens[-1], browser.request())).refresh_token)
        assert len(set(tokens)) == 5
        assert await refuses(sessions, tokens[replayed])
        for each in tokens:
            assert await refuses(sessions, each), "and with it all of its tokens"


async def test_many_thieves_at_once_get_no_further_than_one(house: House) -> None:
    replicas, owner = [house.replica(), house.replica()], Browser(house.clock)
    old = (await house.begin(replicas[0], owner)).refresh_token
    newer = (await replicas[0].refresh(old, owner.request())).refresh_token
    newest = (await replicas[0].refresh(newer, owner.request())).refresh_token
    tries = [refuses(replicas[each % 2], (old, newest)[each // 2 % 2]) for each in range(16)]
    await asyncio.gather(*tries)
    for each in (old, newer, newest):
        assert await refuses(replicas[1], each)


async def test_a_changed_token_is_nobodys_and_ends_nothing(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    token = (await house.begin(sessions, browser)).refresh_token
    with house.counted() as sent:
        for place, letter in enumerate(token):
            for other in {ALPHABET[(ALPHABET.index(letter) ^ bit) % 64] for bit in (1, 2, 4, 8, 16, 32)} | {
                "=",
                "\u0661",
            }:
                assert await refuses(sessions, token[:place] + other + token[place + 1 :]), f"character {place}"
        content = base64.urlsafe_b64decode(token + "==")
        for wrong in (
            "",
            token[:-1],
            token + "A",
            token + "=",
            token + "==",
            " " + token,
            token + "\n",
            token.replace("-", "+").replace("_", "/") + "!",
            base64.urlsafe_b64encode(content[:20]).decode().rstrip("="),
            base64.urlsafe_b64encode(content[:20] + bytes(32)).decode().rstrip("="),
            "A" * 70,
            "A" * 100_000,
        ):
            assert await refuses(sessions, wrong), wrong[:80]
    assert sent == [], "what is not signed by us costs no query"
    assert not await refuses(sessions, token), "and the session goes on"


async def test_nobody_makes_a_token_without_the_secret(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    issued = await house.begin(sessions, browser)
    session_id = issued.signed_in.session_id
    known = house.settings.session_keys
    makers = {
        "another secret": Signatures([b"x" * 32], "refresh"),
        "no secret": Signatures([b""], "refresh"),
        "another purpose": Signatures(known, "csrf"),
        "no purpose": Signatures(known, ""),
    }
    for what, signatures in makers.items():
        for generation in (0, 1, 2):
            assert await refuses(sessions, RefreshTokens(signatures).make(session_id, generation)), what
    ours = RefreshTokens(Signatures(known, "refresh"))
    assert await refuses(sessions, ours.make(uuid4(), 0)), "a session that is not there"
    assert await refuses(sessions, Csrf(known).token(str(session_id)))
    assert await refuses(sessions, issued.access_token)
    assert issued.refresh_token == ours.make(session_id, 0)
    row = repr(dict(await house.row(session_id)))
    secret_part = base64.urlsafe_b64decode(issued.refresh_token + "==")[20:]
    assert secret_part.hex() not in row
    assert repr(secret_part) not in row
    assert issued.refresh_token not in row
    assert not await refuses(sessions, issued.refresh_token)

    # From before the tables were restored, or a secret that is known: nobody can tell, so it ends.
    assert await refuses(sessions, ours.make(session_id, 9))
    assert await refuses(sessions, ours.make(session_id, 1))


async def test_an_access_cookie_is_taken_of_our_own_sessions_only(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    issued = await house.begin(sessions, browser)
    signing = await sessions._keys.signing()
    stray = make_token(signing.private, signing.kid, uuid4(), frozenset({Role.ADMINISTRATOR}))
    other = issued.access_token.rpartition(".")[0] + "." + "A" * 86
    for wrong in (stray, other, "", "a.b.c", issued.refresh_token):
        browser.kept["dawr-access"] = (wrong, None)
        looked = await sessions.look(browser.request())
        assert looked.signed_in is not None, "the refresh token still says who it is"
        assert looked.signed_in.person_id == issued.signed_in.person_id
    browser.kept.pop("dawr-session")
    browser.kept["dawr-access"] = (stray, None)
    assert (await browser.look(sessions)).signed_in is None


def test_a_token_of_a_form_is_good_for_its_own_session() -> None:
    csrf, new = Csrf([b"a" * 32]), Csrf([b"b" * 32, b"a" * 32])
    tokens = [csrf.token("one") for _ in range(50)]
    assert len(set(tokens)) == 50, "no two are alike, so none can be read out of a compressed page"
    assert all(csrf.holds("one", each) and new.holds("one", each) for each in tokens)
    token = tokens[0]
    for binding in ("two", "", "One", "one "):
        assert not csrf.holds(binding, token)
    assert not csrf.holds("one", new.token("one")), "the new secret is not known there"
    assert not csrf.holds("ne", csrf.token("one"))
    for wrong in ("", "A" * 64, token[:-1], token + "A", token + "=", token.lower(), "\u0661" * 64):
        assert not csrf.holds("one", wrong)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert not csrf.holds("one", token[:place] + other + token[place + 1 :])


def test_a_token_of_a_form_tells_whose_page_it_was_on() -> None:
    csrf = Csrf([b"a" * 32])
    token = csrf.token("session", "somebody")
    assert csrf.was_made_for("somebody", token)
    assert csrf.holds("session", token)
    for other in ("session", "", "some", "body", "somebodyelse"):
        assert not csrf.was_made_for(other, token)
    assert not csrf.was_made_for("", csrf.token("session")), "of nobody's page nobody is the owner"
    assert not csrf.was_made_for("", "")
    assert not Csrf([b"b" * 32]).was_made_for("somebody", token)


@given(st.lists(st.binary(min_size=0, max_size=20), min_size=2, max_size=2, unique=True))
def test_what_is_signed_for_one_is_signed_for_no_other(contents: list[bytes]) -> None:
    signatures = Signatures([b"s" * 32], "one")
    one, other = contents
    assert signatures.holds(one, signatures.sign(one))
    assert not signatures.holds(other, signatures.sign(one))
    assert not Signatures([b"s" * 32], "two").holds(one, signatures.sign(one))


def test_a_browser_is_known_by_a_cookie_of_ours_or_gets_one() -> None:
    names = CookieNames.at("https://dawr.example")

    def request(cookie: str) -> Request:
        return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})

    new = visitor(request(""), names)
    assert new.cookie is not None
    assert new.cookie.name == "__Host-dawr-visitor"
    assert new.cookie.value == new.id
    assert visitor(request(f"__Host-dawr-visitor={new.id}"), names) == type(new)(new.id, None)
    for wrong in (f"dawr-visitor={new.id}", "__Host-dawr-visitor=x", f"__Host-dawr-visitor={new.id}A"):
        again = visitor(request(wrong), names)
        assert again.cookie is not None
        assert again.id != new.id
    ids = [visitor(request(""), names).id for _ in range(20)]
    assert all(one != other for one, other in pairwise(sorted(ids)))


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://dawr.example"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://dawr.example"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, True),
        ({"origin": "https://dawr.example"}, False),
        ({"origin": "http://dawr.example"}, True),
        ({"origin": "https://dawr.example:8443"}, True),
        ({"origin": "https://dawr.example.evil.example"}, True),
        ({"origin": "https://evil.example/https://dawr.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"host": "evil.example", "origin": "https://evil.example"}, True),
    ],
)
def test_what_another_site_sends_is_seen(headers: dict[str, str], elsewhere: bool) -> None:
    request = Request({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]})
    for url in ("https://dawr.example", "https://dawr.example/", "https://dawr.example:443"):
        assert comes_from_elsewhere(request, url) is elsewhere
