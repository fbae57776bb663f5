"""The line, and paying: places as they change, a seat that waits for its money, and the bank's way back."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
from services.gateway.tests.turning import (
    CASE,
    FEE,
    NOW,
    OTHER,
    PAYMENT,
    TURN,
    Portal,
    citizen,
    payment,
    plain,
    portal_on,
    refusal,
    requested,
    step,
    turn,
)

from dawr.gateway.portal.turns.line import event
from dawr.servicekit.testing import Stage

PAGE = f"/turns/{TURN}"
LINE = f"{PAGE}?at=3:41&request={'a' * 32}"
BOOKING = f"/api/booking/turns/{TURN}"
ATTEMPTS = f"/api/payments/payments/{PAYMENT}/attempts"
BANK = "http://127.0.0.1:8086/pay/chk_1"


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage,
    tmp_path_factory: pytest.TempPathFactory,
    listening: Callable[[Any], AbstractAsyncContextManager[int]],
) -> AsyncIterator[Portal]:
    async with portal_on(the_stage, tmp_path_factory.mktemp("keys"), listening) as portal:
        yield portal


@pytest.fixture
def portal(kept: Portal) -> Portal:
    """The portal at its moment, with a confirmed turn behind it."""
    kept.clock.now = NOW
    kept.client.cookies.clear()
    kept.client.cookies.set("dawr-access", citizen(kept.folder, NOW))
    kept.behind.begin(turn())
    return kept


# The line


async def test_the_line_tells_the_place_and_that_it_is_kept(portal: Portal) -> None:
    portal.behind.begin(requested(1234))
    page = await portal.page(LINE)
    assert '<span class="huge"><bdi>1,234</bdi></span>' in page
    assert "people ahead of you" in page
    assert "your place is kept" in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    assert portal.behind.asked[0]["query"] == f"at=3%3A41&request={'a' * 32}"
    [connect] = re.findall(r'sse-connect="([^"]+)"', page)
    assert connect.startswith(f"{PAGE}/updates?at=3%3A41&amp;request=")
    arabic = await portal.page(LINE, lang="ar")
    assert "أنت في الصف" in arabic
    assert 'dir="rtl"' in arabic


async def test_whoever_closed_the_line_finds_it_among_their_turns(portal: Portal) -> None:
    portal.behind.begin(requested(7), **{"GET /api/booking/turns": {"items": [], "next": None}})
    await portal.page(LINE)
    mine = await portal.page("/turns")
    assert "You are in the line" in mine
    assert f'href="{PAGE}?at=3%3A41&amp;request={"a" * 32}"' in mine
    assert "7 people ahead of you" in plain(mine)
    portal.behind.begin(turn())
    assert "You are in the line" not in await portal.page("/turns")


async def events(portal: Portal, path: str, **headers: str) -> AsyncIterator[tuple[str, str]]:
    """The events of a stream, each by name and text, until it ends."""
    response = await portal.client.get(path, headers={"accept-language": "en", **headers})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    for each in response.text.split("\n\n"):
        name = re.search(r"^event: (\w+)", each)
        if name:
            yield name[1], "\n".join(re.findall(r"^data: (.*)$", each, re.MULTILINE))


async def test_events_tell_each_place_once_and_then_the_whole_new_state(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"))
    for told in (requested(12), requested(12), {}, requested(9), requested(4), turn("HELD"), turn("CONFIRMED"), None):
        portal.behind.told.put_nowait(told)
    sent = [each async for each in events(portal, f"{PAGE}/updates?at=3:41&seen=line-12")]
    names = [name for name, _ in sent]
    assert names == ["place", "said", "place", "said", "turn", "said", "turn", "said", "over"]
    assert ">9<" in sent[0][1]
    assert sent[3][1] == "4 people ahead of you"
    assert "Pay before" in plain(sent[4][1])
    assert "14:15" in sent[4][1], "by the office's clocks"
    assert 'name="form-token"' in sent[4][1]
    assert sent[5][1] == "A seat is kept for you. Pay to confirm your turn."
    assert "Your turn is confirmed" in sent[6][1]
    assert "<title>Your turn · Dawr</title>" in sent[6][1].replace("\n", "")
    assert "<html" not in sent[6][1]


async def test_a_browser_that_comes_again_is_told_only_what_it_has_not_seen(portal: Portal) -> None:
    portal.behind.told.put_nowait(requested(9))
    portal.behind.told.put_nowait(None)
    path = f"{PAGE}/updates?at=3:41&seen=line-12"
    assert [each async for each in events(portal, path, **{"last-event-id": "line-9"})] == []


async def test_a_sign_of_life_goes_on_to_the_browser(portal: Portal) -> None:
    for told in (requested(1), {}, None):
        portal.behind.told.put_nowait(told)
    response = await portal.client.get(f"{PAGE}/updates?at=3:41")
    assert response.text.endswith(": \n\n")


async def test_a_refused_stream_is_refused_before_it_begins(portal: Portal) -> None:
    portal.client.cookies.clear()
    assert (await portal.client.get(f"{PAGE}/updates")).status_code == 303


def test_an_event_of_many_lines_is_one_event() -> None:
    assert event("turn", "<p>\n</p>", id="7") == b"event: turn\nid: 7\ndata: <p>\ndata: </p>\n\n"


# Paying


async def test_a_held_turn_is_to_be_paid_in_time(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"))
    page = await portal.page(PAGE)
    assert "Pay before 14:15" in plain(page)
    assert f'data-until="{(NOW + timedelta(minutes=15)).isoformat()}"' in page
    assert "SYP 312,700" in page
    assert "Asia/Damascus" in page
    assert f'action="{PAGE}/pay"' in page
    assert f'href="{PAGE}/cancel"' in page
    assert "http-equiv" not in page, "nothing reloads while somebody reads"


async def test_paying_leads_to_the_bank_and_twice_is_once(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"POST {ATTEMPTS}": (201, {"checkout_url": BANK})})
    page = await portal.page(PAGE)
    for _ in range(2):
        sent = await portal.send(f"{PAGE}/pay", page)
        assert (sent.status_code, sent.headers["location"]) == (303, BANK)
    first, second = portal.behind.posts()
    assert first["body"] == {"provider": "sandbox"}
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"]


async def test_whoever_is_faster_than_the_topic_waits_for_the_payment(portal: Portal) -> None:
    seen: list[str] = []

    def answer(asked: dict[str, Any]) -> Any:
        seen.append(asked["headers"]["idempotency-key"])
        return refusal(404, "no-such-payment") if len(seen) < 3 else (201, {"checkout_url": BANK})

    portal.behind.begin(
        turn("HELD"),
        **{f"POST {ATTEMPTS}": answer, f"GET /api/payments/payments/{PAYMENT}": refusal(404, "no-such-payment")},
    )
    sent = await portal.send(f"{PAGE}/pay", await portal.page(PAGE))
    assert sent.headers["location"] == BANK
    assert len(seen) == 3
    assert len(set(seen)) == 1


@pytest.mark.parametrize(("code", "leads"), [("already-paid", f"{PAGE}?status=approved"), ("payment-over", PAGE)])
async def test_paying_what_is_paid_or_over_leads_to_the_turn(portal: Portal, code: str, leads: str) -> None:
    portal.behind.begin(turn("HELD"), **{f"POST {ATTEMPTS}": refusal(409, code)})
    sent = await portal.send(f"{PAGE}/pay", await portal.page(PAGE))
    assert (sent.status_code, sent.headers["location"]) == (303, leads)


async def test_a_bank_that_is_away_leaves_the_seat(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"POST {ATTEMPTS}": refusal(503, "provider-away")})
    sent = await portal.send(f"{PAGE}/pay", await portal.page(PAGE))
    assert sent.status_code == 503
    assert "be reached right now" in sent.text
    assert f'action="{PAGE}/pay"' in sent.text


async def test_a_form_of_another_site_pays_nothing(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"POST {ATTEMPTS}": (201, {"checkout_url": BANK})})
    page = await portal.page(PAGE)
    token = re.findall(r'name="form-token" value="([^"]+)"', page)[0]
    from_elsewhere = {"sec-fetch-site": "cross-site"}
    assert (
        await portal.client.post(f"{PAGE}/pay", data={"form-token": token}, headers=from_elsewhere)
    ).status_code == 403
    assert (await portal.client.post(f"{PAGE}/pay", data={"form-token": "x"})).status_code == 409
    assert portal.behind.posts() == []


async def test_coming_back_before_the_bank_s_word_waits_for_it(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"GET /api/payments/payments/{PAYMENT}": payment("PENDING")})
    page = await portal.page(f"{PAGE}?status=approved")
    assert "The bank is telling us" in page
    assert "I did not finish paying" in page
    assert "status=approved" in re.findall(r'sse-connect="([^"]+)"', page)[0]
    assert 'http-equiv="refresh"' in page


async def test_the_money_may_be_here_before_booking_knows(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"GET /api/payments/payments/{PAYMENT}": payment("CAPTURED")})
    page = await portal.page(PAGE)
    assert "The bank is telling us" in page
    assert "I did not finish paying" not in page, "it is paid: a second time must not be offered"


async def test_coming_back_after_the_bank_s_word_is_confirmed_at_once(portal: Portal) -> None:
    page = await portal.page(f"{PAGE}?status=approved")
    assert "Your turn is confirmed" in page
    assert "sse-connect" not in page


async def test_a_declined_payment_says_so_and_can_be_tried_again(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"), **{f"GET /api/payments/payments/{PAYMENT}": payment("PENDING")})
    page = await portal.page(f"{PAGE}?status=declined")
    assert "Your bank declined the payment" in page
    assert f'action="{PAGE}/pay"' in page
    assert "You came back without paying" in await portal.page(f"{PAGE}?status=later")


async def test_what_the_address_says_is_not_believed(portal: Portal) -> None:
    portal.behind.begin(turn("EXPIRED"), **{f"GET /api/payments/payments/{PAYMENT}": payment("EXPIRED")})
    page = await portal.page(f"{PAGE}?status=approved")
    assert "confirmed" not in plain(page).replace("Paid, and confirmed", "")
    assert "was not paid in time" in page


async def test_a_hold_that_ran_out_is_over_before_anybody_swept_it(portal: Portal) -> None:
    portal.behind.begin(turn("HELD"))
    portal.clock.turn(seconds=15 * 60)
    portal.client.cookies.set("dawr-access", citizen(portal.folder, portal.clock.now))
    page = await portal.page(PAGE)
    assert "The time to pay is over" in page
    assert f'action="{PAGE}/pay"' not in page
    assert 'href="/services/PASS_REN/offices/DAM-01/calendar?tier=N"' in page


@pytest.mark.parametrize(
    ("state", "cause", "says"),
    [
        ("CONFIRMED", "paid-late", "the seat was still free: it is yours"),
        ("EXPIRED", "paid-too-late", "The whole amount goes back to you by itself"),
        ("CANCELLED_BY_CITIZEN", "paid-after-cancellation", "Your payment came after the turn was over"),
    ],
)
async def test_late_money_is_told(portal: Portal, state: str, cause: str, says: str) -> None:
    back = None if state == "CONFIRMED" else {"state": "DUE", "amount": FEE, "links": {}}
    portal.behind.begin(
        turn(
            state, history=[step("HELD", "x"), step("EXPIRED", "hold-ran-out", 15), step(state, cause, 16)], refund=back
        )
    )
    assert says in await portal.page(PAGE)


async def test_another_currency_is_paid_at_the_frozen_rate(portal: Portal) -> None:
    euros = {"minor": 27690, "currency": "EUR", "text": "€276.90"}
    rate = {"base": "USD", "quote": "EUR", "rate": "0.923", "dated": "2026-11-19"}
    shown = {"id": str(PAYMENT), "amount": euros, "paid": False, "fx": rate, "links": {}}
    dollars = {"minor": 30000, "currency": "USD", "text": "$300.00"}
    portal.behind.begin(turn("HELD", case_id=str(CASE), fee=dollars, payment=shown))
    page = plain(await portal.page(PAGE))
    assert "€276.90" in page
    assert re.search(r"Fee\s+\$300.00 , at the rate of\s+19 November 2026 :\s+1 USD = 0.923 EUR", page)


async def test_who_did_not_ask_does_not_pay(portal: Portal) -> None:
    portal.behind.begin(turn("HELD", asked_by=str(OTHER)))
    page = await portal.page(PAGE)
    assert "pays for it, from their own account" in page
    assert f'action="{PAGE}/pay"' not in page
