"""Stories of paying: asked for, sent to the bank, paid there (or not, or late), told to everybody."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from dawr.contracts import FxRate, Money
from dawr.contracts.payments import PaymentCaptured, PaymentExpired, PaymentFailed, PaymentOpened
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import until

from .town import FEE, Town


async def test_a_payer_pays_and_everybody_is_told(town: Town) -> None:
    await town.opened()
    answer = await town.attempt()
    assert answer.status_code == 201
    assert answer.json()["number"] == 1
    await town.bank.approve(answer.json()["checkout_url"])
    paid = await town.payment_in("CAPTURED")
    assert paid["amount"]["minor"] == FEE.minor
    _, captured = await town.told(PaymentOpened, PaymentCaptured)
    assert isinstance(captured, PaymentCaptured)
    assert (captured.payment_id, captured.amount, captured.payer_id) == (town.payment, FEE, town.payer)
    checkout = await town.bank.checkout_of(town.payment)
    assert checkout is not None
    assert captured.provider_reference == checkout["capture"]["id"]
    assert captured.at.isoformat() == paid["captured_at"].replace("Z", "+00:00")
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_a_frozen_rate_is_told_with_the_capture(town: Town) -> None:
    rate = FxRate(base="USD", quote="SYP", rate=Decimal("13002.50000000"), dated=datetime.now(UTC).date())
    await town.paid(amount=Money(minor=390_075_000, currency="SYP"), fx=rate)
    _, captured = await town.told(PaymentOpened, PaymentCaptured)
    assert isinstance(captured, PaymentCaptured)
    assert captured.fx == rate


async def test_a_decline_is_told_and_the_payer_pays_on_the_same_page(town: Town) -> None:
    await town.opened()
    url = await town.checkout()
    await town.bank.act(url, "decline")
    await town.told(PaymentOpened, PaymentFailed)
    await town.payment_in("PENDING")
    assert await town.checkout() == url
    await town.bank.act(url, "decline")
    *_, second = await town.told(PaymentOpened, PaymentFailed, PaymentFailed)
    assert isinstance(second, PaymentFailed)
    assert second.attempt == 2
    await town.bank.approve(url)
    await town.told(PaymentOpened, PaymentFailed, PaymentFailed, PaymentCaptured)


async def test_an_unpaid_payment_runs_out_at_its_time(town: Town) -> None:
    await town.opened(pay_before=datetime.now(UTC) + timedelta(seconds=100))
    town.clock.ahead = timedelta(seconds=120)
    await town.payment_in("EXPIRED")
    _, expired = await town.told(PaymentOpened, PaymentExpired)
    assert isinstance(expired, PaymentExpired)
    assert expired.reason == "ran-out"
    answer = await town.attempt()
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-over")


async def test_money_that_the_bank_took_in_time_counts_though_we_hear_of_it_late(town: Town) -> None:
    await town.opened(pay_before=datetime.now(UTC) + timedelta(seconds=100))
    url = await town.checkout()
    town.clock.ahead = timedelta(seconds=120)
    await town.payment_in("EXPIRED")
    await town.bank.approve(url)
    await town.payment_in("CAPTURED")
    *_, captured = await town.told(PaymentOpened, PaymentExpired, PaymentCaptured)
    assert isinstance(captured, PaymentCaptured)
    assert captured.at < town.request().pay_before
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_money_that_the_bank_took_too_late_is_with_us_and_told(town: Town) -> None:
    await town.opened(pay_before=datetime.now(UTC) + timedelta(milliseconds=300))
    await town.payment_in("EXPIRED")
    assert (await town.webhook(town.captured_body())).json() == {"outcome": "applied"}
    await town.told(PaymentOpened, PaymentExpired, PaymentCaptured)
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_a_capture_whose_webhook_is_lost_is_found_by_asking(town: Town) -> None:
    await town.bank.faults(webhooks={"lose": 1.0})
    await town.opened()
    url = await town.checkout()
    await town.bank.act(url, "decline")
    await town.bank.approve(url)
    await town.payment_in("CAPTURED")
    assert [each["state"] for each in await town.bank.webhooks(town.payment)] == ["lost", "lost"]
    told = await town.told(PaymentOpened, PaymentFailed, PaymentCaptured)
    assert isinstance(told[1], PaymentFailed)
    assert told[1].attempt == 1


async def test_a_capture_made_in_time_is_found_after_the_payment_ran_out(town: Town) -> None:
    await town.bank.faults(webhooks={"lose": 1.0})
    await town.opened(pay_before=datetime.now(UTC) + timedelta(seconds=100))
    url = await town.checkout()
    town.clock.ahead = timedelta(seconds=120)
    await town.payment_in("EXPIRED")
    await town.bank.approve(url)
    town.clock.ahead = timedelta(hours=1)
    await town.payment_in("CAPTURED")
    await town.told(PaymentOpened, PaymentExpired, PaymentCaptured)


async def test_the_webhook_may_come_before_the_banks_own_answer(town: Town) -> None:
    await town.bank.faults(timeouts={"checkouts": 1, "seconds": 1.9})
    await town.opened()
    asking = asyncio.create_task(town.attempt("first"))
    checkout = await until(lambda: town.bank.checkout_of(town.payment), what="a checkout")
    asked_at = datetime.now(UTC)
    await town.bank.approve(checkout["url"])
    await town.payment_in("CAPTURED")
    # No transaction is open while the bank is waited for.
    open_since = await town.rows(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND xact_start < $1", asked_at
    )
    assert not asking.done()
    assert open_since == []
    late = await asking
    assert (late.status_code, late.json()["code"]) == (503, "provider-away")
    assert late.headers["retry-after"]
    # The same key asks again; now the bank's first answer arrives, from before the payment.
    again = await town.attempt("first")
    assert (again.status_code, again.json()["code"]) == (409, "already-paid")
    await town.told(PaymentOpened, PaymentCaptured)
    assert await town.accounts() == {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def test_a_lost_answer_of_the_bank_is_harmless(town: Town) -> None:
    await town.bank.faults(timeouts={"checkouts": 1, "seconds": 3})
    await town.opened()
    assert (await town.attempt("lost")).status_code == 503
    opened = await town.bank.checkout_of(town.payment)
    again = await town.attempt("lost")
    assert again.status_code == 201
    assert opened is not None
    assert again.json()["checkout_url"] == opened["url"]
    attempts = await town.rows("SELECT state FROM attempts WHERE payment_id = $1", town.payment)
    assert [each["state"] for each in attempts] == ["OPEN"]


async def test_twins_get_one_page_and_one_key_one_answer(town: Town) -> None:
    await town.opened()
    answers = await asyncio.gather(*(town.attempt() for _ in range(8)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.text for each in answers}) == 1
    first = await town.attempt("twin")
    await town.bank.approve(first.json()["checkout_url"])
    await town.payment_in("CAPTURED")
    again = await town.attempt("twin")
    assert (again.status_code, again.text) == (201, first.text)
    other = Town(**{**vars(town), "subject": town.subject.model_copy(update={"id": uuid4()})})
    await other.opened()
    reused = await other.attempt("twin")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert (await town.attempt()).json()["code"] == "already-paid"


async def test_a_payment_that_nobody_waits_for_is_closed_at_the_bank(town: Town) -> None:
    await town.opened()
    url = await town.checkout()
    await town.stage.send(town.withdrawal())
    await town.payment_in("EXPIRED")

    async def is_closed() -> bool:
        checkout = await town.bank.checkout_of(town.payment)
        return checkout is not None and checkout["status"] == "cancelled"

    await until(is_closed, what="the checkout closed")
    assert (await town.bank.act(url, "approve")).status_code == 409
    _, expired = await town.told(PaymentOpened, PaymentExpired)
    assert isinstance(expired, PaymentExpired)
    assert expired.reason == "withdrawn"


async def test_who_pays_before_the_page_is_closed_has_paid(town: Town) -> None:
    await town.bank.faults(webhooks={"lose": 1.0})
    await town.opened()
    await town.bank.approve(await town.checkout())
    await town.stage.send(town.withdrawal())
    await town.payment_in("CAPTURED")
    told = [each.message for each in await town.received()]
    assert [type(each) for each in told if not isinstance(each, PaymentExpired)] == [PaymentOpened, PaymentCaptured]


async def test_a_withdrawal_after_the_capture_changes_nothing(town: Town) -> None:
    await town.paid()
    await town.stage.send(town.withdrawal(), town.refund_request())
    await town.payment_in("REFUNDED")
    assert PaymentExpired not in [type(each.message) for each in await town.received()]


async def test_a_payment_is_its_payers_own(town: Town) -> None:
    await town.opened()
    stranger = uuid4()
    answer = await town.get(f"/payments/{town.payment}", person=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-payment")
    listed = await town.get(f"/payments?subject={town.subject.id}", person=stranger)
    assert listed.json() == {"items": [], "next": None}
    own = await town.get(f"/payments?subject={town.subject.id}")
    assert [each["id"] for each in own.json()["items"]] == [str(town.payment)]
    town.payer = stranger
    assert (await town.attempt()).json()["code"] == "no-such-payment"


async def test_the_bank_away_is_said_and_survived(town: Town) -> None:
    await town.opened()
    await town.bank.stop()
    away = await town.attempt("away")
    assert (away.status_code, away.json()["code"]) == (503, "provider-away")
    await town.bank.start()
    assert (await town.attempt("away")).status_code == 201


async def test_pages_of_a_list_follow_each_other(town: Town) -> None:
    turns = [Town(**{**vars(town), "subject": town.subject.model_copy(update={"id": uuid4()})}) for _ in range(3)]
    await town.stage.send(*(each.request() for each in turns))
    for each in turns:
        await each.payment_in("CREATED")
    seen = await pages_of(town, "/payments", Role.CITIZEN)
    assert [len(page) for page in seen] == [2, 1]
    assert sorted(each["id"] for page in seen for each in page) == sorted(str(each.payment) for each in turns)


async def test_every_list_of_payments_is_given_in_the_same_pages(town: Town) -> None:
    await town.paid()
    half = Money(minor=FEE.minor // 2, currency=FEE.currency)
    await town.stage.send(*(town.refund_request(refund_id=uuid4(), amount=half) for _ in range(2)))
    await town.payment_in("REFUNDED")
    for capture in "ab":
        await town.webhook(town.captured_body(reference=str(uuid4()), capture=f"cap_{capture}_{town.payment.hex}"))
    for path, at_least in (("/refunds", 2), ("/ledger/entries", 5), ("/flagged", 2)):
        pages = await pages_of(town, path, Role.FINANCE, limit=1)
        ids = [each["id"] for (each,) in pages]
        assert len(ids) == len(set(ids)) >= at_least, path
    accounts = (await town.get("/ledger/accounts", Role.FINANCE)).json()
    assert set(accounts) == {"items"}, "all of them are one page"
    assert accounts["items"]


async def pages_of(town: Town, path: str, *roles: Role, limit: int = 2) -> list[list[dict[str, Any]]]:
    """The items of each page of a list, from the first to the last; a cursor of no list is refused by it."""
    bad = await town.get(f"{path}?cursor=nonsense", *roles)
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid-request")
    seen, following = [], f"/api/payments{path}?limit={limit}"
    while following:
        answer = await town.http.get(following, headers=town.stage.signed_in(town.payer, *roles))
        page = answer.json()
        assert set(page) == {"items", "next"}
        seen.append(page["items"])
        following = answer.links.get("next", {}).get("url", "")
        assert following == (f"/api/payments{path}?limit={limit}&cursor={page['next']}" if page["next"] else "")
    return seen
