"""The forms of what the catalogue holds: as staff send them, and as they read them to change them."""

from abc import abstractmethod
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from dawr.catalog.api.forms import Amount, Form, IsoDate, TextForm
from dawr.catalog.api.shown_offices import WeekdayName
from dawr.catalog.domain.calendars import SpecialKind
from dawr.catalog.domain.offices import OfficeKind
from dawr.catalog.domain.services import Allocation, Audience, Visit
from dawr.catalog.folder.given import Given, flag, optional, text_cells
from dawr.catalog.folder.rows import (
    AgencyRow,
    CalendarRow,
    DocumentRow,
    ExtraRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    ServiceExtraRow,
    ServiceRow,
    SpecialDayRow,
    TierRow,
)
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import Fee
from dawr.contracts.values import Code, Currency, TierCode, WindowStart

Clock = Annotated[WindowStart, Field(examples=["08:00"])]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
Paragraph = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Yearless = Annotated[str, StringConstraints(pattern=r"^\d{2}-\d{2}$")]
Age = Annotated[StrictInt, Field(ge=0, le=130)]


class Paragraphs(Form):
    """A paragraph in both languages."""

    ar: Paragraph
    en: Paragraph

    def text(self) -> Text:
        """Both."""
        return Text(ar=self.ar, en=self.en)


class Hours(Form):
    """A part of a day, in local time: [opens, closes)."""

    opens: Clock
    closes: Clock

    def cell(self) -> str:
        """As a folder has it."""
        return f"{self.opens}-{self.closes}"


class WeekdayHours(Form):
    """When an office is usually open on a weekday."""

    weekday: WeekdayName
    hours: Annotated[tuple[Hours, ...], Field(min_length=1, max_length=12)]


class ThingForm(Form):
    """What is decided of a thing; its revision and whether it is retired are not."""

    code: Annotated[Code, Field(examples=["PASS_REN"])]
    name: TextForm

    @abstractmethod
    def rows(self, pointer: str) -> list[Given]:
        """The rows that a folder would have of it; `pointer` is where in the request it is."""

    def _named(self) -> dict[str, str]:
        return {"code": self.code, **text_cells("name", self.name.text())}


class AgencyForm(ThingForm):
    """A part of the state that gives services."""

    def rows(self, pointer: str) -> list[Given]:
        return [Given(AgencyRow, pointer, self._named())]


class RegionForm(ThingForm):
    """A governorate at home, or a country abroad."""

    abroad: StrictBool

    def rows(self, pointer: str) -> list[Given]:
        return [Given(RegionRow, pointer, self._named() | {"abroad": flag(self.abroad)})]


class TierForm(ThingForm):
    """A speed that services can have."""

    code: Annotated[TierCode, Field(examples=["N"])]

    def rows(self, pointer: str) -> list[Given]:
        return [Given(TierRow, pointer, self._named())]


class ExtraForm(ThingForm):
    """Something beside a service that people can take with it."""

    description: Paragraphs

    def rows(self, pointer: str) -> list[Given]:
        return [Given(ExtraRow, pointer, self._named() | text_cells("description", self.description.text()))]


class SpecialDaysForm(Form):
    """Days that a calendar has otherwise than its rules, first and last included."""

    first_day: IsoDate
    last_day: IsoDate
    kind: SpecialKind
    hours: Annotated[tuple[Hours, ...], Field(max_length=12)] = ()
    name: TextForm


class CalendarForm(ThingForm):
    """What the offices of a country share: weekend, public holidays, Ramadan hours, special days."""

    weekend: Annotated[tuple[WeekdayName, ...], Field(max_length=7)]
    holidays_of: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,8})?$")] | None = None
    """Whose public holidays are kept, as the `holidays` library has them: `SY`, `DE-BE`; none: none."""
    left_out: Annotated[tuple[Yearless, ...], Field(max_length=60, examples=[["12-25"]])] = ()
    """Of these, the yearly ones that are not kept."""
    ramadan_hours: Hours | None = None
    special_days: Annotated[tuple[SpecialDaysForm, ...], Field(max_length=400)] = ()

    def rows(self, pointer: str) -> list[Given]:
        cells = {
            "weekend": " ".join(self.weekend),
            "holidays_of": optional(self.holidays_of),
            "left_out": " ".join(self.left_out),
            "ramadan_hours": "" if self.ramadan_hours is None else self.ramadan_hours.cell(),
        }
        special = [
            Given(SpecialDayRow, f"{pointer}/special_days/{number}", self._special(each))
            for number, each in enumerate(self.special_days)
        ]
        return [Given(CalendarRow, pointer, self._named() | cells), *special]

    def _special(self, days: SpecialDaysForm) -> dict[str, str]:
        return {
            "calendar": self.code,
            "first_day": days.first_day.isoformat(),
            "last_day": days.last_day.isoformat(),
            "kind": days.kind.value,
            "hours": ",".join(each.cell() for each in days.hours),
            **text_cells("name", days.name.text()),
        }


class DocumentForm(Form):
    """What the person brings; `tiers` empty: for all tiers."""

    code: Code
    name: TextForm
    tiers: Annotated[tuple[TierCode, ...], Field(max_length=26)] = ()
    condition: TextForm | None = None
    """Who has to bring it, or when; none: everybody has to."""


class ExtraOfService(Form):
    """An extra that the service can carry, and what it costs there."""

    extra: Code
    amount: Amount
    is_example: StrictBool = False
    """A plausible figure, to be set by an administrator."""


