"""Which fact is told to whom, by which template: one table. A fact that nobody needs to be told has an empty row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dawr.contracts import Message, derived_id
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnExpired, TurnFact, TurnHeld, TurnMoved, TurnRefused
from dawr.contracts.consular import CaseAdvanced, CaseFact, CaseOpened, MandateActivated, MandateDrafted
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    PaymentFact,
    PaymentFailed,
    PaymentOpened,
    RefundAccepted,
    RefundFact,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
)
from dawr.notifications.domain import Notice

Told = tuple[UUID, str]
"""A person, and as whom they are told: `self`, `asker` (for another), `person` (asked for by another)."""


@dataclass(frozen=True)
class Rule:
    """One template for one fact."""

    template: str
    told: Callable[[Any], Iterable[Told]]
    when: Callable[[Any], bool] = lambda _fact: True
    until: Callable[[Any], datetime | None] = lambda _fact: None
    """After this moment it is of no use to send it any more."""


def _asker(fact: TurnFact) -> Iterable[Told]:
    yield fact.asked_by, "self" if fact.asked_by == fact.person_id else "asker"


def _both(fact: TurnFact) -> Iterable[Told]:
    yield from _asker(fact)
    if fact.person_id != fact.asked_by:
        yield fact.person_id, "person"


def _both_of_case(fact: CaseFact) -> Iterable[Told]:
    yield fact.opened_by, "self" if fact.opened_by == fact.person_id else "asker"
    if fact.person_id != fact.opened_by:
        yield fact.person_id, "person"


def _payer(fact: PaymentFact | RefundFact) -> Iterable[Told]:
    yield fact.payer_id, "self"


def _person(fact: MandateDrafted | MandateActivated) -> Iterable[Told]:
    yield fact.person_id, "self"


def _agent(fact: MandateActivated) -> Iterable[Told]:
    yield fact.agent_id, "self"


_WITHOUT_CANCELLATION = {RefundReason.PAID_TOO_LATE, RefundReason.PAID_AFTER_CANCELLATION, RefundReason.WRONG_AMOUNT}


def _nobody_asked(fact: RefundAccepted) -> bool:
    """A refund after a cancellation was announced with the cancellation; the others come unannounced."""
    return fact.reason in _WITHOUT_CANCELLATION


RULES: dict[type[Message], tuple[Rule, ...]] = {
    TurnHeld: (
        Rule("turn-held", _asker, when=lambda fact: not fact.payable.is_free, until=lambda fact: fact.held_until),
    ),
    TurnRefused: (Rule("turn-refused", _asker),),
    TurnConfirmed: (Rule("turn-confirmed", _both),),
    TurnExpired: (Rule("turn-expired", _asker),),
    TurnCancelled: (Rule("turn-cancelled", _both),),
    TurnMoved: (
        Rule("turn-moved", _both, when=lambda fact: fact.by == "office"),
        Rule("turn-rescheduled", _both, when=lambda fact: fact.by == "citizen"),
    ),
    PaymentOpened: (),  # "turn-held" says what is to be paid, and until when
    PaymentCaptured: (Rule("payment-captured", _payer),),
    PaymentFailed: (Rule("payment-failed", _payer),),
    PaymentExpired: (),  # "turn-expired" says it, with the turn that it cost
    RefundAccepted: (Rule("refund-started", _payer, when=_nobody_asked),),
    RefundSucceeded: (Rule("refund-succeeded", _payer),),
    RefundFailed: (Rule("refund-failed", _payer),),
    CaseOpened: (Rule("case-opened", _both_of_case),),
    CaseAdvanced: (),  # it follows the turn and the payment, whose own facts are told
    MandateDrafted: (Rule("mandate-asked", _person, until=lambda fact: fact.expires_at),),
    MandateActivated: (Rule("mandate-given", _person), Rule("mandate-received", _agent)),
}


def notices(fact: Message, fact_id: UUID, *, now: datetime, traceparent: str | None = None) -> list[Notice]:
    """What is to be told of a fact: once per person and template, under ids that follow from the fact's own."""
    return [
        Notice(
            id=notice_id(fact_id, rule.template, person),
            person_id=person,
            template=rule.template,
            to=to,
            fact_type=fact.wire_type,
            fact=fact.model_dump_json(),
            subject_id=_turn_of(fact),
            send_before=rule.until(fact),
            traceparent=traceparent,
            created_at=now,
            due_at=now,
        )
        for rule in RULES[type(fact)]
        if rule.when(fact)
        for person, to in rule.told(fact)
    ]


def notice_id(fact_id: UUID, template: str, person: UUID) -> UUID:
    """The one message of a fact, person and template."""
    return derived_id(fact_id, f"{template}/{person}")


def _turn_of(fact: Message) -> UUID | None:
    if isinstance(fact, (TurnFact, CaseOpened)):
        return fact.turn_id
    return fact.subject.id if isinstance(fact, (PaymentFact, RefundFact)) else None
