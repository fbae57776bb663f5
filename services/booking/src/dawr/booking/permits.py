"""What its people may still do about a turn, and until when: asked before a command is appended, and shown with it."""

from datetime import datetime, timedelta

from dawr.booking import domain
from dawr.booking.catalogue import Catalogue, end_of_day
from dawr.booking.domain import State, Turn
from dawr.booking.errors import MoveAtMission, MovedTooOften, NotCancellable, NotMovable, TooLateToCancel, TooLateToMove
from dawr.contracts import Money
from dawr.servicekit.errors import Refusal

CANCELLED = frozenset({State.CANCELLED_BY_CITIZEN, State.CANCELLED_BY_OFFICE})


def until(turn: Turn, catalogue: Catalogue) -> datetime:
    """The end of the day before the turn's, where its office is: later, nothing can be changed any more."""
    office = catalogue.offices.get(turn.pool.office)
    return end_of_day(turn.pool.date - timedelta(days=1), office.zone if office else "UTC")


def why_not_cancelled(turn: Turn, catalogue: Catalogue, now: datetime) -> Refusal | None:
    """Why a turn can't be given back: NotCancellable, TooLateToCancel; none if it can."""
    if turn.state not in domain.LIVE:
        return NotCancellable(state=turn.state.value)
    return TooLateToCancel() if now >= until(turn, catalogue) else None


def why_not_moved(turn: Turn, catalogue: Catalogue, now: datetime, *, at_most: int) -> Refusal | None:
    """Why a turn can't be moved by its people, who may do so `at_most` times: NotMovable, MoveAtMission,
    TooLateToMove, MovedTooOften; none if it can."""
    if turn.state not in domain.LIVE or domain.has_run_out(turn, now):
        return NotMovable(state=turn.state.value)
    if turn.case_id is not None:
        return MoveAtMission(case_id=str(turn.case_id))
    if now >= until(turn, catalogue):
        return TooLateToMove()
    return MovedTooOften(at_most=at_most) if turn.own_moves >= at_most else None


def refund_if_cancelled(turn: Turn) -> Money | None:
    """What comes back when a live turn is given back: what was paid, in full; none if that is nothing."""
    return turn.payable if turn.paid and turn.payable is not None and not turn.payable.is_free else None
