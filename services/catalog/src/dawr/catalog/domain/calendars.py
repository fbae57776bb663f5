"""When an office is open: weeks, public holidays, special days, Ramadan hours and closures.

A day is a local date of its office, and hours are local times, `HH:MM`. Which days are holidays follows from the
`holidays` library, which is kept by others for every country; when Ramadan falls from the Umm al-Qura calendar, as
`hijridate` has it. Where a government decides otherwise, special days with dates say so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from uuid import UUID

from hijridate import Gregorian, Hijri
from holidays import country_holidays, list_supported_countries

from dawr.catalog.errors import ClosureEndsEarly, ClosureOver, ClosureWithdrawn, DateOver, DateTooFar
from dawr.contracts import Text

FURTHEST_CLOSURE_DAYS = 400
"""How far ahead an office can be closed: as far as capacity is decided."""


class Weekday(IntEnum):
    """The days of a week, numbered as in ISO 8601."""

    MON = 1
    TUE = 2
    WED = 3
    THU = 4
    FRI = 5
    SAT = 6
    SUN = 7


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of a day: `[opens, closes)`, local times `HH:MM`."""

    opens: str
    closes: str

    @property
    def minutes(self) -> int:
        """How long it is."""
        return minute_of(self.closes) - minute_of(self.opens)


Hours = tuple[Span, ...]
"""When a place is open on a day, by time and apart from each other; empty: closed."""

WeekHours = Mapping[Weekday, Hours]
"""The usual hours of an office; a weekday that is not here is closed."""


class SpecialKind(StrEnum):
    """What a special day does."""

    CLOSED = "closed"
    HOURS = "hours"
    """Open at these hours, if it would be open."""
    OPEN = "open"
    """Open although it is a holiday or the weekend."""


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """Days that a calendar has otherwise than its rules: first and last included."""

    first_day: date
    last_day: date
    kind: SpecialKind
    name: Text
    hours: Hours = ()
    """For `hours`; for `open` too, where the office has no usual hours that day; empty: the usual ones."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a country or of a mission: what most offices there share."""

    code: str
    name: Text
    weekend: frozenset[Weekday]
    holidays_of: str | None = None
    """ISO 3166 code of the country whose public holidays are kept, as the `holidays` library has them; none: none."""
    holidays_subdivision: str | None = None
    left_out: tuple[str, ...] = ()
    """`MM-DD`: holidays that fall on this date every year and are not kept. Movable ones are opened by special days."""
    ramadan_hours: Span | None = None
    special_days: tuple[SpecialDays, ...] = ()


class ClosureScope(StrEnum):
    """Whom a closure closes."""

    EVERYTHING = "everything"
    REGION = "region"
    OFFICE = "office"


@dataclass(frozen=True, slots=True)
class Closure:
    """A decision that nobody is served for some days: first and last included."""

    id: UUID
    scope: ClosureScope
    code: str | None
    """Of the region or office; none for everything."""
    first_day: date
    last_day: date
    reason: Text
    decided_at: datetime
    decided_by: UUID | None = None
    """None: it came with the seed."""
    withdrawn_at: datetime | None = None
    withdrawn_by: UUID | None = None
    withdrawn_reason: str | None = None
    revision: int = 1

    def closes(self, office: str, region: str, on: date) -> bool:
        """Whether an office is closed by it on a date."""
        if self.withdrawn_at is not None or not self.first_day <= on <= self.last_day:
            return False
        return self.concerns(office, region)

    def concerns(self, office: str, region: str) -> bool:
        """Whether an office is among those whom it closes, or closed until it was withdrawn."""
        return self.scope is ClosureScope.EVERYTHING or self.code == (
            office if self.scope is ClosureScope.OFFICE else region
        )


