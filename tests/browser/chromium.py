"""A real Chromium: found on the machine, started through Playwright."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
MISSING = "There is no Chromium: install one (on Debian: apt install chromium), or name its program in DAWR_CHROMIUM."


def find_chromium() -> str | None:
    """The program: of DAWR_CHROMIUM, else the first that PATH has; none if there is none."""
    if named := os.environ.get("DAWR_CHROMIUM"):
        return shutil.which(named) or named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()
