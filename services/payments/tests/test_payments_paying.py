"""Stories of paying: asked for, sent to the bank, paid there, told to everybody."""

from dawr.contracts.payments import PaymentCaptured, PaymentOpened, RefundAccepted, RefundSucceeded

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


async def test_a_refund_goes_back_to_the_payer(town: Town) -> None:
    await town.paid()
    await town.stage.send(town.refund_request())
    await town.refund_in("SUCCEEDED")
    refunded = await town.payment_in("REFUNDED")
    assert refunded["refunded"]["minor"] == FEE.minor
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    assert [each["amount"] for each in await town.bank.refunds_of(town.refund)] == [FEE.minor]
    assert await town.accounts() == {}
