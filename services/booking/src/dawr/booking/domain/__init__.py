"""Turns and seats: what may happen to them, decided purely. State and time come in, new state and facts go out."""

from dawr.booking.domain.allocation import Wish, allocate
from dawr.booking.domain.seats import Seats, WindowSeats, closed, published
from dawr.booking.domain.settlement import cancel, note_refund, refund_late, refund_request, settle_payment
from dawr.booking.domain.turns import (
    LIVE,
    TRANSITIONS,
    RefundState,
    State,
    Turn,
    advance,
    expire,
    fact_of,
    further,
    has_run_out,
)

__all__ = [
    "LIVE",
    "TRANSITIONS",
    "RefundState",
    "Seats",
    "State",
    "Turn",
    "WindowSeats",
    "Wish",
    "advance",
    "allocate",
    "cancel",
    "closed",
    "expire",
    "fact_of",
    "further",
    "has_run_out",
    "note_refund",
    "published",
    "refund_late",
    "refund_request",
    "settle_payment",
]
