"""Months put together: plans one after the other, the calendar, closures, and what staff decided."""

from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dawr.catalog.domain.calendars import Calendar, Closure, ClosureScope, Span, Weekday, WeekHours
from dawr.catalog.domain.capacity import (
    DecidedDay,
    Decider,
    MonthOfCapacity,
    WantedDay,
    decide_day,
    follow_plans,
    publication,
)
from dawr.catalog.domain.offices import Office, OfficeKind
from dawr.catalog.domain.weeks import Offer, ReleasePart, WeekdayPlan, WeekPlan
from dawr.contracts import Text
from dawr.contracts.catalog import CapacityDay

OFFER = Offer("ALE-01", "PASS_REN", "N")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
FIRST = date(2026, 12, 1)
ZONE = "Asia/Damascus"


def words(text: str) -> Text:
    return Text(ar=text, en=text)


HOURS: WeekHours = {
    weekday: (Span("08:00", "15:00"),) for weekday in Weekday if weekday not in {Weekday.FRI, Weekday.SAT}
}
OFFICE = Office(
    "ALE-01", OfficeKind.OFFICE, "ALE", words("Aleppo"), words("Street"), ZONE, "SYP", calendar="SY", hours=HOURS
)
CALENDAR = Calendar("SY", words("Syria"), frozenset({Weekday.FRI, Weekday.SAT}), holidays_of="SY")


def week(capacity: int, valid_from: date = date(2026, 1, 1), **rest: int) -> WeekPlan:
    parts = (ReleasePart("08:00", 50), ReleasePart("12:00", 50))
    days = {weekday: WeekdayPlan(capacity, (), 14, "08:00", parts, **rest) for weekday in Weekday}
    return WeekPlan(OFFER, days, valid_from)


def storm(first: int, last: int, *, withdrawn: bool = False) -> Closure:
    return Closure(
        UUID(int=1),
        ClosureScope.REGION,
        "ALE",
        date(2026, 12, first),
        date(2026, 12, last),
        words("Storm"),
        NOW,
        withdrawn_at=NOW if withdrawn else None,
    )


def follow(
    month: MonthOfCapacity, *weeks: WeekPlan, closures: tuple[Closure, ...] = (), first: date = FIRST, days: int = 31
) -> MonthOfCapacity:
    return follow_plans(month, weeks, OFFICE, CALENDAR, closures, first=first, days=days) or month


EMPTY = MonthOfCapacity(OFFER, "2026-12")


def closed_days(month: MonthOfCapacity) -> dict[int, str]:
    return {each.date.day: each.kind for each in month.closed}


def seats_of(month: MonthOfCapacity) -> dict[int, int]:
    return {each.date.day: each.capacity for each in month.open_days}


def decide(month: MonthOfCapacity, day: int, capacity: int) -> MonthOfCapacity:
    decided = decide_day(month, WantedDay(date(2026, 12, day), capacity), zone=ZONE, now=NOW)
    assert decided is not None
    return decided


class TestDecember:
    def test_it_lists_open_days_and_why_others_are_closed(self) -> None:
        month = follow(EMPTY, week(40), closures=(storm(14, 15),))
        weekends = dict.fromkeys([4, 5, 11, 12, 18, 19, 26], "weekend")  # the 25th is a Friday, and Christmas
        assert closed_days(month) == weekends | {
            8: "holiday",
            14: "closure",
            15: "closure",
            25: "holiday",
            26: "holiday",
        }
        assert set(seats_of(month)) == set(range(1, 32)) - set(closed_days(month))
        assert set(seats_of(month).values()) == {40}

    def test_a_plan_that_begins_within_the_month_counts_from_its_date_on(self) -> None:
        month = follow(EMPTY, week(50, date(2026, 12, 16)), week(40))
        assert seats_of(month)[15] == 40
        assert seats_of(month)[16] == 50

    def test_before_the_first_plan_begins_nothing_is_open_or_said_to_be_closed(self) -> None:
        month = follow(EMPTY, week(40, date(2026, 12, 28)))
        assert sorted(seats_of(month)) == [28, 29, 30, 31]
        assert month.closed == ()

    def test_the_same_again_is_no_revision(self) -> None:
        month = follow(EMPTY, week(40), closures=(storm(14, 15),))
        assert month.revision == 1
        again = follow_plans(month, [week(40)], OFFICE, CALENDAR, [storm(14, 15)], first=FIRST, days=31)
        assert again is None

    def test_what_is_published_is_the_open_days_and_the_closed_ones(self) -> None:
        told = publication(follow(EMPTY, week(40), closures=(storm(14, 15),)), ZONE)
        assert {each.date.day for each in told.closed} & {each.date.day for each in told.days} == set()
        assert [each.reason.en for each in told.closed if each.date.day == 14] == ["Storm"]


