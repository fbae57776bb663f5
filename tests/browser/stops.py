"""Where a tour stops: each page of the portal's table, and what is shown when something is wrong."""

from dataclasses import dataclass

from playwright.async_api import Browser, expect
from tests.browser.errands import take_page
from tests.browser.people import Registry, address_of
from tests.browser.staff import Account, invited, new_login, open_account, recovery_codes
from tests.browser.tour import CITIZEN, STAFF, Deed, Mine, Stop, prepare
from tests.browser.visitor import Visitor, visitor
from tests.town import Town

from dawr.tools.demo.cast import Wish

_OFFICE = "/services/{code}/offices/{office}"
_TURN = "/turns/{id:uuid}"


@dataclass(frozen=True)
class Route:
    """A tour as it is gone: who goes, and where."""

    mine: Mine
    administrator: Account
    stops: tuple[Stop, ...]

    async def enter(self, nobody: Visitor, citizen: Visitor, administrator: Visitor) -> dict[str, Visitor]:
        """Sign in who has to; who looks at a stop."""
        await citizen.enter(self.mine.person)
        await self.administrator.enter(administrator)
        return {"": nobody, CITIZEN: citizen, STAFF: administrator}


async def plan(town: Town, registry: Registry, browser: Browser) -> Route:
    """Prepare a tour."""
    mine, login = await prepare(town, registry), new_login()
    async with await visitor(browser, town.platform, town.http, lang="en") as one:
        await open_account(one, await invited(town, login))
        account = Account(login, await recovery_codes(one))
    day, unused = await day_with_hours(town), await invited(town, new_login())
    return Route(mine, account, stops(mine, day, unused))


async def day_with_hours(town: Town) -> Wish:
    """The last open day of an office's own plan, which has hours."""
    query = "service=PASS_REN&tier=N&office=DAM-02"
    answer = await town.http.get(f"{town.platform.url('gateway')}/api/booking/availability?{query}")
    open_days = [each for each in answer.json()["days"] if each["left"] and each["windows"]]
    return Wish("PASS_REN", "N", "DAM-02", open_days[-1]["date"])


async def visit(one: Visitor, stop: Stop) -> None:
    """Come to a page."""
    await one.open(stop.address)
    if stop.deed is not None:
        await stop.deed(one)
    if stop.follow:
        await one.page.locator(stop.follow).first.click()
        await one.page.wait_for_load_state()
    await expect(one.page.locator("h1")).to_be_visible()


def stops(mine: Mine, day: Wish, invitation: str) -> tuple[Stop, ...]:
    """All of them. `day` is one with hours, `invitation` the path of one that is not used yet."""
    return (*_finding(mine, day), *_doors(mine), *_staff(invitation), *_own(mine, day))


def _finding(mine: Mine, day: Wish) -> tuple[Stop, ...]:
    at = f"/services/{day.service}"
    office, full = f"{at}/offices/{day.office}", mine.full
    sold_out = f"/sold-out?service={full.service}&tier={full.tier}&office={full.office}&date={full.date}"
    return (
        Stop("/", "home", "/"),
        Stop("/services", "services", "/services?q=passport"),
        Stop("/services", "services-none", "/services?q=zzzzq"),
        Stop("/services/{code}", "service", at),
        Stop("/services/{code}/start", "how-fast", f"{at}/start"),
        Stop("/services/{code}/offices", "offices", f"{at}/offices?tier=N&region=DAM"),
        Stop("/services/{code}/offices", "missions", "/services/CSL_PASS/offices?tier=N"),
        Stop(f"{_OFFICE}/calendar", "calendar", f"{office}/calendar?tier=N&month={day.date[:7]}"),
        Stop(f"{_OFFICE}/days/{{date}}", "hours", f"{office}/days/{day.date}?tier=N"),
        Stop("/sold-out", "sold-out", sold_out),
        Stop("/help", "help", "/help"),
        Stop("/privacy", "privacy", "/privacy"),
        Stop("/accessibility", "accessibility", "/accessibility"),
        Stop("/offline", "offline", "/offline"),
        Stop("/docs", "developers", "/docs"),
        Stop("/docs/problems", "problem-codes", "/docs/problems"),
        Stop("/api/docs", "operations-of-the-api", "/api/docs"),
        Stop("", "not-found", "/nowhere"),
    )


