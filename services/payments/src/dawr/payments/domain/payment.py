"""A payment: opened, begun, captured or expired. State and time in, new state and event out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from dawr.contracts import FxRate, Money, Subject, Text
from dawr.contracts.payments import PaymentCaptured, PaymentExpired, PaymentFailed, PaymentOpened, RequestPayment
from dawr.payments.domain.facts import Capture, Decline, Flag, difference
from dawr.payments.domain.states import PAID, TRANSITIONS, PaymentState, advance
from dawr.payments.errors import AlreadyPaid, AmountNotPositive, PaymentOver, TermsDiffer


@dataclass(frozen=True, slots=True)
class Payment:
    """What one payer is asked to pay for one subject."""

    id: UUID
    subject: Subject
    payer_id: UUID
    amount: Money
    fx: FxRate | None
    """The rate as it was when the payment was made."""
    description: Text
    return_key: str
    pay_before: datetime
    state: PaymentState
    created_at: datetime
    pending_at: datetime | None = None
    """When the payer was first sent to a provider."""
    provider: str | None = None
    provider_reference: str | None = None
    """The provider's id of the capture."""
    captured_at: datetime | None = None
    refunded_minor: int = 0
    expiry_reason: Literal["ran-out", "withdrawn"] | None = None


def open_payment(request: RequestPayment, now: datetime) -> tuple[Payment, PaymentOpened]:
    """A new payment as it was asked for. Raises AmountNotPositive."""
    if request.amount.minor <= 0:
        raise AmountNotPositive
    payment = Payment(
        id=request.payment_id,
        subject=request.subject,
        payer_id=request.payer_id,
        amount=request.amount,
        fx=request.fx,
        description=request.description,
        return_key=request.return_key,
        pay_before=request.pay_before,
        state=PaymentState.CREATED,
        created_at=now,
    )
    return payment, PaymentOpened(
        payment_id=payment.id,
        subject=payment.subject,
        payer_id=payment.payer_id,
        amount=payment.amount,
        at=now,
        pay_before=payment.pay_before,
    )


def same_payment(payment: Payment, request: RequestPayment) -> None:
    """Raises TermsDiffer if a request names a payment that was made on other terms."""
    asked = (request.subject, request.payer_id, request.amount)
    if (payment.subject, payment.payer_id, payment.amount) != asked:
        raise TermsDiffer(payment_id=payment.id)


def begin_attempt(payment: Payment, now: datetime) -> Payment:
    """The payment while its payer is at a provider. Raises AlreadyPaid, PaymentOver."""
    if payment.state in PAID:
        raise AlreadyPaid
    if payment.state is PaymentState.EXPIRED or now >= payment.pay_before:
        raise PaymentOver
    if payment.state is PaymentState.PENDING:
        return payment
    return replace(payment, state=advance(payment.state, PaymentState.PENDING, TRANSITIONS), pending_at=now)


def flag_of_capture(payment: Payment | None, capture: Capture) -> Flag | None:
    """Why a capture can't stand for the payment; None if it can.

    When it was made does not matter: we have the money.
    """
    if payment is None:
        return Flag.UNKNOWN_REFERENCE
    if flag := difference(payment.amount, capture.money):
        return flag
    if payment.provider_reference not in {None, capture.id}:
        return Flag.SECOND_CAPTURE
    return None


def capture_payment(payment: Payment, capture: Capture) -> tuple[Payment, PaymentCaptured]:
    """The payment with the money that was taken for it."""
    paid = replace(
        payment,
        state=advance(payment.state, PaymentState.CAPTURED, TRANSITIONS),
        provider=capture.provider,
        provider_reference=capture.id,
        captured_at=capture.at,
        expiry_reason=None,
    )
    return paid, PaymentCaptured(
        payment_id=payment.id,
        subject=payment.subject,
        payer_id=payment.payer_id,
        amount=payment.amount,
        at=capture.at,
        provider=capture.provider,
        provider_reference=capture.id,
        fx=payment.fx,
    )


def decline(payment: Payment, failed: Decline, now: datetime) -> PaymentFailed:
    """What is told of a try that failed; the payment itself stays as it is."""
    return PaymentFailed(
        payment_id=payment.id,
        subject=payment.subject,
        payer_id=payment.payer_id,
        amount=payment.amount,
        at=now,
        provider=failed.provider,
        attempt=failed.number,
    )


def expire_payment(
    payment: Payment, now: datetime, reason: Literal["ran-out", "withdrawn"]
) -> tuple[Payment, PaymentExpired]:
    """The payment, not waited for any more."""
    state = advance(payment.state, PaymentState.EXPIRED, TRANSITIONS)
    return replace(payment, state=state, expiry_reason=reason), PaymentExpired(
        payment_id=payment.id,
        subject=payment.subject,
        payer_id=payment.payer_id,
        amount=payment.amount,
        at=now,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """When the provider is asked about a payment of whose end nothing was heard."""

    every: timedelta
    """The first time after this; then at growing distances."""
    longest: timedelta
    stop_after: timedelta
    """How long after `pay_before` it is asked for the last time."""

    def next(self, payment: Payment, now: datetime) -> datetime | None:
        """The next look, once right after `pay_before` too; None when enough was looked."""
        if now < payment.pay_before:
            grown = min(max(now - (payment.pending_at or now), self.every), self.longest)
            return min(now + grown, payment.pay_before + min(self.every, timedelta(seconds=5)))
        over = now - payment.pay_before
        return now + max(over, self.every) if over <= self.stop_after else None
