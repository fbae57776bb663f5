"""What payments, cancellations and refunds make of a turn."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from dawr.booking.domain.seats import Seats, WindowSeats
from dawr.booking.domain.turns import RefundState, State, Turn, further
from dawr.booking.errors import AmountDiffers, IllegalMove
from dawr.contracts import Message, Money
from dawr.contracts.booking import RefusalCode
from dawr.contracts.ids import refund_id
from dawr.contracts.payments import CancelPayment, RefundReason, RequestRefund
from dawr.contracts.values import Subject


def settle_payment(
    turn: Turn, seats: Seats | None, amount: Money, *, now: datetime
) -> tuple[Turn, Seats | None, RequestRefund | None]:
    """What a captured payment makes of a turn: confirmed, or the money goes back by itself.

    A turn whose hold has run out takes its seat again if one is free in its window, and neither that nor its day is
    over (invariant 8). `seats` are those of its pool, needed for such a turn only; the third part is the refund to ask
    for. Raises AmountDiffers, and IllegalMove for a turn that was never to be paid.
    """
    if turn.payable is None or amount != turn.payable:
        raise AmountDiffers(turn_id=str(turn.id))
    if turn.paid:
        return turn, seats, None  # told again under another message id: a turn has one payment
    if turn.state is State.HELD:
        return turn.moved(State.CONFIRMED, now, "paid", paid=True), seats, None
    if turn.state is State.EXPIRED and seats is not None and _has_room(seats, turn.window, now):
        seat = seats.source_for(turn.share, now)
        if not isinstance(seat, RefusalCode):
            again = turn.moved(State.CONFIRMED, now, "paid-late", paid=True, seat=seat)
            return again, seats.taking(turn.window, 1, seat), None
    if turn.state is State.EXPIRED:
        refunded, refund = _refunding(turn, now, RefundReason.PAID_TOO_LATE)
        return refunded, seats, refund
    if turn.state in {State.CANCELLED_BY_CITIZEN, State.CANCELLED_BY_OFFICE}:
        refunded, refund = _refunding(turn, now, RefundReason.PAID_AFTER_CANCELLATION)
        return refunded, seats, refund
    raise IllegalMove(state=turn.state.value, to=State.CONFIRMED.value)


def refund_late(turn: Turn, now: datetime) -> tuple[Turn, RequestRefund]:
    """What is left when a late payer can't have the seat because they hold another live turn."""
    return _refunding(turn, now, RefundReason.PAID_TOO_LATE)


def _has_room(seats: Seats, window: str | None, now: datetime) -> bool:
    if seats.left == 0 or now >= seats.closes_at:
        return False
    return window is None or isinstance(seats.window_for(window, now), WindowSeats)


def _refunding(turn: Turn, now: datetime, reason: RefundReason) -> tuple[Turn, RequestRefund]:
    step = {"state": turn.state.value, "at": now.isoformat(), "cause": reason.value}
    refunded = replace(turn, paid=True, refund=further(turn.refund, RefundState.DUE), history=(*turn.history, step))
    return refunded, refund_request(refunded, reason, asked_by=None)


def note_refund(turn: Turn, told: RefundState, *, at: datetime, cause: str) -> Turn:
    """The turn after a fact about its refund; one that is behind what is known changes nothing."""
    reached = further(turn.refund, told)
    if reached is turn.refund:
        return turn
    step = {"state": turn.state.value, "at": at.isoformat(), "cause": cause}
    return replace(turn, refund=reached, history=(*turn.history, step))


def cancel(turn: Turn, *, by_office: bool, asked_by: UUID, reason: str, now: datetime) -> tuple[Turn, list[Message]]:
    """Give a live turn back: the turn, and what to ask of payments (a full refund, or to close the unpaid payment)."""
    to = State.CANCELLED_BY_OFFICE if by_office else State.CANCELLED_BY_CITIZEN
    owed = turn.paid and turn.payable is not None and not turn.payable.is_free
    cancelled = turn.moved(to, now, reason, refund=RefundState.DUE if owed else turn.refund)
    if owed:
        cause = RefundReason.CANCELLED_BY_OFFICE if by_office else RefundReason.CANCELLED_BY_CITIZEN
        return cancelled, [refund_request(cancelled, cause, asked_by=asked_by)]
    if turn.state is State.HELD:
        subject = Subject(kind="turn", id=turn.id)
        return cancelled, [CancelPayment(payment_id=turn.payment_id, subject=subject, reason=reason)]
    return cancelled, []


def refund_request(turn: Turn, reason: RefundReason, *, asked_by: UUID | None) -> RequestRefund:
    """The one full refund of a turn; its id follows from the turn, so that it is made once."""
    if turn.payable is None:
        raise AmountDiffers(turn_id=str(turn.id))
    return RequestRefund(
        refund_id=refund_id(turn.id),
        payment_id=turn.payment_id,
        subject=Subject(kind="turn", id=turn.id),
        amount=turn.payable,
        reason=reason,
        asked_by=asked_by,
    )
