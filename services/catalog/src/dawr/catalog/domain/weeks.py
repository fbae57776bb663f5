"""What an office is planned to serve in a week: seats, windows, when booking opens, and for whom seats are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.errors import (
    KeptTooMuch,
    Negative,
    ReleasesDontAddUp,
    ReleasesOutOfOrder,
    WindowsDontAddUp,
    WindowsOverlap,
)
from dawr.contracts.values import Window

Share = Literal["assisted", "accessible", "urgent"]
"""For whom seats are kept, as on the wire."""


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """A tier of a service at an office: what capacity is planned for."""

    office: str
    service: str
    tier: str


@dataclass(frozen=True, slots=True)
class WindowSeats:
    """A part of a day as somebody wants it: `HH:MM` local times, and seats."""

    start: str
    end: str
    capacity: int


@dataclass(frozen=True, slots=True)
class ReleasePart:
    """A part of a day's seats that is released at a local time `HH:MM` of the day on which booking opens."""

    at: str
    percent: int


@dataclass(frozen=True, slots=True)
class WeekdayPlan:
    """What one weekday can take."""

    capacity: int
    windows: tuple[Window, ...]
    opens_days_before: int
    """Booking opens so many days before."""
    opens_time: str = "00:00"
    """And at this local time then."""
    releases: tuple[ReleasePart, ...] = ()
    """By time, the first at `opens_time`, 100 % together; empty: all seats at once."""
    kept_assisted: int = 0
    """Percent of the day's seats that are kept for people who come through licensed assistance."""
    kept_accessible: int = 0
    """Percent that are kept for the old and the disabled."""
    kept_urgent: int = 0
    """Percent that are kept for urgent cases."""

    @property
    def kept(self) -> tuple[tuple[Share, int], ...]:
        """The kept shares in percent, each by its name."""
        return (
            ("assisted", self.kept_assisted),
            ("accessible", self.kept_accessible),
            ("urgent", self.kept_urgent),
        )


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """What an offer can take on each weekday; a weekday that is not here is closed."""

    offer: Offer
    days: Mapping[Weekday, WeekdayPlan]
    valid_from: date = date.min
    """The first date that follows it."""


def seats(capacity: int, windows: Sequence[WindowSeats]) -> tuple[Window, ...]:
    """The windows of a day of this capacity, or none: then the day is one line.

    Refuses seats below zero (Negative), windows that overlap, are out of order or end before they start
    (WindowsOverlap), and windows whose seats are not the day's (WindowsDontAddUp).
    """
    if capacity < 0:
        raise Negative(field="capacity")
    ends = "00:00"
    for window in windows:
        if window.capacity < 0:
            raise Negative(field="windows.capacity", window=window.start)
        if window.start < ends or window.end <= window.start:
            raise WindowsOverlap(window=window.start)
        ends = window.end
    total = sum(window.capacity for window in windows)
    if windows and total != capacity:
        raise WindowsDontAddUp(capacity=capacity, windows=total)
    return tuple(Window(start=each.start, end=each.end, capacity=each.capacity) for each in windows)


def check_week(days: Mapping[Weekday, WeekdayPlan]) -> None:
    """Refuse a week that can't be.

    Refuses what `seats` refuses, any other number below zero (Negative), releases that are not 100 % together
    (ReleasesDontAddUp), are out of order or don't start at the opening (ReleasesOutOfOrder), and shares that are
    more than 100 % together (KeptTooMuch).
    """
    for plan in days.values():
        seats(plan.capacity, [WindowSeats(each.start, each.end, each.capacity) for each in plan.windows])
        _check_opening(plan)


def _check_opening(plan: WeekdayPlan) -> None:
    numbers = [("opens_days_before", plan.opens_days_before), *((f"kept_{name}", count) for name, count in plan.kept)]
    numbers += [("releases.percent", part.percent) for part in plan.releases]
    for field, number in numbers:
        if number < 0:
            raise Negative(field=field)
    kept = sum(percent for _, percent in plan.kept)
    if kept > 100:
        raise KeptTooMuch(percent=kept)
    if not plan.releases:
        return
    total = sum(part.percent for part in plan.releases)
    if total != 100:
        raise ReleasesDontAddUp(percent=total)
    if plan.releases[0].at != plan.opens_time:
        raise ReleasesOutOfOrder(at=plan.releases[0].at, opens_time=plan.opens_time)
    for before, part in pairwise(plan.releases):
        if part.at <= before.at:
            raise ReleasesOutOfOrder(at=part.at)