class TestStaffAndClosures:
    def test_what_staff_decided_goes_before_plan_and_calendar(self) -> None:
        month = decide(decide(follow(EMPTY, week(40)), 8, 12), 9, 3)
        again = follow(month, week(50))
        assert (seats_of(again)[8], seats_of(again)[9], seats_of(again)[10]) == (12, 3, 50)
        assert 8 not in closed_days(again)

    def test_a_closure_goes_before_what_staff_decided_and_its_end_brings_that_back(self) -> None:
        month = decide(follow(EMPTY, week(40)), 14, 12)
        closed = follow(month, week(40), closures=(storm(14, 15),))
        assert 14 not in seats_of(closed)
        assert 15 not in seats_of(closed)
        reopened = follow(closed, week(40), closures=(storm(14, 15, withdrawn=True),))
        assert (seats_of(reopened)[14], seats_of(reopened)[15]) == (12, 40)
        assert (reopened.days, reopened.closed) == (month.days, month.closed)
        assert reopened.revision == month.revision + 2

    def test_a_decision_about_a_closed_day_waits_for_the_closures_end(self) -> None:
        closed = follow(EMPTY, week(40), closures=(storm(14, 15),))
        decided = decide(closed, 14, 12)
        assert closed_days(decided)[14] == "closure"
        assert 14 not in seats_of(decided)
        assert seats_of(follow(decided, week(40)))[14] == 12

    def test_a_day_that_staff_decided_beyond_the_span_is_closed_too(self) -> None:
        month = decide(EMPTY, 28, 12)
        closed = follow(month, closures=(storm(28, 28),), days=5)
        assert closed_days(closed) == {28: "closure"}
        assert closed.open_days == ()
        assert seats_of(follow(closed, days=5)) == {28: 12}

    def test_a_decision_keeps_releases_and_kept_shares_as_far_as_its_seats_go(self) -> None:
        month = follow(EMPTY, week(40, kept_assisted=10, kept_urgent=10))
        raised, lowered = decide(month, 9, 50).on(date(2026, 12, 9)), decide(month, 9, 5).on(date(2026, 12, 9))
        assert raised is not None
        assert lowered is not None
        assert [each.seats for each in raised.day.releases] == [20, 30]
        assert [(each.share, each.seats) for each in raised.day.kept] == [("assisted", 4), ("urgent", 4)]
        assert [each.seats for each in lowered.day.releases] == [5, 0]
        assert [(each.share, each.seats) for each in lowered.day.kept] == [("assisted", 4), ("urgent", 1)]

    def test_a_decision_that_moves_the_opening_opens_all_at_once(self) -> None:
        wanted = WantedDay(date(2026, 12, 9), 50, opens_at=NOW)
        decided = decide_day(follow(EMPTY, week(40)), wanted, zone=ZONE, now=NOW)
        assert decided is not None
        day = decided.on(date(2026, 12, 9))
        assert day is not None
        assert (day.day.releases, day.day.opens_at) == ((), NOW)

    def test_days_that_are_over_stay_as_they_were(self) -> None:
        month = follow(EMPTY, week(40), closures=(storm(2, 3),))
        after = follow(month, week(50), first=date(2026, 12, 10), days=22)
        assert [each for each in after.days if each.day.date.day < 10] == [
            each for each in month.days if each.day.date.day < 10
        ]
        assert closed_days(after)[2] == "closure"

    @given(
        st.sets(st.integers(1, 31)), st.lists(st.tuples(st.integers(1, 31), st.integers(1, 31)), max_size=3),
        st.integers(1, 31), st.integers(1, 40),
    )  # fmt: skip
    def test_no_day_is_open_under_a_closure_and_nothing_of_staff_is_lost(
        self, staff: set[int], spans: list[tuple[int, int]], first: int, days: int
    ) -> None:
        by_staff = tuple(
            DecidedDay(CapacityDay(date=date(2026, 12, each), capacity=99, opens_at=NOW), Decider.STAFF)
            for each in sorted(staff)
        )
        month = MonthOfCapacity(OFFER, "2026-12", 1, by_staff)
        closures = tuple(storm(*sorted(span)) for span in spans)
        begin = date(2026, 12, first)
        found = follow(month, week(40), closures=closures, first=begin, days=days)
        assert found == follow(found, week(40), closures=closures, first=begin, days=days)
        assert [each for each in found.days if each.by is Decider.STAFF] == list(by_staff)
        under = {day for span in spans for day in range(min(span), max(span) + 1) if day >= first}
        assert under & set(seats_of(found)) == set()
        end = begin + timedelta(days=days)
        for each in found.open_days:
            assert each.date.day in staff or begin <= each.date < end
        reopened = follow(found, week(40), first=begin, days=days)
        assert reopened.days == follow(month, week(40), first=begin, days=days).days
        assert not [each for each in reopened.closed if each.kind == "closure" and each.date >= begin]


def test_a_month_of_700_offers_is_put_together_in_less_than_two_seconds() -> None:
    """It takes about a quarter of one on an idle core; a look-up of holidays anew for each would take minutes."""
    follow(EMPTY, week(40))
    start = perf_counter()
    for number in range(700):
        follow(MonthOfCapacity(Offer("ALE-01", f"S{number}", "N"), "2026-12"), week(40))
    assert perf_counter() - start < 2
