"""Sending a payer to a provider. The call is made between two transactions, never inside one."""

from collections.abc import Mapping
from uuid import UUID

from dawr.payments.domain.attempt import Attempt
from dawr.payments.domain.payment import begin_attempt
from dawr.payments.errors import NoSuchPayment, PaymentOver, ProviderAway, ProviderRefused, ProviderUnavailable
from dawr.payments.providers import CHECKOUT_RAN_OUT, Provider
from dawr.payments.service.attempts import note_opened, order_of
from dawr.payments.store import attempts, payments
from dawr.servicekit.database import Database


async def open_checkout(
    database: Database, provider: Provider, attempt_id: UUID, return_urls: Mapping[str, str]
) -> Attempt:
    """The attempt with its checkout's address. A lost answer is harmless: the same call is made again.

    Raises AlreadyPaid and PaymentOver if the payment ended meanwhile, ProviderAway, ProviderRefused.
    """
    async with database.reading() as connection:
        attempt = await attempts.find(connection, attempt_id)
        payment = await payments.find(connection, attempt.payment_id) if attempt else None
    if attempt is None or payment is None:
        raise NoSuchPayment
    if attempt.checkout_url is not None:
        return attempt
    try:
        checkout = await provider.open_checkout(order_of(payment, attempt, return_urls))
    except ProviderUnavailable as error:
        raise ProviderAway(retry_after_seconds=2) from error
    except ProviderRefused as refusal:
        if refusal.data["provider_code"] == CHECKOUT_RAN_OUT:
            raise PaymentOver from refusal
        raise
    async with database.transaction() as tx:
        attempt, payment = await note_opened(tx, attempt_id, payment.id, checkout)
        now = tx.now
    begin_attempt(payment, now)  # refuses what has ended while the provider was asked
    return attempt
