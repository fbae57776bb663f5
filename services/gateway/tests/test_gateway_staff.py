"""Staff, on a real broker and a real database: invitations, passwords and codes, and those who try to get in."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from services.gateway.tests.staffing import PASSWORD, House, house_on, token_of

from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.errors_staff import WrongSignIn
from dawr.gateway.service.staff_sign_in import sign_in_with_password
from dawr.servicekit.auth import Role
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage

WEAK = (
    "short", "password1234", "aaaaaaaaaaaaaaaa", "123456789012", "r.haddad2026", "Qwertyuiop12", "Syria-2026-Dawr",
)  # fmt: skip


@pytest.fixture(scope="module")
async def kept_house(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(the_stage, tmp_path_factory.mktemp("gateway"), password_threads=2) as house:
        yield house


@pytest.fixture
def house(kept_house: House) -> House:
    """A running gateway at the present moment; its tests each have staff of their own."""
    kept_house.clock.now = utc_now()
    return kept_house


async def test_roles_of_staff_are_those_of_tokens() -> None:
    assert {role.value for role in StaffRole} == {role.value for role in Role} - {"citizen"}


async def test_an_invitation_becomes_an_account_and_the_account_a_session(house: House) -> None:
    invited = await house.invited(StaffRole.DESK, office="DAM-01")
    shown = await house.looked(token_of(invited.address))
    assert (shown["login"], shown["roles"], shown["office"]) == (invited.account.login, ["desk"], "DAM-01")
    assert shown["totp_secret"] in shown["totp_uri"]
    member = await house.accepted(invited)
    assert len(set(member.recovery_codes)) == 10

    signed_in = await member.sign_in()
    assert signed_in.status_code == 200
    assert signed_in.json()["recovery_codes"] == []
    assert {"HttpOnly", "samesite"} <= {
        word.strip().partition("=")[0].replace("httponly", "HttpOnly").replace("SameSite", "samesite")
        for word in signed_in.headers["set-cookie"].replace(",", ";").split(";")
    }
    me = await house.client.get("/api/me", headers={"authorization": f"Bearer {member.token}"})
    assert (me.json()["roles"], me.json()["office"]) == (["desk"], "DAM-01")
    assert me.json()["person_id"] == member.id


async def test_an_invitation_opens_once_for_a_day_and_until_the_next(house: House) -> None:
    chief = await house.member()
    invited = await house.invited()
    token = token_of(invited.address)
    code = pyotp.TOTP((await house.looked(token))["totp_secret"]).at(house.clock.now)
    twice = await asyncio.gather(
        *(house.post("/invitations/password", token=token, password=PASSWORD, code=code) for _ in range(3))
    )
    assert sorted(each.status_code for each in twice) == [200, 410, 410]
    assert (await house.post("/invitations/look", token=token)).json()["code"] == "invitation-over"

    late = await house.invited()
    house.clock.turn(seconds=24 * 3600)
    for unknown in (token_of(late.address), "nobody-made-this", "x"):
        answer = await house.post("/invitations/look", token=unknown)
        assert (answer.status_code, answer.json()["code"]) == (410, "invitation-over")
    await chief.sign_in()
    anew = await chief.asks("POST", f"/accounts/{late.account.id}/invitation", {"reason": "came too late"})
    replaced = await chief.asks("POST", f"/accounts/{late.account.id}/invitation", {"reason": "lost the letter"})
    assert (await house.post("/invitations/look", token=token_of(anew.json()["invitation"]))).status_code == 410
    assert (await house.post("/invitations/look", token=token_of(replaced.json()["invitation"]))).status_code == 200


async def test_an_invitation_needs_a_good_password_and_the_authenticators_code(house: House) -> None:
    invited = await house.invited(login="r.haddad")
    token = token_of(invited.address)
    totp = pyotp.TOTP((await house.looked(token))["totp_secret"])
    for weak in (
        "short",
        "password1234",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
        "r.haddad2026",
        "Qwertyuiop12",
        "Syria-2026-Dawr",
    ):
        answer = await house.post("/invitations/password", token=token, password=weak, code=totp.at(house.clock.now))
        assert answer.status_code == 422, weak
    early = totp.at(house.clock.now + timedelta(minutes=5))
    wrong = await house.post("/invitations/password", token=token, password=PASSWORD, code=early)
    assert wrong.json()["code"] == "wrong-second-factor"
    assert (await house.post("/invitations/look", token=token)).status_code == 200, "nothing was used up"


async def test_a_code_of_the_authenticator_is_good_once(house: House) -> None:
    member = await house.member()
    house.clock.turn(seconds=60)
    code = member.code()
    answers = await asyncio.gather(*(house.sign_in(member.login, PASSWORD, code) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 401, 401]
    # One that is older than the last that was used is worth nothing either, though the window has it.
    assert (await house.sign_in(member.login, PASSWORD, member.code(-1))).status_code == 401
    assert (await house.sign_in(member.login, PASSWORD, member.code(2))).status_code == 401, "outside of the window"
    assert (await house.sign_in(member.login, PASSWORD, member.code(1))).status_code == 200


async def test_a_recovery_code_is_good_once_in_place_of_the_authenticators(house: House) -> None:
    member, other = await house.member(), await house.member()
    code = member.recovery_codes[3]
    assert (await house.sign_in(other.login, PASSWORD, code)).status_code == 401, "another's"
    assert (await house.sign_in(member.login, PASSWORD, code.upper().replace("-", " "))).status_code == 200
    assert (await house.sign_in(member.login, PASSWORD, code)).status_code == 401
    house.clock.turn(seconds=30)
    body = {"password": PASSWORD, "code": member.code()}
    renewed = (await member.asks("POST", "/me/recovery-codes", body)).json()["recovery_codes"]
    assert (await house.sign_in(member.login, PASSWORD, member.recovery_codes[4])).status_code == 401
    assert (await house.sign_in(member.login, PASSWORD, renewed[0])).status_code == 200


async def test_five_wrong_tries_begin_a_pause_that_the_right_ones_do_not_end(house: House) -> None:
    member = await house.member()
    house.clock.turn(seconds=30)
    guesses = await asyncio.gather(
        *(house.sign_in(member.login, f"violin-harvest-{number}", member.code()) for number in range(8))
    )
    assert sorted(each.status_code for each in guesses) == [401] * 5 + [429] * 3
    assert {each.json()["code"] for each in guesses} == {"wrong-sign-in", "sign-in-paused"}
    paused = await house.sign_in(member.login, PASSWORD, member.code())
    assert (paused.status_code, paused.headers["retry-after"]) == (429, "60")
    house.clock.turn(seconds=60)
    assert (await house.sign_in(member.login, PASSWORD, member.code())).status_code == 200


async def test_a_right_password_alone_is_a_wrong_try(house: House) -> None:
    member = await house.member()
    guesses = [await house.sign_in(member.login, PASSWORD, f"{number:06}") for number in range(5)]
    assert [each.status_code for each in guesses] == [401] * 5
    assert (await house.sign_in(member.login, PASSWORD, "000000")).status_code == 429


async def test_known_and_unknown_logins_are_answered_alike_and_cost_the_same_work(house: House) -> None:
    member, invited = await house.member(), await house.invited()
    logins = (member.login, "nobody-has-this", "not a login at all", invited.account.login)
    told = []
    for login in logins:
        before = house.rules.passwords.checked
        heard = []
        for _ in range(6):
            try:
                await sign_in_with_password(
                    house.service.database,
                    house.rules,
                    login=login,
                    password="stuffed-from-elsewhere",
                    code="123456",
                    address="192.0.2.8",
                    begin=_nothing,
                )
            except WrongSignIn as refused:
                heard.append((refused.code, str(refused.data), refused.retry_after_seconds))
            except Exception as refused:
                heard.append((type(refused).__name__, "", None))
        told.append((heard, house.rules.passwords.checked - before))
    assert told[0][0][-1][0] == "SignInPaused"
    assert told[0][1] == 5, "each try that is not paused hashes once"
    assert told == [told[0]] * len(logins)


async def _nothing(*_: object) -> None:
    raise AssertionError("nobody may get in")


async def test_one_address_is_limited_across_logins(the_stage: Stage, tmp_path: Path) -> None:
    async with house_on(the_stage, tmp_path, address_tries=5) as house:
        answers = [await house.sign_in(f"login-{number}", PASSWORD, "123456") for number in range(6)]
        assert [each.status_code for each in answers] == [401] * 5 + [429]
        assert answers[-1].json()["code"] == "too-many-tries"
        assert (await house.post("/passkeys/challenges")).status_code == 429, "challenges count as well"


async def test_a_flood_of_logins_is_turned_away_and_holds_neither_the_database_nor_others(
    the_stage: Stage, tmp_path: Path
) -> None:
    async with house_on(the_stage, tmp_path, password_threads=1, password_waiting=2) as house:
        flood = [
            asyncio.create_task(house.sign_in(f"login-{n}", "stuffed-from-elsewhere", "123456")) for n in range(40)
        ]
        others = [await house.client.get("/.well-known/jwks.json") for _ in range(20)]
        asked = await house.client.post("/api/session/codes", json={"identity_number": "01010012345"})
        answers = await asyncio.gather(*flood)
        assert {each.status_code for each in others} == {200}
        assert asked.status_code == 202
        busy = [each for each in answers if each.status_code == 503]
        assert {each.status_code for each in answers} == {401, 503}
        assert busy[0].json()["code"] == "sign-in-busy"
        assert busy[0].headers["retry-after"] == "5"
        assert (await house.sign_in("login-1", "stuffed-from-elsewhere", "123456")).status_code == 401, "it goes on"


async def test_an_account_runs_out_by_itself_and_goes_on_when_it_is_given_time(house: House) -> None:
    chief = await house.member()
    member = await house.member(StaffRole.FINANCE)
    ends = house.clock.now + timedelta(minutes=20)
    path = f"/accounts/{member.id}"
    extended = await chief.asks("POST", f"{path}/extension", {"expires_at": ends.isoformat(), "reason": "trial"})
    assert extended.status_code == 200
    session = await member.sign_in()
    assert session.status_code == 200
    house.clock.now = ends
    refused = await member.sign_in()
    assert (refused.status_code, refused.json()["code"]) == (403, "account-expired")
    goes_on = await house.client.post("/api/session/refresh", json={"refresh_token": session.json()["refresh_token"]})
    assert goes_on.status_code == 401, "no session outlives its account"
    wrong = await house.sign_in(member.login, "stuffed-from-elsewhere", member.code())
    assert wrong.json()["code"] == "wrong-sign-in", "only its owner is told"

    await chief.sign_in()
    more = (house.clock.now + timedelta(days=30)).isoformat()
    assert (await chief.asks("POST", f"{path}/extension", {"expires_at": more, "reason": "stays"})).status_code == 200
    assert (await member.sign_in()).status_code == 200
    for bad in (house.clock.now - timedelta(days=1), house.clock.now + timedelta(days=800)):
        answer = await chief.asks("POST", f"{path}/extension", {"expires_at": bad.isoformat(), "reason": "too much"})
        assert answer.json()["code"] == "too-long-ahead"


async def test_who_is_suspended_is_out_at_once_and_comes_back_by_a_new_invitation_only(house: House) -> None:
    chief, member = await house.member(), await house.member(StaffRole.PLANNER)
    session = (await member.sign_in()).json()
    path = f"/accounts/{member.id}"
    assert (await chief.asks("POST", f"{path}/suspension", {"reason": "left us"})).status_code == 200
    refused = await member.sign_in()
    assert (refused.status_code, refused.json()["code"]) == (403, "account-suspended")
    goes_on = await house.client.post("/api/session/refresh", json={"refresh_token": session["refresh_token"]})
    assert goes_on.status_code == 401
    again = await chief.asks("POST", f"{path}/suspension", {"reason": "left us"})
    assert again.json()["code"] == "illegal-staff-move"

    invited = (await chief.asks("POST", f"{path}/invitation", {"reason": "is back"})).json()
    assert (await member.sign_in()).json()["code"] == "wrong-sign-in", "what opened it before opens it no more"
    token = token_of(invited["invitation"])
    totp = pyotp.TOTP((await house.looked(token))["totp_secret"])
    assert totp.secret != member.totp.secret
    taken = await house.post(
        "/invitations/password", token=token, password="another-violin-entirely", code=totp.at(house.clock.now)
    )
    assert taken.status_code == 200
    changes = (await chief.asks("GET", path)).json()["changes"]
    assert [each["what"] for each in changes] == [
        "made", "accepted by password", "suspended", "invited", "accepted by password",
    ]  # fmt: skip
    assert [each["made_by"] for each in changes] == [None, member.id, chief.id, chief.id, member.id]


async def test_an_invitation_of_one_who_is_suspended_opens_nothing(house: House) -> None:
    chief, invited = await house.member(), await house.invited()
    await chief.asks("POST", f"/accounts/{invited.account.id}/suspension", {"reason": "by mistake"})
    assert (await house.post("/invitations/look", token=token_of(invited.address))).status_code == 410


async def test_nobody_changes_their_own_account(house: House) -> None:
    chief = await house.member()
    await house.member()
    own = (await chief.asks("GET", f"/accounts/{chief.id}")).json()
    more = {"expires_at": (house.clock.now + timedelta(days=360)).isoformat(), "reason": "my own"}
    changed = {"name": "رنا حداد", "roles": ["administrator", "finance"], "office": None, **more}
    for answer in (
        await chief.asks("PUT", f"/accounts/{chief.id}", changed, **{"if-match": f'"{own["revision"]}"'}),
        await chief.asks("POST", f"/accounts/{chief.id}/extension", more),
        await chief.asks("POST", f"/accounts/{chief.id}/suspension", {"reason": "my own"}),
        await chief.asks("POST", f"/accounts/{chief.id}/invitation", {"reason": "my own"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-your-own-account")
    assert (await chief.asks("GET", f"/accounts/{chief.id}")).json()["revision"] == own["revision"]


async def test_two_administrators_cannot_suspend_each_other(the_stage: Stage, tmp_path: Path) -> None:
    async with house_on(the_stage, tmp_path) as house:
        one, two = await house.member(), await house.member()
        answers = await asyncio.gather(
            one.asks("POST", f"/accounts/{two.id}/suspension", {"reason": "a quarrel"}),
            two.asks("POST", f"/accounts/{one.id}/suspension", {"reason": "a quarrel"}),
        )
        assert sorted(each.status_code for each in answers) in ([200, 401], [200, 403])
        states = await house.rows("SELECT state FROM staff_accounts")
        assert sorted(row["state"] for row in states) == ["ACTIVE", "SUSPENDED"]
