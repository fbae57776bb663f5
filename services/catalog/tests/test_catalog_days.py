"""What becomes of a day: examples that a planner can read in days.csv, and what holds for all of them."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dawr.catalog.domain.calendars import (
    Calendar,
    Closure,
    ClosureScope,
    Span,
    SpecialDays,
    SpecialKind,
    Weekday,
    holds,
)
from dawr.catalog.domain.capacity import OpenDay, day_of, moment, scaled
from dawr.catalog.domain.offices import Office, OfficeKind
from dawr.catalog.domain.weeks import Offer, ReleasePart, WeekdayPlan, WeekPlan, check_week
from dawr.catalog.errors import KeptTooMuch, Negative, ReleasesDontAddUp, ReleasesOutOfOrder, WindowsDontAddUp
from dawr.contracts import Text
from dawr.contracts.values import Window
from dawr.servicekit.errors import Refusal

OFFER = Offer("OFF-01", "PASS_REN", "N")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ZONES = (
    "Africa/Algiers", "Africa/Cairo", "Africa/Khartoum", "America/Argentina/Buenos_Aires", "America/Sao_Paulo",
    "Asia/Amman", "Asia/Baghdad", "Asia/Beirut", "Asia/Damascus", "Asia/Dubai", "Asia/Kuala_Lumpur", "Asia/Kuwait",
    "Asia/Muscat", "Asia/Qatar", "Asia/Riyadh", "Europe/Berlin", "Europe/Istanbul", "Europe/Moscow", "Europe/Paris",
    "Europe/Stockholm", "Europe/Vienna", "Europe/Tallinn", "Australia/Lord_Howe", "Asia/Kathmandu",
)  # fmt: skip
"""Those of all offices and missions, and two whose offsets are odd."""


def words(text: str) -> Text:
    return Text(ar=text, en=text)


def special(day: date, kind: SpecialKind, name: str, *hours: Span) -> SpecialDays:
    return SpecialDays(day, day, kind, words(name), hours)


CALENDARS = {
    "SY": Calendar(
        "SY",
        words("Syria"),
        frozenset({Weekday.FRI, Weekday.SAT}),
        holidays_of="SY",
        left_out=("03-08", "03-21"),
        ramadan_hours=Span("09:00", "14:00"),
        special_days=(
            special(date(2026, 12, 11), SpecialKind.OPEN, "Working Friday", Span("08:00", "15:00")),
            special(date(2026, 12, 25), SpecialKind.OPEN, "Working holiday"),
        ),
    ),
    "DE": Calendar(
        "DE",
        words("Germany"),
        frozenset({Weekday.SAT, Weekday.SUN}),
        holidays_of="DE",
        special_days=(
            special(date(2026, 12, 24), SpecialKind.CLOSED, "Christmas Eve"),
            special(date(2026, 12, 31), SpecialKind.HOURS, "New Year's Eve", Span("09:00", "10:00")),
        ),
    ),
    "NONE": Calendar("NONE", words("No holidays"), frozenset()),
}

with (Path(__file__).parent / "days.csv").open(encoding="utf-8", newline="") as lines:
    EXAMPLES = list(csv.DictReader(lines))


def office(zone: str, hours: dict[Weekday, tuple[Span, ...]]) -> Office:
    return Office(
        code="OFF-01",
        kind=OfficeKind.OFFICE,
        region="REG",
        name=words("Office"),
        address=words("Street"),
        zone=zone,
        currency="SYP",
        calendar="SY",
        hours=hours,
    )


def spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(*each.split("-")) for each in text.split())


def windows(text: str) -> tuple[Window, ...]:
    parts = [each.replace("=", "-").split("-") for each in text.split()]
    return tuple(Window(start=start, end=end, capacity=int(count)) for start, end, count in parts)


def storm(scope: ClosureScope, code: str | None, on: date, *, withdrawn: bool = False) -> Closure:
    closed = Closure(UUID(int=1), scope, code, on, on, words("Storm"), NOW, withdrawn_at=NOW if withdrawn else None)
    assert closed.closes("OFF-01", "REG", on) is not (withdrawn or code == "ELSE")
    return closed


def closures_of(row: dict[str, str], on: date) -> list[Closure]:
    return {
        "": [],
        "office": [storm(ClosureScope.OFFICE, "OFF-01", on)],
        "region": [storm(ClosureScope.REGION, "REG", on)],
        "elsewhere": [storm(ClosureScope.REGION, "ELSE", on)],
        "withdrawn": [storm(ClosureScope.EVERYTHING, None, on, withdrawn=True)],
    }[row["closure"]]


def plan_of(row: dict[str, str]) -> WeekdayPlan:
    days_before, at = row["opens"].split()
    parts = [each.split("=") for each in row["releases"].split()]
    kept = [int(each) for each in row["kept"].split()] or [0, 0, 0]
    return WeekdayPlan(
        int(row["seats"]),
        windows(row["windows"]),
        int(days_before),
        at,
        tuple(ReleasePart(clock, int(percent)) for clock, percent in parts),
        *kept,
    )


@pytest.mark.parametrize("row", EXAMPLES, ids=[row["because"] for row in EXAMPLES])
def test_a_day_is_as_the_table_says(row: dict[str, str]) -> None:
    on = date.fromisoformat(row["date"])
    weekday = Weekday(on.isoweekday())
    place = office(row["zone"], {weekday: spans(row["hours"])} if row["hours"] else {})
    week = WeekPlan(OFFER, {weekday: plan_of(row)} if row["seats"] else {})
    found = day_of(week, place, CALENDARS[row["calendar"]], closures_of(row, on), on)
    if isinstance(found, OpenDay):
        day = found.day
        assert row["closed"] == ""
        assert day.date == on
        assert day.capacity == int(row["gives"])
        assert day.windows == windows(row["windows_left"])
        assert day.opens_at == datetime.fromisoformat(row["opens_at"])
        assert [each.seats for each in day.releases] == [int(each) for each in row["parts"].split()]
        assert [each.seats for each in day.kept] == [int(each) for each in row["kept_seats"].split()]
    else:
        assert (found.kind, found.reason.en, found.date) == (row["closed"], row["reason"], on)


clocks = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


@st.composite
def plans(draw: st.DrawFn) -> WeekdayPlan:
    """A weekday's plan that `check_week` accepts."""
    edges = sorted(draw(st.sets(clocks, max_size=8)))
    spread = [Window(start=start, end=end, capacity=draw(st.integers(0, 9))) for start, end in pairwise(edges)][::2]
    capacity = sum(each.capacity for each in spread) if spread else draw(st.integers(0, 60))
    times = sorted(draw(st.sets(clocks, min_size=1, max_size=4)))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(times) - 1, max_size=len(times) - 1)))
    percents = [after - before for before, after in pairwise([0, *cuts, 100])]
    parts = [ReleasePart(at, percent) for at, percent in zip(times, percents, strict=True)]
    shares = sorted(draw(st.tuples(*[st.integers(0, 100)] * 3)))
    kept = (shares[0], shares[1] - shares[0], shares[2] - shares[1])
    releases = tuple(parts) if draw(st.booleans()) else ()
    return WeekdayPlan(capacity, tuple(spread), draw(st.integers(0, 365)), times[0], releases, *kept)


