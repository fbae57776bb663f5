"""What a cell of a file can hold: each kind of value, how it is written, and what is said of one that is none."""

import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Annotated, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from dawr.catalog.domain.calendars import Hours, Span, Weekday, WeekHours, has_holidays
from dawr.catalog.domain.weeks import ReleasePart, WindowSeats
from dawr.contracts import Channel
from dawr.contracts.catalog import MAX_RELEASES, MAX_WINDOWS
from dawr.contracts.values import Code, TierCode

LARGEST_SEATS = 100_000
LARGEST_MINOR = 10**15

_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_CLOCK = re.compile(_TIME, re.ASCII)
_SPAN = re.compile(rf"({_TIME})-({_TIME})", re.ASCII)
_WINDOW = re.compile(rf"(?P<start>{_TIME})-(?P<end>{_TIME})=(?P<seats>\d{{1,6}})", re.ASCII)
_RELEASE = re.compile(rf"({_TIME})=(\d{{1,3}})%", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARLESS = re.compile(r"(\d{2})-(\d{2})", re.ASCII)
_COUNTRY = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,8}))?", re.ASCII)
_LEAP_YEAR = 2024


class WrongCell(ValueError):
    """A cell does not hold what its column has: a stable code, and a text in both languages."""

    def __init__(self, code: str, en: str, ar: str) -> None:
        super().__init__(en)
        self.code, self.en, self.ar = code, en, ar


def wrong(code: str, en: str, ar: str, value: object) -> WrongCell:
    """What is said of a cell; `{value}` in the texts is what it holds."""
    shown = str(value)[:60]
    return WrongCell(code, en.format(value=shown), ar.format(value=shown))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong(
            "not-a-zone", "{value!r} is not an IANA time zone", "{value!r} ليست منطقة زمنية معروفة (IANA)", name
        ) from None
    return name


def _words(cell: object) -> object:
    return cell.split() if isinstance(cell, str) else cell


def _none_if_empty(cell: object) -> object:
    return None if isinstance(cell, str) and not cell.strip() else cell


def _flag(cell: object) -> object:
    flags = {"yes": True, "no": False}
    if cell not in flags:
        raise wrong("not-yes-or-no", "yes or no is expected", "المتوقع yes أو no", cell)
    return flags[str(cell)]


def _day(cell: object) -> object:
    try:
        # Not every form of ISO 8601: 20261201 is more often a number than a date.
        return date.fromisoformat(_DATE.fullmatch(str(cell))[0])  # type: ignore[index]
    except (TypeError, ValueError):
        raise wrong(
            "not-a-date", "a date such as 2026-12-01 is expected", "المتوقع تاريخ مثل 2026-12-01", cell
        ) from None


def _weekday(word: object) -> object:
    if isinstance(word, str) and word in Weekday.__members__:
        return Weekday[word]
    names = " ".join(Weekday.__members__)
    raise wrong("not-a-weekday", f"{{value!r}} is not one of {names}", f"{{value!r}} ليس أحد الأيام {names}", word)


def _window(word: object) -> object:
    found = _WINDOW.fullmatch(str(word))
    if found is None:
        raise wrong(
            "not-a-window",
            "{value!r} is not a window such as 09:00-10:00=8",
            "{value!r} ليست فترة مثل 09:00-10:00=8",
            word,
        )
    return WindowSeats(found["start"], found["end"], int(found["seats"]))


def _release(word: object) -> object:
    found = _RELEASE.fullmatch(str(word))
    if found is None:
        raise wrong(
            "not-a-release", "{value!r} is not a part such as 08:00=50%", "{value!r} ليست دفعة مثل 08:00=50%", word
        )
    return ReleasePart(found[1], int(found[2]))


def _clock(cell: str) -> str:
    if _CLOCK.fullmatch(cell) is None:
        raise wrong("not-a-time", "a time such as 08:00 is expected", "المتوقع وقت مثل 08:00", cell)
    return cell


def _span(cell: object) -> Span:
    found = _SPAN.fullmatch(str(cell))
    if found is None or found[1] >= found[2]:
        raise wrong(
            "not-hours", "{value!r} are not hours such as 08:00-15:00", "{value!r} ليست ساعات مثل 08:00-15:00", cell
        )
    return Span(found[1], found[2])


def _hours(cell: object) -> Hours:
    if isinstance(cell, tuple):
        return cell
    spans = tuple(_span(each) for each in str(cell).split(",")) if str(cell).strip() else ()
    for before, after in pairwise(spans):
        if after.opens < before.closes:
            raise wrong(
                "hours-overlap",
                "the hours {value!r} overlap or are out of order",
                "الساعات {value!r} متداخلة أو غير مرتبة",
                cell,
            )
    return spans


