"""Messages of payments: what is to be paid or given back, and what became of it."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from dawr.contracts.message import Message
from dawr.contracts.values import FxRate, Instant, Money, Subject, Text


class RequestPayment(Message):
    """Asks that a payer pay an amount before a moment."""

    wire_type: ClassVar[str] = "payments.request-payment.v1"

    payment_id: UUID
    subject: Subject
    payer_id: UUID
    amount: Money
    fx: FxRate | None = None
    """The frozen rate, if `amount` was converted from a fee in another currency."""
    pay_before: Instant
    description: Text
    return_key: Annotated[str, Field(pattern=r"^[a-z-]{1,32}$")] = "turn"
    """Which of the configured addresses the payer comes back to."""

    def key(self) -> str:
        return str(self.subject.id)


class CancelPayment(Message):
    """Asks that an unpaid payment be closed: nobody waits for it any more."""

    wire_type: ClassVar[str] = "payments.cancel-payment.v1"

    payment_id: UUID
    subject: Subject
    reason: Annotated[str, Field(max_length=64)]

    def key(self) -> str:
        return str(self.subject.id)


class RefundReason(StrEnum):
    """Why money goes back."""

    CANCELLED_BY_CITIZEN = "cancelled-by-citizen"
    CANCELLED_BY_OFFICE = "cancelled-by-office"
    PAID_TOO_LATE = "paid-too-late"
    PAID_AFTER_CANCELLATION = "paid-after-cancellation"
    WRONG_AMOUNT = "wrong-amount"


class RequestRefund(Message):
    """Asks that an amount of a captured payment go back. The same refund id is made once."""

    wire_type: ClassVar[str] = "payments.request-refund.v1"

    refund_id: UUID
    payment_id: UUID
    subject: Subject
    amount: Money
    reason: RefundReason
    asked_by: UUID | None = None
    """Who asked; none when the platform settles a late payment by itself."""

    def key(self) -> str:
        return str(self.subject.id)


class PaymentFact(Message):
    """What every fact about a payment carries."""

    payment_id: UUID
    subject: Subject
    payer_id: UUID
    amount: Money
    at: Instant
    """When it happened; for a capture, the bank's own time."""

    def key(self) -> str:
        return str(self.subject.id)


class PaymentOpened(PaymentFact):
    """The payment can be made until `pay_before`."""

    wire_type: ClassVar[str] = "payments.payment-opened.v1"

    pay_before: Instant


class PaymentCaptured(PaymentFact):
    """The money is with us."""

    wire_type: ClassVar[str] = "payments.payment-captured.v1"

    provider: str
    provider_reference: str
    fx: FxRate | None = None


class PaymentFailed(PaymentFact):
    """The bank declined an attempt; another may be made until the payment expires."""

    wire_type: ClassVar[str] = "payments.payment-failed.v1"

    provider: str
    attempt: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(max_length=64)] = "declined"


class PaymentExpired(PaymentFact):
    """Nobody paid in time, or nobody waits for the payment any more."""

    wire_type: ClassVar[str] = "payments.payment-expired.v1"

    reason: Literal["ran-out", "withdrawn"] = "ran-out"


class RefundFact(Message):
    """What every fact about a refund carries."""

    refund_id: UUID
    payment_id: UUID
    subject: Subject
    payer_id: UUID
    amount: Money
    at: Instant

    def key(self) -> str:
        return str(self.subject.id)


class RefundAccepted(RefundFact):
    """The refund is on its way to the bank."""

    wire_type: ClassVar[str] = "payments.refund-accepted.v1"

    reason: RefundReason


class RefundSucceeded(RefundFact):
    """The bank gave the money back."""

    wire_type: ClassVar[str] = "payments.refund-succeeded.v1"

    provider: str
    provider_reference: str
    attempt: Annotated[int, Field(ge=1)]


class RefundFailed(RefundFact):
    """The bank would not, again and again: a person settles it by hand."""

    wire_type: ClassVar[str] = "payments.refund-failed.v1"

    attempt: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(max_length=64)]


PaymentRequest = RequestPayment | CancelPayment | RequestRefund
PaymentEvent = PaymentOpened | PaymentCaptured | PaymentFailed | PaymentExpired
RefundEvent = RefundAccepted | RefundSucceeded | RefundFailed
