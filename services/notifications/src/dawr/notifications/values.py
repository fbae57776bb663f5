"""What a template is given: plain values of one fact, with the names that the catalogue has for its codes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dawr.contracts import FxRate, Message, Money, Text
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnFact, TurnHeld, TurnMoved, TurnRefused
from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.consular import CaseOpened, MandateActivated, MandateDrafted
from dawr.contracts.payments import PaymentCaptured, PaymentFact, RefundAccepted, RefundFact
from dawr.notifications.domain import Notice
from dawr.notifications.phrases import KINSHIPS, REFUND_REASONS, REFUSALS
from dawr.notifications.rules import RULES


@dataclass(frozen=True)
class KnownTurn:
    """What booking's facts told of a turn."""

    office: str
    service: str
    tier: str
    date: date
    window: str | None = None
    told_at: datetime | None = None
    """When the newest fact of it happened; none if nobody noted it."""
    is_free: bool | None = None
    """Whether there was nothing to pay; none while no fact said."""

    def joined(self, other: "KnownTurn") -> "KnownTurn":
        """What two facts say of one turn: the day is the newer one's, and so is the window unless it says none."""
        older, newer = (other, self) if _moment(self) > _moment(other) else (self, other)
        window = newer.window or (older.window if older.date == newer.date else None)
        is_free = newer.is_free if newer.is_free is not None else older.is_free
        return replace(newer, window=window, is_free=is_free)


def _moment(turn: KnownTurn) -> datetime:
    return turn.told_at or datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Catalogue:
    """Own copies of the catalogue, as far as they have come in."""

    services: dict[str, ServiceDescribed] = field(default_factory=dict)
    offices: dict[str, OfficeDescribed] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What a text may name, beside what its fact says."""

    catalogue: Catalogue
    turn: KnownTurn | None = None


Values = dict[str, Any]

_FACTS = {fact.wire_type: fact for fact in RULES}


def open_fact(notice: Notice) -> Message | None:
    """The fact of a notice; none if it was a request."""
    fact_type = _FACTS.get(notice.fact_type)
    return fact_type.model_validate_json(notice.fact) if fact_type is not None else None


def zone_of(notice: Notice, known: Known) -> str:
    """The time zone of the office that a text is about; UTC while it is not known."""
    fact = open_fact(notice)
    code = fact.mission if isinstance(fact, CaseOpened) else known.turn.office if known.turn else ""
    office = known.catalogue.offices.get(code)
    try:
        return ZoneInfo(office.zone).key if office else "UTC"
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"


def is_complete(notice: Notice, known: Known) -> bool:
    """Whether every name that the text wants has come in."""
    fact = open_fact(notice)
    if isinstance(fact, CaseOpened):
        return fact.mission in known.catalogue.offices and fact.service in known.catalogue.services
    if notice.subject_id is None:
        return True
    turn = known.turn
    return turn is not None and turn.office in known.catalogue.offices and turn.service in known.catalogue.services


def values_of(notice: Notice, known: Known, now: datetime, *, secret: Values | None = None) -> Values:
    """The values of a notice's template. `secret` is what was sealed in the request, while it may be shown."""
    fact = open_fact(notice)
    values: Values = {"to": notice.to, "reference": str(notice.subject_id or notice.id), "turn": None}
    if fact is None:
        return values | {"minutes": _minutes(notice.send_before, now)} | (secret or {})
    if known.turn is not None:
        values["turn"] = _turn(known.turn, known.catalogue, now.astimezone(ZoneInfo(zone_of(notice, known))).date())
    for kind, read in _READERS.items():
        if isinstance(fact, kind):
            values |= read(fact, now)
    if isinstance(fact, CaseOpened):
        values |= _names(fact.service, fact.tier, fact.mission, known.catalogue)
    return values


def _names(service_code: str, tier_code: str, office_code: str, catalogue: Catalogue) -> Values:
    service, office = catalogue.services.get(service_code), catalogue.offices.get(office_code)
    tier = next((tier.name for tier in service.tiers if tier.code == tier_code), None) if service else None
    return {
        "service": service.name if service else Text(ar=service_code, en=service_code),
        "tier": tier if service and len(service.tiers) > 1 else None,
        "office": office.name if office else Text(ar=office_code, en=office_code),
        "address": office.address if office else None,
        "documents": _documents(service, tier_code) if service else [],
    }


