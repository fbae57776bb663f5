"""A citizen's turn, from the sign-in to the money that comes back, over nothing but HTTP and mail."""

import secrets
from typing import Any
from uuid import UUID

import pytest
from tests.town import SLOW, Town, asked, code_in, someone

from dawr.servicekit.testing import until

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def test_sign_in_take_a_turn_pay_cancel_and_get_the_money_back(town: Town) -> None:
    wish = await town.free_seats("DAM-01", "PASS_REN", 3, days_ahead=20)
    gateway = town.platform.url("gateway")
    address = f"sami-{secrets.token_hex(4)}@example.org"

    # The code comes by mail.
    number = f"{secrets.randbelow(10**11):011d}"
    ask = {"identity_number": number, "email": address}
    answer = await town.http.post(f"{gateway}/api/session/codes", json=ask, headers={"accept-language": "en"})
    assert answer.status_code == 202, answer.text
    code = code_in((await town.mails_to(address))[0])
    session = (await town.http.post(f"{gateway}/api/session", json={"identity_number": number, "code": code})).json()
    me = UUID(session["person_id"])
    signed_in = {"authorization": f"Bearer {session['access_token']}", "accept-language": "en"}
    assert number not in session["access_token"]

    async def call(method: str, path: str, body: object = None, **headers: str) -> Any:
        made = signed_in | {"idempotency-key": secrets.token_hex(8)} | headers
        return await town.http.request(method, gateway + path, json=body, headers=made)

    # A seat is held for the fee that the catalogue tells.
    answer = await call("POST", "/api/booking/turns", asked(wish), prefer="wait=10")
    assert answer.status_code in {201, 202}, answer.text
    turn = await town.theatre.until(answer.json()["id"], me, "HELD")
    assert turn["fee"]["minor"] == 31_270_000
    assert turn["fee"]["currency"] == "SYP"
    assert await town.left(wish) == 2

    # The bank's page names what is paid for, and sends the payer's browser back.
    page = await town.checkout(turn["payment"]["id"], me)
    shown = (await town.http.get(page, headers={"accept-language": "en"})).text
    assert "312,700" in shown
    assert "Passport renewal" in shown
    back = await town.http.post(page, data={"action": "approve"}, follow_redirects=False)
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"{gateway}/turns/{turn['id']}")

    # Confirmed, told by mail and in the inbox, once each.
    turn = await town.theatre.until(turn["id"], me, "CONFIRMED")
    assert turn["payment"]["paid"] is True
    entries = await town.inbox(me, "turn-held", "payment-captured", "turn-confirmed")
    assert sorted(each["template"] for each in entries) == ["payment-captured", "turn-confirmed", "turn-held"]
    mails = await town.mails_to(address, 4)
    assert len(mails) == 4  # with the code
    assert number not in "".join(mails)

    # Given back: the seat is free, and the bank returns what it took.
    answer = await call("POST", f"/api/booking/turns/{turn['id']}/cancellation", prefer="wait=10")
    assert answer.status_code in {200, 202}, answer.text
    turn = await town.theatre.until_refunded(turn["id"], me)
    assert turn["state"] == "CANCELLED_BY_CITIZEN"
    assert turn["refund"]["amount"]["minor"] == 31_270_000
    assert await town.left(wish) == 3
    await town.inbox(me, "turn-cancelled", "refund-succeeded")
    await town.mails_to(address, 6)
    taken, given = await _at_the_bank(town, turn["payment"]["id"])
    assert taken == given == [31_270_000]

    # Both sides of the ledger say so, and the payer sees it.
    payment = (await call("GET", f"/api/payments/payments/{turn['payment']['id']}")).json()
    assert payment["state"] == "REFUNDED"
    refunds = (await call("GET", f"/api/payments/refunds?subject={turn['id']}")).json()["items"]
    assert [each["state"] for each in refunds] == ["SUCCEEDED"]


async def test_a_declined_card_loses_nothing(town: Town) -> None:
    me = someone()
    wish = await town.free_seats("DAM-02", "PASS_NEW", 1, days_ahead=20)
    answer = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish))
    assert answer.status_code == 202
    turn = await town.theatre.until(answer.json()["id"], me, "HELD")
    page = await town.checkout(turn["payment"]["id"], me)
    assert await town.theatre.pay_at_bank(page, "decline") == "declined"
    await town.inbox(me, "payment-failed")
    assert (await town.theatre.until(turn["id"], me, "HELD"))["payment"]["paid"] is False

    # Somebody else is told that the day is full, from the line or at the door.
    other = someone()
    refused = await town.theatre.call("POST", "/api/booking/turns", other, body=asked(wish), wait=10)
    assert (refused.status_code, refused.json()["code"]) == (409, "sold-out")

    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    await town.theatre.until(turn["id"], me, "CONFIRMED")


async def test_a_free_service_is_confirmed_at_once(town: Town) -> None:
    me = someone()
    wish = await town.free_seats("HMS-01", "CIV_CORR", 2, days_ahead=20, tier="F")
    key = secrets.token_hex(8)
    first = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish), key=key, wait=10)
    turn = await town.theatre.until(first.json()["id"], me, "CONFIRMED")
    assert turn["payment"] is None
    again = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish), key=key, wait=10)
    assert again.json()["id"] == turn["id"]
    assert await town.left(wish) == 1
    other_body = asked(wish) | {"window": "09:00"}
    reused = await town.theatre.call("POST", "/api/booking/turns", me, body=other_body, key=key, wait=10)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")

    async def told() -> bool:
        return [each["template"] for each in await town.inbox(me, "turn-confirmed")] == ["turn-confirmed"]

    await until(told, timeout=SLOW)


async def _at_the_bank(town: Town, payment_id: str) -> tuple[list[int], list[int]]:
    """What the bank took for a payment, and what it gave back."""
    books = (await town.http.get(f"{town.platform.url('bank')}/sandbox/books")).json()
    captures = {each["id"]: each["amount"] for each in books["captures"] if each["reference"] == payment_id}
    return list(captures.values()), [each["amount"] for each in books["refunds"] if each["capture"] in captures]
