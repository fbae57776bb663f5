"""Calendars: holidays as others keep them, Ramadan, special days, closures, and what a look at them costs."""

from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawr.catalog.domain.calendars import (
    Calendar,
    ClosedOn,
    Closure,
    ClosureScope,
    OpenHours,
    Span,
    SpecialDays,
    SpecialKind,
    Weekday,
    closure_on,
    decide_closure,
    has_holidays,
    holiday_on,
    hours_on,
    in_ramadan,
    withdraw_closure,
)
from dawr.catalog.errors import ClosureEndsEarly, ClosureOver, ClosureWithdrawn, DateOver, DateTooFar
from dawr.contracts import Text
from dawr.servicekit.errors import Refusal

COUNTRIES = (
    "SY", "DE", "SE", "AT", "FR", "LB", "JO", "EG", "AE", "SA", "KW", "QA", "OM", "IQ", "TR", "RU", "MY", "BR", "AR",
    "DZ", "SD",
)  # fmt: skip
"""Where the seed has offices and missions."""
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY = date(2026, 11, 24)
DAY = date(2026, 12, 1)
WHO = UUID(int=1)
EVERY_DAY = {weekday: (Span("08:00", "15:00"),) for weekday in Weekday}


def words(text: str) -> Text:
    return Text(ar=text, en=text)


def calendar(country: str | None = None, *special: SpecialDays, left_out: tuple[str, ...] = ()) -> Calendar:
    return Calendar("C", words("C"), frozenset({Weekday.FRI}), country, left_out=left_out, special_days=tuple(special))


def days(kind: SpecialKind, first: date, last: date, name: str = "special", *hours: Span) -> SpecialDays:
    return SpecialDays(first, last, kind, words(name), hours)


class TestHolidays:
    @pytest.mark.parametrize("country", COUNTRIES)
    def test_each_country_has_some_with_names_in_both_languages(self, country: str) -> None:
        assert has_holidays(country)
        year = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
        names = [name for on in year if (name := holiday_on(calendar(country), on))]
        assert len(names) >= 5
        assert all(name.ar and name.en for name in names)

    def test_names_are_arabic_where_the_library_has_them_and_english_where_not(self) -> None:
        assert holiday_on(calendar("SY"), date(2027, 4, 17)) == Text(ar="عيد الاستقلال", en="Independence Day")
        assert holiday_on(calendar("DE"), date(2027, 10, 3)) == words("German Unity Day")

    def test_a_holiday_of_a_part_of_a_country_counts_there(self) -> None:
        on = date(2027, 3, 8)
        berlin = Calendar("B", words("B"), frozenset(), "DE", "BE")
        assert holiday_on(calendar("DE"), on) is None
        assert holiday_on(berlin, on) is not None
        assert has_holidays("DE", "BE")
        assert not has_holidays("DE", "XX")
        assert not has_holidays("XX")

    def test_what_is_left_out_is_left_out_each_year_and_movable_feasts_stay(self) -> None:
        without = calendar("SY", left_out=("03-21",))
        names = {year: holiday_on(without, date(year, 3, 21)) for year in (2025, 2026, 2027)}
        assert names[2025] is None
        assert names[2027] is None
        assert names[2026] is not None  # Mother's Day is left out, the second day of Eid al-Fitr is not
        assert names[2026].en == "Eid al-Fitr (estimated)"

    def test_a_calendar_without_a_country_has_none(self) -> None:
        assert holiday_on(calendar(), date(2027, 1, 1)) is None

    def test_a_look_at_a_year_that_was_read_costs_next_to_nothing(self) -> None:
        kept = calendar("SY")
        holiday_on(kept, date(2031, 1, 1))
        start = perf_counter()
        for n in range(365 * 10):
            holiday_on(kept, date(2031, 1, 1) + timedelta(days=n % 365))
        assert perf_counter() - start < 0.5  # reading one year anew for each would take minutes


class TestRamadan:
    @pytest.mark.parametrize(
        ("on", "within"),
        [
            (date(2026, 2, 17), False),
            (date(2026, 2, 18), True),
            (date(2026, 3, 19), True),
            (date(2026, 3, 20), False),
            (date(2030, 1, 6), True),
            (date(2030, 12, 26), True),  # twice in a Gregorian year
            (date(1900, 1, 1), False),
            (date(2078, 1, 1), False),
        ],
    )
    def test_it_falls_as_the_umm_al_qura_calendar_has_it(self, on: date, within: bool) -> None:
        assert in_ramadan(on) is within

    @given(st.dates(date(1926, 1, 1), date(2075, 12, 31)).filter(in_ramadan))
    def test_it_has_29_or_30_days(self, on: date) -> None:
        first = last = on
        while in_ramadan(first - timedelta(days=1)):
            first -= timedelta(days=1)
        while in_ramadan(last + timedelta(days=1)):
            last += timedelta(days=1)
        assert (last - first).days + 1 in {29, 30}


