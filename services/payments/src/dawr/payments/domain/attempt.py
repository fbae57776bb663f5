"""An attempt: one visit of a payer to a provider, written down before the provider is asked."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from dawr.payments.domain.payment import Payment
from dawr.payments.domain.states import ATTEMPT_TRANSITIONS, AttemptState, PaymentState, advance


@dataclass(frozen=True, slots=True)
class Attempt:
    """Its id is the idempotency key under which the provider is asked to open a checkout."""

    id: UUID
    payment_id: UUID
    number: int
    provider: str
    state: AttemptState
    language: str
    created_at: datetime
    checkout_id: str | None = None
    checkout_url: str | None = None
    expires_at: datetime | None = None
    close_at: datetime | None = None
    """When the provider is to be told (again) that the checkout is not wanted any more."""


def opened(
    attempt: Attempt, payment: Payment, now: datetime, *, checkout_id: str, url: str, expires_at: datetime
) -> Attempt:
    """The attempt with the provider's answer. If the payment ended meanwhile, the checkout is to be closed."""
    known = replace(attempt, checkout_id=checkout_id, checkout_url=url, expires_at=expires_at)
    if attempt.state is AttemptState.OPENING and payment.state is PaymentState.PENDING:
        return replace(known, state=advance(attempt.state, AttemptState.OPEN, ATTEMPT_TRANSITIONS))
    if attempt.state is AttemptState.CLOSED and payment.expiry_reason == "withdrawn":
        return closing(known, now)
    return known


def closing(attempt: Attempt, now: datetime) -> Attempt:
    """The attempt whose checkout nobody wants any more."""
    return replace(attempt, state=advance(attempt.state, AttemptState.CLOSING, ATTEMPT_TRANSITIONS), close_at=now)


def closed(attempt: Attempt) -> Attempt:
    """The attempt after its end: paid, run out, or closed at the provider."""
    if attempt.state is AttemptState.CLOSED:
        return attempt
    return replace(attempt, state=advance(attempt.state, AttemptState.CLOSED, ATTEMPT_TRANSITIONS), close_at=None)
