"""Attacks on the webhook address, and what the bank gets wrong: nothing forged is accepted, nothing true is lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from dawr.contracts.payments import PaymentCaptured, PaymentOpened
from dawr.payments.settings import SANDBOX_WEBHOOK_SECRET
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import until

from .town import FEE, NEW_SECRET, Town, signed_headers


async def flagged(town: Town) -> list[dict[str, object]]:
    answer = await town.get("/flagged?limit=100", Role.FINANCE)
    return [each for each in answer.json()["items"] if each["reference"] == str(town.payment)]


async def refused_count(town: Town) -> float:
    name = 'dawr_webhooks_total{outcome="refused",provider="sandbox"} '
    lines = (await town.http.get("/metrics")).text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), 0.0)


async def begun(town: Town) -> None:
    """The payer is at the bank; webhooks come from this test alone."""
    await town.bank.faults(webhooks={"lose": 1.0})
    await town.opened()
    await town.checkout()


async def test_a_doubled_webhook_is_taken_twice_and_applied_once(town: Town) -> None:
    await town.bank.faults(webhooks={"double": 1.0})
    await town.opened()
    await town.bank.approve(await town.checkout())

    async def taken_twice() -> bool:
        return any(each["delivered"] == 2 for each in await town.bank.webhooks(town.payment))

    await until(taken_twice, what="the second sending")
    await town.told(PaymentOpened, PaymentCaptured)
    (kept,) = await town.kept()
    assert (kept["outcome"], kept["times_seen"], kept["source"]) == ("applied", 2, "told")
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_racing_copies_of_a_webhook_are_applied_once(town: Town) -> None:
    await begun(town)
    body = town.captured_body()
    answers = await asyncio.gather(*(town.webhook(body, id="msg_same" + town.payment.hex) for _ in range(8)))
    outcomes = sorted(each.json()["outcome"] for each in answers)
    assert outcomes == ["applied"] + ["seen-before"] * 7
    await town.told(PaymentOpened, PaymentCaptured)


async def test_one_capture_told_by_racing_webhooks_is_applied_once(town: Town) -> None:
    await begun(town)
    body = town.captured_body()
    answers = await asyncio.gather(*(town.webhook(body) for _ in range(8)))
    assert sorted(each.json()["outcome"] for each in answers) == ["applied"] + ["seen-before"] * 7
    await town.told(PaymentOpened, PaymentCaptured)
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_a_webhook_of_yesterday_is_refused(town: Town) -> None:
    await begun(town)
    body, before = town.captured_body(), await refused_count(town)
    for shift in (-301, 301):
        answer = await town.webhook(body, at=datetime.now(UTC) + timedelta(seconds=shift + (1 if shift > 0 else 0)))
        assert (answer.status_code, answer.json()["code"]) == (401, "webhook-refused")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await refused_count(town) == before + 2
    assert (await town.webhook(body, at=datetime.now(UTC) - timedelta(seconds=290))).status_code == 200


async def test_our_own_clock_decides_what_is_stale(town: Town) -> None:
    await begun(town)
    town.clock.ahead = timedelta(seconds=400)
    assert (await town.webhook(town.captured_body())).status_code == 401
    assert (await town.webhook(town.captured_body(), at=town.clock())).status_code == 200


def with_byte_flipped(value: bytes, place: int) -> bytes:
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


async def test_each_byte_counts(town: Town) -> None:
    await begun(town)
    body, now = town.captured_body(), datetime.now(UTC)
    headers = signed_headers([SANDBOX_WEBHOOK_SECRET], f"msg_{uuid4().hex}", now, body)
    transport = httpx.ASGITransport(town.service.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:

        async def status(content: bytes, changed: dict[str, bytes]) -> int:
            sent = {name: value.encode() for name, value in headers.items()} | changed
            answer = await http.post("/api/payments/webhooks/sandbox", content=content, headers=sent)
            return answer.status_code

        for place in range(len(body)):
            assert await status(with_byte_flipped(body, place), {}) in {400, 401}, f"body at {place}"
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            value = headers[name].encode()
            for place in range(len(value)):
                changed = {name: with_byte_flipped(value, place)}
                assert await status(body, changed) == 401, f"{name} at {place}"
    assert await town.kept() == []
    await town.payment_in("PENDING")
    assert (await town.webhook(body, **headers)).json() == {"outcome": "applied"}


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_what_is_not_signed_is_refused(town: Town, missing: str) -> None:
    await begun(town)
    body = town.captured_body()
    headers = signed_headers([SANDBOX_WEBHOOK_SECRET], "msg_1", datetime.now(UTC), body)
    del headers[missing]
    answer = await town.http.post("/api/payments/webhooks/sandbox", content=body, headers=headers)
    assert answer.status_code == 401
    assert (await town.webhook(body, secrets=[NEW_SECRET])).status_code == 401
    assert await town.kept() == []


@pytest.mark.parametrize(
    ("fault", "flag"), [({"wrong_amount": 1.0}, "wrong-amount"), ({"wrong_currency": 1.0}, "wrong-currency")]
)
async def test_another_amount_than_was_asked_is_kept_and_confirms_nothing(
    town: Town, fault: dict[str, float], flag: str
) -> None:
    await town.bank.faults(**fault)
    await town.opened()
    await town.bank.approve(await town.checkout())

    async def is_flagged() -> bool:
        return bool(await flagged(town))

    await until(is_flagged, what="the flag")
    (event, *_) = await flagged(town)
    assert event["flag"] == flag
    checkout = await town.bank.checkout_of(town.payment)
    assert checkout is not None
    taken = checkout["capture"]["amount"]
    assert f'"amount":{taken}' in str(event["body"])
    assert await town.accounts() == {"bank:sandbox": taken, "suspense": -taken}
    await town.payment_in("PENDING")
    await town.told(PaymentOpened)


async def test_a_wrong_amount_whose_webhook_is_lost_is_flagged_by_asking(town: Town) -> None:
    await town.bank.faults(wrong_amount=1.0, webhooks={"lose": 1.0})
    await town.opened()
    await town.bank.approve(await town.checkout())

    async def is_flagged() -> bool:
        return bool(await flagged(town))

    await until(is_flagged, what="the flag")
    town.clock.ahead = timedelta(seconds=30)  # looks again: nothing new
    (event,) = await flagged(town)
    assert (event["flag"], event["source"]) == ("wrong-amount", "asked")


async def test_money_for_nobody_goes_to_suspense(town: Town) -> None:
    reference = town.payment  # never asked for
    answer = await town.webhook(town.captured_body())
    assert (answer.status_code, answer.json()) == (200, {"outcome": "flagged"})
    (kept,) = await town.kept(reference)
    assert kept["flag"] == "unknown-reference"
    entry = await town.rows(
        "SELECT p.account, p.minor FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id "
        "WHERE t.cause = $1 ORDER BY line",
        f"capture/sandbox/cap_{town.payment.hex}",
    )
    assert [tuple(each) for each in entry] == [("bank:sandbox", FEE.minor), ("suspense", -FEE.minor)]


async def test_a_second_capture_of_one_payment_is_flagged(town: Town) -> None:
    await town.paid()
    assert (await town.webhook(town.captured_body(capture="cap_second"))).json() == {"outcome": "flagged"}
    (event,) = await flagged(town)
    assert event["flag"] == "second-capture"
    assert await town.accounts() == {
        "bank:sandbox": 2 * FEE.minor,
        "held:turns": -FEE.minor,
        "suspense": -FEE.minor,
    }


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b"{}", b'{"type": "checkout.captured", "data": {}}', b'{"type": "x", "data": {"amount": 1e400}}'],
)
async def test_a_signed_webhook_that_says_nothing_is_kept(town: Town, body: bytes) -> None:
    id = f"msg_{uuid4().hex}"
    assert (await town.webhook(body, id=id)).json() == {"outcome": "flagged"}
    (kept,) = await town.rows("SELECT * FROM provider_events WHERE event_id = $1", id)
    assert (kept["flag"], kept["body"]) == ("unreadable", body)


async def test_a_type_that_we_do_not_know_is_noted(town: Town) -> None:
    body = town.captured_body().replace(b"checkout.captured", b"checkout.praised")
    assert (await town.webhook(body)).json() == {"outcome": "noted"}


async def test_nobody_else_is_a_provider(town: Town) -> None:
    answer = await town.http.post("/api/payments/webhooks/nobody", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-provider")
