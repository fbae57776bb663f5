"""What must hold between the rows that say when: special days, closures, capacity within the offices' hours."""

from collections.abc import Iterator, Mapping

from dawr.catalog.domain.calendars import ClosureScope, SpecialKind, Weekday, holds
from dawr.catalog.domain.services import Allocation, Visit
from dawr.catalog.domain.weeks import WeekdayPlan, check_week, seats
from dawr.catalog.errors import (
    ClosureEndsEarly,
    KeptTooMuch,
    ReleasesDontAddUp,
    ReleasesOutOfOrder,
)
from dawr.catalog.folder.problems import Problem
from dawr.catalog.folder.reading import Numbered, Rows
from dawr.catalog.folder.rows import (
    CalendarRow,
    CapacityRow,
    ClosureRow,
    OfficeRow,
    RegionRow,
    ServiceRow,
    SpecialDayRow,
)
from dawr.servicekit.errors import Refusal


def check_times(rows: Rows) -> Iterator[Problem]:
    """Every problem between rows that say when."""
    yield from _special_days(rows)
    yield from _closures(rows)
    yield from _capacity(rows)
    yield from _weekdays_twice(rows)


def _unknown(at: Numbered, column: str, code: str) -> Problem:
    return at.problem(column, "unknown", f"nothing has the code {code}", f"لا يوجد ما رمزه {code}")


def _special_days(rows: Rows) -> Iterator[Problem]:
    calendars = {row.code for row in rows.of(CalendarRow)}
    for at, row in rows.numbered(SpecialDayRow):
        if row.calendar not in calendars:
            yield _unknown(at, "calendar", row.calendar)
        if row.last_day < row.first_day:
            yield at.problem("last_day", "ends-early", "before the first day", "قبل اليوم الأول")
        if row.kind is SpecialKind.HOURS and not row.hours:
            yield at.problem("hours", "hours-missing", "hours are expected", "المتوقع ساعات الدوام")
        if row.kind is SpecialKind.CLOSED and row.hours:
            yield at.problem("hours", "hours-of-closed", "a closed day has no hours", "لا ساعات ليوم مغلق")


def _closures(rows: Rows) -> Iterator[Problem]:
    places = {
        ClosureScope.REGION: {row.code for row in rows.of(RegionRow)},
        ClosureScope.OFFICE: {row.code for row in rows.of(OfficeRow)},
    }
    for at, row in rows.numbered(ClosureRow):
        known = places.get(row.scope)
        if known is None:
            if row.code is not None:
                en, ar = "a closure of everything names no code", "إغلاق everything بلا رمز"
                yield at.problem("code", "code-of-everything", en, ar)
        elif row.code is None:
            yield at.problem("code", "code-missing", f"a code of a {row.scope} is expected", f"المتوقع رمز {row.scope}")
        elif row.code not in known:
            yield _unknown(at, "code", row.code)
        if row.last_day < row.first_day:
            title = ClosureEndsEarly.title
            yield at.problem("last_day", ClosureEndsEarly.code, title.en, title.ar)


def _capacity(rows: Rows) -> Iterator[Problem]:
    services = {row.code: row for row in rows.of(ServiceRow)}
    offices = {row.code: row for row in rows.of(OfficeRow)}
    for at, plan in rows.numbered(CapacityRow):
        service, office = services.get(plan.service), offices.get(plan.office)
        if service is None:
            yield _unknown(at, "service", plan.service)
        else:
            yield from _offered(at, plan, service, office)
        if office is None:
            yield _unknown(at, "office", plan.office)
        yield from _week(at, plan)


def check_hours(rows: Rows) -> Iterator[Problem]:
    """Every problem of capacity outside the offices' hours.

    Only a plan that is new has them: once it stands, hours may change, and what falls outside is not given.
    """
    offices = {row.code: row for row in rows.of(OfficeRow)}
    for at, plan in rows.numbered(CapacityRow):
        if plan.office in offices:
            yield from _within_hours(at, plan, offices[plan.office])