def _doors(mine: Mine) -> tuple[Stop, ...]:
    return (
        Stop("/sign-in", "sign-in", "/sign-in?ended=1"),
        Stop("/sign-in", "sign-in-wrong", "/sign-in", deed=_press("Send me a code")),
        Stop("/sign-in/code", "code", "/sign-in", deed=_ask_for_code),
        Stop("/sign-in/code", "code-wrong", "/sign-in/code", deed=_press("Sign in")),
        Stop("/sign-out", "signed-out", "/sign-out"),
        Stop("/sign-up", "sign-up", "/sign-up"),
        Stop("/sign-up/number", "sign-up-number", "/sign-up/number"),
        Stop("/sign-up/born", "sign-up-born-wrong", "/sign-up/number", deed=_number_and_no_birthday(mine)),
        Stop("/sign-up/document", "sign-up-document", "/sign-up/born", deed=_birthday(mine)),
        Stop("/sign-up/reach", "sign-up-reach", "/sign-up/document", deed=_card(mine)),
        Stop("/sign-up/check", "sign-up-check", "/sign-up/reach", deed=_address(mine)),
    )


def _own(mine: Mine, day: Wish) -> tuple[Stop, ...]:
    confirmed = f"/turns/{mine.confirmed}"
    moving = f"{confirmed}/reschedule"
    hours = f"{moving}/days/{day.date}?office={day.office}"
    take = take_page(day, "").removesuffix("&person=")
    return (
        Stop("/", "home-signed-in", "/", CITIZEN),
        Stop("/take", "for-whom", take, CITIZEN),
        Stop("/take", "for-whom-wrong", take, CITIZEN, deed=_press("Continue")),
        Stop("/take", "check", f"{take}&person=self", CITIZEN),
        Stop("/turns", "my-turns", "/turns", CITIZEN),
        Stop(_TURN, "pay", f"/turns/{mine.held}", CITIZEN),
        Stop(_TURN, "declined", f"/turns/{mine.held}?status=declined", CITIZEN),
        Stop(_TURN, "bank-tells", f"/turns/{mine.held}?status=approved", CITIZEN),
        Stop(_TURN, "confirmed", confirmed, CITIZEN),
        Stop(_TURN, "given-back", f"/turns/{mine.given_back}", CITIZEN),
        Stop(_TURN, "refused", f"/turns/{mine.refused}", CITIZEN),
        Stop(_TURN, "expired", f"/turns/{mine.expired}", CITIZEN),
        Stop(f"{_TURN}/pass", "pass", f"{confirmed}/pass", CITIZEN),
        Stop(f"{_TURN}/cancel", "give-back", f"{confirmed}/cancel", CITIZEN),
        Stop(f"{_TURN}/cancel", "give-back-wrong", f"{confirmed}/cancel", CITIZEN, deed=_press("Give the turn back")),
        Stop(f"{_TURN}/refund", "refund", f"/turns/{mine.given_back}/refund", CITIZEN),
        Stop(f"{_TURN}/reschedule", "another-day", moving, CITIZEN),
        Stop(f"{_TURN}/reschedule/offices", "another-office", f"{moving}/offices", CITIZEN),
        Stop(f"{_TURN}/reschedule/days/{{date}}", "another-hour", hours, CITIZEN),
        Stop(f"{_TURN}/reschedule/check", "check-move", f"{moving}/check?date={day.date}&window=09:00", CITIZEN),
        Stop(f"{_TURN}/reschedule/asked/{{asked}}", "not-moved", f"{moving}/asked/{mine.moving}", CITIZEN),
        Stop("/cases/{id}", "case-refused", f"/cases/{mine.case}", CITIZEN),
        Stop("/account", "account", "/account", CITIZEN),
        Stop("/preferences", "preferences", "/preferences", CITIZEN),
        Stop("/sessions", "sessions", "/sessions", CITIZEN),
        Stop("/inbox", "inbox", "/inbox", CITIZEN),
        Stop("/inbox/{id}", "message", "/inbox", CITIZEN, 'main a[href^="/inbox/"]'),
        Stop("/relatives", "relatives", "/relatives", CITIZEN),
        Stop("/relatives/ask", "ask-for-mandate", "/relatives/ask", CITIZEN),
        Stop("/relatives/{id}", "mandate", "/relatives", CITIZEN, 'main a[href^="/relatives/"]:not([href$="/ask"])'),
        Stop("/sign-out", "sign-out", "/sign-out", CITIZEN),
        Stop("", "not-allowed", "/operations", CITIZEN),
        Stop("", "no-such-turn", "/turns/00000000-0000-4000-8000-000000000000", CITIZEN),
        # The last two leave nobody signed in.
        Stop("", "session-ended", "/preferences", CITIZEN, deed=_lose_session_and_save),
        Stop("/continue", "continue", "/continue", CITIZEN),
    )


