"""What time alone brings about: payments that run out, looks at a provider, checkouts to be closed."""

from uuid import UUID

from dawr.payments.domain.attempt import closed
from dawr.payments.domain.payment import Looks, expire_payment
from dawr.payments.domain.states import AttemptState
from dawr.payments.providers import Checkout
from dawr.payments.service.events import take_checkout
from dawr.payments.service.requests import expired_id
from dawr.payments.store import attempts, payments
from dawr.servicekit.database import Transaction


async def expire_due(tx: Transaction, *, limit: int) -> int:
    """Payments whose time is over are not waited for any more; how many there were."""
    run_out = await payments.lock_run_out(tx.connection, tx.now, limit)
    for payment in run_out:
        ended, expired = expire_payment(payment, tx.now, "ran-out")
        await payments.save(tx.connection, ended)
        for attempt in await attempts.of_payment(tx.connection, payment.id):
            # The provider closes its page at the same moment by itself.
            if attempt.state in {AttemptState.OPENING, AttemptState.OPEN}:
                await attempts.save(tx.connection, closed(attempt))
        tx.stage(expired, id=expired_id(payment.id))
    return len(run_out)


async def note_look(tx: Transaction, payment_id: UUID, checkout: Checkout | None, looks: Looks) -> None:
    """What the provider said when it was asked about a payment, and when to ask again."""
    payment = await payments.lock(tx.connection, payment_id)
    assert payment is not None  # noqa: S101 - rows of payments are never deleted
    await payments.set_look(tx.connection, payment_id, looks.next(payment, tx.now))
    if checkout is not None:
        await take_checkout(tx, checkout)  # a capture ends the looks


async def note_closed(tx: Transaction, attempt_id: UUID, payment_id: UUID, checkout: Checkout | None) -> None:
    """The provider closed a checkout, never had one, or had taken the money before we said that nobody waits."""
    await payments.lock(tx.connection, payment_id)
    attempt = await attempts.find(tx.connection, attempt_id)
    if attempt is not None and attempt.state is AttemptState.CLOSING:
        await attempts.save(tx.connection, closed(attempt))
    if checkout is not None:
        await take_checkout(tx, checkout)
