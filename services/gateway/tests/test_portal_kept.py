"""What the portal makes once for many: pages that are the same for everybody, and what nobody asks for who comes out of
the line with a thousand others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from markupsafe import Markup
from services.gateway.tests.finding import Catalogue
from services.gateway.tests.turning import TURN, Portal, citizen, portal_on, requested, turn

from dawr.gateway.errors import ServiceSlow
from dawr.gateway.portal.days import Calendars, Drawn
from dawr.gateway.portal.texts import texts_of
from dawr.gateway.portal.upstream import Refused, Reply, Services
from dawr.gateway.portal.ways import Way
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.testing import Stage

CALENDAR = "/services/PASS_REN/offices/DAM-01/calendar?tier=N"
SIGN_OUT = 'action="/sign-out"'


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage,
    tmp_path_factory: pytest.TempPathFactory,
    listening: Callable[[Any], AbstractAsyncContextManager[int]],
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("keys"), listening) as portal:
        yield portal


@pytest.fixture
def portal(kept: Portal, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """Calendars are kept for as long as a test lasts; each test looks at an address of its own."""
    monkeypatch.setattr("dawr.gateway.portal.days.KEPT_SECONDS", 60.0)
    kept.client.cookies.set("dawr-access", citizen(kept.folder, kept.clock.now))
    kept.behind.begin(turn())
    kept.behind.answers |= Catalogue().answers()
    return kept


async def test_a_page_for_nobody_in_particular_has_nothing_of_somebody(portal: Portal) -> None:
    signed_in = await portal.page(CALENDAR)
    asked = len(portal.behind.asked)
    portal.client.cookies.clear()
    first, second = await portal.page(CALENDAR), await portal.page(CALENDAR)
    assert first == second
    assert SIGN_OUT in signed_in
    assert "form-token" not in first
    assert 'href="/sign-in"' in first
    portal.client.cookies.set("dawr-access", citizen(portal.folder, portal.clock.now))
    again = await portal.page(CALENDAR)
    assert SIGN_OUT in again
    assert again != signed_in, "its token is new"
    assert len(portal.behind.asked) == asked, "the calendar was drawn once"


async def test_kept_pages_are_told_apart_by_address_language_and_what_is_asked(portal: Portal) -> None:
    portal.client.cookies.clear()
    address = f"{CALENDAR}&region=DAM"
    english, arabic = await portal.page(address), await portal.page(address, lang="ar")
    assert ('dir="ltr"' in english, 'dir="rtl"' in arabic) == (True, True)
    other = await portal.page(f"{address}&more=1")
    assert "more=1" in other
    assert "more=1" not in english
    part = await portal.page(address, **{"hx-request": "true"})
    assert "<html" not in part
    assert await portal.page(address) == english
    for number in range(10):
        assert f"more={number}" in await portal.page(f"{address}&more={number}"), "more than are kept"


async def test_a_calendar_is_drawn_once_for_all_who_look_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dawr.gateway.portal.days.KEPT_SECONDS", 60.0)
    calendars, answers, gate = Calendars(), [Markup("seats"), None, ServiceSlow()], asyncio.Event()
    key = (Way(service="PASS_REN"), "", "ar", "0")

    async def draw() -> Markup | None:
        await gate.wait()
        answer = answers.pop()
        if isinstance(answer, ServiceSlow):
            raise answer
        return answer

    async def all_look() -> list[Drawn | BaseException | None]:
        gate.clear()
        looking = [asyncio.ensure_future(calendars.get(key, draw)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*looking, return_exceptions=True)

    assert [type(each) for each in await all_look()] == [ServiceSlow] * 3
    assert await all_look() == [None] * 3, "what failed is not kept"
    seen = await all_look()
    assert [each.markup for each in seen if isinstance(each, Drawn)] == ["seats"] * 3
    assert answers == []
    assert await calendars.get(key, draw) is seen[0]


async def test_out_of_the_line_nobody_asks_for_a_payment_that_can_not_be(portal: Portal) -> None:
    for told in (requested(1), turn("HELD"), None):
        portal.behind.told.put_nowait(told)
    response = await portal.client.get(f"/turns/{TURN}/updates?at=3:41", headers={"accept-language": "en"})
    assert "event: turn" in response.text
    assert "Pay before" in response.text
    assert "Layla Haddad" in response.text
    assert not [each["path"] for each in portal.behind.asked if each["path"].startswith("/api/payments")]


async def test_whoever_comes_to_a_held_turn_is_told_of_its_payment(portal: Portal) -> None:
    for told in (turn("HELD"), None):
        portal.behind.told.put_nowait(told)
    await portal.client.get(f"/turns/{TURN}/updates")
    assert [each["path"] for each in portal.behind.asked if each["path"].startswith("/api/payments")]


def test_texts_escape_what_they_are_filled_with_and_stand_as_they_are_else() -> None:
    arabic = texts_of("ar")
    assert arabic("Service") == arabic("Service") == "الخدمة"
    assert texts_of("en")("%(km)s km & more", km="<b>") == "&lt;b&gt; km & more"
    assert texts_of("en")("100%%") == "100%", "a text is filled in whether it has values or not"


async def test_what_failed_is_not_kept_though_whoever_asked_first_has_left(
    the_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(GatewaySettings(database_url="postgresql://nowhere/gateway", platform=the_stage.platform))
    hang_up = asyncio.Event()
    answers = [Refused(500, {}, None), Reply(200, "whole")]

    async def ask(*_: Any) -> Reply:
        await hang_up.wait()
        answer = answers.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer

    monkeypatch.setattr(services, "_ask", ask)
    first, second = [asyncio.create_task(services.public("en", "/api/catalog/x", seconds=60)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    hang_up.set()
    with pytest.raises(Refused):
        await second
    assert (await services.public("en", "/api/catalog/x", seconds=60)).data == "whole"
