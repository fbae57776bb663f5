"""Passkeys, on a real broker and a real database: the right ones, and what phishers, thieves and copies have."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from services.gateway.tests.authenticator import PRESENT, Authenticator, raw, text
from services.gateway.tests.staffing import PASSWORD, House, Member, house_on, token_of

from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.service import staff
from dawr.gateway.service.passkeys import Site
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage, until


@pytest.fixture(scope="module")
async def kept_house(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("gateway")) as house:
        yield house


@pytest.fixture
def house(kept_house: House) -> House:
    """A running gateway at the present moment; its tests each have staff of their own."""
    kept_house.clock.now = utc_now()
    return kept_house


async def asked(house: House) -> dict[str, Any]:
    """The challenge of a sign-in."""
    answer = await house.post("/passkeys/challenges")
    assert answer.status_code == 200
    given: dict[str, Any] = answer.json()
    return given


async def sign_in(house: House, key: Authenticator, **forged: str) -> httpx.Response:
    """Sign in with an authenticator as it is."""
    given = await asked(house)
    return await house.post("/passkeys/session", id=given["id"], answer=key.answers(given["options"], **forged))


async def invited_with_key(house: House, key: Authenticator, *roles: StaffRole) -> httpx.Response:
    """Somebody takes an invitation with an authenticator as it is."""
    token = token_of((await house.invited(*roles)).address)
    given = (await house.post("/invitations/passkey/challenge", token=token)).json()
    return await house.post("/invitations/passkey", token=token, id=given["id"], answer=key.makes(given["options"]))


async def with_key(house: House, *roles: StaffRole) -> Authenticator:
    """An authenticator that opens an account."""
    key = Authenticator()
    assert (await invited_with_key(house, key, *roles)).status_code == 200
    return key


def is_refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "passkey-refused")


async def test_an_invitation_is_taken_and_a_session_begun_without_any_password(house: House) -> None:
    key = Authenticator()
    taken = await invited_with_key(house, key, StaffRole.FINANCE)
    assert taken.status_code == 200
    assert taken.json()["recovery_codes"] == []
    entered = await sign_in(house, key)
    assert (entered.status_code, entered.json()["roles"]) == (200, ["finance"])
    assert "dawr-session" in entered.headers["set-cookie"]
    given = await asked(house)
    assert given["options"]["userVerification"] == "required"
    assert given["options"]["rpId"] == "localhost"
    assert given["options"].get("allowCredentials", []) == [], "whose account it is, is not asked before"


CHANGES: dict[str, Callable[[Authenticator], None]] = {
    "another site's address": lambda key: setattr(key, "origin", "https://dawr-sign-in.example"),
    "our address by another port": lambda key: setattr(key, "origin", "http://localhost:8081"),
    "another site's key": lambda key: setattr(key, "rp_id", "dawr-sign-in.example"),
    "an owner who was not seen": lambda key: setattr(key, "flags", PRESENT),
    "nobody there": lambda key: setattr(key, "flags", 0x04),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_not_for_us_or_not_from_its_owner_is_refused(house: House, change: str) -> None:
    key = await with_key(house)
    CHANGES[change](key)
    assert is_refused(await sign_in(house, key))
    made_so = Authenticator()
    CHANGES[change](made_so)
    assert is_refused(await invited_with_key(house, made_so))


async def test_an_answer_to_another_challenge_is_refused_and_uses_ours_up(house: House) -> None:
    key = await with_key(house)
    one, other = await asked(house), await asked(house)
    crossed = await house.post("/passkeys/session", id=one["id"], answer=key.answers(other["options"]))
    assert is_refused(crossed)
    late = await house.post("/passkeys/session", id=one["id"], answer=key.answers(one["options"]))
    assert is_refused(late), "a challenge is good once, also for a wrong answer"
    right = await house.post("/passkeys/session", id=other["id"], answer=key.answers(other["options"]))
    assert right.status_code == 200


async def test_an_answer_is_good_once_and_for_two_minutes(house: House) -> None:
    key = await with_key(house)
    given = await asked(house)
    answer = key.answers(given["options"])
    racing = await asyncio.gather(*(house.post("/passkeys/session", id=given["id"], answer=answer) for _ in range(4)))
    assert sorted(each.status_code for each in racing) == [200, 401, 401, 401]
    fresh = await asked(house)
    replayed = await house.post("/passkeys/session", id=fresh["id"], answer=answer)
    assert is_refused(replayed)
    slow = await asked(house)
    house.clock.turn(seconds=120)
    assert is_refused(await house.post("/passkeys/session", id=slow["id"], answer=key.answers(slow["options"])))
    assert is_refused(await house.post("/passkeys/session", id=str(uuid4()), answer=key.answers(slow["options"])))


async def test_a_count_that_does_not_grow_tells_of_a_copy(house: House) -> None:
    key = await with_key(house)
    key.count = 10
    assert (await sign_in(house, key)).status_code == 200
    key.count = 9
    assert is_refused(await sign_in(house, key)), "the copy counts from where it was made"
    key.count = 10
    assert is_refused(await sign_in(house, key))
    assert (await sign_in(house, key)).status_code == 200


async def test_one_that_never_counts_is_taken(house: House) -> None:
    """Passkeys that are synced between devices always say nought."""
    key = await with_key(house)
    for _ in range(2):
        key.count = -1
        assert (await sign_in(house, key)).status_code == 200


async def test_anothers_key_or_account_is_refused(house: House) -> None:
    mine, theirs = await with_key(house), await with_key(house)
    stranger = Authenticator(credential_id=mine.credential_id, user=mine.user)
    assert is_refused(await sign_in(house, stranger)), "my id, another key"
    theirs.user, own = mine.user, theirs.user
    assert is_refused(await sign_in(house, theirs)), "their key, my account"
    theirs.user = ""
    assert is_refused(await sign_in(house, theirs)), "nobody's account"
    theirs.user = own
    assert (await sign_in(house, theirs)).status_code == 200
    assert is_refused(await sign_in(house, Authenticator(user=mine.user))), "a key that nobody registered"


async def test_a_key_is_registered_for_the_account_of_its_challenge_and_once(house: House) -> None:
    first, second = await house.invited(), await house.invited()
    one, two = token_of(first.address), token_of(second.address)
    given = (await house.post("/invitations/passkey/challenge", token=one)).json()
    crossed = await house.post(
        "/invitations/passkey", token=two, id=given["id"], answer=Authenticator().makes(given["options"])
    )
    assert is_refused(crossed)
    known = await with_key(house)
    again = (await house.post("/invitations/passkey/challenge", token=two)).json()
    taken = await house.post("/invitations/passkey", token=two, id=again["id"], answer=known.makes(again["options"]))
    assert is_refused(taken), "the id is another account's"
    assert (await house.post("/invitations/look", token=two)).status_code == 200


async def test_a_sign_in_is_not_answered_by_a_registration_nor_the_reverse(house: House) -> None:
    key = await with_key(house)
    given = await asked(house)
    made = key.answers(given["options"], type="webauthn.create")
    assert is_refused(await house.post("/passkeys/session", id=given["id"], answer=made))
    token = token_of((await house.invited()).address)
    to_register = (await house.post("/invitations/passkey/challenge", token=token)).json()
    answer = key.answers(to_register["options"])
    assert is_refused(await house.post("/passkeys/session", id=to_register["id"], answer=answer))


async def test_nothing_that_is_sent_breaks_it(house: House) -> None:
    key = await with_key(house)
    given = await asked(house)
    good = key.answers(given["options"])
    truncated = {**good["response"], "authenticatorData": text(raw(good["response"]["authenticatorData"])[:20])}
    for bad in (
        {},
        {"id": "!"},
        {"id": 5},
        {**good, "response": None},
        {**good, "response": {}},
        {**good, "response": {**good["response"], "clientDataJSON": text(b"[]")}},
        {**good, "response": {**good["response"], "clientDataJSON": text(b"{")}},
        {**good, "response": {**good["response"], "signature": ""}},
        {**good, "response": {**good["response"], "userHandle": 7}},
        {**good, "response": truncated},
        {**good, "type": "password"},
        {**good, "rawId": text(b"other")},
    ):
        given = await asked(house)
        answer = await house.post("/passkeys/session", id=given["id"], answer=bad)
        assert is_refused(answer), (bad, answer.text)
    token = token_of((await house.invited()).address)
    for broken in (b"", b"\xff", b"\xa0", bytes(300)):
        asked_to = (await house.post("/invitations/passkey/challenge", token=token)).json()
        made = Authenticator().makes(asked_to["options"])
        made["response"]["attestationObject"] = text(broken)
        answer = await house.post("/invitations/passkey", token=token, id=asked_to["id"], answer=made)
        assert is_refused(answer), (broken, answer.text)


async def test_who_is_suspended_does_not_get_in_by_a_passkey_either(house: House) -> None:
    chief, key = await house.member(), await with_key(house)
    id = (await sign_in(house, key)).json()["person_id"]
    await chief.asks("POST", f"/accounts/{id}/suspension", {"reason": "left us"})
    refused = await sign_in(house, key)
    assert (refused.status_code, refused.json()["code"]) == (403, "account-suspended")
    await chief.asks("POST", f"/accounts/{id}/invitation", {"reason": "is back"})
    assert is_refused(await sign_in(house, key)), "the passkey of before is gone"


async def test_who_is_suspended_while_they_sign_in_has_no_session(house: House) -> None:
    chief, key = await house.member(), await with_key(house)
    id = (await sign_in(house, key)).json()["person_id"]
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with house.service.database.transaction() as tx:
        await staff.suspend_account(tx, house.rules, by=UUID(chief.id), account_id=UUID(id), reason="left us")
        entering = asyncio.create_task(sign_in(house, key))
        await until(lambda: house.rows(waiting), what="the sign-in that waits for the suspension")
    entered = await entering
    assert (entered.status_code, entered.json()["code"]) == (403, "account-suspended")


async def test_passkeys_are_added_listed_and_let_go_by_their_owner(house: House) -> None:
    member = await house.member(StaffRole.PLANNER)
    key = Authenticator()
    given = (await member.asks("POST", "/me/passkeys/challenges")).json()
    body = {"id": given["id"], "answer": key.makes(given["options"])}
    added = await member.asks("POST", "/me/passkeys", body)
    assert added.status_code == 201
    assert (await sign_in(house, key)).status_code == 200
    listed = (await member.asks("GET", "/me/passkeys")).json()["passkeys"]
    assert [each["id"] for each in listed] == [added.json()["id"]]
    assert listed[0]["used_at"] is not None
    excluded = (await member.asks("POST", "/me/passkeys/challenges")).json()["options"]["excludeCredentials"]
    assert [each["id"] for each in excluded] == [added.json()["id"]]

    other = await house.member(StaffRole.PLANNER)
    assert (await other.asks("DELETE", f"/me/passkeys/{added.json()['id']}")).status_code == 404, "another's"
    assert (await member.asks("DELETE", f"/me/passkeys/{added.json()['id']}")).status_code == 204
    assert is_refused(await sign_in(house, key))


async def test_the_only_way_into_an_account_is_kept(house: House) -> None:
    key = await with_key(house)
    session = (await sign_in(house, key)).json()
    owner = Member(house, session["person_id"], "", totp=None, token=session["access_token"])  # type: ignore[arg-type]
    refused = await owner.asks("DELETE", f"/me/passkeys/{text(key.credential_id)}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last-way-in")
    assert (await sign_in(house, key)).status_code == 200
    assert (await house.sign_in("nobody", PASSWORD, "123456")).status_code == 401


@pytest.mark.parametrize(
    ("url", "takes"),
    [
        ("https://dawr.example", True),
        ("https://dawr.example:8443/", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", False),
        ("https://[::1]:8080", False),
        ("http://dawr.example", False),
    ],
)
def test_browsers_take_passkeys_for_names_by_https(url: str, takes: bool) -> None:
    assert Site.at(url).takes_passkeys is takes


def test_a_site_is_what_browsers_show() -> None:
    assert Site.at("https://dawr.example:8443/") == Site("dawr.example", "https://dawr.example:8443")
