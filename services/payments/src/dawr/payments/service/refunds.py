"""What becomes of refunds: claimed, given back, tried again, set aside, started again by a person."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from dawr.contracts import derived_id
from dawr.payments.domain import ledger
from dawr.payments.domain.facts import Outcome, RefundOutcome, Word
from dawr.payments.domain.payment import Payment
from dawr.payments.domain.refund import (
    Refund,
    Retries,
    approve_again,
    fail_try,
    flag_of_refund,
    put_off,
    submit_refund,
    succeed_refund,
)
from dawr.payments.domain.states import RefundState
from dawr.payments.errors import NoSuchRefund
from dawr.payments.service.captures import named_id
from dawr.payments.store import ledger as ledger_store
from dawr.payments.store import payments, refunds
from dawr.servicekit.database import Transaction


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A refund that the caller has claimed, with what the provider must be told."""

    refund: Refund
    provider: str
    capture_id: str


async def claim_due(tx: Transaction, *, lease: timedelta, limit: int) -> list[DueRefund]:
    """Refunds to ask a provider for now. Each is the caller's until the lease ends, then somebody else's."""
    due = []
    for refund in await refunds.lock_due(tx.connection, tx.now, limit):
        submitted = submit_refund(refund, tx.now, lease)
        await refunds.save(tx.connection, submitted)
        payment = await payments.find(tx.connection, refund.payment_id)
        assert payment is not None  # noqa: S101 - a foreign key says so
        assert payment.provider is not None  # noqa: S101 - only captured payments have refunds
        assert payment.provider_reference is not None  # noqa: S101
        due.append(DueRefund(submitted, payment.provider, payment.provider_reference))
    return due


async def _locked(tx: Transaction, refund_id: UUID | None) -> tuple[Refund, Payment] | None:
    """A refund and its payment, locked in the one order that everybody takes."""
    found = await refunds.find(tx.connection, refund_id) if refund_id else None
    if found is None:
        return None
    payment = await payments.lock(tx.connection, found.payment_id)
    refund = await refunds.lock(tx.connection, found.id)
    assert payment is not None  # noqa: S101 - rows of either are never deleted
    assert refund is not None  # noqa: S101
    return refund, payment


async def record_refund(tx: Transaction, outcome: RefundOutcome) -> Outcome:
    """The provider's word about a refund. Of a failure only a note is taken: whoever asked it counts its failures."""
    both = await _locked(tx, named_id(outcome.reference))
    refund = both[0] if both else None
    if flag := flag_of_refund(refund, outcome):
        if outcome.succeeded:
            await ledger_store.post(tx.connection, ledger.refunded_from_suspense(outcome), tx.now)
        return Outcome(Word.FLAGGED, flag)
    if both is None or not outcome.succeeded:
        return Outcome(Word.NOTED)
    refund, payment = both
    if refund.state is RefundState.SUCCEEDED:
        return Outcome(Word.SEEN_BEFORE)
    given, after, succeeded = succeed_refund(refund, payment, outcome, tx.now)
    await refunds.save(tx.connection, given)
    await payments.save(tx.connection, after)
    was_set_aside = refund.state is RefundState.FAILED
    entry = ledger.refund_succeeded(given, after, outcome, was_set_aside=was_set_aside)
    await ledger_store.post(tx.connection, entry, tx.now)
    tx.stage(succeeded, id=derived_id(refund.id, "succeeded"))
    return Outcome(Word.APPLIED)


async def _still_tried(tx: Transaction, tried: Refund) -> tuple[Refund, Payment] | None:
    """A refund and its payment, locked; None if it ended meanwhile, or if its lease ran out and another try was begun:
    that one asks the provider what became of this one, and counts it."""
    both = await _locked(tx, tried.id)
    if both is None:
        raise NoSuchRefund(refund_id=tried.id)
    refund = both[0]
    return both if refund.state is RefundState.SUBMITTED and refund.tries == tried.tries else None


async def note_no_answer(tx: Transaction, tried: Refund, retries: Retries, jitter: float, *, why: str) -> None:
    """The provider did not answer a try: the refund is tried again later, as often as it takes."""
    both = await _still_tried(tx, tried)
    if both is not None:
        await refunds.save(tx.connection, put_off(both[0], tx.now, retries, jitter, why=why))


async def note_failure(
    tx: Transaction, tried: Refund, retries: Retries, jitter: float, *, why: str, failed_reference: str | None = None
) -> None:
    """The provider said no to a try: the refund is tried again later, or set aside for a person.

    `tried` is the refund as it was claimed.
    """
    both = await _still_tried(tx, tried)
    if both is None:
        return
    refund, payment = both
    failed, told = fail_try(refund, tx.now, retries, jitter, why=why, failed_reference=failed_reference)
    await refunds.save(tx.connection, failed)
    if told is not None:
        await ledger_store.post(tx.connection, ledger.refund_failed(failed, payment), tx.now)
        tx.stage(told, id=derived_id(refund.id, f"failed/{refund.round}"))


async def approve(tx: Transaction, refund_id: UUID, approver: UUID, reason: str) -> Refund:
    """A person starts a refund again that was set aside; who, when and why is kept.

    Raises NoSuchRefund, NotSetAside, FourEyes.
    """
    both = await _locked(tx, refund_id)
    if both is None:
        raise NoSuchRefund
    refund, payment = both
    again = approve_again(refund, approver, tx.now)
    await refunds.save(tx.connection, again)
    await refunds.keep_approval(tx.connection, again, approver, reason, tx.now)
    await ledger_store.post(tx.connection, ledger.refund_accepted(again, payment), tx.now)
    return again
