"""How cases, mandates and rates are shown: the models of the answers, and what fills them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from dawr.consular.domain.case import Case, CaseState, PaymentState, RefundState
from dawr.consular.domain.mandate import Mandate, MandateState
from dawr.consular.domain.rate import Rate
from dawr.consular.errors import SEAT_REFUSALS
from dawr.consular.store.cases import Move
from dawr.contracts import FxRate, Money
from dawr.contracts.booking import RefusalCode
from dawr.contracts.consular import Kinship
from dawr.servicekit.presentation import shown_money
from dawr.servicekit.problems import say


class _Shown(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class ShownMoney(_Shown):
    """An amount: minor units, currency, and a text for people."""

    minor: int
    currency: str
    text: str


class ShownRate(_Shown):
    """How many units of `quote` one unit of `base` was on a day."""

    base: str
    quote: str
    rate: str
    dated: dt.date


class ShownRefusal(_Shown):
    """Why booking gave no seat."""

    code: RefusalCode
    title: str
    opens_at: dt.datetime | None
    """When the day opens, with `not-open-yet`."""


class ShownPayment(_Shown):
    """The payment of the case, known since a seat was held."""

    id: UUID
    state: PaymentState
    payable: ShownMoney | None
    """What is to be paid: the fee, or the fee at the frozen rate."""
    paid: ShownMoney | None
    fx: ShownRate | None
    links: dict[str, str]


class ShownRefund(_Shown):
    """What comes back, and how far it has come."""

    state: RefundState
    amount: ShownMoney | None
    links: dict[str, str]


class ShownMove(_Shown):
    """A line of the history."""

    state: CaseState
    at: dt.datetime
    cause: str
    """The wire type of the message that moved the case."""


class ShownCase(_Shown):
    """A case at a mission."""

    model_config = ConfigDict(title="CaseSummary")

    id: UUID
    state: CaseState
    mission: str
    service: str
    tier: str
    date: dt.date
    """A local date of the mission."""
    window: str | None
    """The window that was given; until then, the one that was wished for."""
    person_id: UUID
    """Whom the case is for."""
    opened_by: UUID
    mandate_id: UUID | None
    turn_id: UUID
    fee: ShownMoney | None
    payment: ShownPayment | None
    refund: ShownRefund | None
    refusal: ShownRefusal | None
    held_until: dt.datetime | None
    """Until when the seat waits for its payment."""
    cancellation_asked_at: dt.datetime | None
    opened_at: dt.datetime
    moved_at: dt.datetime
    links: dict[str, str]


class ShownCaseWithHistory(ShownCase):
    """A case at a mission, with all its moves."""

    model_config = ConfigDict(title="Case")

    history: list[ShownMove]


class CaseList(_Shown):
    """A page of cases, newest first."""

    items: list[ShownCase]
    next: str | None
    """The cursor of the next page."""


class ShownMandate(_Shown):
    """A person's word that a relative or legal agent may act for them."""

    model_config = ConfigDict(title="Mandate")

    id: UUID
    state: MandateState
    person_id: UUID
    agent_id: UUID
    kinship: Kinship
    created_at: dt.datetime
    consented_at: dt.datetime | None
    expires_at: dt.datetime
    links: dict[str, str]


class MandateList(_Shown):
    """A page of mandates, newest first."""

    items: list[ShownMandate]
    next: str | None


class ShownDayRate(ShownRate):
    """The exchange rate of a day."""

    model_config = ConfigDict(title="FxRate")

    is_example: bool
    """A plausible figure, to be set by finance."""
    set_at: dt.datetime
    used_at: dt.datetime | None
    """Since when it is frozen: a case was opened at it."""


class RateList(_Shown):
    """A page of rates, those of the latest days first."""

    items: list[ShownDayRate]
    next: str | None


