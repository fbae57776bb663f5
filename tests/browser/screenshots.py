"""Pictures of all pages, in both languages, on a desk and a phone: `python -m tests.browser.screenshots`.

It starts a platform, goes the tour that the tests go, and writes `docs/screenshots`: the few that the README shows,
and all of them in `all`, which is not committed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser
from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.people import Registry
from tests.browser.stops import Route, plan, visit
from tests.browser.visitor import DESK, visitor
from tests.town import Town, town

from dawr.tools.platform.platform import Platform

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PHONE = 390
SHOWN = {
    ("home", "ar", DESK), ("calendar", "en", DESK), ("operations", "en", DESK),
    ("pay", "ar", PHONE), ("confirmed", "en", PHONE), ("pass", "ar", PHONE),
}  # fmt: skip
"""Those of the README."""
MOST_BYTES = 120 * 1024
"""Of one that is committed."""


async def take_all(where: Town, browser: Browser) -> None:
    """Go the tour once for each language and width."""
    route = await plan(where, Registry(), browser)
    for lang in ("ar", "en"):
        for width in (DESK, PHONE):
            await take(where, browser, route, lang, width)
            print(f"{lang}, {width} px: {len(route.stops)} pages")  # noqa: T201 - a command


async def take(where: Town, browser: Browser, route: Route, lang: str, width: int) -> None:
    """The pictures of one language at one width."""
    there = (where.platform, where.http)
    async with (
        await visitor(browser, *there, lang=lang, width=width) as nobody,
        await visitor(browser, *there, lang=lang, width=width) as citizen,
        await visitor(browser, *there, lang=lang, width=width) as administrator,
    ):
        who = await route.enter(nobody, citizen, administrator)
        for stop in route.stops:
            page = who[stop.who].page
            await visit(who[stop.who], stop)
            await page.evaluate("document.fonts.ready")
            await page.screenshot(path=FOLDER / "all" / f"{stop.name}.{lang}.{width}.png", full_page=True)
            if (stop.name, lang, width) in SHOWN:
                shown = FOLDER / f"{stop.name}.{lang}.png"
                await page.screenshot(path=shown)
                if shown.stat().st_size > MOST_BYTES:
                    sys.exit(f"{shown} has {shown.stat().st_size} bytes: too many to be committed")


async def main() -> None:
    program = find_chromium()
    if program is None:
        sys.exit(MISSING)
    (FOLDER / "all").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dawr-screenshots-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # PostgreSQL may run under an account of its own
        async with (
            Platform(root, ports="free") as platform,
            town(platform, root) as where,
            chromium(program) as browser,
        ):
            await take_all(where, browser)
    print(f"See {FOLDER}.")  # noqa: T201 - a command


if __name__ == "__main__":
    asyncio.run(main())
