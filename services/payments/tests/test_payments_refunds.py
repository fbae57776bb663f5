"""Stories of refunds: given back once, however often the bank fails, times out or is told again."""

from uuid import uuid4

import pytest

from dawr.contracts import Money
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentOpened,
    RefundAccepted,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
)
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import until

from .town import FEE, Town

NO = {"fail_rate": 1.0, "fail_permanently": True}
"""Of the bank: it answers each refund, and never with a yes."""
HELD = {"bank:sandbox": FEE.minor, "held:turns": -FEE.minor}


async def given_back_once(town: Town) -> None:
    succeeded = [each for each in await town.bank.refunds_of(town.refund) if each["status"] == "succeeded"]
    assert [each["amount"] for each in succeeded] == [FEE.minor]
    assert await town.accounts() == {}


async def gauge(town: Town, name: str) -> float:
    lines = (await town.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def test_a_refund_goes_back_to_the_payer(town: Town) -> None:
    await town.paid()
    await town.stage.send(town.refund_request())
    await town.refund_in("SUCCEEDED")
    refunded = await town.payment_in("REFUNDED")
    assert refunded["refunded"]["minor"] == FEE.minor
    refund = await town.refund_in("SUCCEEDED")
    assert [(step["state"], step["reason"]) for step in refund["history"]] == [
        ("REQUESTED", None), ("APPROVED", None), ("SUBMITTED", None), ("SUCCEEDED", None),
    ]  # fmt: skip
    assert (refund["history"][-1]["at"], refund["expected"]) == (refund["settled_at"], None)
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    await given_back_once(town)


async def test_a_bank_that_fails_three_times_is_asked_a_fourth(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds={"fail_times": 3})
    await town.stage.send(town.refund_request())
    assert (await town.refund_in("SUCCEEDED"))["tries"] == 4
    *_, succeeded = await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    assert isinstance(succeeded, RefundSucceeded)
    assert succeeded.attempt == 4
    await given_back_once(town)


async def test_what_the_bank_calls_failed_for_good_is_asked_anew(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds={"fail_times": 3, "fail_permanently": True})
    await town.stage.send(town.refund_request())
    await town.refund_in("SUCCEEDED")
    statuses = [each["status"] for each in await town.bank.refunds_of(town.refund)]
    assert statuses == ["failed", "failed", "failed", "succeeded"]
    await town.bank.delivered(town.refund, "refund.failed")
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    await given_back_once(town)


async def test_after_eight_failures_a_person_decides(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds=NO)
    await town.stage.send(town.refund_request())
    assert (await town.refund_in("FAILED"))["tries"] == 8
    *_, failed = await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundFailed)
    assert isinstance(failed, RefundFailed)
    assert (failed.attempt, failed.reason) == (8, "refund-failed")
    assert await town.accounts() == HELD

    async def is_alerted() -> bool:
        return await gauge(town, "dawr_refunds_set_aside") == 1

    await until(is_alerted, what="the alert")
    await town.bank.faults()
    officer = uuid4()
    path = f"/api/payments/refunds/{town.refund}/approval"
    headers = town.stage.signed_in(officer, Role.FINANCE) | {"idempotency-key": "again"}
    approved = await town.http.post(path, json={"reason": "The bank is back"}, headers=headers)
    assert (approved.status_code, approved.json()["state"]) == (200, "APPROVED")
    twin = await town.http.post(path, json={"reason": "The bank is back"}, headers=headers)
    assert twin.text == approved.text
    await town.refund_in("SUCCEEDED")
    await given_back_once(town)
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundFailed, RefundSucceeded)
    (approval,) = await town.rows("SELECT * FROM refund_approvals WHERE refund_id = $1", town.refund)
    assert (approval["approved_by"], approval["reason"], approval["round"]) == (officer, "The bank is back", 2)


@pytest.mark.parametrize("outage", ["5xx", "stopped", "too late"])
async def test_a_bank_that_is_away_is_asked_again_until_it_is_back(town: Town, outage: str) -> None:
    """More often than a no would be taken: an outage sets nothing aside, and when it ends, the money goes back once."""
    await town.paid()
    await town.bank.faults(webhooks={"lose": 1.0}, refunds={"fail_rate": float(outage == "5xx")})
    if outage == "stopped":
        await town.bank.stop()
    if outage == "too late":
        # Made by the first try, whose answer is lost; and then there is no word of it for a long time.
        await town.bank.faults(webhooks={"lose": 1.0}, timeouts={"refunds": 1, "seconds": 3})
        await town.stage.send(town.refund_request())

        async def is_made() -> bool:
            return bool(await town.bank.refunds_of(town.refund))

        await until(is_made, what="the refund at the bank")
        await town.bank.stop()
    else:
        await town.stage.send(town.refund_request())

    async def is_tried_often() -> bool:
        answer = await town.get(f"/refunds/{town.refund}")
        return answer.is_success and answer.json()["tries"] > 8 + 2

    await until(is_tried_often, what="eleven tries")
    assert await gauge(town, "dawr_refunds_unanswered") == 1
    (row,) = await town.rows("SELECT state, failures, provider_failures FROM refunds WHERE id = $1", town.refund)
    assert tuple(row) == ("SUBMITTED", 0, 0)
    if outage == "5xx":
        await town.bank.faults()
    else:
        await town.bank.start()
    await town.refund_in("SUCCEEDED")
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    await given_back_once(town)
    assert len(await town.bank.refunds_of(town.refund)) == 1


