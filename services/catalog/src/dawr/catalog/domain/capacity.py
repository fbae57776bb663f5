"""How many can be served: a plan for each weekday, the days that follow from it, and what staff decided otherwise.

A month of one offer is the unit that is published, with a revision of its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dawr.catalog.domain.offices import Weekday
from dawr.catalog.errors import (
    ChangedMeanwhile,
    DateOver,
    DateTooFar,
    Negative,
    OpensTooLate,
    WindowsDontAddUp,
    WindowsOverlap,
)
from dawr.contracts.catalog import CapacityDay, CapacityPublished
from dawr.contracts.values import Window

FURTHEST_DAYS = 400
"""How far ahead a day's capacity can be decided: a year, and room to plan it."""


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """A tier of a service at an office: what capacity is planned for."""

    office: str
    service: str
    tier: str


class Decider(StrEnum):
    """What a day's capacity follows."""

    PLAN = "plan"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class WindowSeats:
    """A part of a day as somebody wants it: `HH:MM` local times, and seats."""

    start: str
    end: str
    capacity: int


@dataclass(frozen=True, slots=True)
class WantedDay:
    """A day's capacity as a person wants it."""

    date: date
    capacity: int
    windows: tuple[WindowSeats, ...] = ()
    opens_at: datetime | None = None
    """None: as it was, or at once."""
    hold_seconds: int | None = None
    """How long a seat is kept for its payment; none: as long as booking is set to."""


@dataclass(frozen=True, slots=True)
class WeekdayPlan:
    """What one weekday can take."""

    capacity: int
    windows: tuple[Window, ...]
    opens_days_before: int
    """Booking opens at local midnight, so many days before."""


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """What an offer can take on each weekday; a weekday that is not here is closed."""

    offer: Offer
    days: Mapping[Weekday, WeekdayPlan]

    def day(self, on: date, zone: str) -> CapacityDay | None:
        """The capacity that the plan gives a date; none if it is closed then."""
        plan = self.days.get(Weekday(on.isoweekday()))
        if plan is None:
            return None
        opens = datetime.combine(on - timedelta(days=plan.opens_days_before), time(), ZoneInfo(zone))
        return CapacityDay(date=on, capacity=plan.capacity, opens_at=opens.astimezone(UTC), windows=plan.windows)


@dataclass(frozen=True, slots=True)
class DecidedDay:
    """A day's capacity, and what decided it."""

    day: CapacityDay
    by: Decider


@dataclass(frozen=True, slots=True)
class MonthOfCapacity:
    """The days of one offer in one month, as last published."""

    offer: Offer
    month: str
    """`2026-12`"""
    revision: int = 0
    """0: never published."""
    days: tuple[DecidedDay, ...] = ()
    """By date."""
    taken_away: bool = False
    """Long over: the topic no longer holds it."""

    def on(self, day: date) -> DecidedDay | None:
        """What is decided for a date."""
        return next((each for each in self.days if each.day.date == day), None)

    def _with(self, days: Iterable[DecidedDay]) -> "MonthOfCapacity":
        ordered = tuple(sorted(days, key=lambda each: each.day.date))
        return replace(self, days=ordered, revision=self.revision + 1, taken_away=False)


def month_of(day: date) -> str:
    """The month of a date, `2026-12`."""
    return day.strftime("%Y-%m")


def months_between(first: date, days: int) -> list[str]:
    """The months that a span of days touches, in order."""
    return sorted({month_of(first + timedelta(days=n)) for n in range(days)})


def follow_plan(month: MonthOfCapacity, plan: WeekPlan, zone: str, *, first: date, days: int) -> MonthOfCapacity | None:
    """The month with `days` dates from `first` on as the plan has them; none if it already is so.

    What staff decided stays, and so do the dates before the span and after it.
    """
    span = [first + timedelta(days=n) for n in range(days)]
    planned = [plan.day(on, zone) for on in span if month_of(on) == month.month]
    end = first + timedelta(days=days)
    kept = [each for each in month.days if each.by is Decider.STAFF or not first <= each.day.date < end]
    decided = {each.day.date for each in kept}
    added = [DecidedDay(day, Decider.PLAN) for day in planned if day is not None and day.date not in decided]
    revised = month._with([*kept, *added])
    return None if revised.days == month.days else revised


def decide_day(month: MonthOfCapacity, wanted: WantedDay, *, zone: str, now: datetime) -> MonthOfCapacity | None:
    """The month with a person's decision about one of its days; none if that is what is decided already.

    Refuses what `seats` refuses, a day that is over at the office (DateOver) or too far ahead (DateTooFar),
    and an opening after the day's end (OpensTooLate).
    """
    check_date(wanted.date, zone=zone, now=now)
    windows = seats(wanted.capacity, wanted.windows)
    before = month.on(wanted.date)
    opens_at = wanted.opens_at or (before.day.opens_at if before else now)
    if opens_at >= datetime.combine(wanted.date + timedelta(days=1), time(), ZoneInfo(zone)):
        raise OpensTooLate(opens_at=opens_at)
    day = CapacityDay(
        date=wanted.date,
        capacity=wanted.capacity,
        opens_at=opens_at.astimezone(UTC),
        windows=windows,
        hold_seconds=wanted.hold_seconds,
    )
    decided = DecidedDay(day, Decider.STAFF)
    if before == decided:
        return None
    return month._with([*(each for each in month.days if each.day.date != wanted.date), decided])


def check_date(day: date, *, zone: str, now: datetime) -> None:
    """Refuse a date that is over at a place, or too far ahead to decide about."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if day < today:
        raise DateOver(date=day, today=today)
    if (day - today).days > FURTHEST_DAYS:
        raise DateTooFar(date=day, furthest=today + timedelta(days=FURTHEST_DAYS))


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


def check_revision(month: MonthOfCapacity, seen: Collection[int] | None) -> None:
    """Refuse a change to a month whose revision is none of those that the caller saw (ChangedMeanwhile).

    None: the caller does not mind.
    """
    if seen is not None and month.revision not in seen:
        raise ChangedMeanwhile(revision=month.revision)


def is_long_over(month: str, today: date, keep_days: int) -> bool:
    """Whether a month ended more than `keep_days` ago."""
    year, number = map(int, month.split("-"))
    next_month = date(year + number // 12, number % 12 + 1, 1)
    return next_month + timedelta(days=keep_days) <= today


def take_away(month: MonthOfCapacity) -> MonthOfCapacity:
    """The month once the topic no longer holds it. Its revision goes on counting if it ever comes back."""
    return replace(month, revision=month.revision + 1, taken_away=True)


def publication(month: MonthOfCapacity, zone: str) -> CapacityPublished:
    """The month as the other services get it."""
    return CapacityPublished(
        office=month.offer.office,
        service=month.offer.service,
        tier=month.offer.tier,
        month=month.month,
        revision=month.revision,
        zone=zone,
        days=tuple(each.day for each in month.days),
    )
