"""Whoever has a poor line, no scripts, no mouse or a session that ends gets through all the same."""

import pytest
from playwright.async_api import Locator, expect
from tests.browser import booking, errands
from tests.browser.booking import PASSPORT
from tests.browser.conftest import Visitors
from tests.browser.people import Registry, register
from tests.browser.visitor import DESK, PHONE, TABLET, Visitor
from tests.town import Town

from dawr.tools.registry.people import Person

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

SLOW_LINE = {"offline": False, "latency": 300, "downloadThroughput": 250_000 / 8, "uploadThroughput": 50_000 / 8}
"""A phone on 2G, as Chromium's own tools have it: bytes a second, milliseconds."""


async def test_what_was_typed_is_kept_when_the_session_ends(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_REN", 2, days_ahead=27)
    async with await somebody(lang="ar", width=TABLET) as one:
        await one.enter(me)
        await one.open(errands.take_page(wish))
        await one.sees("Check before you send")
        for name in ("dawr-access", "dawr-session"):
            await one.context.clear_cookies(name=name)
        await one.press("Take this turn")
        await one.sees("Your session has ended")
        await one.follow("Sign in again")
        await one.sign_in(me)
        await one.sees("Go on where you were")
        await one.press("Send it now")
        turn = await booking.held(one)
        assert [each["id"] for each in await errands.turns_of(town, me)] == [turn]
        # It is kept no longer than it is needed.
        assert "dawr-kept" not in {each["name"] for each in await one.context.cookies()}


async def test_a_slow_line_gets_through(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    await register(town.platform, me)
    async with await somebody(lang="en", width=PHONE) as one:
        line = await one.context.new_cdp_session(one.page)
        await line.send("Network.enable")
        await line.send("Network.emulateNetworkConditions", SLOW_LINE)
        await whole_booking(one, me)


async def test_without_scripts_the_whole_way_works(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    await register(town.platform, me)
    async with await somebody(lang="ar", width=PHONE, java_script_enabled=False) as one:
        await whole_booking(one, me)
        await one.follow("Back")
        await one.follow("Give the turn back")
        await one.choose(one.t("I can't come"))
        await one.press("Give the turn back")
        await one.sees("You gave this turn back")
        await one.follow("Follow the refund")
        await one.reads("paid back")


async def whole_booking(one: Visitor, me: Person) -> None:
    """From the first page to the pass."""
    await booking.find_service(one, PASSPORT)
    await booking.choose_office(one, PASSPORT)
    await booking.choose_day(one)
    await booking.choose_hour(one)
    await one.sign_in(me)
    await booking.take(one)
    await booking.pay(one)
    await booking.confirmed(one)
    await one.follow("Show the pass")
    await expect(one.page.locator(".pass-code svg")).to_be_visible()


@pytest.mark.parametrize("lang", ["ar", "en"])
async def test_the_keyboard_alone_is_enough(town: Town, registry: Registry, somebody: Visitors, lang: str) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_REN", 2, days_ahead=28 + (lang == "en"))
    async with await somebody(lang=lang, width=DESK) as one:
        await one.enter(me)
        await one.open("/")
        await press_key(one, one.page.get_by_role("searchbox"), "")
        await one.page.keyboard.type(PASSPORT.search[lang])
        await one.page.keyboard.press("Enter")
        await one.sees("Services")
        await press_key(one, one.page.locator('main a[href^="/services/PASS_REN"]').first)
        await press_key(one, one.link("Start: take a turn"))
        await one.sees("How fast do you need it?")
        # Radio buttons by arrows: away, and back.
        radios = one.page.get_by_role("radio")
        await press_key(one, radios.first, "ArrowDown")
        await expect(radios.nth(1)).to_be_checked()
        await one.page.keyboard.press("ArrowUp")
        await expect(radios.first).to_be_checked()
        await press_key(one, one.button("Continue"))
        await one.sees("Where do you want to go?")
        if not await one.page.locator('#places ul a[href*="/offices/HMS-01/"]').count():
            await press_key(one, one.page.locator('#places a[href$="all=1"]'))
        await press_key(one, one.page.locator('#places ul a[href*="/offices/HMS-01/"]').first)
        await one.sees("Choose a day")
        await to_month_of(one, wish.date)
        await along_the_calendar(one, wish.date)
        await one.page.keyboard.press("Enter")
        await one.sees("Check before you send")
        await press_key(one, one.button("Take this turn"))
        await press_key(one, one.button("Pay now"))
        await one.page.wait_for_url(f"{town.platform.url('bank')}/**")
        await press_key(one, one.page.locator('button[value="approve"]'))
        await booking.confirmed(one)
        await press_key(one, one.link("Show the pass"))
        await expect(one.page.locator(".pass-code svg")).to_be_visible()


async def press_key(one: Visitor, place: Locator, key: str = "Enter") -> None:
    """Come to a place by Tab, where it shows that it has the focus, and press a key there."""
    await expect(place).to_be_visible()
    for _ in range(150):
        if await place.evaluate("element => element === document.activeElement"):
            break
        await one.page.keyboard.press("Tab")
    else:
        raise AssertionError(f"Tab does not lead to {place}")
    shown = "element => { const s = getComputedStyle(element); return s.outlineStyle + s.boxShadow + s.outlineWidth; }"
    looks = await place.evaluate(shown)
    assert not looks.startswith("nonenone"), f"{place} has the focus, and nothing shows it"
    if key:
        await one.page.keyboard.press(key)


async def to_month_of(one: Visitor, day: str) -> None:
    """Leaf through the months to that of a day."""
    while not await one.page.locator(f'.calendar a[href*="{day}"]').count():
        month = one.page.locator("nav.pages strong")
        before = await month.inner_text()
        await press_key(one, one.page.locator("nav.pages a[rel=next]").first)
        await expect(month).not_to_have_text(before)


async def along_the_calendar(one: Visitor, day: str) -> None:
    """By arrows from the first free day to another: in the direction of reading one goes on, down a week."""
    await press_key(one, one.page.locator(".calendar a").first, "")
    forward = "ArrowLeft" if one.lang == "ar" else "ArrowRight"
    goal = one.page.locator(f'.calendar a[href*="{day}"]').first
    for _ in range(40):
        if await goal.evaluate("element => element === document.activeElement"):
            return
        await one.page.keyboard.press(forward)
    raise AssertionError(f"arrows do not lead to {day}")
