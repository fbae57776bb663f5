"""The files of a folder and the columns of each: one model per file, a field per column, in the files' own names."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from dawr.catalog.domain.calendars import ClosureScope, SpecialKind
from dawr.catalog.domain.offices import OfficeKind
from dawr.catalog.domain.services import Allocation, Audience, Visit
from dawr.catalog.folder.cells import (
    LARGEST_MINOR,
    LARGEST_SEATS,
    Age,
    Channels,
    Clock,
    Day,
    DayHours,
    Flag,
    Keywords,
    Languages,
    Latitude,
    Longitude,
    MaybeCode,
    MaybeCountry,
    MaybeFlag,
    MaybeSpan,
    Months,
    Name,
    OfficeHours,
    OptionalSentence,
    Paragraph,
    Percent,
    Releases,
    Sentence,
    Tiers,
    Weekdays,
    Windows,
    Words,
    YearlessDays,
    Zone,
)
from dawr.contracts import Channel, Text
from dawr.contracts.values import Code, Currency, TierCode


class Row(BaseModel):
    """A row of a file. Spaces around a cell do not count."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)

    file: ClassVar[str]
    identity: ClassVar[tuple[str, ...]]
    """The columns that no two rows share."""
    optional: ClassVar[bool] = False
    """Whether the file may be absent."""


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


class ExtraRow(NamedRow):
    """Something beside a service that people can take with it."""

    file: ClassVar[str] = "extras.csv"
    optional: ClassVar[bool] = True

    description_ar: Paragraph
    description_en: Paragraph


class CalendarRow(NamedRow):
    """What the offices of a country share: weekend, public holidays, Ramadan hours."""

    file: ClassVar[str] = "calendars.csv"

    weekend: Weekdays
    holidays_of: MaybeCountry
    """Whose public holidays are kept, as the `holidays` library has them: `SY`, `DE-BE`; empty: none."""
    left_out: YearlessDays
    """Of these, the yearly ones that are not kept: `01-01 12-25`."""
    ramadan_hours: MaybeSpan
    """`09:00-14:00`; empty: as on other days."""


class SpecialDayRow(Row):
    """Days that a calendar has otherwise than its rules."""

    file: ClassVar[str] = "special_days.csv"
    identity: ClassVar[tuple[str, ...]] = ("calendar", "first_day", "last_day", "kind")
    optional: ClassVar[bool] = True

    calendar: Code
    first_day: Day
    last_day: Day
    kind: SpecialKind
    hours: DayHours
    name_ar: Name
    name_en: Name


class ServiceRow(Row):
    """A service."""

    file: ClassVar[str] = "services.csv"
    identity: ClassVar[tuple[str, ...]] = ("code",)

    code: Code
    agency: Code
    family: Code
    name_ar: Name
    name_en: Name
    description_ar: Paragraph
    description_en: Paragraph
    keywords: Keywords
    """Words by which people look for it, in any language and script."""
    audiences: Annotated[Words[Audience], Field(min_length=1)]
    visit: Visit
    channels: Channels
    tiers: Annotated[Tiers, Field(min_length=1)]
    duration_minutes: Annotated[int, Field(ge=1, le=8 * 60)]
    validity_months: Months
    allocation: Allocation
    min_age: Age
    max_age: Age
    one_per_family: Flag
    needs_service: MaybeCode
    """The service that the person must have had before."""
    retired: Flag


class DocumentRow(Row):
    """What the person brings."""

    file: ClassVar[str] = "documents.csv"
    identity: ClassVar[tuple[str, ...]] = ("service", "code")
    optional: ClassVar[bool] = True

    service: Code
    code: Code
    name_ar: Name
    name_en: Name
    tiers: Tiers
    """For these only; empty: for all."""
    condition_ar: OptionalSentence
    condition_en: OptionalSentence


class ServiceExtraRow(Row):
    """An extra that a service can carry, and what it costs there."""

    file: ClassVar[str] = "service_extras.csv"
    identity: ClassVar[tuple[str, ...]] = ("service", "extra")
    optional: ClassVar[bool] = True

    service: Code
    extra: Code
    minor: Annotated[int, Field(ge=0, le=LARGEST_MINOR)]
    currency: Currency
    is_example: Flag


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


class OfficeRow(Row):
    """An office, a mission or a licensed assistance office."""

    file: ClassVar[str] = "offices.csv"
    identity: ClassVar[tuple[str, ...]] = ("code",)

    code: Code
    kind: OfficeKind
    region: Code
    name_ar: Name
    name_en: Name
    address_ar: Name
    address_en: Name
    latitude: Latitude
    longitude: Longitude
    zone: Zone
    currency: Currency
    calendar: Code
    hours: OfficeHours
    counters: Annotated[int, Field(ge=0, le=1000)]
    languages: Languages
    wheelchair: MaybeFlag
    retired: Flag


class CapacityRow(Row):
    """What an office can serve of a service's tier on some weekdays, from a date on."""

    file: ClassVar[str] = "capacity.csv"
    identity: ClassVar[tuple[str, ...]] = ("office", "service", "tier", "valid_from", "weekdays")

    office: Code
    service: Code
    tier: TierCode
    valid_from: Day
    weekdays: Weekdays
    """Empty, with a capacity of 0: from this date on it is not given."""
    capacity: Annotated[int, Field(ge=0, le=LARGEST_SEATS)]
    windows: Windows
    opens_days_before: Annotated[int, Field(ge=0, le=365)]
    opens_time: Clock
    """Local time; empty: midnight."""
    releases: Releases
    kept_assisted: Percent
    kept_accessible: Percent
    kept_urgent: Percent


class ClosureRow(Row):
    """Days on which nobody is served."""

    file: ClassVar[str] = "closures.csv"
    identity: ClassVar[tuple[str, ...]] = ("scope", "code", "first_day", "last_day")
    optional: ClassVar[bool] = True

    scope: ClosureScope
    code: MaybeCode
    """Of the region or office; empty for everything."""
    first_day: Day
    last_day: Day
    reason_ar: Sentence
    reason_en: Sentence


FILES: tuple[type[Row], ...] = (
    AgencyRow,
    RegionRow,
    TierRow,
    ExtraRow,
    CalendarRow,
    SpecialDayRow,
    ServiceRow,
    DocumentRow,
    ServiceExtraRow,
    FeeRow,
    OfficeRow,
    CapacityRow,
    ClosureRow,
)
