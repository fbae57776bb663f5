"""Turns and seats: what may happen to them, decided purely. State and time come in, new state and facts go out."""

from dawr.booking.domain.allocation import Wish, allocate
from dawr.booking.domain.moving import DAY_CANCELLED, Cleared, clear_day
from dawr.booking.domain.rescheduling import ITS_PEOPLE_ASKED, MoveRefusal, reschedule
from dawr.booking.domain.seats import KeptSeats, Release, Seats, WindowSeats, closed, is_overfull, plan_of, published
from dawr.booking.domain.settlement import cancel, note_refund, refund_late, refund_request, settle_payment
from dawr.booking.domain.turns import (
    LIVE,
    MOVED_BY_CITIZEN,
    MOVED_BY_OFFICE,
    TRANSITIONS,
    Entered,
    RefundState,
    State,
    Turn,
    advance,
    expire,
    fact_of,
    further,
    has_run_out,
    moved_fact,
)

__all__ = [
    "DAY_CANCELLED",
    "ITS_PEOPLE_ASKED",
    "LIVE",
    "MOVED_BY_CITIZEN",
    "MOVED_BY_OFFICE",
    "TRANSITIONS",
    "Cleared",
    "Entered",
    "KeptSeats",
    "MoveRefusal",
    "RefundState",
    "Release",
    "Seats",
    "State",
    "Turn",
    "WindowSeats",
    "Wish",
    "advance",
    "allocate",
    "cancel",
    "clear_day",
    "closed",
    "expire",
    "fact_of",
    "further",
    "has_run_out",
    "is_overfull",
    "moved_fact",
    "note_refund",
    "plan_of",
    "published",
    "refund_late",
    "refund_request",
    "reschedule",
    "settle_payment",
]
