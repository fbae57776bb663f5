"""How many can be served: a plan for each weekday, the days that follow from it, and what staff decided otherwise.

A month of one offer is the unit that is published, with a revision of its own.
"""

from calendar import monthrange
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from dawr.catalog.domain.calendars import (
    Calendar,
    ClosedBy,
    ClosedOn,
    Closure,
    Hours,
    Weekday,
    closure_on,
    holds,
    hours_on,
    minute_of,
    minutes_open,
)
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.weeks import Offer, ReleasePart, WeekdayPlan, WeekPlan, WindowSeats, seats
from dawr.catalog.errors import (
    ChangedMeanwhile,
    DateOver,
    DateTooFar,
    OpensTooLate,
)
from dawr.contracts import Text
from dawr.contracts.catalog import CapacityDay, CapacityPublished, ClosedDay, KeptSeats, Release
from dawr.contracts.values import Window

FURTHEST_DAYS = 400
"""How far ahead a day's capacity can be decided: a year, and room to plan it."""


NOTHING_PLANNED = Text(ar="لا توجد خطة لهذا اليوم", en="Nothing is planned for this day")
OUTSIDE_HOURS = Text(ar="لا تقع أي فترة ضمن ساعات الدوام", en="No window lies within the opening hours")


class Decider(StrEnum):
    """What a day's capacity follows."""

    PLAN = "plan"
    STAFF = "staff"


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
class OpenDay:
    """A day on which people are served."""

    day: CapacityDay
    hours: Hours
    """When the office is open then."""
    note: Text | None = None
    """Why the hours are not the usual ones; none: they are."""


def day_of(
    week: WeekPlan | None, office: Office, calendar: Calendar, closures: Iterable[Closure], on: date
) -> OpenDay | ClosedDay:
    """What the week in force, an office, its calendar and the closures make of a date.

    A closure goes before the calendar, and the calendar before the week. Windows that don't lie within the hours of
    the day fall out; a day without windows that is shorter than usual has its seats by the minutes that are left.
    """
    closure = closure_on(closures, office.code, office.region, on)
    if closure is not None:
        return _closed(on, ClosedBy.CLOSURE, closure.reason)
    opening = hours_on(office.hours, calendar, on)
    if isinstance(opening, ClosedOn):
        return _closed(on, opening.kind, opening.reason)
    weekday = Weekday(on.isoweekday())
    plan = week.days.get(weekday) if week is not None and week.valid_from <= on else None
    if plan is None:
        return _closed(on, ClosedBy.NO_PLAN, NOTHING_PLANNED)
    windows = tuple(each for each in plan.windows if holds(opening.hours, each.start, each.end))
    if plan.windows and not windows:
        return _closed(on, ClosedBy.SPECIAL, opening.note or OUTSIDE_HOURS)
    if windows:
        capacity = sum(each.capacity for each in windows)
    else:
        capacity = scaled(plan.capacity, minutes_open(opening.hours), minutes_open(office.hours.get(weekday, ())))
    return OpenDay(_opened(plan, on, capacity, windows, office.zone), opening.hours, opening.note)


def _closed(on: date, kind: ClosedBy, reason: Text) -> ClosedDay:
    return ClosedDay(date=on, kind=kind.value, reason=reason)


