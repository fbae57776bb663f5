"""What a day is to somebody who looks for a seat."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dawr.booking.domain.seats import Seats, WindowSeats
from dawr.contracts.booking import RefusalCode


class DayState(StrEnum):
    """Whether anybody can ask for a seat on a day, or why not."""

    OPEN = "open"
    SOLD_OUT = "sold-out"
    NOT_OPEN_YET = "not-open-yet"
    CLOSED = "closed"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class WindowLeft:
    """A window, in local time of the office, and the seats of it that anybody can ask for now."""

    start: str
    end: str
    left: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of one office, service and tier at a moment."""

    state: DayState
    left: int = 0
    """Seats that anybody can ask for now."""
    accessible: int = 0
    """Seats that the old and the disabled can ask for now: these, and those that are kept for them."""
    opens_at: datetime | None = None
    """When seats, or more of them, can next be asked for; none if nothing is known to come."""
    windows: tuple[WindowLeft, ...] = ()

    @property
    def first_window(self) -> str | None:
        """The start of the earliest window with a seat; none if the day has no windows, or no seat."""
        return next((each.start for each in self.windows if each.left), None)


def day_of(seats: Seats, now: datetime) -> Day:
    """What a day is that has, or had, planned seats. Holds that have run out must not count as in use any more.

    It says what the allocator would say to somebody who asks for no window.
    """
    offered = seats.offered()
    ahead = seats.ahead(offered, now)
    if now >= seats.closes_at or (offered and not ahead):
        return Day(DayState.OVER, windows=_windows(offered, ahead, 0))
    if seats.planned == 0:
        return Day(DayState.CLOSED)
    if now < seats.opens_at:
        return Day(DayState.NOT_OPEN_YET, opens_at=seats.opens_at, windows=_windows(offered, ahead, 0))
    room = sum([each.left for each in ahead]) if offered else seats.left
    left, accessible = min(room, seats.left_for(None, now)), min(room, seats.left_for("accessible", now))
    state = DayState.OPEN if left else DayState.SOLD_OUT
    if not left and room and seats.source_for(None, now) is RefusalCode.NOT_OPEN_YET:
        state = DayState.NOT_OPEN_YET
    return Day(state, left, accessible, seats.opens_next(now) if room else None, _windows(offered, ahead, left))


def day_without_seats(closes_at: datetime, now: datetime, *, is_published: bool) -> Day:
    """What a day is that nothing was planned for: closed, if its month was published; else nobody knows yet when
    it opens."""
    if now >= closes_at:
        return Day(DayState.OVER)
    return Day(DayState.CLOSED if is_published else DayState.NOT_OPEN_YET)


def _windows(offered: list[WindowSeats], ahead: list[WindowSeats], left: int) -> tuple[WindowLeft, ...]:
    if left == 0:
        return tuple([WindowLeft(each.start, each.end, 0) for each in offered])
    if len(ahead) == len(offered):
        return tuple([WindowLeft(each.start, each.end, min(left, each.left)) for each in offered])
    return tuple([WindowLeft(each.start, each.end, min(left, each.left) if each in ahead else 0) for each in offered])
