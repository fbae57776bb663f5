"""What other services ask for: a payment, its withdrawal, a refund."""

from uuid import UUID

from dawr.contracts import derived_id
from dawr.contracts.payments import CancelPayment, RequestPayment, RequestRefund
from dawr.payments.domain import attempt as attempts_domain
from dawr.payments.domain import ledger
from dawr.payments.domain.payment import expire_payment, open_payment, same_payment
from dawr.payments.domain.refund import accept_refund, same_refund
from dawr.payments.domain.states import WAITING, AttemptState
from dawr.payments.errors import NoSuchPayment
from dawr.payments.store import attempts, payments, refunds
from dawr.payments.store import ledger as ledger_store
from dawr.servicekit.database import Transaction


async def open_requested(tx: Transaction, request: RequestPayment) -> None:
    """A payment that can be made from now on. Asked again on the same terms, nothing. Raises TermsDiffer."""
    payment, opened = open_payment(request, tx.now)
    if not await payments.insert(tx.connection, payment):
        known = await payments.find(tx.connection, payment.id)
        assert known is not None  # noqa: S101 - rows of payments are never deleted
        same_payment(known, request)
        return
    tx.stage(opened, id=derived_id(payment.id, "opened"))


async def withdraw(tx: Transaction, request: CancelPayment) -> None:
    """Nobody waits for the payment any more. If the money was taken already, whoever asked hears of it and asks
    for a refund. Raises NoSuchPayment."""
    payment = await payments.lock(tx.connection, request.payment_id)
    if payment is None:
        raise NoSuchPayment(payment_id=request.payment_id)
    if payment.state not in WAITING:
        return
    ended, expired = expire_payment(payment, tx.now, "withdrawn")
    await payments.save(tx.connection, ended)
    for attempt in await attempts.of_payment(tx.connection, payment.id):
        if attempt.state in {AttemptState.OPENING, AttemptState.OPEN}:
            await attempts.save(tx.connection, attempts_domain.closing(attempt, tx.now))
    tx.stage(expired, id=expired_id(payment.id))


def expired_id(payment_id: UUID) -> UUID:
    """The id of the message that tells of a payment's end without money: a payment expires once."""
    return derived_id(payment_id, "expired")


async def refund_requested(tx: Transaction, request: RequestRefund) -> None:
    """Money of a captured payment goes back. The same refund asked again on the same terms: nothing.

    Raises NoSuchPayment, and what `accept_refund` raises.
    """
    payment = await payments.lock(tx.connection, request.payment_id)
    if payment is None:
        raise NoSuchPayment(payment_id=request.payment_id)
    known = await refunds.find(tx.connection, request.refund_id)
    if known is not None:
        same_refund(known, request)
        return
    promised = await refunds.promised_minor(tx.connection, payment.id)
    refund, accepted = accept_refund(payment, promised, request, tx.now)
    await refunds.insert(tx.connection, refund)
    await ledger_store.post(tx.connection, ledger.refund_accepted(refund, payment), tx.now)
    tx.stage(accepted, id=derived_id(refund.id, "accepted"))
