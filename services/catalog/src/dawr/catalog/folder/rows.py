"""The files of a folder and the columns of each: one model per file, a field per column, in the files' own names."""

import re
from datetime import date
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from dawr.catalog.domain.capacity import WindowSeats
from dawr.catalog.domain.offices import OfficeKind, Weekday
from dawr.catalog.domain.services import Visit
from dawr.contracts import Channel, Text
from dawr.contracts.values import Code, Currency, TierCode

LARGEST_SEATS = 100_000
LARGEST_MINOR = 10**15

_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_WINDOW = re.compile(rf"(?P<start>{_TIME})-(?P<end>{_TIME})=(?P<seats>\d{{1,6}})", re.ASCII)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone") from None
    return name


def _words(cell: object) -> object:
    return cell.split() if isinstance(cell, str) else cell


def _flag(cell: object) -> object:
    flags = {"yes": True, "no": False}
    if cell not in flags:
        raise ValueError("yes or no is expected")
    return flags[str(cell)]


def _day(cell: object) -> object:
    try:
        return date.fromisoformat(str(cell))
    except ValueError:
        raise ValueError("a date such as 2026-12-01 is expected") from None


def _weekday(word: object) -> object:
    if isinstance(word, str) and word in Weekday.__members__:
        return Weekday[word]
    raise ValueError(f"{word!r} is not one of {' '.join(Weekday.__members__)}")


def _window(word: object) -> object:
    found = _WINDOW.fullmatch(str(word))
    if found is None:
        raise ValueError(f"{word!r} is not a window such as 09:00-10:00=8")
    return WindowSeats(found["start"], found["end"], int(found["seats"]))


_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_NO_CONTROLS)]
Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_NO_CONTROLS)]
Zone = Annotated[str, BeforeValidator(_zone)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[date, BeforeValidator(_day)]
Weekdays = Annotated[tuple[Annotated[Weekday, BeforeValidator(_weekday)], ...], BeforeValidator(_words)]
Tiers = Annotated[tuple[TierCode, ...], BeforeValidator(_words)]
Channels = Annotated[tuple[Channel, ...], BeforeValidator(_words), Field(min_length=1)]


Windows = Annotated[tuple[Annotated[WindowSeats, BeforeValidator(_window)], ...], BeforeValidator(_words)]
"""`09:00-10:00=8 10:00-11:00=8`: spans of local time and their seats; empty: the day is one line."""


class Row(BaseModel):
    """A row of a file. Spaces around a cell do not count."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)

    file: ClassVar[str]
    identity: ClassVar[tuple[str, ...]]
    """The columns that no two rows share."""


class NamedRow(Row):
    """A row that has a code and a name in both languages."""

    identity: ClassVar[tuple[str, ...]] = ("code",)

    code: Code
    name_ar: Name
    name_en: Name

    @property
    def name(self) -> Text:
        """Both names."""
        return Text(ar=self.name_ar, en=self.name_en)


class AgencyRow(NamedRow):
    """A part of the state that gives services."""

    file: ClassVar[str] = "agencies.csv"


class RegionRow(NamedRow):
    """A governorate at home, or a country abroad."""

    file: ClassVar[str] = "regions.csv"

    abroad: Flag


class TierRow(Row):
    """A speed that services can have."""

    file: ClassVar[str] = "tiers.csv"
    identity: ClassVar[tuple[str, ...]] = ("code",)

    code: TierCode
    name_ar: Name
    name_en: Name


class OfficeRow(NamedRow):
    """An office or a mission."""

    file: ClassVar[str] = "offices.csv"

    kind: OfficeKind
    region: Code
    address_ar: Name
    address_en: Name
    zone: Zone
    currency: Currency
    closed_weekdays: Weekdays
    retired: Flag


class ServiceRow(NamedRow):
    """A service."""

    file: ClassVar[str] = "services.csv"

    agency: Code
    family: Code
    description_ar: Paragraph
    description_en: Paragraph
    visit: Visit
    channels: Channels
    tiers: Annotated[Tiers, Field(min_length=1)]
    duration_minutes: Annotated[int, Field(ge=1, le=8 * 60)]
    retired: Flag


class FeeRow(Row):
    """What a tier costs through a channel from a day on."""

    file: ClassVar[str] = "fees.csv"
    identity: ClassVar[tuple[str, ...]] = ("service", "tier", "channel", "effective_from")

    service: Code
    tier: TierCode
    channel: Channel
    minor: Annotated[int, Field(ge=0, le=LARGEST_MINOR)]
    """In minor units: 312,700 SYP is 31270000."""
    currency: Currency
    effective_from: Day
    is_example: Flag


class DocumentRow(NamedRow):
    """What the person brings."""

    file: ClassVar[str] = "documents.csv"
    identity: ClassVar[tuple[str, ...]] = ("service", "code")

    service: Code
    tiers: Tiers
    """For these only; empty: for all."""


class CapacityRow(Row):
    """What an office can serve of a service's tier on some weekdays."""

    file: ClassVar[str] = "capacity.csv"
    identity: ClassVar[tuple[str, ...]] = ("office", "service", "tier", "weekdays")

    office: Code
    service: Code
    tier: TierCode
    weekdays: Annotated[Weekdays, Field(min_length=1)]
    capacity: Annotated[int, Field(ge=0, le=LARGEST_SEATS)]
    windows: Windows
    opens_days_before: Annotated[int, Field(ge=0, le=365)]


FILES: tuple[type[Row], ...] = (
    AgencyRow,
    RegionRow,
    TierRow,
    OfficeRow,
    ServiceRow,
    FeeRow,
    DocumentRow,
    CapacityRow,
)
