"""A day that is gone, and a day that does not suit any more."""

import pytest
from playwright.async_api import expect
from tests.browser import booking, errands
from tests.browser.conftest import Visitors
from tests.browser.people import Registry
from tests.browser.visitor import PHONE, TABLET
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


async def test_who_comes_too_late_is_shown_three_other_days_and_takes_one(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    me, faster = registry.single(), registry.single()
    wish = await town.free_seats("HMS-01", "PASS_LOST", 1, days_ahead=24)
    async with await somebody(lang="ar", width=PHONE) as one:
        await one.enter(me)
        await one.open(errands.take_page(wish))
        await one.sees("Check before you send")
        await errands.held_turn(town, faster, wish)

        await one.press("Take this turn")
        await one.sees("That day is sold out")
        others = one.page.locator("ul.offices li a")
        await expect(others).to_have_count(3)
        await others.first.click()
        if await one.on_page("At what hour?", "Check before you send") == "At what hour?":
            await one.press("Continue")
        turn = await booking.take(one)
        assert booking.turn_id(one) == turn
        going = [each for each in await errands.turns_of(town, me) if each["state"] == "HELD"]
        assert [each["id"] for each in going] == [turn]
        assert going[0]["date"] != wish.date or going[0]["office"] != wish.office


async def test_a_turn_is_moved_to_another_day_and_its_pass_with_it(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    me = registry.single()
    before = await town.free_seats("HMS-01", "PASS_LOST", 2, days_ahead=25)
    after = await town.free_seats("HMS-01", "PASS_LOST", 2, days_ahead=26)
    turn = await errands.confirmed_turn(town, me, before)
    async with await somebody(lang="en", width=TABLET) as one:
        await one.enter(me)
        await errands.see(one, turn)
        await booking.confirmed(one)
        await one.follow("Choose another day")
        await one.sees("Choose a day")
        await booking.choose_day(one, after.date)
        await one.sees("Check the other day")
        await one.press("Move the turn")
        await one.reads("Moved: below is the new day. An older pass or calendar entry does not hold any more.")
        await expect(one.page.locator(".when-big time")).to_have_attribute("datetime", after.date)
        await one.follow("Show the pass")
        await expect(one.page.locator(".pass-when time")).to_have_attribute("datetime", after.date)
        (shown,) = await errands.turns_of(town, me)
        assert (shown["id"], shown["date"], shown["state"]) == (turn["id"], after.date, "CONFIRMED")
        assert await town.left(before) == 2
        assert await town.left(after) == 1
