"""States of payments, attempts and refunds, and the tables of their moves."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from dawr.contracts import Message
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    RefundAccepted,
    RefundFailed,
    RefundSucceeded,
)
from dawr.payments.errors import IllegalMove


class PaymentState(StrEnum):
    """Where a payment stands. A decline is an attempt that failed: the payment goes on waiting."""

    CREATED = "CREATED"
    """It may be paid; nobody has begun."""
    PENDING = "PENDING"
    """The payer was sent to a provider."""
    CAPTURED = "CAPTURED"
    """The money is with us."""
    EXPIRED = "EXPIRED"
    """Nobody paid in time, or nobody waits for it any more."""
    PARTLY_REFUNDED = "PARTLY_REFUNDED"
    REFUNDED = "REFUNDED"


class AttemptState(StrEnum):
    """Where one visit to a provider stands."""

    OPENING = "OPENING"
    """The provider is being asked; written before the call, so that a lost answer leaves a trace."""
    OPEN = "OPEN"
    CLOSING = "CLOSING"
    """The payment was withdrawn: the provider is to be told."""
    CLOSED = "CLOSED"


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    """By rule, or after a failure by a person."""
    SUBMITTED = "SUBMITTED"
    """The provider was asked, perhaps more than once."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """Set aside for a person."""


S = TypeVar("S", bound=StrEnum)
Moves = Mapping[S, Mapping[S, type[Message] | None]]
"""For each state the next ones, with the event that the move emits (None: nobody else needs to know)."""

P, R, A = PaymentState, RefundState, AttemptState
TRANSITIONS: Moves[PaymentState] = {
    P.CREATED: {P.PENDING: None, P.CAPTURED: PaymentCaptured, P.EXPIRED: PaymentExpired},
    P.PENDING: {P.CAPTURED: PaymentCaptured, P.EXPIRED: PaymentExpired},
    P.EXPIRED: {P.CAPTURED: PaymentCaptured},  # the bank took the money: in time and told late, or late
    P.CAPTURED: {P.PARTLY_REFUNDED: RefundSucceeded, P.REFUNDED: RefundSucceeded},
    P.PARTLY_REFUNDED: {P.PARTLY_REFUNDED: RefundSucceeded, P.REFUNDED: RefundSucceeded},
    P.REFUNDED: {},
}
REFUND_TRANSITIONS: Moves[RefundState] = {
    R.REQUESTED: {R.APPROVED: RefundAccepted},
    R.APPROVED: {R.SUBMITTED: None, R.SUCCEEDED: RefundSucceeded},
    R.SUBMITTED: {R.SUBMITTED: None, R.SUCCEEDED: RefundSucceeded, R.FAILED: RefundFailed},
    R.FAILED: {R.APPROVED: None, R.SUCCEEDED: RefundSucceeded},  # the bank's word may come after we gave up
    R.SUCCEEDED: {},
}
ATTEMPT_TRANSITIONS: Moves[AttemptState] = {
    A.OPENING: {A.OPEN: None, A.CLOSING: None, A.CLOSED: None},
    A.OPEN: {A.CLOSING: None, A.CLOSED: None},
    A.CLOSING: {A.CLOSED: None},
    A.CLOSED: {A.CLOSING: None},  # the bank's answer to an opening came after the withdrawal
}
WAITING = frozenset({P.CREATED, P.PENDING})
PAID = frozenset({P.CAPTURED, P.PARTLY_REFUNDED, P.REFUNDED})


def advance(state: S, to: S, moves: Moves[S]) -> S:
    """The next state, if the table allows the move; raises IllegalMove."""
    if to not in moves[state]:
        raise IllegalMove(state=state.value, to=to.value)
    return to
