"""The seats of a pool: how many there are, who counts, and what the catalog may change about them."""

from dataclasses import dataclass, replace
from datetime import datetime

from dawr.contracts.booking import RefusalCode
from dawr.contracts.catalog import CapacityDay


@dataclass(frozen=True, slots=True)
class WindowSeats:
    """A part of the day with seats of its own."""

    start: str
    end: str
    capacity: int
    in_use: int = 0
    planned: int = 0
    """What the catalog published; 0 for one that it took away while turns were in it."""

    @property
    def left(self) -> int:
        """How many can still be held."""
        return max(0, self.capacity - self.in_use)

    def taking(self, count: int) -> "WindowSeats":
        """With so many seats more in use."""
        in_use = self.in_use + count
        return replace(self, in_use=in_use, capacity=_kept(self.capacity, self.planned, in_use))


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of one pool. `in_use` counts held and confirmed turns."""

    capacity: int
    """What was published, or what is in use if that is more: it can't go below."""
    in_use: int
    planned: int
    """What was published. While more is in use, a seat that is given back is not given again."""
    opens_at: datetime
    closes_at: datetime
    """The end of the local day: later, nothing can be asked for."""
    windows: tuple[WindowSeats, ...] = ()
    hold_seconds: int | None = None
    """How long a seat is kept for its payment, where the catalog says; else booking's own setting counts."""

    @property
    def left(self) -> int:
        """How many can still be held."""
        return max(0, self.capacity - self.in_use)

    def window_for(self, wish: str | None) -> WindowSeats | RefusalCode | None:
        """The window that a wish gets: the wished one, the earliest with room, none if the day has no windows."""
        offered = [each for each in self.windows if each.planned > 0] if self.windows else ()
        if not offered:
            return None if wish is None else RefusalCode.WINDOW_UNKNOWN
        if wish is None:
            return next((each for each in offered if each.left), RefusalCode.SOLD_OUT)
        wished = next((each for each in offered if each.start == wish), None)
        if wished is None:
            return RefusalCode.WINDOW_UNKNOWN
        return wished if wished.left else RefusalCode.WINDOW_FULL

    def taking(self, window: str | None, count: int = 1) -> "Seats":
        """With so many seats more in use (or less, if negative) in a window."""
        in_use = self.in_use + count
        windows = self.windows
        if windows:
            windows = tuple(each.taking(count) if each.start == window else each for each in windows)
        # Not `replace`: this is done for every turn, and that costs five times as much.
        return Seats(
            capacity=_kept(self.capacity, self.planned, in_use),
            in_use=in_use,
            planned=self.planned,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            windows=windows,
            hold_seconds=self.hold_seconds,
        )


def _kept(capacity: int, planned: int, in_use: int) -> int:
    """The capacity once so many seats are in use: it comes down to what is planned, and never grows to fit."""
    return min(capacity, max(planned, in_use))


def published(seats: Seats | None, day: CapacityDay, closes_at: datetime) -> Seats:
    """The seats of a day after the catalog published it: never fewer than are in use, window by window."""
    used = {each.start: each.in_use for each in seats.windows} if seats else {}
    listed = {each.start for each in day.windows}
    windows = [
        WindowSeats(
            each.start, each.end, max(each.capacity, used.get(each.start, 0)), used.get(each.start, 0), each.capacity
        )
        for each in day.windows
    ]
    windows += [_withdrawn(each) for each in seats.windows if each.start not in listed and each.in_use] if seats else []
    in_use = seats.in_use if seats else 0
    return Seats(
        capacity=max(day.capacity, in_use),
        in_use=in_use,
        planned=day.capacity,
        opens_at=day.opens_at,
        closes_at=closes_at,
        windows=tuple(sorted(windows, key=lambda each: each.start)),
        hold_seconds=day.hold_seconds,
    )


def closed(seats: Seats) -> Seats:
    """The seats of a day that the catalog no longer lists: nothing free, and what is in use stays."""
    return replace(
        seats,
        capacity=seats.in_use,
        planned=0,
        windows=tuple(_withdrawn(each) for each in seats.windows if each.in_use),
    )


def _withdrawn(window: WindowSeats) -> WindowSeats:
    return replace(window, capacity=window.in_use, planned=0)