@st.composite
def hours(draw: st.DrawFn) -> dict[Weekday, tuple[Span, ...]]:
    """The usual hours of an office."""
    found = {}
    for weekday in Weekday:
        edges = sorted(draw(st.sets(clocks, max_size=4)))
        found[weekday] = tuple(Span(opens, closes) for opens, closes in pairwise(edges))[::2]
    return found


dates = st.dates(date(2024, 1, 1), date(2032, 12, 31))
zones = st.sampled_from(ZONES)
calendars = st.sampled_from(sorted(CALENDARS)).map(CALENDARS.__getitem__)


@given(plans(), hours(), zones, calendars, dates)
@example(
    WeekdayPlan(7, (), 0), {Weekday.THU: (Span("08:00", "15:00"),)}, "Asia/Damascus", CALENDARS["SY"], date(2028, 2, 29)
)
def test_a_day_that_is_open_keeps_what_plans_promise(
    plan: WeekdayPlan, usual: dict[Weekday, tuple[Span, ...]], zone: str, calendar: Calendar, on: date
) -> None:
    weekday = Weekday(on.isoweekday())
    check_week({weekday: plan})
    week, place = WeekPlan(OFFER, {weekday: plan}), office(zone, usual)
    found = day_of(week, place, calendar, [], on)
    assert found == day_of(week, place, calendar, [], on)
    if not isinstance(found, OpenDay):
        assert found.reason.ar
        assert found.reason.en
        return
    day = found.day
    assert 0 <= day.capacity <= plan.capacity
    if plan.capacity and not plan.windows:
        assert day.capacity >= 1
    if plan.windows:
        assert sum(each.capacity for each in day.windows) == day.capacity
        assert set(day.windows) == {each for each in plan.windows if holds(found.hours, each.start, each.end)}
    assert sum(each.seats for each in day.kept) <= day.capacity
    opened = day.opens_at.astimezone(ZoneInfo(zone))
    assert opened.date() == on - timedelta(days=plan.opens_days_before)
    if plan.releases:
        assert sum(each.seats for each in day.releases) == day.capacity
        assert day.releases[0].at == day.opens_at
        assert [each.at for each in day.releases] == sorted(each.at for each in day.releases)
    else:
        assert day.releases == ()


