"""Cases: their states as a table, and the decisions about them. No clock, no database, no topic.

A case moves by booking's facts alone, and those of one turn come in order: they share a partition. What
payments says comes on other topics and may come earlier or later than booking's word. It is noted beside the
state, each note only ever growing, so that every order of arrival ends in the same case and the same messages.
"""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from dawr.consular.errors import (
    CaseOver,
    IllegalMove,
    NoFee,
    NotOffered,
    StrangeFact,
    TooLateToCancel,
    UnknownMission,
    UnknownService,
)
from dawr.contracts import Channel, FxRate, Message, Money, Pool, derived_id
from dawr.contracts.booking import (
    BookingFact,
    CancelTurn,
    RefusalCode,
    RequestTurn,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnHeld,
    TurnMoved,
    TurnRefused,
)
from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.consular import CaseAdvanced, CaseOpened
from dawr.contracts.ids import DAWR, turn_id
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentEvent,
    PaymentExpired,
    PaymentFailed,
    PaymentOpened,
    RefundAccepted,
    RefundEvent,
    RefundFailed,
    RefundSucceeded,
)


class CaseState(StrEnum):
    """Where a case stands."""

    OPENED = "OPENED"
    """Booking was asked for a turn."""
    HELD = "HELD"
    """A seat waits for its payment."""
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    """Nobody paid in time; a late payment can still bring the seat back."""
    CANCELLED = "CANCELLED"


TRANSITIONS: dict[CaseState, dict[CaseState, type[Message]]] = {
    CaseState.OPENED: {
        CaseState.HELD: CaseAdvanced,
        CaseState.CONFIRMED: CaseAdvanced,  # a free service
        CaseState.REFUSED: CaseAdvanced,
    },
    CaseState.HELD: {
        CaseState.CONFIRMED: CaseAdvanced,
        CaseState.EXPIRED: CaseAdvanced,
        CaseState.CANCELLED: CaseAdvanced,
    },
    CaseState.CONFIRMED: {CaseState.CANCELLED: CaseAdvanced},
    CaseState.EXPIRED: {CaseState.CONFIRMED: CaseAdvanced},  # paid late, and the seat was still free
    CaseState.REFUSED: {},
    CaseState.CANCELLED: {},
}
"""The moves of a case, each with the event that tells of it."""

LIVE = frozenset({CaseState.OPENED, CaseState.HELD, CaseState.CONFIRMED})
"""States in which there is, or may be, a seat to give back."""
ANSWERED = frozenset(CaseState) - {CaseState.OPENED}
"""States that say that booking has answered."""


class PaymentState(StrEnum):
    """What is known of the case's payment; a later member is never followed by an earlier one."""

    NONE = "NONE"
    OPEN = "OPEN"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CAPTURED = "CAPTURED"


class RefundState(StrEnum):
    """What is known of the case's refund; a later member is never followed by an earlier one."""

    NONE = "NONE"
    DUE = "DUE"
    ACCEPTED = "ACCEPTED"
    FAILED = "FAILED"
    """The bank would not: a person settles it by hand."""
    SUCCEEDED = "SUCCEEDED"


_PAYMENT_GROWTH = tuple(PaymentState)
_REFUND_GROWTH = tuple(RefundState)


@dataclass(frozen=True)
class Wish:
    """What somebody asks a mission for."""

    service: str
    tier: str
    mission: str
    date: dt.date
    """A local date of the mission: the one that was asked for, or to which the mission moved the turn."""
    window: str | None = None
    mandate_id: UUID | None = None
    pay_currency: str | None = None
    """None: the fee's own."""

    @property
    def pool(self) -> Pool:
        """The pool whose seats are asked for."""
        return Pool(office=self.mission, service=self.service, tier=self.tier, date=self.date)


