"""A refund: accepted, submitted, and tried again until it succeeds or is set aside. State in, new state out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from dawr.contracts import Money, Subject
from dawr.contracts.payments import RefundAccepted, RefundFailed, RefundReason, RefundSucceeded, RequestRefund
from dawr.payments.domain.facts import Flag, RefundOutcome, difference
from dawr.payments.domain.payment import Payment
from dawr.payments.domain.states import PAID, REFUND_TRANSITIONS, TRANSITIONS, PaymentState, RefundState, advance
from dawr.payments.errors import AmountNotPositive, FourEyes, NotCaptured, NotSetAside, RefundTooLarge, TermsDiffer


@dataclass(frozen=True, slots=True)
class Step:
    """A state that a refund came to, and when."""

    state: RefundState
    at: datetime
    reason: str | None = None
    """Why it was set aside: the provider's code."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to a payer."""

    id: UUID
    payment_id: UUID
    subject: Subject
    payer_id: UUID
    amount: Money
    reason: RefundReason
    asked_by: UUID | None
    state: RefundState
    created_at: datetime
    next_try_at: datetime | None
    """When the provider is asked (again); while a process is at it, when others may take over."""
    round: int = 1
    """Grows with each time that a person starts it again."""
    tries: int = 0
    failures: int = 0
    """In this round: the provider's answers that were not a yes."""
    unanswered: int = 0
    """The last tries, as many as got no answer in a row."""
    provider_failures: int = 0
    """How often the provider made the refund and called it failed: each of them uses up an idempotency key."""
    last_failed_reference: str | None = None
    last_failure: str | None = None
    provider: str | None = None
    provider_reference: str | None = None
    settled_at: datetime | None = None
    history: tuple[Step, ...] = ()
    """Each state that it came to, in order; a try that is made again is none."""

    @property
    def idempotency_key(self) -> str:
        """What tells the provider that a request is the same as before."""
        return f"{self.id}/{self.provider_failures}" if self.provider_failures else str(self.id)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how fast a refund is tried again."""

    failures: int
    """So many answers in a round that are not a yes, then it is set aside. Tries without an answer don't count."""
    first: timedelta
    longest: timedelta

    def pause(self, failures: int, jitter: float) -> timedelta:
        """How long to wait after so many failures, or tries without an answer: doubled each time, up to the longest,
        times a jitter of 0.5 to 1."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest) * jitter


def accept_refund(
    payment: Payment, promised_minor: int, request: RequestRefund, now: datetime
) -> tuple[Refund, RefundAccepted]:
    """A refund, approved by rule. `promised_minor` is the sum of the payment's refunds so far, in any state.

    Raises AmountNotPositive, NotCaptured, TermsDiffer (another currency or subject), RefundTooLarge.
    """
    if request.amount.minor <= 0:
        raise AmountNotPositive
    if payment.state not in PAID:
        raise NotCaptured(payment_id=payment.id)
    if (request.amount.currency, request.subject) != (payment.amount.currency, payment.subject):
        raise TermsDiffer(payment_id=payment.id)
    left = payment.amount.minor - promised_minor
    if request.amount.minor > left:
        raise RefundTooLarge(left=Money(minor=left, currency=payment.amount.currency))
    refund = Refund(
        id=request.refund_id,
        payment_id=payment.id,
        subject=payment.subject,
        payer_id=payment.payer_id,
        amount=request.amount,
        reason=request.reason,
        asked_by=request.asked_by,
        state=advance(RefundState.REQUESTED, RefundState.APPROVED, REFUND_TRANSITIONS),
        created_at=now,
        next_try_at=now,
        history=(Step(RefundState.REQUESTED, now), Step(RefundState.APPROVED, now)),
    )
    return refund, RefundAccepted(
        refund_id=refund.id,
        payment_id=refund.payment_id,
        subject=refund.subject,
        payer_id=refund.payer_id,
        amount=refund.amount,
        at=now,
        reason=refund.reason,
    )


def same_refund(refund: Refund, request: RequestRefund) -> None:
    """Raises TermsDiffer if a request names a refund that was made on other terms."""
    if (refund.payment_id, refund.amount) != (request.payment_id, request.amount):
        raise TermsDiffer(refund_id=refund.id)


def submit_refund(refund: Refund, now: datetime, lease: timedelta) -> Refund:
    """The refund while one process asks the provider; after the lease another may take over."""
    state = advance(refund.state, RefundState.SUBMITTED, REFUND_TRANSITIONS)
    history = refund.history if refund.state is state else (*refund.history, Step(state, now))
    return replace(refund, state=state, tries=refund.tries + 1, next_try_at=now + lease, history=history)


def flag_of_refund(refund: Refund | None, outcome: RefundOutcome) -> Flag | None:
    """Why a provider's word about a refund can't be acted on; None if it can."""
    if refund is None:
        return Flag.UNKNOWN_REFERENCE
    if flag := difference(refund.amount, outcome.money):
        return flag
    if outcome.succeeded and refund.provider_reference not in {None, outcome.id}:
        return Flag.SECOND_REFUND
    return None


def succeed_refund(
    refund: Refund, payment: Payment, outcome: RefundOutcome, now: datetime
) -> tuple[Refund, Payment, RefundSucceeded]:
    """The refund and its payment after the money went back."""
    given = replace(
        refund,
        state=advance(refund.state, RefundState.SUCCEEDED, REFUND_TRANSITIONS),
        history=(*refund.history, Step(RefundState.SUCCEEDED, now)),
        provider=outcome.provider,
        provider_reference=outcome.id,
        settled_at=now,
        next_try_at=None,
        unanswered=0,
    )
    refunded = payment.refunded_minor + refund.amount.minor
    to = PaymentState.REFUNDED if refunded == payment.amount.minor else PaymentState.PARTLY_REFUNDED
    after = replace(payment, state=advance(payment.state, to, TRANSITIONS), refunded_minor=refunded)
    return (
        given,
        after,
        RefundSucceeded(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            subject=refund.subject,
            payer_id=refund.payer_id,
            amount=refund.amount,
            at=now,
            provider=outcome.provider,
            provider_reference=outcome.id,
            attempt=max(refund.tries, 1),
        ),
    )


def put_off(refund: Refund, now: datetime, retries: Retries, jitter: float, *, why: str) -> Refund:
    """The refund after a try that got no answer: to be tried again, however long the provider is away. What was asked
    may have been done, so the next try begins with that question, and its idempotency key is the same."""
    unanswered = refund.unanswered + 1
    again_at = now + retries.pause(unanswered, jitter)
    return replace(refund, unanswered=unanswered, last_failure=why[:64], next_try_at=again_at)


def fail_try(
    refund: Refund, now: datetime, retries: Retries, jitter: float, *, why: str, failed_reference: str | None
) -> tuple[Refund, RefundFailed | None]:
    """The refund after a try to which the provider said no: to be tried again, or set aside. `failed_reference`: the
    provider's own id of a refund that it made and called failed."""
    failed = replace(
        refund,
        failures=refund.failures + 1,
        unanswered=0,
        provider_failures=refund.provider_failures + (failed_reference is not None),
        last_failed_reference=failed_reference or refund.last_failed_reference,
        last_failure=why[:64],
    )
    if failed.failures < retries.failures:
        return replace(failed, next_try_at=now + retries.pause(failed.failures, jitter)), None
    state = advance(refund.state, RefundState.FAILED, REFUND_TRANSITIONS)
    history = (*refund.history, Step(state, now, why[:64]))
    return replace(failed, state=state, next_try_at=None, history=history), RefundFailed(
        refund_id=refund.id,
        payment_id=refund.payment_id,
        subject=refund.subject,
        payer_id=refund.payer_id,
        amount=refund.amount,
        at=now,
        attempt=max(refund.tries, 1),
        reason=why[:64],
    )


def approve_again(refund: Refund, approver: UUID, now: datetime) -> Refund:
    """A refund that was set aside, started again by a person. Raises NotSetAside, FourEyes."""
    if refund.state is not RefundState.FAILED:
        raise NotSetAside(state=refund.state.value)
    if approver in {refund.asked_by, refund.payer_id}:
        raise FourEyes
    state = advance(refund.state, RefundState.APPROVED, REFUND_TRANSITIONS)
    history = (*refund.history, Step(state, now))
    return replace(refund, state=state, round=refund.round + 1, failures=0, next_try_at=now, history=history)
