"""Capacity, decided by itself: days from plans, what staff decided otherwise, months and their revisions."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawr.catalog.domain.calendars import Calendar, Span, Weekday
from dawr.catalog.domain.capacity import (
    DecidedDay,
    Decider,
    MonthOfCapacity,
    OpenDay,
    WantedDay,
    check_revision,
    day_of,
    decide_day,
    follow_plans,
    is_long_over,
    month_of,
    months_between,
    publication,
    take_away,
)
from dawr.catalog.domain.offices import Office, OfficeKind
from dawr.catalog.domain.weeks import Offer, WeekdayPlan, WeekPlan, WindowSeats, seats
from dawr.catalog.errors import (
    ChangedMeanwhile,
    DateOver,
    DateTooFar,
    Negative,
    OpensTooLate,
    WindowsDontAddUp,
    WindowsOverlap,
)
from dawr.contracts import Text
from dawr.contracts.catalog import CapacityDay
from dawr.contracts.values import Window
from dawr.servicekit.errors import Refusal

ZONE = "Asia/Damascus"
NOON = datetime(2026, 12, 1, 9, tzinfo=UTC)
OFFER = Offer("DAM-01", "PASS_REN", "N")
HOME_WEEK = (Weekday.SUN, Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU)

dates = st.dates(date(2024, 1, 1), date(2032, 12, 31))
plans = st.dictionaries(
    st.sampled_from(Weekday),
    st.builds(WeekdayPlan, st.integers(0, 50), st.just(()), st.integers(0, 60)),
).map(lambda days: WeekPlan(OFFER, days))
zones = st.sampled_from(["Asia/Damascus", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"])


def text(word: str) -> Text:
    return Text(ar=word, en=word)


def plan(capacity: int = 10, **more: WeekdayPlan) -> WeekPlan:
    days = dict.fromkeys(HOME_WEEK, WeekdayPlan(capacity, (), 30))
    return WeekPlan(OFFER, days | {Weekday[name]: each for name, each in more.items()})


def month(name: str = "2026-12", *days: DecidedDay, revision: int = 1) -> MonthOfCapacity:
    return MonthOfCapacity(OFFER, name, revision, days)


ALWAYS_OPEN = Calendar("HOME", text("home"), weekend=frozenset())


def office(zone: str) -> Office:
    """One that is open all day, every day."""
    return Office(
        code=OFFER.office,
        kind=OfficeKind.OFFICE,
        region="DAM",
        name=text("office"),
        address=text("street"),
        zone=zone,
        currency="SYP",
        calendar=ALWAYS_OPEN.code,
        hours=dict.fromkeys(Weekday, (Span("00:00", "23:59"),)),
    )


def follow(month: MonthOfCapacity, planned: WeekPlan, zone: str, *, first: date, days: int) -> MonthOfCapacity | None:
    return follow_plans(month, [planned], office(zone), ALWAYS_OPEN, (), first=first, days=days)


def opened_on(planned: WeekPlan, on: date, zone: str) -> CapacityDay:
    found = day_of(planned, office(zone), ALWAYS_OPEN, (), on)
    assert isinstance(found, OpenDay)
    return found.day


def day(on: date, capacity: int, by: Decider) -> DecidedDay:
    return DecidedDay(CapacityDay(date=on, capacity=capacity, opens_at=NOON), by)


class TestDaysFromPlans:
    def test_the_weekdays_that_are_planned_are_open_and_the_others_are_not_listed(self) -> None:
        revised = follow(month(revision=0), plan(), ZONE, first=date(2026, 12, 1), days=7)
        assert revised is not None
        # 2026-12-04 and -05 are Friday and Saturday.
        assert [each.day.date.day for each in revised.days] == [1, 2, 3, 6, 7]
        assert revised.revision == 1

    def test_a_day_opens_at_local_midnight_so_many_days_before(self) -> None:
        opened = opened_on(WeekPlan(OFFER, {Weekday.TUE: WeekdayPlan(5, (), 30)}), date(2026, 12, 1), ZONE)
        assert opened.opens_at == datetime(2026, 10, 31, 21, tzinfo=UTC)  # midnight of 1 November at UTC+3

    def test_a_day_that_opens_on_the_other_side_of_summer_time_opens_at_local_midnight_too(self) -> None:
        opened = opened_on(WeekPlan(OFFER, {Weekday.TUE: WeekdayPlan(5, (), 9)}), date(2026, 3, 31), "Europe/Berlin")
        assert opened.opens_at == datetime(2026, 3, 21, 23, tzinfo=UTC)  # UTC+1 still: the clocks go on on the 29th

    def test_what_is_as_planned_is_not_revised(self) -> None:
        once = follow(month(revision=0), plan(), ZONE, first=date(2026, 12, 1), days=10)
        assert once is not None
        assert follow(once, plan(), ZONE, first=date(2026, 12, 1), days=10) is None

    def test_the_next_day_adds_one_day_and_keeps_the_one_that_is_over(self) -> None:
        once = follow(month(revision=0), plan(), ZONE, first=date(2026, 12, 1), days=5)
        assert once is not None
        twice = follow(once, plan(), ZONE, first=date(2026, 12, 2), days=5)
        assert twice is not None
        assert [each.day.date.day for each in twice.days] == [1, 2, 3, 6]
        assert twice.revision == 2

    def test_what_staff_decided_stays_and_what_is_no_longer_planned_goes(self) -> None:
        before = month(
            "2026-12",
            day(date(2026, 12, 1), 3, Decider.PLAN),
            day(date(2026, 12, 6), 4, Decider.PLAN),
            day(date(2026, 12, 7), 5, Decider.STAFF),
        )
        after = follow(before, WeekPlan(OFFER, {}), ZONE, first=date(2026, 12, 2), days=20)
        assert after is not None
        assert [(each.day.date.day, each.day.capacity) for each in after.days] == [(1, 3), (7, 5)]

    @given(plans, zones, dates, st.integers(1, 70))
    def test_the_months_of_a_span_hold_exactly_the_days_that_are_planned(
        self, planned: WeekPlan, zone: str, first: date, days: int
    ) -> None:
        found = []
        for name in months_between(first, days):
            revised = follow(MonthOfCapacity(OFFER, name), planned, zone, first=first, days=days)
            if revised is not None:
                found += [each.day for each in revised.days]
                assert {month_of(each.day.date) for each in revised.days} == {name}
                assert follow(revised, planned, zone, first=first, days=days) is None
        span = [first + timedelta(days=n) for n in range(days)]
        assert [each.date for each in found] == [on for on in span if Weekday(on.isoweekday()) in planned.days]
        assert all(each.opens_at.date() <= each.date for each in found)

    @given(plans, plans, st.sets(st.integers(1, 31)), st.integers(1, 31), st.integers(1, 40))
    def test_no_plan_changes_what_staff_decided_or_what_is_over(
        self, old: WeekPlan, new: WeekPlan, staff: set[int], first: int, days: int
    ) -> None:
        today = date(2026, 12, first)
        before = follow(month(revision=0), old, ZONE, first=date(2026, 12, 1), days=31) or month(revision=0)
        decided = [day(date(2026, 12, each), 99, Decider.STAFF) for each in sorted(staff)]
        kept = [each for each in before.days if each.day.date.day not in staff]
        before = replace(before, days=tuple(sorted([*kept, *decided], key=lambda each: each.day.date)))
        after = follow(before, new, ZONE, first=today, days=days) or before
        assert [each for each in after.days if each.by is Decider.STAFF] == decided
        assert [each for each in after.days if each.day.date < today] == [
            each for each in before.days if each.day.date < today
        ]
        listed = [each.day.date for each in after.days]
        assert listed == sorted(set(listed))
        assert after.revision == before.revision + (after.days != before.days)


class TestDaysThatStaffDecide:
    def test_a_decision_replaces_the_days_plan_and_counts_up(self) -> None:
        before = month("2026-12", day(date(2026, 12, 7), 10, Decider.PLAN), revision=4)
        after = decide_day(before, WantedDay(date(2026, 12, 7), 25), zone=ZONE, now=NOON)
        assert after is not None
        assert [(each.day.capacity, each.day.opens_at, each.by) for each in after.days] == [(25, NOON, Decider.STAFF)]
        assert after.revision == 5

    def test_deciding_the_same_again_changes_nothing(self) -> None:
        once = decide_day(month(), WantedDay(date(2026, 12, 7), 25), zone=ZONE, now=NOON)
        assert once is not None
        again = decide_day(once, WantedDay(date(2026, 12, 7), 25), zone=ZONE, now=NOON + timedelta(hours=1))
        assert again is None

    def test_a_closed_day_can_be_opened_and_opens_at_once(self) -> None:
        friday = date(2026, 12, 4)
        after = decide_day(month(), WantedDay(friday, 5), zone=ZONE, now=NOON)
        assert after is not None
        decided = after.on(friday)
        assert decided is not None
        assert decided.day.opens_at == NOON

    @pytest.mark.parametrize(
        ("on", "refusal"),
        [
            (date(2026, 11, 30), DateOver),
            (date(1, 1, 1), DateOver),
            (date(2028, 12, 1), DateTooFar),
            (date(9999, 12, 31), DateTooFar),
        ],
    )
    def test_days_that_are_over_or_too_far_are_refused(self, on: date, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            decide_day(month(), WantedDay(on, 5), zone=ZONE, now=NOON)

    def test_a_day_is_over_by_the_offices_own_date(self) -> None:
        late = datetime(2026, 12, 1, 22, tzinfo=UTC)  # 01:00 on the 2nd in Damascus, 23:00 on the 1st in Berlin
        wanted = WantedDay(date(2026, 12, 1), 5)
        with pytest.raises(DateOver):
            decide_day(month(), wanted, zone=ZONE, now=late)
        assert decide_day(month(), wanted, zone="Europe/Berlin", now=late) is not None

    def test_a_day_that_opens_when_it_is_over_is_refused(self) -> None:
        midnight = datetime(2026, 12, 7, 21, tzinfo=UTC)
        last = WantedDay(date(2026, 12, 7), 5, opens_at=midnight - timedelta(seconds=1))
        assert decide_day(month(), last, zone=ZONE, now=NOON) is not None
        with pytest.raises(OpensTooLate):
            decide_day(month(), replace(last, opens_at=midnight), zone=ZONE, now=NOON)

    @pytest.mark.parametrize(
        ("capacity", "windows", "refusal"),
        [
            (-1, [], Negative),
            (0, [("09:00", "10:00", 5), ("10:00", "11:00", -5)], Negative),
            (9, [("09:00", "10:00", 5), ("10:00", "11:00", 5)], WindowsDontAddUp),
            (10, [("09:00", "10:00", 5), ("09:30", "11:00", 5)], WindowsOverlap),
            (10, [("10:00", "11:00", 5), ("09:00", "10:00", 5)], WindowsOverlap),
            (5, [("10:00", "10:00", 5)], WindowsOverlap),
            (5, [("10:00", "09:00", 5)], WindowsOverlap),
        ],
    )
    def test_seats_that_cannot_be_are_refused(
        self, capacity: int, windows: list[tuple[str, str, int]], refusal: type[Refusal]
    ) -> None:
        with pytest.raises(refusal):
            seats(capacity, [WindowSeats(*each) for each in windows])

    @given(st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 9)), max_size=5), st.data())
    def test_accepted_windows_are_apart_and_add_up(
        self, spans: list[tuple[int, int, int]], data: st.DataObject
    ) -> None:
        wanted = [WindowSeats(_clock(start), _clock(end), count) for start, end, count in spans]
        capacity = data.draw(st.sampled_from([sum(each.capacity for each in wanted), 7]))
        ends = [0, *(end for _, end, _ in spans)]
        apart = all(start >= before and end > start for (start, end, _), before in zip(spans, ends, strict=False))
        fits = not wanted or sum(each.capacity for each in wanted) == capacity
        try:
            given_windows = seats(capacity, wanted)
        except Refusal:
            assert not (apart and fits)
        else:
            assert apart
            assert fits
            assert given_windows == tuple(
                Window(start=each.start, end=each.end, capacity=each.capacity) for each in wanted
            )


class TestRevisionsOfMonths:
    def test_a_change_to_another_revision_than_was_seen_is_refused(self) -> None:
        check_revision(month(revision=3), None)
        check_revision(month(revision=3), {2, 3})
        with pytest.raises(ChangedMeanwhile) as refused:
            check_revision(month(revision=3), {2})
        assert refused.value.data == {"revision": 3}

    def test_a_month_that_was_taken_away_comes_back_with_a_higher_revision(self) -> None:
        gone = take_away(month(revision=3))
        assert (gone.revision, gone.taken_away) == (4, True)
        back = follow(gone, plan(), ZONE, first=date(2026, 12, 1), days=3)
        assert back is not None
        assert (back.revision, back.taken_away) == (5, False)

    @pytest.mark.parametrize(
        ("name", "today", "over"),
        [
            ("2026-11", date(2027, 1, 31), False),
            ("2026-11", date(2027, 2, 1), True),
            ("2026-12", date(2027, 3, 3), False),
            ("2026-12", date(2027, 3, 4), True),
        ],
    )
    def test_a_month_is_long_over_so_many_days_after_its_last(self, name: str, today: date, over: bool) -> None:
        assert is_long_over(name, today, 62) is over

    def test_the_published_month_is_the_month(self) -> None:
        told = publication(month("2026-12", day(date(2026, 12, 7), 10, Decider.STAFF), revision=4), ZONE)
        assert told.key() == "DAM-01/PASS_REN/N/2026-12"
        assert (told.revision, told.zone, [each.capacity for each in told.days]) == (4, ZONE, [10])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
