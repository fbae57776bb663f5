"""The forms of public answers, and how the domain's values are put into them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from dawr.catalog.domain.offices import Office, OfficeKind
from dawr.catalog.domain.services import (
    Agency,
    Allocation,
    Audience,
    Extra,
    Service,
    Visit,
    fees_in_force,
    fees_to_come,
)
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import Fee, Tier
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
    condition: str | None
    """Who has to bring it, or when; none: everybody has to."""
    conditions: Text | None


class ShownEligibility(Shown):
    """The rules by which a person may ask."""

    min_age: int | None
    """Full years."""
    max_age: int | None
    """Full years, included."""
    one_per_family: bool
    """At most one live turn per person and family of services."""
    needs_service: str | None
    """Code of a service that the person must have had before."""


class ShownExtra(Named):
    """Something that people can take with the service, and what it costs."""

    description: str
    descriptions: Text
    amount: ShownMoney
    is_example: bool
    """A plausible figure, to be set by an administrator."""


class ServiceSummary(Named):
    """A service in a list."""

    agency: Named
    family: str
    """At most one live turn per person and family."""
    visit: Visit
    audiences: tuple[Audience, ...]
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
    validity_months: int | None
    """How long what is issued is good; none: for good, or nothing is issued."""
    allocation: Allocation
    eligibility: ShownEligibility
    keywords: tuple[str, ...]
    retired: bool
    as_of: date
    """The local date for which `fees` are in force: where the service is offered, the earliest."""
    fees: tuple[ShownFee, ...]
    coming_fees: tuple[ShownFee, ...]
    """Decided already, in force later."""
    documents: tuple[ShownDocument, ...]
    extras: tuple[ShownExtra, ...]
    offices: tuple[OfficeReference, ...]


class ServiceList(Shown):
    """A page of services; `next` is the cursor of the next page."""

    items: tuple[ServiceSummary, ...]
    next: str | None


def named(code: str, name: Text, lang: str) -> Named:
    """A code with its name."""
    return Named(code=code, name=say(name, lang), names=name)


def shown_money(amount: Money, lang: str) -> ShownMoney:
    """An amount with its text for people."""
    return ShownMoney(minor=amount.minor, currency=amount.currency, text=money_text(amount, lang))


def shown_fee(fee: Fee, lang: str) -> ShownFee:
    """A fee with its amount for people."""
    return ShownFee(
        tier=fee.tier,
        channel=fee.channel,
        amount=shown_money(fee.amount, lang),
        effective_from=fee.effective_from,
        is_example=fee.is_example,
    )


def service_summary(service: Service, agency: Agency, tiers: Mapping[str, Tier], lang: str) -> ServiceSummary:
    """A service as lists show it."""
    return ServiceSummary(
        **dict(named(service.code, service.name, lang)),
        agency=named(agency.code, agency.name, lang),
        family=service.family,
        visit=service.visit,
        audiences=service.audiences,
        channels=service.channels,
        tiers=tuple(named(code, tiers[code].name, lang) for code in service.tiers),
    )


def service_detail(
    summary: ServiceSummary,
    service: Service,
    revision: int,
    *,
    fees: Sequence[Fee],
    extras: Mapping[str, Extra],
    offices: Sequence[Office],
    as_of: date,
    lang: str,
) -> ServiceDetail:
    """A service in full; `fees` are those that stand, `extras` all by code."""
    rules = service.eligibility
    return ServiceDetail(
        **dict(summary),
        revision=revision,
        description=say(service.description, lang),
        descriptions=service.description,
        duration_minutes=service.duration_minutes,
        validity_months=service.validity_months,
        allocation=service.allocation,
        eligibility=ShownEligibility(
            min_age=rules.min_age,
            max_age=rules.max_age,
            one_per_family=rules.one_per_family,
            needs_service=rules.needs_service,
        ),
        keywords=service.keywords,
        retired=service.retired,
        as_of=as_of,
        fees=tuple(shown_fee(fee, lang) for fee in fees_in_force(fees, as_of)),
        coming_fees=tuple(shown_fee(fee, lang) for fee in fees_to_come(fees, as_of)),
        documents=tuple(_documents(service, lang)),
        extras=tuple(_extras(service, extras, lang)),
        offices=tuple(
            OfficeReference(**dict(named(each.code, each.name, lang)), kind=each.kind, region=each.region)
            for each in offices
        ),
    )


def _documents(service: Service, lang: str) -> Iterable[ShownDocument]:
    for each in service.documents:
        condition = None if each.condition is None else say(each.condition, lang)
        yield ShownDocument(
            **dict(named(each.code, each.name, lang)),
            tiers=each.tiers,
            condition=condition,
            conditions=each.condition,
        )


def _extras(service: Service, extras: Mapping[str, Extra], lang: str) -> Iterable[ShownExtra]:
    for each in service.extras:
        extra = extras[each.code]
        yield ShownExtra(
            **dict(named(extra.code, extra.name, lang)),
            description=say(extra.description, lang),
            descriptions=extra.description,
            amount=shown_money(each.fee, lang),
            is_example=each.is_example,
        )
