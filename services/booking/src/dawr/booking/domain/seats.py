"""The seats of a pool: how many there are, who counts, and what the catalog may change about them."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dawr.contracts.booking import RefusalCode, Share
from dawr.contracts.catalog import CapacityDay

_LONGEST_DAY = timedelta(hours=25)


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
class KeptSeats:
    """A part of the day's seats that only requests of a share can take."""

    share: Share
    seats: int
    """What the catalog published; 0 for a share that it took away while turns had such seats."""
    in_use: int = 0

    @property
    def free(self) -> int:
        """How many wait for a request of the share."""
        return max(0, self.seats - self.in_use)


@dataclass(frozen=True, slots=True)
class Release:
    """A part of the day's seats, and since when it can be asked for."""

    at: datetime
    seats: int


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
    releases: tuple[Release, ...] = ()
    """The parts in which the seats are set free, by time; none: all of them at `opens_at`. Kept seats are of the
    first parts: others get what is released beyond them."""
    kept: tuple[KeptSeats, ...] = ()

    @property
    def left(self) -> int:
        """How many can still be held, whoever asks and once all of them are released."""
        return max(0, self.capacity - self.in_use)

    @property
    def kept_free(self) -> int:
        """How many of these wait for requests of their shares."""
        return sum(each.free for each in self.kept) if self.kept else 0

    def released(self, now: datetime) -> int:
        """How many may be in use by now: no more than was set free, and never more than there are."""
        if not self.releases:
            return self.capacity
        return min(self.capacity, sum(each.seats for each in self.releases if each.at <= now))

    def left_for(self, share: Share | None, now: datetime) -> int:
        """How many a request of a share (none: anybody) could take now, were the day open."""
        free = self.released(now) - self.in_use
        own = sum(each.free for each in self.kept if each.share == share)
        return max(0, min(free, own + max(0, free - self.kept_free)))

    def opens_next(self, now: datetime) -> datetime | None:
        """When seats, or more of them, can be asked for; none if all are released."""
        if now < self.opens_at:
            return self.opens_at
        return next((each.at for each in self.releases if each.at > now), None)

    def source_for(self, share: Share | None, now: datetime | None) -> Share | RefusalCode | None:
        """From where a request gets its seat: kept seats of its share, or (None) those that anybody can have.

        Else why it gets none: NOT_OPEN_YET if there is one for it in a later part, SOLD_OUT if not. Without `now` all
        parts count as released: that is for a turn that the office moves here, whose person has been in line already.
        """
        free = (self.capacity if now is None else self.released(now)) - self.in_use
        if free > 0:
            if share is not None and any(each.share == share and each.free for each in self.kept):
                return share
            if free > self.kept_free:
                return None
        is_later = now is not None and not isinstance(self.source_for(share, None), RefusalCode)
        return RefusalCode.NOT_OPEN_YET if is_later else RefusalCode.SOLD_OUT

    def offered(self) -> list[WindowSeats]:
        """The windows that the catalog offers, ended or not."""
        return [each for each in self.windows if each.planned > 0] if self.windows else []

    def ahead(self, offered: list[WindowSeats], now: datetime) -> list[WindowSeats]:
        """Those of the offered windows that have not ended. A day that has not begun is told at once: nearly all that
        are asked for are such."""
        if not offered or self.closes_at - now > _LONGEST_DAY:
            return offered
        return [each for each in offered if now < _end_of(each, self.closes_at)]

    def is_over(self, now: datetime) -> bool:
        """Whether nobody can be served any more: the day has ended, or the last of its windows has."""
        if not self.windows or self.closes_at - now > _LONGEST_DAY:
            return now >= self.closes_at
        offered = self.offered()
        return now >= self.closes_at or (bool(offered) and not self.ahead(offered, now))

    def ended(self, at: datetime) -> frozenset[str]:
        """The starts of the windows, offered or not, that had ended at a moment."""
        return frozenset(each.start for each in self.windows if _end_of(each, self.closes_at) <= at)

    def in_use_ahead(self, at: datetime) -> int:
        """How many turns had not been served by a moment: those of windows that had not ended, and those of none."""
        return self.in_use - sum(each.in_use for each in self.windows if _end_of(each, self.closes_at) <= at)

    def window_for(self, wish: str | None, now: datetime) -> WindowSeats | RefusalCode | None:
        """The window that a wish gets: the wished one, the earliest with room, none if the day has no windows. One that
        has ended has no room."""
        offered = self.offered()
        if not offered:
            return None if wish is None else RefusalCode.WINDOW_UNKNOWN
        ahead = self.ahead(offered, now)
        if wish is None:
            return next((each for each in ahead if each.left), RefusalCode.SOLD_OUT)
        wished = next((each for each in offered if each.start == wish), None)
        if wished is None:
            return RefusalCode.WINDOW_UNKNOWN
        has_ended = ahead is not offered and wished not in ahead
        return wished if wished.left and not has_ended else RefusalCode.WINDOW_FULL

    def taking(self, window: str | None, count: int = 1, source: Share | None = None) -> "Seats":
        """With so many seats more in use (or less, if negative) in a window; `source`: the share that they are kept
        for, none for those that anybody can have."""
        in_use = self.in_use + count
        windows, kept = self.windows, self.kept
        if windows:
            windows = tuple(each.taking(count) if each.start == window else each for each in windows)
        if source is not None:
            kept = tuple(replace(each, in_use=each.in_use + count) if each.share == source else each for each in kept)
        # Not `replace`: this is done for every turn, and that costs five times as much.
        return Seats(
            _kept(self.capacity, self.planned, in_use),
            in_use,
            self.planned,
            self.opens_at,
            self.closes_at,
            windows,
            self.hold_seconds,
            self.releases,
            kept,
        )