class ClosedBy(StrEnum):
    """Why nobody is served on a day; on the wire the `kind` of a closed day."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    """A weekday without hours."""
    CLOSURE = "closure"
    SPECIAL = "special"
    """A special day, or one whose hours leave nothing of the plan."""
    NO_PLAN = "no-plan"


@dataclass(frozen=True, slots=True)
class OpenHours:
    """When an office is open on a date."""

    hours: Hours
    note: Text | None = None
    """Why they are not the usual ones; none: they are."""


@dataclass(frozen=True, slots=True)
class ClosedOn:
    """Why an office is closed on a date."""

    kind: ClosedBy
    reason: Text


_WEEKEND = Text(ar="عطلة نهاية الأسبوع", en="Weekend")
_WEEKDAY_OFF = Text(ar="المكتب مغلق في هذا اليوم من الأسبوع", en="The office is closed on this weekday")
_RAMADAN = Text(ar="دوام شهر رمضان", en="Ramadan hours")


def minute_of(clock: str) -> int:
    """The minute of the day of a local time `HH:MM`."""
    return int(clock[:2]) * 60 + int(clock[3:])


def minutes_open(hours: Hours) -> int:
    """How long a place is open with these hours."""
    return sum(span.minutes for span in hours)


def holds(hours: Hours, start: str, end: str) -> bool:
    """Whether a part of a day lies wholly within one span of the hours."""
    return any(span.opens <= start and end <= span.closes for span in hours)


def hours_on(usual: WeekHours, calendar: Calendar, on: date) -> OpenHours | ClosedOn:
    """When an office with these usual hours is open on a date by its calendar, or why it is not.

    A special day goes before a holiday, a holiday before the weekday's own hours; of two special days the one that
    covers fewer dates counts. Ramadan hours take the place of the usual ones on days that have any.
    """
    weekday = Weekday(on.isoweekday())
    own = usual.get(weekday, ())
    special = _special(calendar, on)
    if special is not None and special.kind is SpecialKind.CLOSED:
        return ClosedOn(ClosedBy.SPECIAL, special.name)
    if special is not None and special.kind is SpecialKind.OPEN and (special.hours or own):
        return OpenHours(special.hours or own, special.name)
    holiday = holiday_on(calendar, on)
    if holiday is not None:
        return ClosedOn(ClosedBy.HOLIDAY, holiday)
    if not own:
        return ClosedOn(ClosedBy.WEEKEND, _WEEKEND if weekday in calendar.weekend else _WEEKDAY_OFF)
    if special is not None:
        return OpenHours(special.hours or own, special.name)
    if calendar.ramadan_hours is not None and in_ramadan(on):
        return OpenHours((calendar.ramadan_hours,), _RAMADAN)
    return OpenHours(own)


def _special(calendar: Calendar, on: date) -> SpecialDays | None:
    """The special day that counts on a date: the narrowest, and of equals the one that closes most."""
    covering = [each for each in calendar.special_days if each.first_day <= on <= each.last_day]
    order = list(SpecialKind)
    return min(covering, key=lambda each: (each.last_day - each.first_day, order.index(each.kind)), default=None)


def holiday_on(calendar: Calendar, on: date) -> Text | None:
    """The name of the public holiday that a calendar keeps on a date; several are joined."""
    if calendar.holidays_of is None:
        return None
    names = _kept_holidays(calendar.holidays_of, calendar.holidays_subdivision, calendar.left_out, on.year)
    return names.get(on)


def has_holidays(country: str, subdivision: str | None = None) -> bool:
    """Whether the `holidays` library knows a country, and a part of it."""
    supported = list_supported_countries()
    return country in supported and (subdivision is None or subdivision in supported[country])


@lru_cache(maxsize=1024)
def _kept_holidays(country: str, subdivision: str | None, left_out: tuple[str, ...], year: int) -> Mapping[date, Text]:
    """The holidays of a year that are kept, with their names: in English in both where the library has no Arabic."""
    kept: dict[date, Text] = {}
    arabic, english = (_without(left_out, country, subdivision, year, language) for language in ("ar", "en"))
    for on, names in english.items():
        kept[on] = Text(ar="، ".join(arabic.get(on, names)), en="; ".join(names))
    return kept


def _without(
    left_out: tuple[str, ...], country: str, subdivision: str | None, year: int, language: str
) -> dict[date, tuple[str, ...]]:
    """A year's holidays without those that recur on a date that is left out.

    What recurs is seen in the years beside it. A movable feast that happens to fall on such a date stays.
    """
    found = _holidays(country, subdivision, year, language)
    if not left_out:
        return dict(found)
    recurring = {
        (on.month, on.day, name)
        for each in (year - 1, year + 1)
        for on, names in _holidays(country, subdivision, each, language).items()
        if on.strftime("%m-%d") in left_out
        for name in names
    }
    kept = {
        on: tuple(name for name in names if (on.month, on.day, name) not in recurring) for on, names in found.items()
    }
    return {on: names for on, names in kept.items() if names}


@lru_cache(maxsize=4096)
def _holidays(country: str, subdivision: str | None, year: int, language: str) -> Mapping[date, tuple[str, ...]]:
    """The public holidays of a country in a year, in a language; in English if the library has them not in that."""
    languages = country_holidays(country).supported_languages
    spoken = [each for each in languages if each.startswith(language)] or [
        each for each in languages if each.startswith("en")
    ]
    found = country_holidays(country, subdiv=subdivision, years=year, language=spoken[0] if spoken else None)
    return {on: tuple(found.get_list(on)) for on in sorted(found) if on.year == year}


@lru_cache(maxsize=4096)
def in_ramadan(on: date) -> bool:
    """Whether a date lies in Ramadan by the Umm al-Qura calendar, which reaches from 1924 to 2077; else it does not."""
    first, last = Hijri(1343, 1, 1).to_gregorian(), Hijri(1500, 12, 30).to_gregorian()
    if not first.datetuple() <= (on.year, on.month, on.day) <= last.datetuple():
        return False
    return Gregorian.fromdate(on).to_hijri().month == 9


def decide_closure(
    closure_id: UUID,
    scope: ClosureScope,
    code: str | None,
    days: tuple[date, date],
    reason: Text,
    *,
    by: UUID,
    today: date,
    now: datetime,
) -> Closure:
    """A person's decision to close some days, first and last; `today` is the local date where the day is youngest.

    Refuses a last day before the first (ClosureEndsEarly), days that are over (DateOver) or too far (DateTooFar).
    """
    first_day, last_day = days
    if last_day < first_day:
        raise ClosureEndsEarly(first_day=first_day, last_day=last_day)
    if first_day < today:
        raise DateOver(date=first_day, today=today)
    furthest = today + timedelta(days=FURTHEST_CLOSURE_DAYS)
    if last_day > furthest:
        raise DateTooFar(date=last_day, furthest=furthest)
    return Closure(closure_id, scope, code, first_day, last_day, reason, decided_at=now, decided_by=by)


def withdraw_closure(closure: Closure, *, by: UUID, reason: str, today: date, now: datetime) -> Closure:
    """The closure taken back: what plans and staff decided for its days from today on counts again.

    Refuses one that was withdrawn (ClosureWithdrawn) or is over (ClosureOver).
    """
    if closure.withdrawn_at is not None:
        raise ClosureWithdrawn(closure=closure.id)
    if closure.last_day < today:
        raise ClosureOver(closure=closure.id, last_day=closure.last_day, today=today)
    return replace(closure, withdrawn_at=now, withdrawn_by=by, withdrawn_reason=reason, revision=closure.revision + 1)


def closure_on(closures: Iterable[Closure], office: str, region: str, on: date) -> Closure | None:
    """The closure that closes an office on a date: of several, the one that was decided first."""
    covering = (each for each in closures if each.closes(office, region, on))
    return min(covering, key=lambda each: (each.decided_at, each.id), default=None)
