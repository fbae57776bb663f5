"""Staff: from the invitation to the pages that are theirs, by password and authenticator, and by passkey."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect
from tests.browser import staff
from tests.browser.conftest import Visitors
from tests.browser.visitor import DESK, TABLET, visitor
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def test_an_administrator_comes_by_password_and_authenticator_to_the_operations(
    town: Town, somebody: Visitors
) -> None:
    login = staff.new_login()
    invitation = await staff.invited(town, login)
    async with await somebody(lang="en", width=DESK) as one:
        app = await staff.open_account(one, invitation)
        codes = await staff.recovery_codes(one)
        await one.follow("I have them")
        await one.sees("My account")
        await one.page.get_by_role("contentinfo").get_by_role("button", name=one.t("Sign out")).click()
        await one.sees("You are signed out")

        # The invitation is used up.
        await one.open(invitation)
        await one.sees("This invitation holds no more")

        await one.open("/operations")
        await one.sees("Sign in as staff")
        await one.enter_text("Login", login)
        await one.enter_text("Password", staff.PASSWORD)
        await one.enter_text("Code", "000000")
        await one.press("Sign in")
        await expect(one.page.get_by_role("alert")).to_be_visible()
        await one.enter_text("Password", staff.PASSWORD)
        # A code that was used opens nothing again, so it is the next one's.
        await one.enter_text("Code", app.at(datetime.now(UTC) + timedelta(seconds=30)))
        await one.press("Sign in")
        await one.sees("Operations")
        await expect(one.page.get_by_role("heading", name=one.t("Services")).first).to_be_visible()

        # Who lost the phone comes in by a code from paper.
        await one.page.get_by_role("contentinfo").get_by_role("button", name=one.t("Sign out")).click()
        await one.sees("You are signed out")
        await one.open("/staff/sign-in")
        await one.enter_text("Login", login)
        await one.enter_text("Password", staff.PASSWORD)
        await one.enter_text("Code", codes[0])
        await one.press("Sign in")
        await one.sees("Operations")


async def test_a_passkey_opens_an_account_and_signs_in(town: Town, browser: Browser) -> None:
    invitation = await staff.invited(town, staff.new_login())
    async with (
        staff.gateway_by_name(town) as places,
        await visitor(browser, places, town.http, lang="ar", width=TABLET) as one,
    ):
        device = await one.context.new_cdp_session(one.page)
        await device.send("WebAuthn.enable")
        await device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await one.open(invitation)
        await one.press("Make a passkey")
        await one.sees("My account")
        await one.page.get_by_role("contentinfo").get_by_role("button", name=one.t("Sign out")).click()
        await one.sees("You are signed out")

        await one.open("/staff/sign-in?next=/operations")
        await one.press("Sign in with a passkey")
        await one.sees("Operations")