class ServiceForm(ThingForm):
    """A service, without its fees."""

    agency: Code
    family: Code
    """At most one live turn per person and family."""
    description: Paragraphs
    keywords: Annotated[tuple[Word, ...], Field(max_length=60)] = ()
    """Words by which people look for it, in any language and script."""
    audiences: Annotated[tuple[Audience, ...], Field(min_length=1, max_length=10)]
    visit: Visit
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=10)]
    tiers: Annotated[tuple[TierCode, ...], Field(min_length=1, max_length=26, examples=[["N", "U"]])]
    duration_minutes: Annotated[StrictInt, Field(ge=1, le=8 * 60)]
    validity_months: Annotated[StrictInt, Field(ge=1, le=1200)] | None = None
    """How long what is issued is good; none: for good, or nothing is issued."""
    allocation: Allocation = Allocation.FIRST_COME
    min_age: Age | None = None
    """Full years."""
    max_age: Age | None = None
    """Full years, included."""
    one_per_family: StrictBool = True
    needs_service: Code | None = None
    """The service that the person must have had before."""
    documents: Annotated[tuple[DocumentForm, ...], Field(max_length=60)] = ()
    extras: Annotated[tuple[ExtraOfService, ...], Field(max_length=60)] = ()

    def rows(self, pointer: str) -> list[Given]:
        cells = {
            "agency": self.agency,
            "family": self.family,
            **text_cells("description", self.description.text()),
            "keywords": " ".join(self.keywords),
            "audiences": " ".join(self.audiences),
            "visit": self.visit.value,
            "channels": " ".join(self.channels),
            "tiers": " ".join(self.tiers),
            "duration_minutes": str(self.duration_minutes),
            "validity_months": optional(self.validity_months),
            "allocation": self.allocation.value,
            "min_age": optional(self.min_age),
            "max_age": optional(self.max_age),
            "one_per_family": flag(self.one_per_family),
            "needs_service": optional(self.needs_service),
            "retired": "no",
        }
        return [Given(ServiceRow, pointer, self._named() | cells), *self._brought(pointer), *self._carried(pointer)]

    def _brought(self, pointer: str) -> list[Given]:
        return [
            Given(
                DocumentRow,
                f"{pointer}/documents/{number}",
                {
                    "service": self.code,
                    "code": each.code,
                    "tiers": " ".join(each.tiers),
                    **text_cells("name", each.name.text()),
                    **text_cells("condition", None if each.condition is None else each.condition.text()),
                },
            )
            for number, each in enumerate(self.documents)
        ]

    def _carried(self, pointer: str) -> list[Given]:
        return [
            Given(
                ServiceExtraRow,
                f"{pointer}/extras/{number}",
                {"service": self.code, "extra": each.extra, "is_example": flag(each.is_example), **_money(each.amount)},
            )
            for number, each in enumerate(self.extras)
        ]


class FeeForm(Form):
    """What a tier costs through a channel from a local date of the offices on."""

    tier: TierCode
    channel: Channel
    amount: Amount
    effective_from: IsoDate

    def fee(self) -> Fee:
        """As the domain has it; one that a person decided is no example."""
        amount = Money(minor=self.amount.minor, currency=self.amount.currency)
        return Fee(
            tier=self.tier,
            channel=self.channel,
            amount=amount,
            effective_from=self.effective_from,
            is_example=False,
        )

    def row(self, service: str, pointer: str) -> Given:
        """The row that a folder would have of it."""
        cells = {
            "service": service,
            "tier": self.tier,
            "channel": self.channel.value,
            "effective_from": self.effective_from.isoformat(),
            "is_example": "no",
        }
        return Given(FeeRow, pointer, cells | _money(self.amount))


class OfficeForm(ThingForm):
    """An office, a mission or a licensed assistance office."""

    code: Annotated[Code, Field(examples=["DAM-01"])]
    kind: OfficeKind
    region: Code
    address: TextForm
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    """Degrees north, WGS 84."""
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    """Degrees east, WGS 84."""
    zone: Annotated[Word, Field(examples=["Asia/Damascus"])]
    """IANA name."""
    currency: Annotated[Currency, Field(examples=["SYP"])]
    calendar: Code
    hours: Annotated[tuple[WeekdayHours, ...], Field(max_length=7)]
    """A weekday that is not here is closed."""
    counters: Annotated[StrictInt, Field(ge=0, le=1000)] = 1
    languages: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], ...], Field(max_length=20, examples=[["ar"]])
    ] = ()
    """ISO 639-1 codes of what is spoken there."""
    wheelchair: StrictBool | None = None
    """Whether one gets to its counters in a wheelchair; none: not known."""

    def rows(self, pointer: str) -> list[Given]:
        cells = {
            "kind": self.kind.value,
            "region": self.region,
            **text_cells("address", self.address.text()),
            "latitude": optional(self.latitude),
            "longitude": optional(self.longitude),
            "zone": self.zone,
            "currency": self.currency,
            "calendar": self.calendar,
            "hours": " ".join(f"{each.weekday}={','.join(span.cell() for span in each.hours)}" for each in self.hours),
            "counters": str(self.counters),
            "languages": " ".join(self.languages),
            "wheelchair": flag(self.wheelchair),
            "retired": "no",
        }
        return [Given(OfficeRow, pointer, self._named() | cells)]


def _money(amount: Amount) -> dict[str, str]:
    return {"minor": str(amount.minor), "currency": amount.currency}
