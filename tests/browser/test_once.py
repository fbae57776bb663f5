"""Impatient fingers, the back button and two tabs: whatever is pressed, it happens once."""

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser import booking, errands
from tests.browser.conftest import Visitors
from tests.browser.people import Registry
from tests.browser.visitor import DESK, PHONE, TABLET, Visitor
from tests.town import SLOW, Town

from dawr.servicekit.testing import until

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


@pytest.mark.parametrize(("lang", "width", "scripts"), [("en", TABLET, True), ("ar", PHONE, False)])
async def test_each_deciding_button_pressed_twice_decides_once(
    town: Town, registry: Registry, somebody: Visitors, lang: str, width: int, scripts: bool
) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_REN", 3, days_ahead=23 + scripts)
    async with await somebody(lang=lang, width=width, java_script_enabled=scripts) as one:
        await one.enter(me)
        await one.open(errands.take_page(wish))
        await one.button("Take this turn").dblclick()
        turn = await booking.held(one)
        assert [each["id"] for each in await errands.turns_of(town, me)] == [turn]
        assert await town.left(wish) == 2

        await one.button("Pay now").dblclick()
        await one.page.wait_for_url(re.compile(re.escape(town.platform.url("bank"))))
        await one.page.locator('button[value="approve"]').dblclick()
        await town.theatre.until(turn, errands.id_of(town, me), "CONFIRMED")
        await errands.see(one, {"id": turn})
        await booking.confirmed(one)
        (shown,) = await errands.turns_of(town, me)
        (capture,) = await errands.taken_at_bank(town, shown["payment"]["id"])

        await one.follow("Give the turn back")
        await one.choose(one.t("I changed my mind"))
        await one.button("Give the turn back").dblclick()
        await one.sees("You gave this turn back")
        await town.theatre.until_refunded(turn, errands.id_of(town, me))
        assert len(await errands.paid_back(town, capture["id"])) == 1
        assert await town.left(wish) == 3


async def test_back_after_taking_and_after_paying_takes_and_pays_nothing_more(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_REN", 3, days_ahead=25)
    async with await somebody(lang="ar", width=DESK) as one:
        await one.enter(me)
        await one.open(errands.take_page(wish))
        turn = await booking.take(one)
        await one.page.go_back()
        await one.sees("Check before you send")
        await one.press("Take this turn")
        await one.sees("There is a turn of this kind already")
        await one.follow("See that turn")
        assert await booking.held(one) == turn

        await booking.pay(one)
        await booking.confirmed(one)
        # Back at the bank, which has its money; pressing whatever is there leads to the turn.
        await one.page.go_back()
        await one.page.wait_for_url(re.compile(re.escape(town.platform.url("bank"))))
        await expect(one.page.locator('button[value="approve"]')).to_have_count(0)
        # And before it, the page that asked for the money, which knows better now.
        await one.page.go_back()
        await booking.confirmed(one)
        await expect(one.button("Pay now")).to_have_count(0)
        (shown,) = await errands.turns_of(town, me)
        assert len(await errands.taken_at_bank(town, shown["payment"]["id"])) == 1
        assert await town.left(wish) == 2


async def test_two_tabs_that_take_the_same_have_one_turn(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_REN", 3, days_ahead=26)
    async with await somebody(lang="en", width=DESK) as one:
        await one.enter(me)
        other = await another_tab(one)
        for tab in (one, other):
            await tab.open(errands.take_page(wish))
            await tab.sees("Check before you send")
        await one.press("Take this turn")
        await other.press("Take this turn")
        turn = await booking.held(one)
        await other.sees("There is a turn of this kind already")
        assert [each["id"] for each in await errands.turns_of(town, me)] == [turn]
        assert await town.left(wish) == 2


async def test_a_form_in_one_tab_outlives_signing_out_in_the_other(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    me = registry.single()
    async with await somebody(lang="ar", width=TABLET) as one:
        await one.enter(me)
        await one.open("/preferences")
        await one.choose(one.t("By mail only"))
        other = await another_tab(one)
        await other.open("/account")
        await other.press("Sign out")
        await other.sees("You are signed out")

        await one.press("Save")
        await one.sees("Your session has ended")
        await one.follow("Sign in again")
        await one.sign_in(me)
        await one.sees("Go on where you were")
        await one.press("Send it now")
        await one.reads("Saved.")

        async def saved() -> bool:
            answer = await town.theatre.call("GET", "/api/notifications/preferences", errands.id_of(town, me))
            return bool(answer.json()["channels"][:2] == ["email", "inbox"])

        await until(saved, timeout=SLOW, what="preferences")
        # The other tab is signed in again, by the same cookies.
        await other.open("/account")
        await other.sees("My account")


async def another_tab(one: Visitor) -> Visitor:
    """The same browser with one page more."""
    page: Page = await one.context.new_page()
    return Visitor(one.context, page, one.places, one.post, one.lang, one.troubles)
