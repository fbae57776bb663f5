"""The life of a session on a real database: it begins, goes on in tabs and replicas, and is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from services.gateway.tests.browsing import CITIZEN, Browser, House, house_on
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from dawr.gateway import keys as signing_keys
from dawr.gateway.agents import family
from dawr.gateway.cookies import Cookie, CookieNames
from dawr.gateway.errors import SessionEnded
from dawr.gateway.keys import rotate
from dawr.gateway.service.sign_in import KEEP
from dawr.gateway.sessions import How, Kind
from dawr.gateway.store.sessions import forget
from dawr.servicekit.auth import NotSignedIn, Role, Verifier
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage, until

STAFF = {"kind": Kind.STAFF, "roles": frozenset({Role.DESK}), "office": "DAM-01", "how": How.PASSKEY}
MINUTE, HOUR = 60, 3600


@pytest.fixture(scope="module")
async def kept_house(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(kept_house: House) -> House:
    """A house at the present moment."""
    kept_house.clock.now = utc_now()
    return kept_house


async def test_who_signed_in_is_known_without_a_query_while_the_access_token_holds(house: House) -> None:
    sessions, browser, person = house.replica(), Browser(house.clock), uuid4()
    assert (await browser.look(sessions)).signed_in is None
    issued = await house.begin(sessions, browser, person_id=person)
    with house.counted() as sent:
        for turn in (0, 60, 539):
            house.clock.turn(seconds=turn)
            looked = await browser.look(sessions)
            assert looked.signed_in == issued.signed_in
            assert (looked.cookies, looked.ended) == ([], False)
    assert sent == []
    assert issued.signed_in.person_id == person
    assert (issued.signed_in.kind, issued.signed_in.roles, issued.signed_in.how) == (Kind.CITIZEN, CITIZEN, How.CODE)
    assert issued.expires_in == 600

    house.clock.turn(seconds=1)
    with house.counted() as sent:
        looked = await browser.look(sessions)
    assert looked.signed_in is not None
    assert (looked.signed_in.person_id, looked.signed_in.session_id) == (person, issued.signed_in.session_id)
    assert looked.signed_in.token != issued.access_token
    assert 0 < len(sent) <= 4
    row = await house.row(issued.signed_in.session_id)
    assert (row["generation"], row["seen_at"], row["agent"]) == (1, house.clock.now, "Firefox, Android")


async def test_staff_keep_their_roles_and_office_over_a_refresh(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    issued = await house.begin(sessions, browser, **STAFF)
    house.clock.turn(seconds=601)
    looked = await browser.look(sessions)
    assert looked.signed_in is not None
    assert looked.signed_in.token != issued.access_token
    caller = await sessions.verifier.caller(f"Bearer {looked.signed_in.token}")
    assert (caller.roles, caller.office, caller.how) == ({Role.DESK}, "DAM-01", "passkey")
    assert caller.session_id == looked.signed_in.session_id == issued.signed_in.session_id
    assert looked.signed_in.kind is Kind.STAFF
    for roles, kind in (({Role.CITIZEN}, Kind.STAFF), ({Role.DESK, Role.CITIZEN}, Kind.STAFF)):
        with pytest.raises(ValueError, match="another kind"):
            await house.begin(sessions, browser, kind=kind, roles=frozenset(roles))
    for roles in ({Role.DESK}, {Role.CITIZEN, Role.DESK}, set()):
        with pytest.raises(ValueError, match="another kind"):
            await house.begin(sessions, browser, roles=frozenset(roles))


async def test_two_tabs_that_ask_at_once_are_both_answered(house: House) -> None:
    replicas, browser = [house.replica(), house.replica()], Browser(house.clock)
    issued = await house.begin(replicas[0], browser)
    house.clock.turn(seconds=700)
    looks = await asyncio.gather(*(replicas[each % 2].look(browser.request()) for each in range(12)))
    assert all(each.signed_in is not None and not each.ended for each in looks)
    tokens = {each.value for look in looks for each in look.cookies if each.name == "dawr-session"}
    assert len(tokens) == 1, "each tab sets the same cookie, so it does not matter whose comes last"
    assert (await house.row(issued.signed_in.session_id))["generation"] == 1
    browser.take(looks[-1].cookies)
    house.clock.turn(seconds=700)
    assert (await browser.look(replicas[1])).signed_in is not None


async def test_an_answer_that_was_lost_is_given_again(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    await house.begin(sessions, browser)
    house.clock.turn(seconds=700)
    lost = await sessions.look(browser.request())
    house.clock.turn(seconds=29)
    again = await browser.look(sessions)
    assert again.signed_in is not None
    assert [each.value for each in again.cookies if each.name == "dawr-session"] == [
        each.value for each in lost.cookies if each.name == "dawr-session"
    ]


@pytest.mark.parametrize(
    ("kind", "idle", "longest"), [({}, 2 * HOUR, 24 * HOUR), (STAFF, 30 * MINUTE, 12 * HOUR)], ids=["citizen", "staff"]
)
async def test_a_session_ends_when_it_rests_and_in_any_case(
    house: House, kind: dict[str, Any], idle: int, longest: int
) -> None:
    sessions, resting, busy = house.replica(), Browser(house.clock), Browser(house.clock)
    rested = await house.begin(sessions, resting, **kind)
    house.clock.turn(seconds=idle - 1)
    assert (await resting.look(sessions)).signed_in is not None
    house.clock.turn(seconds=idle)
    looked = await resting.look(sessions)
    assert (looked.signed_in, looked.ended) == (None, True)
    assert (await house.row(rested.signed_in.session_id))["ended_why"] == "idle"
    assert not resting.cookies, "the browser forgets it"
    assert not (await resting.look(sessions)).ended, "and is told once"

    begun = house.clock.now
    used = await house.begin(sessions, busy, **kind)
    step = idle - 60
    while house.clock.now + timedelta(seconds=step) < begun + timedelta(seconds=longest):
        house.clock.turn(seconds=step)
        assert (await busy.look(sessions)).signed_in is not None
    house.clock.now = begun + timedelta(seconds=longest - 90)
    last = await busy.look(sessions)
    assert last.signed_in is not None
    assert next(each.max_age for each in last.cookies if each.name == "dawr-access") == 90
    house.clock.turn(seconds=90)
    assert (await busy.look(sessions)).ended
    assert (await house.row(used.signed_in.session_id))["ended_why"] == "longest"


async def test_a_session_ends_no_later_than_its_account(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    ends = house.clock.now + timedelta(minutes=4)
    issued = await house.begin(sessions, browser, **STAFF, not_after=ends)
    assert issued.expires_in == 240
    house.clock.turn(seconds=240)
    assert (await browser.look(sessions)).ended
    with pytest.raises(NotSignedIn):
        house.clock.turn(seconds=30)
        await sessions.verifier.caller(f"Bearer {issued.access_token}")


async def test_signing_out_ends_the_session_here_at_once_and_at_replicas_within_seconds(house: House) -> None:
    here, there, mine, other = house.replica(), house.replica(), Browser(house.clock), Browser(house.clock)
    person = uuid4()
    issued = await house.begin(here, mine, person_id=person)
    kept = await house.begin(here, other, person_id=person)
    bearer = f"Bearer {issued.access_token}"
    assert (await there.verifier.caller(bearer)).person_id == person
    thief = mine.copied()
    mine.take(await here.end(issued.signed_in))
    assert not mine.cookies
    with pytest.raises(NotSignedIn):
        await here.verifier.caller(bearer)
    assert here.verifier.known(issued.access_token) is None
    assert (await thief.look(here)).ended, "copied before, and worth nothing now"

    # Elsewhere its access token, once verified, goes on until the process has heard of it.
    listening = asyncio.create_task(there.keep_informed())

    async def heard() -> bool:
        return there.verifier.known(issued.access_token) is None

    await until(heard, what="the other replica has heard of it")
    listening.cancel()
    with pytest.raises(NotSignedIn):
        await there.verifier.caller(bearer)
    with pytest.raises(SessionEnded):
        await there.refresh(issued.refresh_token, mine.request())
    assert (await other.look(here)).signed_in == kept.signed_in, "only this one ended"
    assert [each.id for each in await here.list(person)] == [kept.signed_in.session_id]


async def test_signing_out_everywhere_ends_all_of_ones_own_and_nobody_elses(house: House) -> None:
    sessions, person = house.replica(), uuid4()
    mine = [Browser(house.clock) for _ in range(3)]
    for each in mine:
        await house.begin(sessions, each, person_id=person)
    stranger = Browser(house.clock)
    theirs = await house.begin(sessions, stranger)
    assert len(await sessions.list(person)) == 3
    await sessions.end_everywhere(person)
    assert [(await each.look(sessions)).ended for each in mine] == [True] * 3
    assert await sessions.list(person) == []
    assert (await stranger.look(sessions)).signed_in == theirs.signed_in
    assert not await sessions.end_one(person, theirs.signed_in.session_id), "another's is not found"
    assert (await stranger.look(sessions)).signed_in == theirs.signed_in


async def test_an_end_within_a_transaction_that_fails_did_not_happen(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    issued = await house.begin(sessions, browser)
    with pytest.raises(RuntimeError):
        async with house.databases[0].transaction() as tx:
            await sessions.end_everywhere(issued.signed_in.person_id, tx)
            raise RuntimeError
    house.clock.turn(seconds=700)
    assert (await browser.look(sessions)).signed_in is not None
    async with house.databases[0].transaction() as tx:
        await sessions.end_everywhere(issued.signed_in.person_id, tx)
    house.clock.turn(seconds=700)
    assert (await browser.look(sessions)).ended


async def test_signing_in_again_in_a_browser_ends_the_session_before(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    first = await house.begin(sessions, browser)
    second = await house.begin(sessions, browser)
    assert (await house.row(first.signed_in.session_id))["ended_why"] == "replaced"
    assert (await browser.look(sessions)).signed_in == second.signed_in
    with pytest.raises(SessionEnded):
        await sessions.refresh(first.refresh_token, browser.request())


async def test_for_whom_somebody_acts_is_asked_anew_at_each_refresh(house: House) -> None:
    born, grown = uuid4(), uuid4()
    children = [frozenset({grown})]

    async def acts_for(_connection: AsyncConnection, _person: UUID, now: datetime) -> frozenset[UUID]:
        assert now == house.clock.now
        return children[-1]

    sessions, browser = house.replica(acts_for=acts_for), Browser(house.clock)
    issued = await house.begin(sessions, browser)
    assert (await browser.look(sessions)).signed_in == issued.signed_in
    assert issued.signed_in.acts_for == {grown}
    children.append(frozenset({born}))
    house.clock.turn(seconds=700)
    looked = await browser.look(sessions)
    assert looked.signed_in is not None
    assert looked.signed_in.acts_for == {born}
    assert (await sessions.verifier.caller(f"Bearer {looked.signed_in.token}")).acts_for == {born}
    staff = await house.begin(sessions, Browser(house.clock), **STAFF)
    assert staff.signed_in.acts_for == frozenset(), "whoever serves others serves nobody as their parent"


async def test_neither_new_signing_keys_nor_new_secrets_sign_anybody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, browser = house.replica(), Browser(house.clock)
    issued = await house.begin(before, browser)
    kid = rotate(house.settings.keys_path)
    monkeypatch.setattr(signing_keys, "SETTLE_SECONDS", -1.0)
    new = "a new secret in front of it, of 32 characters"
    after = house.replica(session_secrets=f"{new},{house.settings.session_secrets}")
    assert (await browser.look(after)).signed_in == issued.signed_in, "the old key's token holds"
    house.clock.turn(seconds=700)
    looked = await browser.look(after)
    assert looked.signed_in is not None
    assert jwt.get_unverified_header(looked.signed_in.token)["kid"] == kid

    house.clock.turn(seconds=700)
    without_the_old = house.replica(session_secrets=new)
    assert (await browser.look(without_the_old)).signed_in is not None, "by now the new secret has signed"
    with pytest.raises(SessionEnded):
        await without_the_old.refresh(issued.refresh_token, browser.request())


async def test_services_verify_what_a_refresh_gave_while_the_gateway_is_down(house: House) -> None:
    sessions, browser = house.replica(), Browser(house.clock)
    first = await house.begin(sessions, browser)
    elsewhere = Verifier(str(house.settings.keys_path / "jwks.json"))
    await elsewhere.caller(f"Bearer {first.access_token}")
    second = await sessions.refresh(first.refresh_token, browser.request())
    await house.databases[-1].close()
    (house.settings.keys_path / "jwks.json").rename(house.settings.keys_path / "away.json")
    elsewhere._next_look = 0.0  # the keys have become old, and nobody has them
    try:
        caller = await elsewhere.caller(f"Bearer {second.access_token}")
    finally:
        (house.settings.keys_path / "away.json").rename(house.settings.keys_path / "jwks.json")
    assert caller.session_id == first.signed_in.session_id


async def test_sessions_are_forgotten_a_week_after_their_time(house: House) -> None:
    sessions = house.replica()
    old = await house.begin(sessions, Browser(house.clock))
    house.clock.turn(days=7, seconds=24 * HOUR)
    async with house.databases[-1].transaction() as tx:
        await forget(tx, KEEP)
    assert await house.row(old.signed_in.session_id) is not None
    house.clock.turn(seconds=1)
    young = await house.begin(sessions, Browser(house.clock))
    async with house.databases[-1].transaction() as tx:
        assert await forget(tx, KEEP) >= 1
    assert await house.row(old.signed_in.session_id) is None
    assert await house.row(young.signed_in.session_id) is not None
    with pytest.raises(SessionEnded):
        await sessions.refresh(old.refresh_token, Browser(house.clock).request())


def test_cookies_are_for_nobody_else() -> None:
    for url, prefix, secure in (("https://dawr.example", "__Host-", True), ("http://127.0.0.1:8080", "", False)):
        names = CookieNames.at(url)
        assert names.session == f"{prefix}dawr-session"
        response = Response()
        Cookie(names.session, "value", 60).put_on(response)
        _, *attributes = response.headers["set-cookie"].lower().split("; ")
        expected = {"httponly", "samesite=lax", "path=/", "max-age=60"} | ({"secure"} if secure else set())
        assert set(attributes) == expected


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (Android 8.0; Mobile; rv:61.0) Gecko/61.0 Firefox/61.0", "Firefox, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) Version/16.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 6.0) AppleWebKit/537.36 Chrome/50.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>" * 100, ""),
        (None, ""),
    ],
)
def test_a_browser_is_told_in_words_of_ours(agent: str | None, told: str) -> None:
    assert family(agent) == told