@dataclass(frozen=True)
class Case:
    """A case at a mission, from the request for its turn to the end."""

    id: UUID
    turn_id: UUID
    person_id: UUID
    opened_by: UUID
    wish: Wish
    fingerprint: str
    opened_at: dt.datetime
    moved_at: dt.datetime
    fx: FxRate | None = None
    state: CaseState = CaseState.OPENED
    revision: int = 0
    """How many moves were made."""
    refusal: RefusalCode | None = None
    opens_at: dt.datetime | None = None
    held_until: dt.datetime | None = None
    window: str | None = None
    """The window that was given."""
    fee: Money | None = None
    payable: Money | None = None
    payment_id: UUID | None = None
    payment: PaymentState = PaymentState.NONE
    paid: Money | None = None
    refund: RefundState = RefundState.NONE
    refunded: Money | None = None
    """What comes back, or came back."""
    cancel_asked_at: dt.datetime | None = None


def case_id(caller: UUID, idempotency_key: str) -> UUID:
    """The case that a caller's request with this key opens: twins of a request name the same case."""
    return derived_id(derived_id(DAWR, "case"), f"{caller}/{idempotency_key}")


def advance(case: Case, to: CaseState, at: dt.datetime) -> Case:
    """Move a case; raises IllegalMove if the table has no such move."""
    if to not in TRANSITIONS[case.state]:
        raise IllegalMove(origin=case.state, to=to)
    return replace(case, state=to, revision=case.revision + 1, moved_at=at)


def fee_for(wish: Wish, service: ServiceDescribed | None, mission: OfficeDescribed | None) -> Money:
    """The fee of what is wished for; raises UnknownMission, UnknownService, NotOffered or NoFee."""
    if mission is None or mission.retired or mission.kind != "mission":
        raise UnknownMission(mission=wish.mission)
    if service is None or service.retired:
        raise UnknownService(service=wish.service)
    tiers = [tier.code for tier in service.tiers]
    if service.code not in mission.services or Channel.MISSION not in service.channels or wish.tier not in tiers:
        raise NotOffered(mission=wish.mission, service=wish.service, tier=wish.tier)
    fee = service.fee(wish.tier, Channel.MISSION, wish.date)
    if fee is None:
        raise NoFee(service=wish.service, tier=wish.tier)
    return fee


def exchange_needed(wish: Wish, fee: Money) -> tuple[str, str] | None:
    """From which currency into which the fee must be converted; none if it is paid as it is, or free."""
    if fee.is_free or wish.pay_currency in {None, fee.currency}:
        return None
    return fee.currency, str(wish.pay_currency)


def open_case(
    id: UUID, wish: Wish, *, person: UUID, caller: UUID, fingerprint: str, fx: FxRate | None, now: dt.datetime
) -> tuple[Case, RequestTurn, CaseOpened]:
    """A new case, what booking is asked, and the fact that it was opened."""
    case = Case(
        id=id,
        turn_id=turn_id(person, f"case/{id}"),
        person_id=person,
        opened_by=caller,
        wish=wish,
        fingerprint=fingerprint,
        opened_at=now,
        moved_at=now,
        fx=fx,
    )
    request = RequestTurn(
        turn_id=case.turn_id,
        person_id=person,
        asked_by=caller,
        pool=wish.pool,
        window=wish.window,
        channel=Channel.MISSION,
        fingerprint=fingerprint,
        asked_at=now,
        case_id=id,
        fx=fx,
    )
    opened = CaseOpened(
        case_id=id,
        person_id=person,
        opened_by=caller,
        mission=wish.mission,
        at=now,
        service=wish.service,
        tier=wish.tier,
        turn_id=case.turn_id,
    )
    return case, request, opened


