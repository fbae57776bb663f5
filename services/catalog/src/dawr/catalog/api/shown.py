"""The forms of public answers, and how the domain's values are put into them."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.domain.offices import Office, OfficeKind, Region
from dawr.catalog.domain.services import Agency, Service, Visit, fees_in_force, fees_to_come
from dawr.contracts import Channel, Text
from dawr.contracts.catalog import Fee
from dawr.servicekit.presentation import money_text
from dawr.servicekit.problems import say


class Shown(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Named(Shown):
    """A thing with a code and its name, in the caller's language and in both."""

    code: str = Field(examples=["PASS_REN"])
    name: str = Field(examples=["Passport renewal"])
    names: Text = Field(examples=[{"ar": "تجديد جواز سفر", "en": "Passport renewal"}])


class ShownMoney(Shown):
    """An amount: minor units, ISO 4217 currency, and a text for people."""

    minor: int = Field(examples=[31270000])
    currency: str = Field(examples=["SYP"])
    text: str = Field(examples=["SYP 312,700"])


class ShownFee(Shown):
    """What a tier costs through a channel from a local date of the office on."""

    tier: str = Field(examples=["N"])
    channel: Channel
    amount: ShownMoney
    effective_from: date
    is_example: bool
    """A plausible figure, to be set by an administrator."""


class DecidedFee(Shown):
    """A fee that was decided, and the revision of its service since."""

    service: str
    revision: int
    fee: ShownFee


class ShownDocument(Named):
    """What the person brings; `tiers` empty: for all tiers."""

    tiers: tuple[str, ...]


class ServiceSummary(Named):
    """A service in a list."""

    agency: Named
    family: str
    """At most one live turn per person and family."""
    visit: Visit
    channels: tuple[Channel, ...]
    tiers: tuple[Named, ...]


class OfficeReference(Named):
    """An office that offers a service."""

    kind: OfficeKind
    region: str


class ServiceDetail(ServiceSummary):
    """A service with what it costs and needs, and where it is given."""

    revision: int
    description: str
    descriptions: Text
    duration_minutes: int
    retired: bool
    as_of: date
    """The local date for which `fees` are in force: where the service is offered, the earliest."""
    fees: tuple[ShownFee, ...]
    coming_fees: tuple[ShownFee, ...]
    """Decided already, in force later."""
    documents: tuple[ShownDocument, ...]
    offices: tuple[OfficeReference, ...]


class ServiceList(Shown):
    """A page of services, by code; `next` is the cursor of the next page."""

    items: tuple[ServiceSummary, ...]
    next: str | None


class OfficeSummary(Named):
    """An office or mission in a list."""

    kind: OfficeKind
    region: Named
    address: str
    addresses: Text
    zone: str = Field(examples=["Asia/Damascus"])
    currency: str
    closed_weekdays: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...]
    services: tuple[str, ...]
    """Codes of what it offers."""


class OfficeDetail(OfficeSummary):
    """An office or mission with what it offers."""

    revision: int
    retired: bool
    offers: tuple[Named, ...]


class OfficeList(Shown):
    """A page of offices, by code; `next` is the cursor of the next page."""

    items: tuple[OfficeSummary, ...]
    next: str | None


class ShownRegion(Named):
    """A governorate, or a country abroad."""

    abroad: bool


class RegionList(Shown):
    """All regions, by code."""

    items: tuple[ShownRegion, ...]


def named(code: str, name: Text, lang: str) -> Named:
    """A code with its name."""
    return Named(code=code, name=say(name, lang), names=name)


def shown_fee(fee: Fee, lang: str) -> ShownFee:
    """A fee with its amount for people."""
    amount = ShownMoney(minor=fee.amount.minor, currency=fee.amount.currency, text=money_text(fee.amount, lang))
    return ShownFee(
        tier=fee.tier,
        channel=fee.channel,
        amount=amount,
        effective_from=fee.effective_from,
        is_example=fee.is_example,
    )


def service_summary(service: Service, agency: Agency, lang: str) -> ServiceSummary:
    """A service as lists show it."""
    return ServiceSummary(
        code=service.code,
        name=say(service.name, lang),
        names=service.name,
        agency=named(agency.code, agency.name, lang),
        family=service.family,
        visit=service.visit,
        channels=service.channels,
        tiers=tuple(named(tier.code, tier.name, lang) for tier in service.tiers),
    )


def service_detail(
    summary: ServiceSummary,
    service: Service,
    revision: int,
    *,
    fees: Sequence[Fee],
    offices: Sequence[Office],
    as_of: date,
    lang: str,
) -> ServiceDetail:
    """A service in full; `fees` are those that stand."""
    documents = (
        ShownDocument(code=each.code, name=say(each.name, lang), names=each.name, tiers=each.tiers)
        for each in service.documents
    )
    return ServiceDetail(
        **dict(summary),
        revision=revision,
        description=say(service.description, lang),
        descriptions=service.description,
        duration_minutes=service.duration_minutes,
        retired=service.retired,
        as_of=as_of,
        fees=tuple(shown_fee(fee, lang) for fee in fees_in_force(fees, as_of)),
        coming_fees=tuple(shown_fee(fee, lang) for fee in fees_to_come(fees, as_of)),
        documents=tuple(documents),
        offices=tuple(
            OfficeReference(**dict(named(each.code, each.name, lang)), kind=each.kind, region=each.region)
            for each in offices
        ),
    )


def office_summary(office: Office, region: Region, lang: str) -> OfficeSummary:
    """An office as lists show it."""
    return OfficeSummary(
        **dict(named(office.code, office.name, lang)),
        kind=office.kind,
        region=named(region.code, region.name, lang),
        address=say(office.address, lang),
        addresses=office.address,
        zone=office.zone,
        currency=office.currency,
        closed_weekdays=tuple(_WEEKDAYS[each] for each in sorted(office.closed_weekdays)),
        services=office.services,
    )


_WEEKDAYS: dict[Weekday, Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]] = {
    Weekday.MON: "MON",
    Weekday.TUE: "TUE",
    Weekday.WED: "WED",
    Weekday.THU: "THU",
    Weekday.FRI: "FRI",
    Weekday.SAT: "SAT",
    Weekday.SUN: "SUN",
}
