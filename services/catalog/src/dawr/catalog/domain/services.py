"""What can be asked for: agencies, tiers, extras, services and their fees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from dawr.catalog.domain.offices import Office, earliest_date
from dawr.catalog.errors import CurrencyNotSupported, DateOver, DateTooFar, Negative, NotOffered, WrongCurrency
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import Document, Fee, ServiceDescribed, Tier
from dawr.contracts.values import WITHOUT_HUNDREDTHS

FURTHEST_FEE_DAYS = 5 * 366
"""How far ahead a fee can be decided; further is a mistyped year."""


class Origin(StrEnum):
    """Who decided a figure."""

    SEED = "seed"
    """The folder of files that the platform was set up with."""
    STAFF = "staff"
    """A person, who is named in `changes`."""


class Visit(StrEnum):
    """Whether a turn at an office belongs to the service."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Agency:
    """A part of the state that gives services."""

    code: str
    name: Text


class Audience(StrEnum):
    """Who may ask for a service."""

    CITIZEN = "citizen"
    RESIDENT = "resident"
    EXPATRIATE = "expatriate"
    AGENT = "agent"
    """Somebody with a mandate or power of attorney, for another person."""


class Allocation(StrEnum):
    """How the seats of a pool are given out."""

    FIRST_COME = "first-come"
    OPEN = "open"
    """There is nothing to run out, so no capacity is planned."""
    DRAW = "draw"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The rules by which a person may ask for a service, as data."""

    min_age: int | None = None
    """Full years."""
    max_age: int | None = None
    """Full years, included."""
    one_per_family: bool = True
    """At most one live turn per person and family of services."""
    needs_service: str | None = None
    """Code of a service that the person must have had before."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Something beside a service that people can take with it: delivery, help."""

    code: str
    name: Text
    description: Text


@dataclass(frozen=True, slots=True)
class ServiceExtra:
    """An extra that a service can carry, and what it costs there."""

    code: str
    fee: Money
    is_example: bool = True
    """A plausible figure, to be set by an administrator."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the catalogue has it, without its fees."""

    code: str
    agency: str
    family: str
    """What `one live turn per person` counts."""
    name: Text
    description: Text
    visit: Visit
    channels: tuple[Channel, ...]
    tiers: tuple[str, ...]
    """Codes of tiers."""
    documents: tuple[Document, ...]
    duration_minutes: int
    keywords: tuple[str, ...] = ()
    """Words by which people look for it, in any language and script."""
    audiences: tuple[Audience, ...] = (Audience.CITIZEN,)
    validity_months: int | None = None
    """How long what is issued is good; none: for good, or nothing is issued."""
    allocation: Allocation = Allocation.FIRST_COME
    eligibility: Eligibility = Eligibility()
    extras: tuple[ServiceExtra, ...] = ()
    retired: bool = False


@dataclass(frozen=True, slots=True)
class FeeDecision:
    """A fee as it was decided once; it is never changed, only followed by another."""

    service: str
    fee: Fee
    origin: Origin

    @property
    def place(self) -> tuple[str, Channel, date]:
        """What a later decision about the same tier, channel and day supersedes."""
        return (self.fee.tier, self.fee.channel, self.fee.effective_from)


def standing_fees(decisions: Iterable[FeeDecision]) -> tuple[Fee, ...]:
    """The fees that stand, from decisions in the order in which they were made.

    Of several for one tier, channel and day the last one stands; all days are kept, also those that are over.
    """
    standing = {decision.place: decision.fee for decision in decisions}
    return tuple(standing[place] for place in sorted(standing))


def new_fees(decided: Sequence[FeeDecision], seeded: Iterable[FeeDecision]) -> list[FeeDecision]:
    """Of a folder's fees, those to be added to what was decided: missing ones, and those that the folder changed.

    Where a person decided, the folder's fee for the same tier, channel and day no longer counts.
    """
    last = {decision.place: decision for decision in decided}
    added = []
    for decision in seeded:
        before = last.get(decision.place)
        if before is None or (before.origin is Origin.SEED and before.fee != decision.fee):
            added.append(decision)
    return added


def fees_in_force(fees: Sequence[Fee], on: date) -> tuple[Fee, ...]:
    """Of standing fees, the one of each tier and channel that is in force on a day."""
    newest: dict[tuple[str, Channel], Fee] = {}
    for fee in sorted(fees, key=lambda fee: fee.effective_from):
        if fee.effective_from <= on:
            newest[fee.tier, fee.channel] = fee
    return tuple(newest[key] for key in sorted(newest))


def fees_to_come(fees: Sequence[Fee], on: date) -> tuple[Fee, ...]:
    """Of standing fees, those that take effect after a day, soonest first."""
    return tuple(sorted((fee for fee in fees if fee.effective_from > on), key=lambda fee: fee.effective_from))


def decide_fee(
    service: Service, decided: Sequence[FeeDecision], offices: Sequence[Office], fee: Fee, *, now: datetime
) -> FeeDecision:
    """A person's decision about a fee, after those that were `decided`; `offices` are those that offer the service.

    Refuses a tier or channel that the service does not have (NotOffered), an amount below zero (Negative), a
    currency without hundredths (CurrencyNotSupported) or that is not taken through the channel (WrongCurrency),
    and a day that is over everywhere (DateOver) or years ahead (DateTooFar).
    """
    if service.retired or fee.tier not in service.tiers or fee.channel not in service.channels:
        raise NotOffered(service=service.code, tier=fee.tier, channel=fee.channel)
    if fee.amount.minor < 0:
        raise Negative(field="amount.minor")
    if fee.amount.currency in WITHOUT_HUNDREDTHS:
        raise CurrencyNotSupported(currency=fee.amount.currency)
    taken = {office.currency for office in offices if fee.channel in office.kind.channels} or {
        each.fee.amount.currency for each in decided if each.fee.channel == fee.channel
    }
    if taken and fee.amount.currency not in taken:
        raise WrongCurrency(currency=fee.amount.currency, taken=sorted(taken))
    today = earliest_date(offices, now)
    if fee.effective_from < today:
        raise DateOver(date=fee.effective_from, today=today)
    if (fee.effective_from - today).days > FURTHEST_FEE_DAYS:
        raise DateTooFar(date=fee.effective_from, furthest=today + timedelta(days=FURTHEST_FEE_DAYS))
    return FeeDecision(service.code, fee, Origin.STAFF)


def describe_service(
    service: Service, fees: tuple[Fee, ...], tiers: Mapping[str, Tier], revision: int
) -> ServiceDescribed:
    """The service's whole state as the other services get it; `fees` are those that stand, `tiers` all by code.

    How a pool is allocated is only told of pools, and a service that is open has none.
    """
    return ServiceDescribed(
        code=service.code,
        revision=revision,
        agency=service.agency,
        family=service.family,
        name=service.name,
        description=service.description,
        channels=service.channels,
        tiers=tuple(tiers[code] for code in service.tiers),
        fees=fees,
        documents=service.documents,
        duration_minutes=service.duration_minutes,
        retired=service.retired,
    )