async def test_only_another_person_of_finance_approves(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds=NO)
    clerk = uuid4()
    await town.stage.send(town.refund_request(asked_by=clerk))
    await town.refund_in("FAILED")

    async def code(*roles: Role, person: object = None) -> str:
        headers = town.stage.signed_in(person or uuid4(), *roles) | {"idempotency-key": str(uuid4())}  # type: ignore[arg-type]
        answer = await town.http.post(
            f"/api/payments/refunds/{town.refund}/approval", json={"reason": "please"}, headers=headers
        )
        return str(answer.json()["code"])

    assert await code(Role.CITIZEN) == "not-allowed"
    assert await code(Role.FINANCE, person=clerk) == "four-eyes"
    assert await code(Role.FINANCE, person=town.payer) == "four-eyes"
    await town.refund_in("FAILED")


async def test_a_bank_that_answers_too_late_gives_back_once(town: Town) -> None:
    await town.paid()
    await town.bank.faults(timeouts={"refunds": 1, "seconds": 3}, webhooks={"lose": 1.0})
    await town.stage.send(town.refund_request())
    assert (await town.refund_in("SUCCEEDED"))["tries"] == 2
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    await given_back_once(town)


async def test_the_banks_word_after_we_gave_up_still_counts(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds=NO)
    await town.stage.send(town.refund_request())
    await town.refund_in("FAILED")
    body = town.captured_body(reference=str(town.refund), refund="ref_late", capture="cap_1")
    assert (await town.webhook(body.replace(b"checkout.captured", b"refund.succeeded"))).json() == {
        "outcome": "applied"
    }
    await town.payment_in("REFUNDED")
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundFailed, RefundSucceeded)
    assert await town.accounts() == {}


async def test_parts_go_back_but_never_more_than_was_captured(town: Town) -> None:
    await town.paid()
    part, rest = Money(minor=10_000_000, currency="SYP"), Money(minor=FEE.minor - 10_000_000, currency="SYP")
    other, too_much = uuid4(), uuid4()
    await town.stage.send(
        town.refund_request(amount=part, refund_id=other),
        town.refund_request(amount=FEE, refund_id=too_much),
    )

    async def is_set_aside() -> bool:
        return await town.dead_letters() == 1

    await until(is_set_aside, every=0.1, what="the dead letter")
    await town.payment_in("PARTLY_REFUNDED")
    await town.stage.send(town.refund_request(amount=rest, reason=RefundReason.CANCELLED_BY_OFFICE))
    await town.payment_in("REFUNDED")
    refunds = (await town.get(f"/refunds?subject={town.subject.id}")).json()["items"]
    assert {each["id"] for each in refunds} == {str(town.refund), str(other)}
    assert await town.accounts() == {}


async def test_what_was_not_captured_is_not_given_back(town: Town) -> None:
    await town.opened()
    await town.stage.send(town.refund_request())

    async def is_set_aside() -> bool:
        return await town.dead_letters() == 1

    await until(is_set_aside, every=0.1, what="the dead letter")
    assert (await town.get(f"/refunds/{town.refund}")).json()["code"] == "no-such-refund"
    await town.told(PaymentOpened)


async def test_the_same_refund_on_other_terms_is_refused(town: Town) -> None:
    await town.paid()
    half = town.refund_request(amount=Money(minor=FEE.minor // 2, currency="SYP"))
    await town.stage.send(half, half, town.refund_request(amount=Money(minor=100, currency="SYP")))
    await town.payment_in("PARTLY_REFUNDED")

    async def is_set_aside() -> bool:
        return await town.dead_letters() == 1

    await until(is_set_aside, every=0.1, what="the dead letter")
    assert [each["amount"] for each in await town.bank.refunds_of(town.refund)] == [FEE.minor // 2]


async def test_its_payer_follows_a_refund_that_fails_and_is_started_again_step_by_step(town: Town) -> None:
    await town.paid()
    await town.bank.faults(refunds=NO)
    await town.stage.send(town.refund_request())
    failed = await town.refund_in("FAILED")
    assert failed["expected"] == "يصل المبلغ عادة خلال 5 أيام عمل"
    await town.bank.faults(refunds={})
    headers = town.stage.signed_in(uuid4(), Role.FINANCE) | {"idempotency-key": "again"}
    again = await town.http.post(
        f"/api/payments/refunds/{town.refund}/approval", json={"reason": "The bank is back"}, headers=headers
    )
    assert again.status_code == 200, again.text
    refund = await town.refund_in("SUCCEEDED")
    steps = [(step["state"], step["reason"]) for step in refund["history"]]
    once = [("REQUESTED", None), ("APPROVED", None), ("SUBMITTED", None), ("FAILED", "refund-failed")]
    assert steps == [*once, ("APPROVED", None), ("SUBMITTED", None), ("SUCCEEDED", None)]
    assert [step["at"] for step in refund["history"]] == sorted(step["at"] for step in refund["history"])
    (listed,) = (await town.get(f"/refunds?subject={town.subject.id}")).json()["items"]
    assert listed == refund
