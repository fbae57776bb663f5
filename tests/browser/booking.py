"""The way to a turn, step by step, as somebody at a browser takes it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import expect
from tests.browser.visitor import Visitor

from dawr.tools.registry.people import Person

_DATE = re.compile(r"20\d\d-\d\d-\d\d")
_TURN = re.compile(r"/turns/([0-9a-f-]{36})")


@dataclass(frozen=True)
class Wanted:
    """What somebody comes for."""

    service: str
    name: dict[str, str]
    """What the catalogue calls it."""
    search: dict[str, str]
    """What they type into the search."""
    office: str
    tier: str = "N"


PASSPORT = Wanted(
    "PASS_REN", {"en": "Passport renewal", "ar": "تجديد جواز سفر"}, {"en": "passport", "ar": "جواز"}, "DAM-01"
)

MINOR = Wanted(
    "PASS_MINOR", {"en": "Passport for a minor", "ar": "جواز سفر لقاصر"}, {"en": "child", "ar": "قاصر"}, "DAM-01"
)


async def find_service(one: Visitor, wanted: Wanted) -> None:
    """From the first page to that of the service."""
    await one.open("/")
    await one.sees("Your turn at an office, without standing in line")
    await one.page.get_by_role("searchbox").fill(wanted.search[one.lang])
    await one.press("Search")
    await one.sees("Services")
    await one.page.locator(f'a[href^="/services/{wanted.service}"]').first.click()
    await expect(one.link("Start: take a turn")).to_be_visible()


async def choose_office(one: Visitor, wanted: Wanted) -> None:
    """From the page of the service to the calendar of an office."""
    await one.follow("Start: take a turn")
    if await one.on_page("How fast do you need it?", "Where do you want to go?") == "How fast do you need it?":
        await one.press("Continue")
    await one.sees("Where do you want to go?")
    # Where scripts run the list follows the choice by itself.
    near = one.page.locator("#region")
    await near.select_option(wanted.office.partition("-")[0])
    if not await one.has_scripts():
        await one.press("Show")
    await one.page.locator(f'#places ul a[href*="/offices/{wanted.office}/"]').first.click()
    await one.sees("Choose a day")


async def choose_day(one: Visitor, day: str | None = None) -> None:
    """A day of the calendar: that, or the first free one from the day after tomorrow, when a turn can still be given
    back; leafing to it if it is in a later month."""
    for _ in range(4):
        await expect(one.page.locator(".calendar")).to_be_visible()
        free = await one.page.locator(".calendar a").evaluate_all("links => links.map(each => each.href)")
        found = next((each for each in free if _is_wanted(each, day)), None)
        if found is not None:
            break
        await leaf(one)
    assert found is not None, f"no free day: {one.page.url}"
    await one.page.locator(f'.calendar a[href*="{_DATE.search(found)[0]}"]').first.click()  # type: ignore[index]
    await expect(one.page.locator(".calendar")).to_have_count(0)


def _is_wanted(address: str, day: str | None) -> bool:
    found = _DATE.search(address)
    soonest = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()
    return found is not None and (found[0] == day if day else found[0] >= soonest)


async def leaf(one: Visitor) -> None:
    """To the next month of a calendar."""
    month = one.page.locator("nav.pages strong")
    before = await month.inner_text()
    await one.page.locator("nav.pages a[rel=next]").first.click()
    await expect(month).not_to_have_text(before)


async def choose_hour(one: Visitor) -> None:
    """The hour that is ticked already: the first that is free."""
    await one.sees("At what hour?")
    await one.press("Continue")


async def choose_person(one: Visitor, somebody: Person | None = None) -> None:
    """For whom it is: a child, or oneself."""
    await one.sees("Who is the turn for?")
    await one.choose(one.t("Myself") if somebody is None else one.name_of(somebody))
    await one.press("Continue")


async def take(one: Visitor) -> str:
    """Send the answers that were checked; the turn's id, once its seat is held."""
    await one.sees("Check before you send")
    await one.press("Take this turn")
    return await held(one)


async def held(one: Visitor) -> str:
    """Wait in the line until a seat is held; the turn's id."""
    await expect(one.button("Pay now")).to_be_visible()
    return turn_id(one)


async def pay(one: Visitor, action: str = "approve") -> None:
    """To the bank's page, and one of its buttons."""
    await one.press("Pay now")
    await press_at_bank(one, action)


async def press_at_bank(one: Visitor, action: str = "approve") -> None:
    """One of the buttons of the bank's page."""
    await one.page.wait_for_url(re.compile(re.escape(one.places.url("bank"))))
    await one.page.locator(f'button[value="{action}"]').click()
    await one.page.wait_for_url(re.compile(re.escape(one.places.url("gateway"))))


async def confirmed(one: Visitor) -> None:
    """Wait until the page says that the turn is confirmed, which it does by itself."""
    await expect(one.link("Show the pass")).to_be_visible()


def turn_id(one: Visitor) -> str:
    """The turn whose page is open."""
    found = _TURN.search(one.page.url)
    assert found, one.page.url
    return found[1]


def asked(one: Visitor) -> dict[str, str]:
    """What the address says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(one.page.url).query).items()}