def _staff(invitation: str) -> tuple[Stop, ...]:
    other = 'main a[href^="/staff/accounts/"]:not([href$="/new"])'
    letter = 'main a[href^="/operations/dead-letters/"]'
    return (
        Stop("/staff/sign-in", "staff-sign-in", "/staff/sign-in"),
        Stop("/staff/sign-in", "staff-sign-in-wrong", "/staff/sign-in", deed=_press("Sign in")),
        Stop("/staff/invitation/{token}", "invitation", invitation),
        Stop("/staff/invitation/{token}", "invitation-over", "/staff/invitation/nothing"),
        Stop("/staff", "staff", "/staff", STAFF),
        Stop("/staff/accounts", "staff-accounts", "/staff/accounts", STAFF),
        Stop("/staff/accounts/new", "staff-account-new", "/staff/accounts/new", STAFF),
        Stop("/staff/accounts/{id}", "staff-account", "/staff/accounts", STAFF, other),
        Stop("/operations", "operations", "/operations", STAFF),
        Stop("/operations/dead-letters", "dead-letters", "/operations/dead-letters", STAFF),
        Stop("/operations/dead-letters/{id}", "dead-letter", "/operations/dead-letters", STAFF, letter),
    )


def _press(text: str) -> Deed:
    """Press a button with nothing filled in, and be told what is wrong."""

    async def deed(one: Visitor) -> None:
        await one.press(text)
        await expect(one.page.get_by_role("alert").first).to_be_visible()

    return deed


async def _ask_for_code(one: Visitor) -> None:
    # A number that documents show as an example: nobody's.
    await one.enter_text("Identity number", "01010012345")
    await one.press("Send me a code")
    await one.sees("Enter the code")


def _number_and_no_birthday(mine: Mine) -> Deed:
    async def deed(one: Visitor) -> None:
        await one.enter_text("Identity number", mine.person.number)
        await one.press("Continue")
        await one.sees("When were you born?")
        await one.press("Continue")
        await expect(one.page.get_by_role("alert")).to_be_visible()

    return deed


def _birthday(mine: Mine) -> Deed:
    async def deed(one: Visitor) -> None:
        born = mine.person.born
        for label, value in (("Day", born.day), ("Month", born.month), ("Year", born.year)):
            await one.enter_text(label, str(value))
        await one.press("Continue")
        await one.sees("Which document do you have at hand?")

    return deed


def _card(mine: Mine) -> Deed:
    async def deed(one: Visitor) -> None:
        await one.choose(one.t("Identity card"))
        await one.enter_text("Number of the identity card", str(mine.person.card))
        await one.press("Continue")
        await one.sees("How do we reach you?")

    return deed


def _address(mine: Mine) -> Deed:
    async def deed(one: Visitor) -> None:
        await one.enter_text("Mail address", address_of(mine.person))
        await one.press("Continue")
        await one.sees("Check your answers")

    return deed


async def _lose_session_and_save(one: Visitor) -> None:
    for name in ("dawr-access", "dawr-session"):
        await one.context.clear_cookies(name=name)
    await one.press("Save")
    await one.sees("Your session has ended")