class TestSpecialDays:
    def test_closed_days_close_and_say_why(self) -> None:
        found = hours_on(EVERY_DAY, calendar(None, days(SpecialKind.CLOSED, DAY, DAY, "census")), DAY)
        assert isinstance(found, ClosedOn)
        assert (found.kind.value, found.reason.en) == ("special", "census")

    def test_special_hours_do_not_open_a_holiday_and_open_days_do(self) -> None:
        on = date(2027, 4, 17)
        short = days(SpecialKind.HOURS, on, on, "short", Span("09:00", "10:00"))
        opened = days(SpecialKind.OPEN, on, on, "open")
        assert isinstance(hours_on(EVERY_DAY, calendar("SY", short), on), ClosedOn)
        found = hours_on(EVERY_DAY, calendar("SY", opened), on)
        assert found == OpenHours(EVERY_DAY[Weekday.SAT], words("open"))

    def test_an_open_day_without_any_hours_stays_closed(self) -> None:
        opened = days(SpecialKind.OPEN, DAY, DAY)
        assert isinstance(hours_on({}, calendar(None, opened), DAY), ClosedOn)

    @pytest.mark.parametrize("turned", [False, True])
    def test_of_two_the_one_that_covers_fewer_dates_counts(self, turned: bool) -> None:
        week = days(SpecialKind.CLOSED, DAY - timedelta(days=3), DAY + timedelta(days=3))
        one = days(SpecialKind.HOURS, DAY, DAY, "one", Span("09:00", "10:00"))
        both = (one, week) if turned else (week, one)
        found = hours_on(EVERY_DAY, calendar(None, *both), DAY)
        assert found == OpenHours((Span("09:00", "10:00"),), words("one"))

    def test_special_hours_with_dates_go_before_ramadan(self) -> None:
        on = date(2026, 2, 24)
        kept = Calendar("C", words("C"), frozenset(), ramadan_hours=Span("09:00", "14:00"))
        found = hours_on(EVERY_DAY, kept, on)
        assert isinstance(found, OpenHours)
        assert found.hours == (Span("09:00", "14:00"),)
        usual = Calendar(
            "C",
            words("C"),
            frozenset(),
            ramadan_hours=Span("09:00", "14:00"),
            special_days=(days(SpecialKind.HOURS, on, on, "as usual"),),
        )
        assert hours_on(EVERY_DAY, usual, on) == OpenHours(EVERY_DAY[Weekday.TUE], words("as usual"))


def closure(first: date = DAY, last: date = DAY, by: UUID = WHO) -> Closure:
    return decide_closure(
        UUID(int=9), ClosureScope.OFFICE, "DAM-01", (first, last), words("storm"), by=by, today=TODAY, now=NOW
    )


class TestClosures:
    @pytest.mark.parametrize(
        ("first", "last", "refusal"),
        [
            (DAY, DAY - timedelta(days=1), ClosureEndsEarly),
            (TODAY - timedelta(days=1), DAY, DateOver),
            (DAY, date(2028, 12, 1), DateTooFar),
        ],
    )
    def test_days_that_cannot_be_closed_are_refused(self, first: date, last: date, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            closure(first, last)

    def test_it_closes_its_own_days_at_its_own_office(self) -> None:
        found = closure(DAY, DAY + timedelta(days=1))
        closed = [found.closes("DAM-01", "DAM", DAY + timedelta(days=n)) for n in range(-1, 3)]
        assert closed == [False, True, True, False]
        assert not found.closes("DAM-02", "DAM", DAY)
        assert not found.closes("OTHER", "DAM-01", DAY)

    def test_it_is_withdrawn_once_and_says_by_whom(self) -> None:
        gone = withdraw_closure(closure(), by=WHO, reason="it passed", today=DAY, now=NOW)
        assert (gone.withdrawn_by, gone.withdrawn_reason, gone.revision) == (WHO, "it passed", 2)
        assert closure_on([gone], "DAM-01", "DAM", DAY) is None
        with pytest.raises(ClosureWithdrawn):
            withdraw_closure(gone, by=WHO, reason="again", today=DAY, now=NOW)

    def test_one_that_is_over_is_not_withdrawn(self) -> None:
        with pytest.raises(ClosureOver):
            withdraw_closure(closure(), by=WHO, reason="late", today=DAY + timedelta(days=1), now=NOW)