def scaled(capacity: int, minutes: int, usual: int) -> int:
    """The seats of a day that is shorter than usual: by its minutes, rounded down, but one at least if it has any.

    A day that is longer than usual, or usually closed, has the seats that are planned.
    """
    if minutes >= usual:
        return capacity
    return max(capacity * minutes // usual, min(capacity, 1))


def _opened(plan: WeekdayPlan, on: date, capacity: int, windows: tuple[Window, ...], zone: str) -> CapacityDay:
    opening_day = on - timedelta(days=plan.opens_days_before)
    return CapacityDay(
        date=on,
        capacity=capacity,
        opens_at=moment(opening_day, plan.opens_time, zone),
        windows=windows,
        releases=_releases(plan.releases, capacity, opening_day, zone),
        kept=tuple(
            KeptSeats(share=share, seats=count) for share, percent in plan.kept if (count := capacity * percent // 100)
        ),
    )


def _releases(parts: Sequence[ReleasePart], capacity: int, on: date, zone: str) -> tuple[Release, ...]:
    """The seats of each part, rounded down; the last has the rest."""
    counts = [capacity * part.percent // 100 for part in parts[:-1]]
    counts.append(capacity - sum(counts))
    return tuple(Release(at=moment(on, part.at, zone), seats=count) for part, count in zip(parts, counts, strict=False))


@lru_cache(maxsize=16_384)
def moment(on: date, clock: str, zone: str) -> datetime:
    """The moment in UTC at which it is a time `HH:MM` on a date in a zone.

    A time that comes twice, as the clocks go back, is the first of both. One that never comes, as they go on, is the
    moment at which they do: so times of a day are in the same order as their moments.
    """
    local = datetime.combine(on, time(*divmod(minute_of(clock), 60)))
    place = ZoneInfo(zone)
    early, late = (local.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early <= late:
        return early
    # In the gap: `late` is before the clocks go on and `early` after it. Zones change on full minutes.
    before, after = 0, int((early - late).total_seconds()) // 60
    old = late.astimezone(place).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if (late + timedelta(minutes=middle)).astimezone(place).utcoffset() == old:
            before = middle
        else:
            after = middle
    return late + timedelta(minutes=after)


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
    """By date. What staff decided for a day that a closure closes is here too, and in `closed`."""
    closed: tuple[ClosedDay, ...] = ()
    """By date: days on which it would be open by its week, or by what staff decided, and is not."""
    taken_away: bool = False
    """Long over: the topic no longer holds it."""

    def on(self, day: date) -> DecidedDay | None:
        """What is decided for a date."""
        return next((each for each in self.days if each.day.date == day), None)

    @property
    def open_days(self) -> tuple[CapacityDay, ...]:
        """By date: the days on which people are served."""
        closed = {each.date for each in self.closed}
        return tuple(each.day for each in self.days if each.day.date not in closed)

    def _with(self, days: Iterable[DecidedDay], closed: Iterable[ClosedDay]) -> "MonthOfCapacity":
        return replace(
            self,
            days=tuple(sorted(days, key=lambda each: each.day.date)),
            closed=tuple(sorted(closed, key=lambda each: each.date)),
            revision=self.revision + 1,
            taken_away=False,
        )


def month_of(day: date) -> str:
    """The month of a date, `2026-12`."""
    return day.isoformat()[:7]


def months_between(first: date, days: int) -> list[str]:
    """The months that a span of days touches, in order."""
    return sorted({month_of(first + timedelta(days=n)) for n in range(days)})


def follow_plans(
    month: MonthOfCapacity,
    weeks: Iterable[WeekPlan],
    office: Office,
    calendar: Calendar,
    closures: Iterable[Closure],
    *,
    first: date,
    days: int,
) -> MonthOfCapacity | None:
    """The month with `days` dates from `first` on as plans, calendar and closures have them; none if it is so.

    `weeks` are those that are published, in any order: the last to have begun counts. What staff decided for a day
    goes before plans and calendar, but not before a closure, which closes days after the span too. Dates before the
    span stay as they are.
    """
    newest = sorted(weeks, key=lambda week: week.valid_from, reverse=True)
    mine = [each for each in closures if any(each.closes(office.code, office.region, on) for on in _dates(month))]
    end = first + timedelta(days=days)
    kept = [each for each in month.days if each.by is Decider.STAFF or not first <= each.day.date < end]
    by_staff = {each.day.date for each in kept if each.by is Decider.STAFF}
    closed = {
        each.date: each
        for each in month.closed
        if each.date < first or (each.date >= end and each.kind != ClosedBy.CLOSURE)
    }
    for decided in kept:
        closure = closure_on(mine, office.code, office.region, decided.day.date)
        if decided.day.date >= first and closure is not None:
            closed[decided.day.date] = _closed(decided.day.date, ClosedBy.CLOSURE, closure.reason)
    for on in _dates(month):
        if not first <= on < end or on in by_staff:
            continue
        week = next((each for each in newest if each.valid_from <= on), None)
        if week is None or Weekday(on.isoweekday()) not in week.days:
            continue
        outcome = day_of(week, office, calendar, mine, on)
        if isinstance(outcome, OpenDay):
            kept.append(DecidedDay(outcome.day, Decider.PLAN))
        else:
            closed[on] = outcome
    revised = month._with(kept, closed.values())
    return None if (revised.days, revised.closed) == (month.days, month.closed) else revised


def _dates(month: MonthOfCapacity) -> list[date]:
    return days_of_month(month.month)


def days_of_month(month: str) -> list[date]:
    """The dates of a month `2026-12`."""
    year, number = map(int, month.split("-"))
    return [date(year, number, day) for day in range(1, monthrange(year, number)[1] + 1)]


def decide_day(month: MonthOfCapacity, wanted: WantedDay, *, zone: str, now: datetime) -> MonthOfCapacity | None:
    """The month with a person's decision about one of its days; none if that is what is decided already.

    It opens a holiday or a weekend, but not a day that a closure closes: there it waits for the closure's end.
    The day's releases and kept shares stay as far as its seats go; one that opens otherwise opens all at once.
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
        releases=_same_releases(before.day if before else None, wanted.capacity, opens_at),
        kept=_same_kept(before.day if before else None, wanted.capacity),
    )
    decided = DecidedDay(day, Decider.STAFF)
    closed = [each for each in month.closed if each.date != wanted.date or each.kind == ClosedBy.CLOSURE]
    if before == decided and len(closed) == len(month.closed):
        return None
    return month._with([*(each for each in month.days if each.day.date != wanted.date), decided], closed)


def _same_releases(before: CapacityDay | None, capacity: int, opens_at: datetime) -> tuple[Release, ...]:
    """The parts as they were, if the day opens as it did: seats more or fewer are the last parts'."""
    if before is None or not before.releases or before.opens_at != opens_at:
        return ()
    left, parts = capacity, []
    for part in before.releases:
        parts.append(Release(at=part.at, seats=min(part.seats, left)))
        left -= parts[-1].seats
    parts[-1] = Release(at=parts[-1].at, seats=parts[-1].seats + left)
    return tuple(parts)


def _same_kept(before: CapacityDay | None, capacity: int) -> tuple[KeptSeats, ...]:
    """The kept shares as they were, as far as the seats go."""
    left, kept = capacity, []
    for each in before.kept if before is not None else ():
        count = min(each.seats, left)
        left -= count
        if count:
            kept.append(KeptSeats(share=each.share, seats=count))
    return tuple(kept)


def check_date(day: date, *, zone: str, now: datetime) -> None:
    """Refuse a date that is over at a place, or too far ahead to decide about."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if day < today:
        raise DateOver(date=day, today=today)
    if (day - today).days > FURTHEST_DAYS:
        raise DateTooFar(date=day, furthest=today + timedelta(days=FURTHEST_DAYS))


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
        days=month.open_days,
        closed=month.closed,
    )
