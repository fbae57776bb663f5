"""Stories told twice and in another order: the same state, and the same messages by id."""

from uuid import UUID, uuid4

from dawr.contracts import Message, Money
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    PaymentOpened,
    RefundAccepted,
    RefundSucceeded,
)
from dawr.servicekit.testing import until

from .town import Town


async def ids_by_type(town: Town) -> dict[type[Message], set[UUID]]:
    found: dict[type[Message], set[UUID]] = {}
    for each in await town.received():
        found.setdefault(type(each.message), set()).add(each.cause.id)
    return found


async def test_every_command_doubled_gives_each_fact_once(town: Town) -> None:
    request, refund = town.request(), town.refund_request()
    id = uuid4()
    await town.stage.send(request, id=id)
    await town.stage.send(request, id=id)  # redelivered
    await town.stage.send(request)  # asked again
    await town.payment_in("CREATED")
    await town.bank.approve(await town.checkout())
    await town.payment_in("CAPTURED")
    await town.stage.send(request, town.withdrawal(), refund, refund, town.withdrawal(), refund, request)
    await town.payment_in("REFUNDED")
    await town.told(PaymentOpened, PaymentCaptured, RefundAccepted, RefundSucceeded)
    ids = await ids_by_type(town)
    assert all(len(each) == 1 for each in ids.values())
    assert len(await town.bank.refunds_of(town.refund)) == 1
    assert await town.dead_letters() == 0
    assert await town.accounts() == {}


async def test_webhooks_out_of_order_end_the_same(town: Town) -> None:
    await town.bank.faults(webhooks={"reorder": True, "double": 1.0})
    await town.opened()
    url = await town.checkout()
    await town.bank.act(url, "decline")
    await town.bank.approve(url)
    await town.payment_in("CAPTURED")
    await town.stage.send(town.refund_request())
    await town.payment_in("REFUNDED")

    async def all_delivered() -> bool:
        webhooks = await town.bank.webhooks(town.payment) + await town.bank.webhooks(town.refund)
        return all(each["delivered"] == 2 for each in webhooks)

    await until(all_delivered, what="all webhooks twice")
    captured = [each for each in await town.received() if isinstance(each.message, PaymentCaptured)]
    succeeded = [each for each in await town.received() if isinstance(each.message, RefundSucceeded)]
    assert (len(captured), len(succeeded)) == (1, 1)
    assert await town.accounts() == {}


async def test_capture_and_withdrawal_in_either_order_end_the_same(town: Town) -> None:
    first = Town(**{**vars(town), "subject": town.subject.model_copy(update={"id": uuid4()})})
    await town.bank.faults(webhooks={"lose": 1.0})
    for each in (town, first):
        await each.opened()
        await each.checkout()
    await town.webhook(town.captured_body())
    await town.stage.send(town.withdrawal(), first.withdrawal())
    await first.payment_in("EXPIRED")
    await first.webhook(first.captured_body())
    for each in (town, first):
        await each.payment_in("CAPTURED")
        assert set(await each.accounts()) == {"bank:sandbox", "held:turns"}
    await first.told(PaymentOpened, PaymentExpired, PaymentCaptured)
    await town.told(PaymentOpened, PaymentCaptured)


async def test_what_can_not_be_is_set_aside_and_its_neighbours_go_through(town: Town) -> None:
    nothing = town.request(amount=Money(minor=0, currency="SYP"))
    unknown = Town(**{**vars(town), "subject": town.subject.model_copy(update={"id": uuid4()})})
    await town.stage.send(nothing, unknown.withdrawal(), town.request(), unknown.refund_request())
    await town.payment_in("CREATED")
    await town.stage.send(town.request(amount=Money(minor=1, currency="SYP")))  # other terms

    async def all_set_aside() -> bool:
        return (await town.dead_letters(), await unknown.dead_letters()) == (2, 2)

    await until(all_set_aside, every=0.1, what="dead letters")
    await town.told(PaymentOpened)
