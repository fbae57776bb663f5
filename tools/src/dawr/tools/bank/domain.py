"""What the bank keeps, and the moves of a checkout. Pure: state and time in, new state out."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


class CheckoutStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WebhookType(StrEnum):
    CAPTURED = "checkout.captured"
    DECLINED = "checkout.declined"
    EXPIRED = "checkout.expired"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"


_FROM_PAYABLE: dict[CheckoutStatus, WebhookType | None] = {
    CheckoutStatus.APPROVED: WebhookType.CAPTURED,
    CheckoutStatus.DECLINED: WebhookType.DECLINED,
    CheckoutStatus.EXPIRED: WebhookType.EXPIRED,
    CheckoutStatus.CANCELLED: None,  # the merchant did it, so the merchant knows
}
TRANSITIONS: dict[CheckoutStatus, dict[CheckoutStatus, WebhookType | None]] = {
    CheckoutStatus.OPEN: _FROM_PAYABLE,
    CheckoutStatus.DECLINED: _FROM_PAYABLE,  # a payer may try again until the checkout expires
    CheckoutStatus.APPROVED: {},
    CheckoutStatus.EXPIRED: {},
    CheckoutStatus.CANCELLED: {},
}
PAYABLE = frozenset(status for status, moves in TRANSITIONS.items() if moves)
LIVE = PAYABLE | {CheckoutStatus.APPROVED}
"""At most one checkout of a reference is in one of these, so that a payer can't pay a debt twice."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a payer is asked to pay. `attempt` counts the tries that were approved or declined."""

    id: str
    reference: str
    amount: int
    currency: str
    description_ar: str
    description_en: str
    return_url: str
    language: str | None
    expires_at: datetime
    created_at: datetime
    status: CheckoutStatus = CheckoutStatus.OPEN
    attempt: int = 0

    def moved(self, to: CheckoutStatus) -> tuple[Self, WebhookType | None]:
        """The checkout after the move, and the webhook that tells of it. KeyError if the table has no such move."""
        webhook = TRANSITIONS[self.status][to]
        tries = self.attempt + (to in {CheckoutStatus.APPROVED, CheckoutStatus.DECLINED})
        return replace(self, status=to, attempt=tries), webhook

    def at(self, now: datetime) -> Self:
        """As it stands at `now`: run out counts as expired, also before the sweeper came by."""
        if self.status in PAYABLE and now >= self.expires_at:
            return replace(self, status=CheckoutStatus.EXPIRED)
        return self


@dataclass(frozen=True, slots=True)
class Capture:
    """Money that the bank took from a payer, with the moment at which it did."""

    id: str
    checkout: str
    reference: str
    amount: int
    currency: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back to a payer, or (FAILED) could not."""

    id: str
    capture: str
    checkout: str
    reference: str
    amount: int
    currency: str
    status: RefundStatus
    created_at: datetime


def left_to_refund(capture: Capture, refunds: list[Refund]) -> int:
    """Minor units of the capture that no refund has given back yet."""
    return capture.amount - sum(refund.amount for refund in refunds if refund.status is RefundStatus.SUCCEEDED)