def links_of(case: Case) -> dict[str, str]:
    """Where to go on from a case."""
    links = {
        "self": f"/api/consular/cases/{case.id}",
        "turn": f"/api/booking/turns/{case.turn_id}",
        "cancellation": f"/api/consular/cases/{case.id}/cancellation",
    }
    if case.payment_id is not None:
        links["payment"] = f"/api/payments/payments/{case.payment_id}"
    return links


def shown_case(case: Case, lang: str) -> dict[str, Any]:
    """A case, without its history."""
    return _summary(case, lang).model_dump(mode="json")


def shown_case_with_history(case: Case, history: Sequence[Move], lang: str) -> dict[str, Any]:
    """A case with all its moves."""
    moves = [ShownMove(state=move.state, at=move.at, cause=move.cause) for move in history]
    return ShownCaseWithHistory(**_summary(case, lang).model_dump(), history=moves).model_dump(mode="json")


def _summary(case: Case, lang: str) -> ShownCase:
    return ShownCase(
        id=case.id,
        state=case.state,
        mission=case.wish.mission,
        service=case.wish.service,
        tier=case.wish.tier,
        date=case.wish.date,
        window=case.window or case.wish.window,
        person_id=case.person_id,
        opened_by=case.opened_by,
        mandate_id=case.wish.mandate_id,
        turn_id=case.turn_id,
        fee=_money(case.fee, lang),
        payment=_payment(case, lang),
        refund=_refund(case, lang),
        refusal=_refusal(case, lang),
        held_until=case.held_until if case.state is CaseState.HELD else None,
        cancellation_asked_at=case.cancel_asked_at,
        opened_at=case.opened_at,
        moved_at=case.moved_at,
        links=links_of(case),
    )


def _payment(case: Case, lang: str) -> ShownPayment | None:
    if case.payment_id is None:
        return None
    base = f"/api/payments/payments/{case.payment_id}"
    return ShownPayment(
        id=case.payment_id,
        state=case.payment,
        payable=_money(case.payable, lang),
        paid=_money(case.paid, lang),
        fx=_rate(case.fx) if case.fx else None,
        links={"self": base, "attempts": f"{base}/attempts"},
    )


def _refund(case: Case, lang: str) -> ShownRefund | None:
    if case.refund is RefundState.NONE:
        return None
    return ShownRefund(
        state=case.refund,
        amount=_money(case.refunded, lang),
        links={"self": f"/api/payments/refunds?subject={case.turn_id}"},
    )


def _refusal(case: Case, lang: str) -> ShownRefusal | None:
    if case.refusal is None:
        return None
    return ShownRefusal(code=case.refusal, title=say(SEAT_REFUSALS[case.refusal].title, lang), opens_at=case.opens_at)


def _money(money: Money | None, lang: str) -> ShownMoney | None:
    return ShownMoney.model_validate(shown_money(money, lang)) if money is not None else None


def _rate(fx: FxRate) -> ShownRate:
    return ShownRate(base=fx.base, quote=fx.quote, rate=f"{fx.rate:f}", dated=fx.dated)


def shown_mandate(mandate: Mandate) -> dict[str, Any]:
    """A mandate; give it as it is at this moment."""
    base = f"/api/consular/mandates/{mandate.id}"
    return ShownMandate(
        id=mandate.id,
        state=mandate.state,
        person_id=mandate.person_id,
        agent_id=mandate.agent_id,
        kinship=mandate.kinship,
        created_at=mandate.created_at,
        consented_at=mandate.consented_at,
        expires_at=mandate.expires_at,
        links={"self": base, "consent": f"{base}/consent", "revocation": f"{base}/revocation"},
    ).model_dump(mode="json")


def shown_rate(rate: Rate) -> dict[str, Any]:
    """The rate of a day."""
    return ShownDayRate(
        **_rate(rate.fx).model_dump(),
        is_example=rate.is_example,
        set_at=rate.set_at,
        used_at=rate.used_at,
    ).model_dump(mode="json")
