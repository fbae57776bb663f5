"""Every page of the portal, in both languages, by day and by night, on a phone: nothing that keeps anybody out."""

import json
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser
from tests.browser.conftest import Visitors
from tests.browser.people import Registry
from tests.browser.stops import Route, plan, visit
from tests.browser.tour import pages
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(1200),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = AXE_FILE_PATH.read_text("utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def route(town: Town, registry: Registry, browser: Browser) -> Route:
    """The tour of all pages."""
    return await plan(town, registry, browser)


async def test_no_page_of_the_table_is_left_out(route: Route) -> None:
    assert {each.page for each in route.stops} - {""} == pages()


@pytest.mark.parametrize("lang", ["ar", "en"])
async def test_pages_keep_nobody_out(route: Route, somebody: Visitors, lang: str) -> None:
    faults: list[str] = []
    async with (
        await somebody(lang=lang, width=DESK) as nobody,
        await somebody(lang=lang, width=DESK) as citizen,
        await somebody(lang=lang, width=DESK) as administrator,
    ):
        who = await route.enter(nobody, citizen, administrator)
        for stop in route.stops:
            await visit(who[stop.who], stop)
            faults += [f"{stop.name}: {each}" for each in await faults_of(who[stop.who])]
    assert not faults, "\n".join(faults)


async def faults_of(one: Visitor) -> list[str]:
    """What is wrong with the page that is open."""
    found = [f"by day: {each}" for each in await violations(one, {"runOnly": {"type": "tag", "values": RULES}})]
    await one.page.emulate_media(color_scheme="dark")
    contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    found += [f"by night: {each}" for each in await violations(one, contrast)]
    await one.page.emulate_media(color_scheme="light")
    await one.page.set_viewport_size({"width": PHONE, "height": 800})
    wide = await one.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        found.append(f"{wide} px wider than a phone")
    await one.page.set_viewport_size({"width": DESK, "height": 800})
    said = await one.page.evaluate("[document.documentElement.lang, document.documentElement.dir, document.title]")
    if said[:2] != [one.lang, {"ar": "rtl", "en": "ltr"}[one.lang]] or not said[2]:
        found.append(f"says that it is {said}")
    return found


async def violations(one: Visitor, options: dict[str, Any]) -> list[str]:
    """What axe finds."""
    if not await one.page.evaluate("'axe' in window"):
        await one.page.evaluate(_AXE)
    told = await one.page.evaluate(f"axe.run({json.dumps(options | {'resultTypes': ['violations']})})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]} ({len(each['nodes'])})" for each in told["violations"]]
