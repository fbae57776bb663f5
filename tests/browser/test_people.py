"""Newcomers who register, those who sign out everywhere, and families on two sides of a border."""

import pytest
from playwright.async_api import expect
from tests.browser import booking, errands
from tests.browser.conftest import Visitors
from tests.browser.people import Registry, address_of
from tests.browser.visitor import DESK, PHONE, TABLET, Visitor
from tests.town import Town, code_in

from dawr.tools.demo.cast import Wish
from dawr.tools.registry.people import Person

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


async def test_a_newcomer_registers_by_passport_and_signs_out_everywhere(
    registry: Registry, somebody: Visitors
) -> None:
    me = registry.expatriate()
    assert me.mrz is not None
    async with (
        await somebody(lang="ar", width=DESK) as one,
        await somebody(lang="en", width=PHONE) as on_the_phone,
    ):
        await one.open("/")
        await one.page.get_by_role("navigation").get_by_role("link", name=one.t("Sign in")).click()
        await one.follow("Register")
        await one.follow("Start")
        await one.enter_text("Identity number", "12")
        await one.press("Continue")
        await expect(one.page.get_by_role("alert")).to_be_visible()
        await one.enter_text("Identity number", me.number)
        await one.press("Continue")
        for label, value in (("Day", me.born.day), ("Month", me.born.month), ("Year", me.born.year)):
            await one.enter_text(label, str(value))
        await one.press("Continue")
        await one.choose(one.t("Passport: the two lines at its foot"))
        await one.enter_text("The two lines at the foot of the passport's page", "\n".join(me.mrz))
        await one.press("Continue")
        await one.enter_text("Mail address", address_of(me))
        await one.press("Continue")
        await one.sees("Check your answers")
        before = await one.post.newest(address_of(me))
        await one.press("Register and send me a code")
        await one.sees("Enter the code")
        _, mail = await one.post.to(address_of(me), before)
        await one.enter_text("Code", code_in(mail))
        await one.press("Sign in")
        await expect(one.heading("Enter the code")).to_have_count(0)
        await one.open("/account")
        await expect(one.page.locator("main dl.summary")).to_contain_text(one.name_of(me))

        # The phone signs in; the desk ends all sessions, the phone's too.
        await on_the_phone.open("/sign-in")
        await on_the_phone.sign_in(me)
        await one.open("/sessions")
        await expect(one.page.locator("main ul.list > li")).to_have_count(2)
        await one.press("Sign out everywhere")
        await one.sees("You are signed out")
        # What the phone has holds until its token runs out, minutes later; then it is asked to sign in.
        await on_the_phone.context.clear_cookies(name="dawr-access")
        await on_the_phone.open("/account")
        await on_the_phone.sees("Sign in")
        await on_the_phone.reads("You were signed out, as nothing happened for a while or you signed out elsewhere.")


async def test_an_expatriate_takes_a_turn_at_a_mission(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.expatriate()
    wish = await town.free_seats("BER-01", "CSL_PASS", 2, days_ahead=24)
    async with await somebody(lang="en", width=PHONE) as one:
        await one.enter(me)
        await one.open("/")
        await one.follow("Services of missions")
        await one.page.locator('main a[href^="/services/CSL_PASS"]').first.click()
        await to_the_mission(one, wish)
        await take_at_mission(one)
        await expect(one.page.locator("main dl.summary").first).to_contain_text(one.name_of(me))
        (shown,) = await errands.turns_of(town, me)
        assert (shown["state"], shown["case_id"] is not None) == ("CONFIRMED", True)


async def test_a_relative_asks_for_a_mandate_and_takes_a_turn_under_it(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    agent = registry.expatriate()
    father = agent.parents[0]
    wish = await town.free_seats("BER-01", "CSL_PASS", 2, days_ahead=25)
    async with (
        await somebody(lang="ar", width=TABLET) as one,
        await somebody(lang="ar", width=PHONE) as other,
    ):
        await one.enter(agent)
        await other.enter(father)
        await one.open("/relatives")
        await one.follow("Ask for a mandate")
        await one.enter_text("Their identity number", father.number)
        await one.choose(one.t("son or daughter, or a grandchild"))
        await one.press("Ask them")
        await one.reads("If somebody with this number is registered, they are asked now. You see here when they agree.")

        await consent(other, agent)
        await one.open("/relatives")
        await one.follow("Choose a service")
        await one.page.locator('main a[href^="/services/CSL_PASS"]').first.click()
        await to_the_mission(one, wish)
        await take_at_mission(one)
        await expect(one.page.locator("main dl.summary").first).to_contain_text(one.name_of(father))
        # The father sees it among his own.
        await other.open("/turns")
        await expect(other.page.locator(".turn-card")).to_have_count(1)


async def consent(one: Visitor, agent: Person) -> None:
    """Let somebody act for oneself, who is named."""
    await one.open("/relatives")
    asked = one.page.locator("section[aria-labelledby=asked]")
    await expect(asked).to_contain_text(one.name_of(agent))
    await asked.get_by_role("link").first.click()
    await one.press("Yes, I agree")
    await expect(one.page.locator("main dl.summary")).to_contain_text(one.t("in force"))


async def to_the_mission(one: Visitor, wish: Wish) -> None:
    """From the page of the service to the answers to check."""
    await one.follow("Start: take a turn")
    if await one.on_page("How fast do you need it?", "Where do you want to go?") == "How fast do you need it?":
        await one.press("Continue")
    await one.sees("Where do you want to go?")
    office = one.page.locator(f'#places ul a[href*="/offices/{wish.office}/"]')
    if not await office.count():
        await one.page.locator('#places a[href$="all=1"]').click()
    await office.first.click()
    await booking.choose_day(one, wish.date)


async def take_at_mission(one: Visitor) -> None:
    """Open the case, pay its fee, and see the turn confirmed."""
    if await one.on_page("Who is the turn for?", "Check before you send") == "Who is the turn for?":
        await booking.choose_person(one)
    await booking.take(one)
    await booking.pay(one)
    await booking.confirmed(one)
