"""What a provider says about a payment, whichever way we hear of it: a webhook, or the answer when we asked."""

from uuid import UUID

from dawr.contracts import derived_id
from dawr.payments.domain import attempt as attempts_domain
from dawr.payments.domain import ledger
from dawr.payments.domain.facts import Capture, Decline, Outcome, Word
from dawr.payments.domain.payment import Payment, capture_payment, decline, flag_of_capture
from dawr.payments.domain.states import PaymentState
from dawr.payments.store import attempts, payments
from dawr.payments.store import ledger as ledger_store
from dawr.servicekit.database import Transaction


def named_id(reference: str) -> UUID | None:
    """The id that a provider's reference names, in the form in which we gave it."""
    try:
        id = UUID(reference)
    except ValueError:
        return None
    return id if str(id) == reference else None


async def _locked(tx: Transaction, reference: str) -> Payment | None:
    payment_id = named_id(reference)
    return await payments.lock(tx.connection, payment_id) if payment_id else None


async def record_capture(tx: Transaction, capture: Capture) -> Outcome:
    """Money was taken: it is posted once, to the payment if it is what was asked for, else to suspense.

    Also long after the payment's end: the money is with us, and whoever asked for the payment settles it.
    """
    payment = await _locked(tx, capture.reference)
    flag = flag_of_capture(payment, capture)
    if flag is not None or payment is None:
        is_new = await ledger_store.post(tx.connection, ledger.captured_in_suspense(capture, payment), tx.now)
        return Outcome(Word.FLAGGED, flag) if is_new else Outcome(Word.SEEN_BEFORE)
    if payment.provider_reference == capture.id:
        return Outcome(Word.SEEN_BEFORE)
    paid, captured = capture_payment(payment, capture)
    await payments.save(tx.connection, paid)
    await payments.set_look(tx.connection, paid.id, None)
    for attempt in await attempts.of_payment(tx.connection, paid.id):
        await attempts.save(tx.connection, attempts_domain.closed(attempt))
    await ledger_store.post(tx.connection, ledger.captured(paid, capture), tx.now)
    tx.stage(captured, id=derived_id(paid.id, "captured"))
    return Outcome(Word.APPLIED)


async def record_decline(tx: Transaction, declined: Decline) -> Outcome:
    """A try failed: told while the payment waits, so that nobody hears of it after they paid."""
    payment = await _locked(tx, declined.reference)
    if payment is None or payment.state is not PaymentState.PENDING:
        return Outcome(Word.NOTED)
    if not await payments.note_decline(tx.connection, payment.id, declined, tx.now):
        return Outcome(Word.SEEN_BEFORE)
    failed = decline(payment, declined, tx.now)
    tx.stage(failed, id=derived_id(payment.id, f"failed/{declined.checkout_id}/{declined.number}"))
    return Outcome(Word.APPLIED)