def _offered(at: Numbered, plan: CapacityRow, service: ServiceRow, office: OfficeRow | None) -> Iterator[Problem]:
    code = plan.service
    if plan.tier not in service.tiers:
        yield at.problem("tier", "not-offered", f"{code} has no tier {plan.tier}", f"ليس للخدمة {code} فئة {plan.tier}")
    elif service.visit is Visit.NONE:
        en = f"{code} needs no visit, so there are no turns to plan"
        yield at.problem("service", "no-visit", en, f"لا تحتاج {code} إلى حضور، فلا أدوار تُخطط لها")
    elif service.allocation is Allocation.OPEN:
        en = f"{code} is open: it has no seats to plan"
        yield at.problem("service", "open", en, f"{code} متاحة بلا حد، فلا مقاعد تُخطط لها")
    elif office is not None and office.kind.channels.isdisjoint(service.channels):
        en = f"{code} is not given through the channels of {plan.office}"
        yield at.problem("office", "not-offered", en, f"لا تُقدَّم {code} عبر قنوات {plan.office}")


def _within_hours(at: Numbered, plan: CapacityRow, office: OfficeRow) -> Iterator[Problem]:
    for weekday in plan.weekdays:
        hours = office.hours.get(weekday, ())
        if not hours:
            en, ar = f"{plan.office} is closed on {weekday.name}", f"{plan.office} مغلق يوم {weekday.name}"
            yield at.problem("weekdays", "closed", en, ar)
            continue
        outside = next((each for each in plan.windows if not holds(hours, each.start, each.end)), None)
        if outside is not None:
            window = f"{outside.start}-{outside.end}"
            en = f"{window} is outside the hours of {plan.office} on {weekday.name}"
            yield at.problem("windows", "outside-hours", en, f"{window} خارج دوام {plan.office} يوم {weekday.name}")


_COLUMNS: Mapping[type[Refusal], str] = {
    ReleasesDontAddUp: "releases",
    ReleasesOutOfOrder: "releases",
    KeptTooMuch: "kept_urgent",
}
"""Where a refusal of a week shows; of the others, windows."""


def _week(at: Numbered, row: CapacityRow) -> Iterator[Problem]:
    if not row.weekdays and row.capacity:
        en, ar = "weekdays are expected, or a capacity of 0", "المتوقع أيام الأسبوع، أو سعة قدرها 0"
        yield at.problem("weekdays", "weekdays-missing", en, ar)
    try:
        check_week({Weekday.MON: weekday_plan(row)})
    except Refusal as refusal:
        detail = refusal.detail
        yield at.problem(_COLUMNS.get(type(refusal), "windows"), refusal.code, detail.en, detail.ar)


def weekday_plan(row: CapacityRow) -> WeekdayPlan:
    """What a row plans for each of its weekdays. Raises what `weeks.seats` refuses."""
    return WeekdayPlan(
        capacity=row.capacity,
        windows=seats(row.capacity, row.windows),
        opens_days_before=row.opens_days_before,
        opens_time=row.opens_time,
        releases=row.releases,
        kept_assisted=row.kept_assisted,
        kept_accessible=row.kept_accessible,
        kept_urgent=row.kept_urgent,
    )


def _weekdays_twice(rows: Rows) -> Iterator[Problem]:
    seen: dict[tuple[object, ...], int] = {}
    for at, plan in rows.numbered(CapacityRow):
        for weekday in sorted(set(plan.weekdays)):
            key = (plan.office, plan.service, plan.tier, plan.valid_from, Weekday(weekday))
            if seen.setdefault(key, at.number) != at.number or plan.weekdays.count(weekday) > 1:
                en = f"{weekday.name} is planned in row {seen[key]} already"
                yield at.problem("weekdays", "twice", en, f"{weekday.name} مخطط في الصف {seen[key]}")
