"""An attempt to pay, in three steps: written down, asked of the provider outside of any transaction, then noted."""

from collections.abc import Mapping
from uuid import UUID

from dawr.contracts import derived_id
from dawr.payments.domain.attempt import Attempt, closing, opened
from dawr.payments.domain.payment import Looks, Payment, begin_attempt
from dawr.payments.domain.states import AttemptState
from dawr.payments.errors import NoSuchPayment
from dawr.payments.providers import Checkout, CheckoutOrder
from dawr.payments.service.events import take_checkout
from dawr.payments.store import attempts, payments
from dawr.servicekit.database import Transaction


async def begin(
    tx: Transaction, payment_id: UUID, payer_id: UUID, provider: str, language: str, looks: Looks
) -> Attempt:
    """The attempt that the payer is on: the live one at this provider, or a new one.

    Raises NoSuchPayment (also for somebody else's), AlreadyPaid, PaymentOver.
    """
    payment = await payments.lock(tx.connection, payment_id)
    if payment is None or payment.payer_id != payer_id:
        raise NoSuchPayment
    pending = begin_attempt(payment, tx.now)
    if pending != payment:
        await payments.save(tx.connection, pending)
        await payments.set_look(tx.connection, pending.id, looks.next(pending, tx.now))
    made = await attempts.of_payment(tx.connection, payment_id)
    for attempt in made:
        if attempt.state in {AttemptState.OPENING, AttemptState.OPEN}:
            if attempt.provider == provider:
                return attempt
            await attempts.save(tx.connection, closing(attempt, tx.now))
    number = len(made) + 1
    attempt = Attempt(
        id=derived_id(payment_id, f"attempt/{number}"),
        payment_id=payment_id,
        number=number,
        provider=provider,
        state=AttemptState.OPENING,
        language=language,
        created_at=tx.now,
    )
    await attempts.save(tx.connection, attempt)
    return attempt


def order_of(payment: Payment, attempt: Attempt, return_urls: Mapping[str, str]) -> CheckoutOrder:
    """What the provider is asked. The same attempt always asks the same, so that its key stays valid.

    A return key that has no address of its own comes back to where turns do.
    """
    template = return_urls.get(payment.return_key, return_urls["turn"])
    return CheckoutOrder(
        reference=payment.id,
        idempotency_key=str(attempt.id),
        money=payment.amount,
        description=payment.description,
        expires_at=payment.pay_before,
        return_url=template.format(subject=payment.subject.id, payment=payment.id),
        language=attempt.language,
    )


async def note_opened(
    tx: Transaction, attempt_id: UUID, payment_id: UUID, checkout: Checkout
) -> tuple[Attempt, Payment]:
    """Write the provider's answer down. Its webhook may have come before, or the payment may have ended meanwhile."""
    await payments.lock(tx.connection, payment_id)
    await take_checkout(tx, checkout)
    payment = await payments.find(tx.connection, payment_id)
    attempt = await attempts.find(tx.connection, attempt_id)
    assert payment is not None  # noqa: S101 - rows of either are never deleted
    assert attempt is not None  # noqa: S101
    known = opened(attempt, payment, tx.now, checkout_id=checkout.id, url=checkout.url, expires_at=checkout.expires_at)
    await attempts.save(tx.connection, known)
    return known, payment
