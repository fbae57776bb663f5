"""Browsers at the running platform: people who see pages, in a real Chromium."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.people import Registry
from tests.browser.visitor import Visitor, visitor
from tests.town import Town

Visitors = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session", name="browser")
async def browser_() -> AsyncIterator[Browser]:
    """Chromium. Where there is none, what needs it is left out; in CI it fails."""
    program = find_chromium()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    async with chromium(program) as started:
        yield started


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Who there is."""
    return Registry()


@pytest_asyncio.fixture(loop_scope="session")
async def somebody(browser: Browser, town: Town) -> Visitors:
    """Makes somebody at a browser: `async with await somebody(lang="ar") as one`."""

    async def make(**options: object) -> Visitor:
        return await visitor(browser, town.platform, town.http, **options)  # type: ignore[arg-type]

    return make
