"""What a month would look like, beside what is published of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dawr.catalog.domain.calendars import Calendar, Closure
from dawr.catalog.domain.capacity import (
    FURTHEST_DAYS,
    MonthOfCapacity,
    OpenDay,
    day_of,
    days_of_month,
    follow_plans,
    month_of,
)
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import CapacityPlan, published
from dawr.catalog.domain.weeks import WeekPlan
from dawr.catalog.errors import DateOver, DateTooFar
from dawr.contracts.catalog import CapacityDay, ClosedDay


@dataclass(frozen=True, slots=True)
class PreviewedDay:
    """A date as it would be, and as it is published; none: nothing is published of it."""

    date: date
    planned: CapacityDay | ClosedDay
    published: CapacityDay | ClosedDay | None


def weeks_with(plans: Iterable[CapacityPlan], wanted: WeekPlan | None) -> tuple[WeekPlan, ...]:
    """The weeks of an offer's published plans as they would be with another one: it supersedes those from its first
    date on, as `plans.publish` has it."""
    standing = [plan.week for plan in published(plans)]
    if wanted is None:
        return tuple(standing)
    return (*(week for week in standing if week.valid_from < wanted.valid_from), wanted)


def check_month(month: str, today: date) -> None:
    """Refuse a month that is over (DateOver) or further ahead than capacity is decided (DateTooFar)."""
    if month < month_of(today):
        raise DateOver(month=month, today=today)
    if (days_of_month(month)[0] - today).days > FURTHEST_DAYS:
        raise DateTooFar(month=month)


def preview_month(
    month: MonthOfCapacity,
    weeks: Iterable[WeekPlan],
    office: Office,
    calendar: Calendar,
    closures: Iterable[Closure],
    *,
    today: date,
) -> tuple[PreviewedDay, ...]:
    """The dates of a month from today on, as plans, calendar and closures would have them; what staff decided for a
    day stays. `month` is as last published."""
    weeks, closures = tuple(weeks), tuple(closures)
    dates = [on for on in days_of_month(month.month) if on >= today]
    if not dates:
        return ()
    after = follow_plans(month, weeks, office, calendar, closures, first=dates[0], days=len(dates)) or month
    planned, as_published = _by_date(after), _by_date(month)
    return tuple(
        PreviewedDay(on, planned.get(on) or _closed(weeks, office, calendar, closures, on), as_published.get(on))
        for on in dates
    )


def _by_date(month: MonthOfCapacity) -> dict[date, CapacityDay | ClosedDay]:
    found: dict[date, CapacityDay | ClosedDay] = {each.date: each for each in month.open_days}
    return found | {each.date: each for each in month.closed}


def _closed(
    weeks: Iterable[WeekPlan], office: Office, calendar: Calendar, closures: Iterable[Closure], on: date
) -> CapacityDay | ClosedDay:
    """Why nobody is served on a date that no plan has."""
    begun = [week for week in weeks if week.valid_from <= on]
    week = max(begun, key=lambda each: each.valid_from, default=None)
    outcome = day_of(week, office, calendar, closures, on)
    return outcome.day if isinstance(outcome, OpenDay) else outcome
