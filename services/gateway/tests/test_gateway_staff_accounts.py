"""Accounts of staff over HTTP: who makes, changes, suspends and sees them, on a real broker and a real database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pyotp
import pytest
from services.gateway.tests.staffing import PASSWORD, House, Member, house_on, token_of

from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.service import staff
from dawr.servicekit import telemetry
from dawr.servicekit.auth import NotAllowed
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


@pytest.mark.parametrize("is_development", [True, False])
async def test_a_token_without_an_account_administers_a_development_platform_alone(
    house: House, is_development: bool
) -> None:
    """Nobody can suspend it, and no journal says whose it is."""
    rules = replace(house.rules, is_development=is_development)
    wanted = {"login": f"t.{uuid4().hex[:12]}", "name": "Test Member", "roles": frozenset({StaffRole.AUDITOR})}
    making = staff.make_account
    async with house.service.database.transaction() as tx:
        if is_development:
            assert (await making(tx, rules, by=uuid4(), **wanted)).account.made_by is not None
            return
        with pytest.raises(NotAllowed):
            await making(tx, rules, by=uuid4(), **wanted)
        assert (await making(tx, rules, by=None, **wanted)).account.made_by is None, "the command line is nobody"


async def test_a_change_needs_what_was_read_and_ends_sessions(house: House) -> None:
    chief, member = await house.member(), await house.member(StaffRole.PLANNER)
    session = (await member.sign_in()).json()
    path = f"/accounts/{member.id}"
    read = await chief.asks("GET", path)
    body = {
        "name": "رنا حداد", "roles": ["desk"], "office": "ALP-02",
        "expires_at": read.json()["expires_at"], "reason": "moves to Aleppo",
    }  # fmt: skip
    assert (await chief.asks("PUT", path, body)).status_code == 428
    changed = await chief.asks("PUT", path, body, **{"if-match": read.headers["etag"]})
    assert (changed.status_code, changed.json()["office"]) == (200, "ALP-02")
    stale = await chief.asks("PUT", path, body, **{"if-match": read.headers["etag"]})
    assert (stale.status_code, stale.json()["revision"]) == (412, changed.json()["revision"])
    goes_on = await house.client.post("/api/session/refresh", json={"refresh_token": session["refresh_token"]})
    assert goes_on.status_code == 401
    assert (await member.sign_in()).json()["roles"] == ["desk"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"roles": ["desk"]}, "office-needed"),
        ({"roles": ["mission", "auditor"]}, "office-needed"),
        ({"roles": ["office-manager"], "office": "dam 01"}, "office-needed"),
        ({"roles": ["planner"], "office": "DAM-01"}, "office-not-needed"),
        ({"roles": []}, "invalid-request"),
        ({"roles": ["citizen"]}, "invalid-request"),
        ({"login": "huda@mail.example"}, "not-a-login"),
        ({"login": "Ω" * 5}, "not-a-login"),
        ({"name": "12345"}, "not-a-name"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "too-long-ahead"),
    ],
)
async def test_an_account_with_wrong_fields_is_refused(house: House, more: dict[str, object], code: str) -> None:
    chief = await house.member()
    body = {"login": "new-one", "name": "سامر خوري", "roles": ["auditor"], **more}
    assert (await chief.asks("POST", "/accounts", body)).json()["code"] == code


async def test_further_fields_are_refused_and_give_no_rights(house: House) -> None:
    chief, member = await house.member(), await house.member(StaffRole.AUDITOR)
    for further in ({"state": "ACTIVE"}, {"id": chief.id}, {"made_by": chief.id}, {"password": PASSWORD}):
        body = {"login": "grown", "name": "سامر خوري", "roles": ["auditor"], **further}
        assert (await chief.asks("POST", "/accounts", body)).status_code == 422, further
    house.clock.turn(seconds=30)
    for further in ({"roles": ["administrator"]}, {"office": "DAM-01"}, {"how": "passkey"}):
        body = {"login": member.login, "password": PASSWORD, "code": member.code(), **further}
        assert (await house.post("/session", **body)).status_code == 422, further
    invited = await house.invited(StaffRole.AUDITOR)
    token = token_of(invited.address)
    code = pyotp.TOTP((await house.looked(token))["totp_secret"]).at(house.clock.now)
    body = {"token": token, "password": PASSWORD, "code": code, "roles": ["administrator"]}
    assert (await house.post("/invitations/password", **body)).status_code == 422


async def test_only_administrators_see_and_change_accounts(house: House) -> None:
    member = await house.member(StaffRole.PLANNER, StaffRole.APPROVER, StaffRole.FINANCE, StaffRole.AUDITOR)
    for method, path in (
        ("GET", "/accounts"),
        ("POST", "/accounts"),
        ("GET", f"/accounts/{member.id}"),
        ("PUT", f"/accounts/{member.id}"),
        ("POST", f"/accounts/{member.id}/suspension"),
        ("POST", f"/accounts/{member.id}/extension"),
        ("POST", f"/accounts/{member.id}/invitation"),
    ):
        assert (await member.asks(method, path, {})).status_code == 403, path


async def test_a_token_of_one_who_administers_no_more_changes_nothing(house: House) -> None:
    chief, other = await house.member(), await house.member()
    others_token, elsewhere = other.token, other
    await chief.asks("POST", f"/accounts/{other.id}/suspension", {"reason": "left us"})
    elsewhere.token = others_token
    body = {"login": "friend", "name": "سامر خوري", "roles": ["administrator"]}
    assert (await elsewhere.asks("POST", "/accounts", body)).status_code in {401, 403}
    assert not await house.rows("SELECT 1 FROM staff_accounts WHERE login = 'friend'")


async def test_accounts_are_listed_with_their_last_use(house: House) -> None:
    chief = await house.member()
    member = await house.member(StaffRole.MISSION, office="BER-01")
    waiting = await house.invited()
    await member.sign_in()
    used_at = house.clock.now
    listed: dict[str, dict[str, object]] = {}
    after = ""
    while True:
        page = (await chief.asks("GET", f"/accounts?limit=2&after={after}")).json()
        listed |= {each["login"]: each for each in page["accounts"]}
        after = page["next"]
        if after is None:
            break
    assert datetime.fromisoformat(str(listed[member.login]["last_used_at"])) == used_at.astimezone(UTC)
    assert listed[waiting.account.login]["last_used_at"] is None
    assert listed[waiting.account.login]["state"] == "INVITED"


async def test_a_new_password_takes_the_old_ones_place_and_ends_sessions(house: House) -> None:
    member = await house.member()
    session = (await member.sign_in()).json()
    house.clock.turn(seconds=30)
    new = "thirteen-copper-lanterns"
    wrong = {"old": "stuffed-from-elsewhere", "new": new, "code": member.code()}
    assert (await member.asks("POST", "/me/password", wrong)).json()["code"] == "wrong-sign-in"
    weak = {"old": PASSWORD, "new": "password123456", "code": member.code()}
    assert (await member.asks("POST", "/me/password", weak)).json()["code"] == "weak-password"
    body = {"old": PASSWORD, "new": new, "code": member.code()}
    assert (await member.asks("POST", "/me/password", body)).status_code == 204
    goes_on = await house.client.post("/api/session/refresh", json={"refresh_token": session["refresh_token"]})
    assert goes_on.status_code == 401
    assert (await member.sign_in()).status_code == 401
    assert (await member.sign_in(password=new)).status_code == 200


async def test_nothing_of_what_staff_enter_or_are_called_is_kept_or_logged_in_clear(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logging("gateway", log_format="json", level="debug")
    invited = await house.invited(login="canary-login")
    member: Member = await house.accepted(invited)
    await member.sign_in()
    await member.sign_in(password="canary-wrong-password")
    tables = "staff_accounts", "staff_invitations", "staff_passkeys", "staff_changes", "sign_ins", "sign_in_counts"
    kept = "".join([str(row) for name in tables for row in await house.rows(f"SELECT * FROM {name}")])
    logged = capsys.readouterr()
    kept += logged.out + logged.err
    assert "staff.entered" in kept
    for secret in (
        PASSWORD, "canary-wrong-password", "رنا", "حداد", member.totp.secret, token_of(invited.address),
        *member.recovery_codes,
    ):  # fmt: skip
        assert secret not in kept
