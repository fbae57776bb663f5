"""A newcomer takes a turn for a child, from the first page to the money that comes back."""

import re

import pytest
from playwright.async_api import expect
from tests.browser import booking
from tests.browser.booking import MINOR
from tests.browser.conftest import Visitors
from tests.browser.people import Registry, minors, register
from tests.browser.visitor import DESK, PHONE
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


@pytest.mark.parametrize(("lang", "width"), [("ar", PHONE), ("en", DESK)])
async def test_from_the_first_page_to_a_pass_and_back_to_the_money(
    town: Town, registry: Registry, somebody: Visitors, lang: str, width: int
) -> None:
    mother = registry.parent()
    child = minors(mother)[0]
    await register(town.platform, mother)
    async with await somebody(lang=lang, width=width) as one:
        await booking.find_service(one, MINOR)
        await booking.choose_office(one, MINOR)
        await booking.choose_day(one)
        await booking.choose_hour(one)

        # What was chosen outlasts signing in.
        await one.sign_in(mother)
        await booking.choose_person(one, child)
        await one.sees("Check before you send")
        summary = one.page.locator("main dl.summary")
        for said in (one.name_of(child), MINOR.name[lang], re.compile(r"312,700")):
            await expect(summary).to_contain_text(said)

        turn = await booking.take(one)
        await expect(one.page.locator("[data-until]")).to_have_text(re.compile(r"^1?\d:\d\d$"))
        await booking.pay(one)
        await booking.confirmed(one)
        assert booking.turn_id(one) == turn
        await expect(one.page.locator("main dl.summary").first).to_contain_text(one.name_of(child))

        await one.follow("Show the pass")
        await expect(one.page.locator(".pass-code svg")).to_be_visible()
        await expect(one.page.locator(".pass")).to_contain_text(one.name_of(child))
        await expect(one.page.locator("button[data-print]")).to_be_visible()
        await one.follow("Back")

        await one.follow("Give the turn back")
        await one.press("Give the turn back")
        await expect(one.page.get_by_role("alert")).to_contain_text(one.t("Choose why you give the turn back"))
        await one.choose(one.t("I changed my mind"))
        await one.press("Give the turn back")
        await one.sees("You gave this turn back")
        await one.follow("Follow the refund")
        await one.reads("paid back")
        await expect(one.page.locator("ol.steps li.done").last).to_be_visible()