@given(plans(), hours(), zones, calendars, dates)
def test_a_closure_closes_whatever_was_planned(
    plan: WeekdayPlan, usual: dict[Weekday, tuple[Span, ...]], zone: str, calendar: Calendar, on: date
) -> None:
    week = WeekPlan(OFFER, {Weekday(on.isoweekday()): plan})
    found = day_of(week, office(zone, usual), calendar, [storm(ClosureScope.EVERYTHING, None, on)], on)
    assert not isinstance(found, OpenDay)
    assert (found.kind, found.reason.en) == ("closure", "Storm")


@given(zones, dates, clocks, clocks)
@example("Europe/Berlin", date(2026, 3, 29), "02:30", "03:10")
@example("Europe/Berlin", date(2026, 10, 25), "02:30", "03:10")
@example("Africa/Cairo", date(2026, 4, 24), "00:00", "00:30")
@example("Asia/Beirut", date(2026, 3, 29), "00:00", "01:00")
@example("Australia/Lord_Howe", date(2026, 10, 4), "02:10", "02:40")
def test_moments_of_a_day_are_in_the_order_of_its_clock(zone: str, on: date, one: str, other: str) -> None:
    first, second = sorted([one, other])
    assert moment(on, first, zone) <= moment(on, second, zone)
    asked = datetime.combine(on, time.fromisoformat(first))
    shown = moment(on, first, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown.date() == on
    assert shown >= asked
    if shown > asked:  # the clocks leave it out: it is the first minute after the gap
        before = (moment(on, first, zone) - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
        assert before.replace(tzinfo=None) < asked


@given(st.integers(0, 500), st.integers(0, 1440), st.integers(0, 1440))
def test_a_shorter_day_never_has_more_seats_and_never_none(capacity: int, minutes: int, usual: int) -> None:
    count = scaled(capacity, minutes, usual)
    assert min(capacity, 1) <= count <= capacity
    if minutes < usual:
        assert count == max(capacity * minutes // usual, min(capacity, 1))


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [
        (WeekdayPlan(-1, (), 0), Negative),
        (WeekdayPlan(4, (), -1), Negative),
        (WeekdayPlan(4, (), 0, kept_urgent=-1), Negative),
        (WeekdayPlan(4, (), 0, "08:00", (ReleasePart("08:00", 120), ReleasePart("09:00", -20))), Negative),
        (WeekdayPlan(4, windows("09:00-10:00=3"), 0), WindowsDontAddUp),
        (WeekdayPlan(4, (), 0, kept_assisted=50, kept_accessible=30, kept_urgent=21), KeptTooMuch),
        (WeekdayPlan(4, (), 0, "08:00", (ReleasePart("08:00", 50), ReleasePart("12:00", 49))), ReleasesDontAddUp),
        (WeekdayPlan(4, (), 0, "08:00", (ReleasePart("09:00", 100),)), ReleasesOutOfOrder),
        (WeekdayPlan(4, (), 0, "08:00", (ReleasePart("08:00", 50), ReleasePart("08:00", 50))), ReleasesOutOfOrder),
    ],
)
def test_a_week_that_cannot_be_is_refused(plan: WeekdayPlan, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        check_week({Weekday.MON: WeekdayPlan(1, (), 0), Weekday.TUE: plan})