def _turn(turn: KnownTurn, catalogue: Catalogue, today: date) -> Values:
    return {
        **_names(turn.service, turn.tier, turn.office, catalogue),
        "date": turn.date,
        "window": turn.window,
        "is_free": turn.is_free is True,
        "days": (turn.date - today).days if turn.date >= today else None,
    }


def _documents(service: ServiceDescribed, tier: str) -> list[Text]:
    return [document.name for document in service.documents if not document.tiers or tier in document.tiers]


def _minutes(until: datetime | None, now: datetime) -> int | None:
    left = (until - now) // timedelta(minutes=1) if until else -1
    return left if left >= 0 else None


def _fx(rate: FxRate | None) -> Values | None:
    return {"base": rate.base, "quote": rate.quote, "rate": rate.rate, "dated": rate.dated} if rate else None


def _turns_page(fact: TurnFact, _now: datetime) -> Values:
    return {"page": f"/turns/{fact.turn_id}"}


def _held(fact: TurnHeld, now: datetime) -> Values:
    return {
        "payable": fact.payable,
        "fee": fact.fee if fact.fee.currency != fact.payable.currency else None,
        "held_until": fact.held_until,
        "minutes": _minutes(fact.held_until, now),
    }


def _refused(fact: TurnRefused, _now: datetime) -> Values:
    why, next_step = REFUSALS[fact.code]
    return {"why": why, "next_step": next_step, "opens_at": fact.opens_at}


def _confirmed(fact: TurnConfirmed, _now: datetime) -> Values:
    return {"fee": None if fact.fee.is_free else fact.fee, "after_expiry": fact.after_expiry}


def _cancelled(fact: TurnCancelled, _now: datetime) -> Values:
    return {"by": fact.by, "refund": _worth(fact.refund), "reason": fact.reason_text}


def _moved(fact: TurnMoved, _now: datetime) -> Values:
    return {"before": fact.from_pool.date, "reason": fact.reason, "held_until": fact.held_until}


def _worth(amount: Money | None) -> Money | None:
    return amount if amount is not None and not amount.is_free else None


def _captured(fact: PaymentCaptured, _now: datetime) -> Values:
    return {"provider_reference": fact.provider_reference, "fx": _fx(fact.fx)}


def _money(fact: PaymentFact | RefundFact, _now: datetime) -> Values:
    page = f"/{fact.subject.kind}s/{fact.subject.id}"
    return {"amount": fact.amount, "at": fact.at, "payment": str(fact.payment_id), "page": page}


def _refund_started(fact: RefundAccepted, _now: datetime) -> Values:
    return {"why": REFUND_REASONS[fact.reason]}


def _case(fact: CaseOpened, _now: datetime) -> Values:
    return {"case": str(fact.case_id), "page": f"/cases/{fact.case_id}"}


def _mandate(fact: MandateDrafted | MandateActivated, _now: datetime) -> Values:
    return {"kinship": KINSHIPS[fact.kinship], "at": fact.at}


def _mandate_asked(fact: MandateDrafted, now: datetime) -> Values:
    return _mandate(fact, now) | {"page": "/relatives", "expires_at": fact.expires_at}


_READERS: dict[type[Message], Callable[[Any, datetime], Values]] = {
    TurnFact: _turns_page,
    TurnHeld: _held,
    TurnRefused: _refused,
    TurnConfirmed: _confirmed,
    TurnCancelled: _cancelled,
    TurnMoved: _moved,
    PaymentCaptured: _captured,
    PaymentFact: _money,
    RefundFact: _money,
    RefundAccepted: _refund_started,
    CaseOpened: _case,
    MandateActivated: _mandate,
    MandateDrafted: _mandate_asked,
}


def turn_of(fact: TurnFact) -> KnownTurn:
    """What a fact of booking says of its turn."""
    window = fact.window if isinstance(fact, (TurnHeld, TurnConfirmed, TurnMoved)) else None
    is_free = None
    if isinstance(fact, (TurnHeld, TurnConfirmed)):
        is_free = fact.payable.is_free if isinstance(fact, TurnHeld) else fact.fee.is_free
    pool = fact.pool
    return KnownTurn(
        office=pool.office,
        service=pool.service,
        tier=pool.tier,
        date=pool.date,
        window=window,
        told_at=fact.at,
        is_free=is_free,
    )