def _week_hours(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    week: dict[Weekday, Hours] = {}
    for word in cell.split():
        name, _, spans = word.partition("=")
        weekday = _weekday(name)
        assert isinstance(weekday, Weekday)  # noqa: S101
        if weekday in week:
            raise wrong("weekday-twice", "{value} is there twice", "{value} مكرر", name)
        found = _hours(spans)
        if not found:
            raise wrong(
                "not-hours",
                "{value!r} are not hours such as SUN=08:00-15:00",
                "{value!r} ليست ساعات مثل SUN=08:00-15:00",
                word,
            )
        week[weekday] = found
    return week


def _yearless(word: object) -> object:
    try:
        month, day = _YEARLESS.fullmatch(str(word)).groups()  # type: ignore[union-attr]
        date(_LEAP_YEAR, int(month), int(day))
    except (AttributeError, ValueError):
        raise wrong("not-a-day", "{value!r} is not a day such as 12-25", "{value!r} ليس يوماً مثل 12-25", word) from None
    return str(word)


W = TypeVar("W")


class HolidaysOf(NamedTuple):
    """A country, or a part of it, as the `holidays` library names them."""

    country: str
    subdivision: str | None = None

    def __str__(self) -> str:
        return self.country if self.subdivision is None else f"{self.country}-{self.subdivision}"


def _country(cell: object) -> object:
    if cell is None or isinstance(cell, HolidaysOf):
        return cell
    found = _COUNTRY.fullmatch(str(cell))
    if found is None or not has_holidays(found[1], found[2]):
        raise wrong(
            "unknown-country",
            "no holidays are known of {value!r}; a code such as SY or DE-BE is expected",
            "لا تُعرف عطل {value!r}؛ المتوقع رمز مثل SY أو DE-BE",
            cell,
        )
    return HolidaysOf(found[1], found[2])


def _apart(words: tuple[W, ...]) -> tuple[W, ...]:
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise wrong("word-twice", "{value} is there twice", "{value} مكرر", twice)
    return words


_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_NO_CONTROLS)]
Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_NO_CONTROLS)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=_NO_CONTROLS)]
OptionalSentence = Annotated[Sentence | None, BeforeValidator(_none_if_empty)]
Keyword = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=_NO_CONTROLS)]
Keywords = Annotated[tuple[Keyword, ...], AfterValidator(_apart), BeforeValidator(_words), Field(max_length=60)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Languages = Annotated[tuple[Language, ...], AfterValidator(_apart), BeforeValidator(_words), Field(max_length=20)]
Zone = Annotated[str, AfterValidator(_zone)]
Clock = Annotated[str, AfterValidator(_clock), BeforeValidator(lambda cell: cell if str(cell).strip() else "00:00")]
Flag = Annotated[bool, BeforeValidator(_flag)]
MaybeFlag = Annotated[Flag | None, BeforeValidator(_none_if_empty)]
Day = Annotated[date, BeforeValidator(_day)]
Weekdays = Annotated[tuple[Annotated[Weekday, BeforeValidator(_weekday)], ...], BeforeValidator(_words)]
Tiers = Annotated[tuple[TierCode, ...], AfterValidator(_apart), BeforeValidator(_words)]
T = TypeVar("T")
Words = Annotated[tuple[T, ...], AfterValidator(_apart), BeforeValidator(_words)]
"""A list, its parts apart by spaces."""
Channels = Annotated[Words[Channel], Field(min_length=1)]
MaybeCode = Annotated[Code | None, BeforeValidator(_none_if_empty)]
Percent = Annotated[int, BeforeValidator(lambda cell: cell if str(cell).strip() else 0), Field(ge=0, le=100)]
Age = Annotated[Annotated[int, Field(ge=0, le=130)] | None, BeforeValidator(_none_if_empty)]
Months = Annotated[Annotated[int, Field(ge=1, le=1200)] | None, BeforeValidator(_none_if_empty)]
Latitude = Annotated[Annotated[float, Field(ge=-90, le=90)] | None, BeforeValidator(_none_if_empty)]
Longitude = Annotated[Annotated[float, Field(ge=-180, le=180)] | None, BeforeValidator(_none_if_empty)]
DayHours = Annotated[Hours, BeforeValidator(_hours)]
"""`08:00-12:00,13:00-15:00`; empty: none."""
MaybeSpan = Annotated[
    Annotated[Span, BeforeValidator(lambda cell: cell if isinstance(cell, Span) else _span(cell))] | None,
    BeforeValidator(_none_if_empty),
]
OfficeHours = Annotated[WeekHours, BeforeValidator(_week_hours)]
"""`SUN=08:00-15:00 MON=08:00-12:00,13:00-15:00`; a weekday that is not there is closed."""
YearlessDays = Annotated[
    tuple[Annotated[str, BeforeValidator(_yearless)], ...], AfterValidator(_apart), BeforeValidator(_words)
]
"""`01-01 12-25`"""
MaybeCountry = Annotated[HolidaysOf | None, BeforeValidator(_country), BeforeValidator(_none_if_empty)]
"""`SY`, or a part of a country: `DE-BE`; empty: no public holidays are kept."""
Windows = Annotated[
    tuple[Annotated[WindowSeats, BeforeValidator(_window)], ...], BeforeValidator(_words), Field(max_length=MAX_WINDOWS)
]
"""`09:00-10:00=8 10:00-11:00=8`: spans of local time and their seats; empty: the day is one line."""
Releases = Annotated[
    tuple[Annotated[ReleasePart, BeforeValidator(_release)], ...],
    BeforeValidator(_words),
    Field(max_length=MAX_RELEASES),
]
"""`08:00=50% 12:00=50%`: local times of the opening day, and parts of the seats; empty: all at once."""


def listed(values: Iterable[object]) -> str:
    """A list as a cell has it."""
    return " ".join(str(value) for value in values)