def after_turn_fact(case: Case, fact: BookingFact) -> tuple[Case, CaseAdvanced]:
    """The case after booking's word on its turn, and the fact that it moved; raises IllegalMove, StrangeFact."""
    if fact.turn_id != case.turn_id:
        raise StrangeFact
    match fact:
        case TurnHeld():
            moved = replace(
                advance(case, CaseState.HELD, fact.at),
                window=fact.window,
                fee=fact.fee,
                payable=fact.payable,
                payment_id=fact.payment_id,
                held_until=fact.held_until,
            )
        case TurnConfirmed():
            moved = replace(
                advance(case, CaseState.CONFIRMED, fact.at),
                window=fact.window,
                fee=fact.fee,
                payment_id=fact.payment_id or case.payment_id,
                # Asked for before the hold ran out, it was for a seat that had gone; this one can be given back anew.
                cancel_asked_at=None if case.state is CaseState.EXPIRED else case.cancel_asked_at,
            )
        case TurnRefused():
            moved = replace(advance(case, CaseState.REFUSED, fact.at), refusal=fact.code, opens_at=fact.opens_at)
        case TurnExpired():
            moved = advance(case, CaseState.EXPIRED, fact.at)
        case TurnCancelled():
            moved = advance(case, CaseState.CANCELLED, fact.at)
            if fact.refund is not None and not fact.refund.is_free:
                moved = _note_refund(moved, RefundState.DUE, fact.refund)
        case TurnMoved():
            moved = _on_another_day(case, fact)
    return moved, CaseAdvanced(
        case_id=case.id,
        person_id=case.person_id,
        opened_by=case.opened_by,
        mission=case.wish.mission,
        at=fact.at,
        state=moved.state.value,
        cause=fact.wire_type,
    )


def _on_another_day(case: Case, fact: TurnMoved) -> Case:
    """The case on the day to which the mission moved it: a step of its history, in the same state."""
    if case.state not in {CaseState.HELD, CaseState.CONFIRMED}:
        raise IllegalMove(origin=case.state, to=case.state)
    wish = replace(case.wish, date=fact.pool.date)
    return replace(case, wish=wish, window=fact.window, revision=case.revision + 1, moved_at=fact.at)


def after_payment_fact(case: Case, fact: PaymentEvent) -> Case:
    """The case with what payments said of its payment."""
    match fact:
        case PaymentOpened():
            state = PaymentState.OPEN
        case PaymentFailed():
            state = PaymentState.DECLINED
        case PaymentExpired():
            state = PaymentState.EXPIRED
        case PaymentCaptured():
            case = replace(case, paid=fact.amount)
            state = PaymentState.CAPTURED
    return replace(
        case,
        payment_id=case.payment_id or fact.payment_id,
        payment=max(case.payment, state, key=_PAYMENT_GROWTH.index),
    )


def after_refund_fact(case: Case, fact: RefundEvent) -> Case:
    """The case with what payments said of its refund."""
    match fact:
        case RefundAccepted():
            return _note_refund(case, RefundState.ACCEPTED, fact.amount)
        case RefundFailed():
            return _note_refund(case, RefundState.FAILED, fact.amount)
        case RefundSucceeded():
            return _note_refund(case, RefundState.SUCCEEDED, fact.amount)


def _note_refund(case: Case, state: RefundState, amount: Money) -> Case:
    if _REFUND_GROWTH.index(state) <= _REFUND_GROWTH.index(case.refund):
        return case
    return replace(case, refund=state, refunded=amount)


def ask_to_cancel(case: Case, caller: UUID, now: dt.datetime, *, zone: str) -> tuple[Case, CancelTurn | None]:
    """The case with its cancellation asked for, and what booking is asked: nothing if it was asked before.

    `zone` is the mission's: once the day of the turn has begun there, TooLateToCancel is raised; CaseOver if
    there is no seat to give back.
    """
    if case.state is CaseState.CANCELLED or (case.state in LIVE and case.cancel_asked_at is not None):
        return case, None
    if case.state not in LIVE:
        raise CaseOver(state=case.state)
    if now >= dt.datetime.combine(case.wish.date, dt.time.min, ZoneInfo(zone)):
        raise TooLateToCancel
    request = CancelTurn(turn_id=case.turn_id, pool=case.wish.pool, asked_by=caller, role="citizen", asked_at=now)
    return replace(case, cancel_asked_at=now), request
