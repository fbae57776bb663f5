"""A turn that its people move: its seat is given back in the moment in which it has the new one, and not before."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from dawr.booking.domain.seats import Seats, WindowSeats
from dawr.booking.domain.turns import LIVE, MOVED_BY_CITIZEN, Turn, has_run_out
from dawr.contracts import Pool, Text
from dawr.contracts.booking import RefusalCode, Share

ITS_PEOPLE_ASKED = Text(ar="بطلب من صاحب الدور", en="Asked for by those whose turn it is")
"""The reason that is told with such a move."""


class MoveRefusal(StrEnum):
    """Why a turn is not moved, where it is not for want of a seat. The codes are those of the errors."""

    NOT_MOVABLE = "not-movable"
    MOVED_TOO_OFTEN = "moved-too-often"
    MOVE_AT_MISSION = "move-at-mission"
    ALREADY_THERE = "already-there"
    NOT_OFFERED = "not-offered"


def reschedule(
    turn: Turn,
    to: Pool,
    window: str | None,
    seats: Mapping[str, Seats],
    *,
    asked_by: UUID,
    at_most: int,
    now: datetime,
) -> tuple[Turn, dict[str, Seats]] | RefusalCode | MoveRefusal:
    """The turn on its new day, with the seats of both pools after it; or why it stays where it is, nothing changed.

    Id, payment, fee and `held_until` stay. A seat has to be open to anybody who asks now, and be free: whoever moves
    has no right before others. `window` none: the earliest with room. Its people move a turn `at_most` times.
    Pure and deterministic.
    """
    refusal = _refusal(turn, to, window, at_most, now)
    if refusal is not None:
        return refusal
    left = seats[turn.pool.key].taking(turn.window, -1, turn.seat)
    there = left if to == turn.pool else seats.get(to.key)
    found = _seat(there, window, _share(turn, to), now)
    if there is None or isinstance(found, RefusalCode):
        return found if isinstance(found, RefusalCode) else RefusalCode.CLOSED
    start, seat = found
    step = {"from": turn.pool.key, "by": str(asked_by)}
    moved = turn.moved(turn.state, now, MOVED_BY_CITIZEN, noting=step, pool=to, window=start, seat=seat)
    return moved, {turn.pool.key: left, to.key: there.taking(start, 1, seat)}


def _refusal(turn: Turn, to: Pool, window: str | None, at_most: int, now: datetime) -> MoveRefusal | None:
    if turn.state not in LIVE or has_run_out(turn, now):
        return MoveRefusal.NOT_MOVABLE
    if turn.case_id is not None:
        return MoveRefusal.MOVE_AT_MISSION
    if (to.service, to.tier) != (turn.pool.service, turn.pool.tier):
        return MoveRefusal.NOT_OFFERED
    if to == turn.pool and window in {None, turn.window}:
        return MoveRefusal.ALREADY_THERE
    return MoveRefusal.MOVED_TOO_OFTEN if turn.own_moves >= at_most else None


def _share(turn: Turn, to: Pool) -> Share | None:
    """The share whose kept seats it may have there: a desk asked for an urgent or assisted one at its own office."""
    return turn.share if turn.share == "accessible" or to.office == turn.pool.office else None


def _seat(
    there: Seats | None, window: str | None, share: Share | None, now: datetime
) -> tuple[str | None, Share | None] | RefusalCode:
    """The start of the window, and the share whose seat it is."""
    if there is None or there.planned == 0:
        return RefusalCode.CLOSED
    if there.is_over(now):
        return RefusalCode.DAY_OVER
    if now < there.opens_at:
        return RefusalCode.NOT_OPEN_YET
    source = there.source_for(share, now)
    if isinstance(source, RefusalCode):
        return source
    chosen = there.window_for(window, now)
    if isinstance(chosen, RefusalCode):
        return chosen
    return chosen.start if isinstance(chosen, WindowSeats) else None, source
