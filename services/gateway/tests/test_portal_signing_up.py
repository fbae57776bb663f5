"""Registering on pages: the story of a newcomer, and what nobody learns of anybody."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from services.gateway.tests.test_gateway_registration import Ministry
from services.gateway.tests.visiting import KEY, Browser, Listening, Portal, afresh, portal_on, words

from dawr.servicekit.testing import Stage
from dawr.tools.registry.app import create_app as create_registry
from dawr.tools.registry.people import Person
from dawr.tools.registry.settings import RegistrySettings

WRONG = "000000"
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.fixture(scope="module")
async def ministry(listening: Listening) -> AsyncIterator[Ministry]:
    app = create_registry(RegistrySettings(api_key=KEY))
    async with listening(app) as port:
        yield Ministry(app, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, ministry: Ministry, listening: Listening, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Portal]:
    """As in production: nobody becomes a person by asking for a code."""
    folder = tmp_path_factory.mktemp("gateway")
    settings = {"registry_url": ministry.url, "registry_key": KEY, "open_registration": False}
    async with portal_on(the_stage, folder, listening, **settings) as running:
        running.behind.on("/api/notifications/inbox", lambda *_: (200, {"items": [], "unread": 0, "next": None}))
        yield running


@pytest.fixture
def portal(kept: Portal, ministry: Ministry) -> Portal:
    ministry.fail()
    return afresh(kept)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal.browser() as browser:
        yield browser


def typed(person: Person, **other: str) -> dict[str, dict[str, str]]:
    """What somebody types, by step."""
    born = {"day": str(person.born.day), "month": str(person.born.month), "year": str(person.born.year)}
    return {
        "number": {"number": person.number},
        "born": born,
        "document": {"document": "card", "card": person.card or ""},
        "reach": {"email": f"p{person.number[-6:]}@mail.example"},
    } | {step: dict(each.split("=", 1) for each in fields.split("&")) for step, fields in other.items()}


async def walk(browser: Browser, steps: dict[str, dict[str, str]]) -> httpx.Response:
    """Through the steps to the page where the answers are checked."""
    page = await browser.open("/sign-up/number")
    for step, fields in steps.items():
        answer = await browser.send(page, f"/sign-up/{step}", **fields)
        assert answer.status_code == 303, (step, answer.text)
        page = await browser.open(answer.headers["location"])
    assert str(page.url).endswith("/sign-up/check")
    return await browser.send(page, "/sign-up/check")


async def test_somebody_registers_with_a_card_and_is_known_by_name(
    portal: Portal, ministry: Ministry, browser: Browser
) -> None:
    person = ministry.someone()
    steps = typed(person)
    steps["number"]["number"] = person.number.translate(ARABIC)
    steps["born"]["year"] = steps["born"]["year"].translate(ARABIC)
    await browser.open("/sign-up?next=%2Fturns")
    answer = await walk(browser, steps)
    page = await browser.open(answer.headers["location"])
    assert "what the civil registry has" in page.text
    [code] = await portal.codes(person.number)
    answer = await browser.send(page, "/sign-in/code", code=code)
    assert answer.headers["location"] == "/turns"
    assert str((await browser.open("/sign-up/check")).url).endswith("/sign-up/number"), "what was typed is forgotten"
    page = await browser.open("/account")
    assert person.given.en in page.text
    assert person.family.en in page.text
    assert "p•••@mail.example" in page.text
    for address in browser.asked:
        assert person.number not in address
        assert "mail.example" not in address
        assert str(person.born.year) not in address


async def test_somebody_registers_with_the_lines_of_a_passport(
    portal: Portal, ministry: Ministry, browser: Browser
) -> None:
    person = ministry.someone()
    assert person.mrz is not None
    steps = typed(person)
    steps["document"] = {"document": "mrz", "mrz": "\r\n".join(person.mrz).lower(), "card": "left over"}
    answer = await walk(browser, steps)
    page = await browser.open(answer.headers["location"])
    [code] = await portal.codes(person.number)
    assert (await browser.send(page, "/sign-in/code", code=code)).headers["location"] == "/"


@pytest.mark.parametrize(
    ("step", "fields", "message"),
    [
        ("number", {"number": "123"}, "11 digits"),
        ("born", {"day": "31", "month": "2", "year": "1990"}, "Enter a real date of birth"),
        ("born", {"day": "1", "month": "1", "year": "2020"}, "A minor can&#39;t register"),
        ("born", {"day": "", "month": "", "year": ""}, "Enter a real date of birth"),
        ("document", {}, "Choose a document"),
        ("document", {"document": "visa"}, "Choose a document"),
        ("document", {"document": "card"}, "Enter one document"),
        ("document", {"document": "card", "card": "12"}, "6 to 12 digits"),
        ("document", {"document": "mrz", "mrz": "P<SYR"}, "each of 44 signs"),
        ("reach", {}, "Enter a mail address or a phone number"),
        ("reach", {"email": "nobody"}, "Enter a mail address, like"),
        ("reach", {"phone": "12"}, "with its country&#39;s code"),
    ],
)
async def test_what_is_not_in_form_is_told_at_its_field(
    browser: Browser, step: str, fields: dict[str, str], message: str
) -> None:
    page = await browser.open(f"/sign-up/{step}")
    answer = await browser.send(page, f"/sign-up/{step}", **fields)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    [(anchor, told)] = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', answer.text)
    assert message in told
    assert len(re.findall(rf'id="{anchor}"', answer.text)) == 1
    assert f'id="{anchor}-error"' in answer.text


async def test_a_check_before_all_is_answered_leads_to_what_is_missing(ministry: Ministry, browser: Browser) -> None:
    person = ministry.samples[0]
    assert (await browser.get("/sign-up/check")).headers["location"] == "/sign-up/number"
    page = await browser.open("/sign-up/number")
    answer = await browser.send(page, "/sign-up/number", number=person.number)
    assert answer.headers["location"] == "/sign-up/born"
    assert (await browser.get("/sign-up/check")).headers["location"] == "/sign-up/born"


async def test_nobody_learns_from_pages_whom_the_registry_knows(portal: Portal, ministry: Ministry) -> None:
    """A stranger's number, another birth date, another's card, somebody registered: one answer for all."""
    registered, older, other = ministry.someone(), ministry.someone(), ministry.someone()
    async with portal.browser() as browser:
        page = await browser.open((await walk(browser, typed(registered))).headers["location"])
        [code] = await portal.codes(registered.number)
        await browser.send(page, "/sign-in/code", code=code)
    claims = [
        (typed(registered), 1),
        (typed(older, born="day=1&month=1&year=1950"), 0),
        (typed(other, document="document=card&card=999999"), 0),
        (typed(older, number="number=99999999999"), 0),
    ]
    said = set()
    for steps, codes in claims:
        number = steps["number"]["number"]
        before = len(await portal.sent(number))
        async with portal.browser() as browser:
            answer = await walk(browser, steps)
            page = await browser.open(answer.headers["location"])
            wrong = await browser.send(page, "/sign-in/code", code=WRONG)
            said.add(f"{answer.status_code} {words(page)} {words(wrong)}")
        assert len(await portal.sent(number)) == before + codes
    assert len(said) == 1


async def test_known_and_unknown_numbers_get_the_same_pages(portal: Portal, ministry: Ministry) -> None:
    person = ministry.someone()
    async with portal.browser() as browser:
        page = await browser.open((await walk(browser, typed(person))).headers["location"])
        [code] = await portal.codes(person.number)
        await browser.send(page, "/sign-in/code", code=code)
    said = set()
    for number in (person.number, portal.number()):
        async with portal.browser() as browser:
            asked = await browser.send(await browser.open("/sign-in"), "/sign-in", number=number)
            page = await browser.open(asked.headers["location"])
            wrong = await browser.send(page, "/sign-in/code", code=WRONG)
            again = await browser.send(wrong, "/sign-in/again")
            said.add("\n".join(f"{each.status_code} {words(each)}" for each in (asked, page, wrong, again)))
    assert len(said) == 1
    assert len(await portal.sent(person.number)) == 2, "and only one of them was sent a code"


async def test_nothing_is_lost_while_the_registry_is_away(portal: Portal, ministry: Ministry, browser: Browser) -> None:
    person = ministry.someone()
    ministry.fail(fail_times=1_000)
    page = await walk(browser, typed(person))
    assert page.status_code == 503
    assert "The civil registry does not answer" in page.text
    assert person.card
    assert person.card in page.text
    ministry.fail()
    answer = await browser.send(page, "/sign-up/check")
    assert answer.headers["location"] == "/sign-in/code"
    assert len(await portal.codes(person.number)) == 1
