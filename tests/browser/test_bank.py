"""Back from the bank before its word, or after it: the page of the turn tells which, and ends confirmed."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect
from tests.browser import booking, errands
from tests.browser.conftest import Visitors
from tests.browser.people import Registry
from tests.browser.visitor import DESK, PHONE
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("portal"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


async def test_the_browser_is_back_before_the_bank_has_told(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_NEW", 2, days_ahead=26)
    turn = await errands.held_turn(town, me, wish)
    async with await somebody(lang="ar", width=PHONE) as one, silent_bank(town):
        await one.enter(me)
        await errands.see(one, turn)
        await booking.pay(one)
        await one.sees("The bank is telling us")
        await expect(one.button("Pay now")).to_have_count(0)
        (shown,) = await errands.turns_of(town, me)
        assert shown["state"] == "HELD"
        # Its word comes: the page changes by itself.
        await tell_now(town, shown["payment"]["id"])
        await booking.confirmed(one)
        assert len(await errands.taken_at_bank(town, shown["payment"]["id"])) == 1


async def test_the_bank_has_told_before_the_browser_is_back(town: Town, registry: Registry, somebody: Visitors) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_NEW", 2, days_ahead=27)
    turn = await errands.held_turn(town, me, wish)
    async with await somebody(lang="en", width=DESK) as one:
        await one.enter(me)
        await errands.see(one, turn)
        await one.press("Pay now")
        await one.page.wait_for_url(re.compile(re.escape(town.platform.url("bank"))))
        # The same checkout is paid from another device, and the turn is confirmed.
        assert await town.theatre.pay_at_bank(one.page.url.partition("?")[0], "approve") == "approved"
        await town.theatre.until(turn["id"], errands.id_of(town, me), "CONFIRMED")
        await booking.press_at_bank(one)
        await booking.confirmed(one)
        (shown,) = await errands.turns_of(town, me)
        assert len(await errands.taken_at_bank(town, shown["payment"]["id"])) == 1


async def test_a_payment_that_is_declined_or_left_can_be_tried_again(
    town: Town, registry: Registry, somebody: Visitors
) -> None:
    me = registry.single()
    wish = await town.free_seats("HMS-01", "PASS_NEW", 2, days_ahead=28)
    turn = await errands.held_turn(town, me, wish)
    async with await somebody(lang="ar", width=DESK) as one:
        await one.enter(me)
        await errands.see(one, turn)
        await booking.pay(one, "decline")
        await expect(one.page.get_by_role("alert")).to_be_visible()
        await booking.pay(one, "later")
        await one.reads("You came back without paying. The seat is kept until the time below.")
        await booking.pay(one)
        await booking.confirmed(one)


@asynccontextmanager
async def silent_bank(town: Town) -> AsyncIterator[None]:
    """A bank whose webhooks get lost, until they are sent by hand."""
    faults = f"{town.platform.url('bank')}/sandbox/faults"
    (await town.http.put(faults, json={"webhooks": {"lose": 1.0}})).raise_for_status()
    try:
        yield
    finally:
        (await town.http.delete(faults)).raise_for_status()


async def tell_now(town: Town, payment: str) -> None:
    """Send the webhooks of a payment after all."""
    bank = town.platform.url("bank")
    lost = (await town.http.get(f"{bank}/sandbox/webhooks", params={"reference": payment})).json()
    for each in lost:
        (await town.http.post(f"{bank}/sandbox/webhooks/replay/{each['id']}")).raise_for_status()
