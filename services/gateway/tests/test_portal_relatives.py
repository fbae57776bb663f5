"""Relatives and mandates: a mother of minors, requests between grown people, and names that are nobody else's."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from services.gateway.tests.test_gateway_registration import IDENTITY, Ministry
from services.gateway.tests.test_portal_signing_up import typed, walk
from services.gateway.tests.visiting import KEY, Browser, Listening, Portal, afresh, new_id, portal_on, words

from dawr.servicekit.testing import Stage
from dawr.tools.registry.app import create_app as create_registry
from dawr.tools.registry.settings import RegistrySettings


@pytest.fixture(scope="module")
async def ministry(listening: Listening) -> AsyncIterator[Ministry]:
    app = create_registry(RegistrySettings(api_key=KEY))
    async with listening(app) as port:
        yield Ministry(app, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, ministry: Ministry, listening: Listening, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Portal]:
    folder = tmp_path_factory.mktemp("gateway")
    async with portal_on(the_stage, folder, listening, registry_url=ministry.url, registry_key=KEY) as running:
        yield running


class Mandates:
    """What consular answers about mandates."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def add(self, person: str, agent: str, state: str, kinship: str = "sibling") -> str:
        made = {
            "id": new_id(),
            "state": state,
            "person_id": person,
            "agent_id": agent,
            "kinship": kinship,
            "created_at": "2026-11-30T01:00:00+00:00",
            "consented_at": None,
            "expires_at": "2027-11-30T01:00:00+00:00",
        }
        self.kept[made["id"]] = made
        return made["id"]

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.split("?", maxsplit=1)[0].split("/")[4:]
        if method == "POST" and not parts:
            return 201, self.kept[self.add(body["person_id"], new_id(), "DRAFT", body["kinship"])]
        if not parts:
            return 200, {"items": list(self.kept.values()), "next": None}
        if parts[0] not in self.kept:
            return 404, {"code": "not-found", "title": "Not found"}
        found = self.kept[parts[0]]
        if method == "POST":
            if found["state"] not in {"DRAFT", "ACTIVE"}:
                return 409, {"code": "mandate-not-active", "title": "The mandate is not active"}
            found["state"] = {"consent": "ACTIVE", "revocation": "REVOKED"}[parts[1]]
        return 200, found


@pytest.fixture
def mandates(kept: Portal) -> Mandates:
    made = Mandates()
    kept.behind.on("/api/consular/mandates", made)
    return made


@pytest.fixture
def portal(kept: Portal, ministry: Ministry) -> Portal:
    ministry.fail()
    return afresh(kept)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with portal.browser() as browser:
        yield browser


async def test_a_mother_sees_her_minor_children_by_name(
    portal: Portal, ministry: Ministry, mandates: Mandates, browser: Browser
) -> None:
    mother = ministry.samples[0]
    page = await browser.open((await walk(browser, typed(mother))).headers["location"])
    [code] = await portal.codes(mother.number)
    await browser.send(page, "/sign-in/code", code=code)
    page = await browser.open("/relatives")
    children = [each for kinship, each in mother.family_members if kinship == "child"]
    minors = [each for each in children if portal.clock.now.year - each.born.year < 18]
    assert minors
    for child in minors:
        assert child.given.en in page.text
        assert f"/services?person={IDENTITY.person_id(child.number)}" in page.text
    for spouse in [each for kinship, each in mother.family_members if kinship == "spouse"]:
        assert f"person={IDENTITY.person_id(spouse.number)}" not in page.text
        mandate = mandates.add(str(IDENTITY.person_id(mother.number)), str(IDENTITY.person_id(spouse.number)), "DRAFT")
        page = await browser.open(f"/relatives/{mandate}")
        assert spouse.given.en in page.text, "one knows one's family by name"


async def test_a_request_says_the_same_whether_anybody_has_the_number(
    portal: Portal, mandates: Mandates, browser: Browser
) -> None:
    registered = portal.number()
    async with portal.browser() as other:
        await other.sign_in(registered)
    await browser.sign_in()
    said = set()
    for number in (registered, portal.number()):
        page = await browser.open("/relatives/ask")
        answer = await browser.send(page, "/relatives/ask", number=number, kinship="descendant")
        assert answer.headers["location"] == "/relatives?asked=1"
        mandates.kept.clear()
        said.add(words(await browser.open(answer.headers["location"])))
        assert number not in "".join(browser.asked)
    assert len(said) == 1
    posts = [each for each in portal.behind.asked if each[0] == "POST"]
    assert posts[0][2] == {"person_id": str(IDENTITY.person_id(registered)), "kinship": "descendant"}
    assert posts[0][3]["idempotency-key"] != posts[1][3]["idempotency-key"]


async def test_a_request_is_checked_in_place(portal: Portal, mandates: Mandates, browser: Browser) -> None:
    await browser.sign_in()
    page = await browser.open("/relatives/ask")
    answer = await browser.send(page, "/relatives/ask", number="12")
    assert answer.status_code == 422
    assert 'href="#number"' in answer.text
    assert 'href="#kinship"' in answer.text
    portal.behind.on(
        "/api/consular/mandates", lambda *_: (422, {"code": "mandate-for-oneself", "title": "You need no mandate"})
    )
    answer = await browser.send(page, "/relatives/ask", number=portal.number(), kinship="spouse")
    assert '<a href="#number">You need no mandate</a>' in answer.text


async def test_somebody_consents_refuses_and_takes_back(portal: Portal, mandates: Mandates, browser: Browser) -> None:
    number = portal.number()
    await browser.sign_in(number)
    me = str(IDENTITY.person_id(number))
    asked, refused = mandates.add(me, new_id(), "DRAFT"), mandates.add(me, new_id(), "DRAFT")
    page = await browser.open("/relatives")
    assert "Waiting for your answer" in page.text
    page = await browser.open(f"/relatives/{asked}")
    digits = asked.replace("-", "")[-8:].upper()
    assert f"{digits[:4]}-{digits[4:]}" in page.text, "both sides can compare the number of the request"
    assert "We can't tell you who asks" in page.text
    await browser.send(page, f"/relatives/{asked}/consent")
    assert mandates.kept[asked]["state"] == "ACTIVE"
    page = await browser.open(f"/relatives/{asked}")
    await browser.send(page, f"/relatives/{asked}/revocation")
    assert mandates.kept[asked]["state"] == "REVOKED"
    again = await browser.send(page, f"/relatives/{asked}/revocation")
    assert again.status_code == 409
    assert "The mandate is not active" in again.text
    await browser.send(await browser.open(f"/relatives/{refused}"), f"/relatives/{refused}/revocation")
    assert mandates.kept[refused]["state"] == "REVOKED"
    assert (await browser.get(f"/relatives/{new_id()}")).status_code == 404


async def test_an_active_mandate_leads_to_the_services_of_missions(
    portal: Portal, mandates: Mandates, browser: Browser
) -> None:
    number = portal.number()
    await browser.sign_in(number)
    mandate = mandates.add(new_id(), str(IDENTITY.person_id(number)), "ACTIVE")
    waiting = mandates.add(new_id(), str(IDENTITY.person_id(number)), "DRAFT")
    page = await browser.open("/relatives")
    assert f"/services?channel=mission&amp;person=mandate.{mandate}" in page.text
    assert f"mandate.{waiting}" not in page.text
    page = await browser.open(f"/relatives/{waiting}")
    assert f'action="/relatives/{waiting}/consent"' not in page.text, "nobody consents in another's place"
