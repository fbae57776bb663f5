"""A day that an office cancels: its turns go to the next free day, or their money goes back in full."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dawr.booking.domain.seats import Seats, WindowSeats
from dawr.booking.domain.settlement import cancel
from dawr.booking.domain.turns import MOVED_BY_OFFICE, Turn
from dawr.contracts import Message, Pool
from dawr.contracts.booking import CancelDay, RefusalCode, Share

DAY_CANCELLED = "day-cancelled"


@dataclass(slots=True)
class Cleared:
    """What became of some turns of a day."""

    seats: dict[str, Seats]
    """All pools as they are after it."""
    moved: list[Turn] = field(default_factory=list)
    cancelled: list[tuple[Turn, list[Message]]] = field(default_factory=list)
    """Each with what to ask of payments."""
    left: list[Turn] = field(default_factory=list)
    """Those for whom the days that were looked at had no seat, while later ones may have."""


def clear_day(
    command: CancelDay,
    turns: Sequence[Turn],
    pools: Mapping[str, Seats],
    later: Sequence[Pool],
    *,
    has_more_days: bool,
    now: datetime,
) -> Cleared:
    """Move live turns of the command's pool, in their order, to the first of the `later` days that has a seat.

    A moved turn is the same turn: id, payment, fee and `held_until` stay. It has the window that starts when its own
    did, if that has room, else the earliest that has; a seat of its share's kept ones first. A day need not be open
    yet, nor the seat released: whoever is moved was in line before those who will ask then. Without a seat on any of
    these days it is cancelled, unless `has_more_days` were published than those and others could still be moved.
    Turns of windows that had ended when the office asked are left alone: those people were served.
    Pure and deterministic.
    """
    cleared, homeless = Cleared(dict(pools)), []
    served = pools[command.pool.key].ended(command.at)
    for turn in turns:
        if turn.window in served:
            continue
        there = _next_seat(turn, cleared.seats, later, now) if command.instead == "move" else None
        if there is None:
            homeless.append(turn)
            continue
        to, window, seat = there
        step = {"from": turn.pool.key, "by": str(command.asked_by)}
        cleared.moved.append(
            turn.moved(turn.state, now, MOVED_BY_OFFICE, noting=step, pool=to, window=window, seat=seat)
        )
        cleared.seats[turn.pool.key] = cleared.seats[turn.pool.key].taking(turn.window, -1, turn.seat)
        cleared.seats[to.key] = cleared.seats[to.key].taking(window, 1, seat)
    if has_more_days and cleared.moved:
        cleared.left = homeless
        return cleared
    for turn in homeless:
        cleared.cancelled.append(cancel(turn, by_office=True, asked_by=command.asked_by, reason=DAY_CANCELLED, now=now))
        cleared.seats[turn.pool.key] = cleared.seats[turn.pool.key].taking(turn.window, -1, turn.seat)
    return cleared


def _next_seat(
    turn: Turn, seats: Mapping[str, Seats], later: Sequence[Pool], now: datetime
) -> tuple[Pool, str | None, Share | None] | None:
    """The first of some days with a seat for a turn: the day, the start of its window, whose kept seat it is."""
    for pool in later:
        there = seats.get(pool.key)
        if there is None or there.planned == 0 or there.is_over(now):
            continue
        source = there.source_for(turn.share, None)
        window = there.window_for(turn.window, now)
        if isinstance(window, RefusalCode):
            window = there.window_for(None, now)
        if not isinstance(source, RefusalCode) and not isinstance(window, RefusalCode):
            return pool, window.start if isinstance(window, WindowSeats) else None, source
    return None
