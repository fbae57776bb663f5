"""Somebody at a browser: who reads what is on the page, presses what they see, and notices what goes wrong."""

import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect
from tests.browser.people import Places, Post, address_of, register
from tests.town import code_in

from dawr.gateway.portal.texts import translations
from dawr.tools.registry.people import Person

SLOW_MS = 60_000
"""As long as a page may take on a machine that is busy with other things."""
PHONE, TABLET, DESK = 320, 768, 1280
"""Widths of windows."""
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""What Chromium writes down of a page that says no to its reader, which pages do in words."""

expect.set_options(timeout=SLOW_MS)


@dataclass
class Visitor:
    """One browser of one person, with cookies of its own."""

    context: BrowserContext
    page: Page
    places: Places
    post: Post
    lang: str
    troubles: list[str] = field(default_factory=list)
    """What a console, a policy or an address said that no page may make it say."""

    # What they read

    def t(self, text: str, **values: object) -> str:
        """A text of the portal in their language."""
        found = str(translations(self.lang).ugettext(text))
        assert self.lang == "en" or found != text, f"not translated: {text}"
        return found % values if values else found

    @property
    def path(self) -> str:
        """Where they are."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def heading(self, text: str | re.Pattern[str]) -> Locator:
        """The page's heading, if it is this one."""
        name = self.t(text) if isinstance(text, str) else text
        return self.page.get_by_role("heading", level=1, name=name)

    async def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait for a page with this heading."""
        await expect(self.heading(text)).to_be_visible()

    async def on_page(self, *headings: str) -> str:
        """Wait for one of the pages with these headings; which it is."""
        either = self.heading(headings[0])
        for each in headings[1:]:
            either = either.or_(self.heading(each))
        await expect(either).to_be_visible()
        said = (await either.inner_text()).strip()
        return next(each for each in headings if self.t(each) == said)

    def name_of(self, person: Person) -> str:
        """What a person of the registry is called on pages."""
        return f"{getattr(person.given, self.lang)} {getattr(person.family, self.lang)}"

    async def reads(self, text: str, **values: object) -> None:
        """Wait for a sentence."""
        await expect(self.page.get_by_text(self.t(text, **values)).first).to_be_visible()

    # What they do

    async def open(self, path: str) -> None:
        """Go to an address."""
        await self.page.goto(self.places.url("gateway") + path)

    def button(self, text: str) -> Locator:
        """A button of the page itself."""
        return self.page.get_by_role("main").get_by_role("button", name=self.t(text), exact=True)

    def link(self, text: str) -> Locator:
        """A link of the page itself."""
        return self.page.get_by_role("main").get_by_role("link", name=self.t(text), exact=True)

    async def press(self, text: str) -> None:
        """Press a button; what it leads to is waited for."""
        await self.button(text).first.click()

    async def follow(self, text: str) -> None:
        """Follow a link."""
        await self.link(text).first.click()

    async def choose(self, label: str | Locator) -> None:
        """Tick a radio button by its label."""
        found = self.page.get_by_role("radio", name=label, exact=True) if isinstance(label, str) else label
        await found.first.check()

    async def enter_text(self, label: str, text: str) -> None:
        """Fill in a field."""
        await self.page.get_by_role("main").get_by_label(self.t(label), exact=True).fill(text)

    async def has_scripts(self) -> bool:
        """Whether the browser runs the scripts of pages."""
        return bool(await self.page.locator("html.js").count())

    async def enter(self, person: Person) -> None:
        """Be signed in as somebody who is registered by then, without the pages of that."""
        gateway = self.places.url("gateway")
        kept = await register(self.places, person)
        await self.context.add_cookies([{"name": k, "value": v, "url": gateway} for k, v in kept.items()])

    async def sign_in(self, person: Person, address: str | None = None) -> None:
        """From the page that asks for a number to the session, with the code that the mail brings."""
        where = address or address_of(person)
        before = await self.post.newest(where)
        await self.sees("Sign in")
        await self.enter_text("Identity number", person.number)
        await self.press("Send me a code")
        await self.sees("Enter the code")
        _, mail = await self.post.to(where, before)
        await self.enter_text("Code", code_in(mail))
        await self.press("Sign in")
        await expect(self.heading("Enter the code")).to_have_count(0)

    # What goes wrong

    def watch(self, page: Page) -> None:
        """Note what the console and the address bar tell of a page."""
        page.set_default_timeout(SLOW_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _REFUSED.match(message.text):
            self.troubles.append(f"console: {message.text} ({message.location.get('url')})")

    def _see(self, request: Request) -> None:
        own = {self.places.url("gateway"), self.places.url("bank")}
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "blob"}:
            return
        if f"{parts.scheme}://{parts.netloc}" not in own:
            self.troubles.append(f"asked elsewhere: {request.url}")
        elif request.url.startswith(self.places.url("bank")) and _is_from_us(request, self.places.url("gateway")):
            self.troubles.append(f"loaded from the bank: {request.url}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.context.close()
        if kind is None:
            assert not self.troubles, "\n".join(self.troubles)


def _is_from_us(request: Request, gateway: str) -> bool:
    return not request.is_navigation_request() and request.frame.url.startswith(gateway)


async def visitor(
    browser: Browser, places: Places, http: httpx.AsyncClient, *, lang: str, width: int = DESK, **options: Any
) -> Visitor:
    """Somebody who opens a browser whose language is `lang`. Used as a context, it fails if anything was wrong."""
    context = await browser.new_context(
        locale="ar-SY" if lang == "ar" else "en-GB", viewport={"width": width, "height": 800}, **options
    )
    page = await context.new_page()
    made = Visitor(context, page, places, Post(http, places), lang)
    context.on("page", made.watch)
    made.watch(page)
    return made