def _kept(capacity: int, planned: int, in_use: int) -> int:
    """The capacity once so many seats are in use: it comes down to what is planned, and never grows to fit."""
    return min(capacity, max(planned, in_use))


def _end_of(window: WindowSeats, closes_at: datetime) -> datetime:
    """When a window ends. It is counted back from the end of the local day: clocks change in the small hours."""
    if window.end <= window.start:  # at midnight
        return closes_at
    return closes_at - timedelta(hours=24 - int(window.end[:2]), minutes=-int(window.end[3:]))


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
        releases=tuple(sorted((Release(each.at, each.seats) for each in day.releases), key=lambda each: each.at)),
        kept=_kept_by_plan(seats, day),
    )


def _kept_by_plan(seats: Seats | None, day: CapacityDay) -> tuple[KeptSeats, ...]:
    """The shares of a plan, and those that have turns although the plan no longer has them."""
    used = {each.share: each.in_use for each in seats.kept if each.in_use} if seats else {}
    planned = {each.share: each.seats for each in day.kept if each.seats}
    return tuple(
        KeptSeats(share, planned.get(share, 0), used.get(share, 0)) for share in sorted(planned.keys() | used.keys())
    )


def closed(seats: Seats) -> Seats:
    """The seats of a day that the catalog no longer lists: nothing free, and what is in use stays."""
    return replace(
        seats,
        capacity=seats.in_use,
        planned=0,
        windows=tuple(_withdrawn(each) for each in seats.windows if each.in_use),
        releases=(),
        kept=tuple(replace(each, seats=0) for each in seats.kept if each.in_use),
    )


def _withdrawn(window: WindowSeats) -> WindowSeats:
    return replace(window, capacity=window.in_use, planned=0)


def is_overfull(seats: Seats) -> bool:
    """Whether more turns have seats than the plan has, in the day or in one of its windows: somebody must decide."""
    return seats.in_use > seats.planned or any(each.in_use > each.planned for each in seats.windows)


def plan_of(seats: Seats) -> str:
    """What the catalog published for a day, as one text: two days that were planned alike have the same."""
    return json.dumps(
        [
            seats.planned,
            seats.opens_at.astimezone(UTC).isoformat(),
            seats.hold_seconds,
            [[each.start, each.end, each.planned] for each in seats.windows if each.planned],
            [[each.at.astimezone(UTC).isoformat(), each.seats] for each in seats.releases],
            [[each.share, each.seats] for each in seats.kept if each.seats],
        ]
    )
