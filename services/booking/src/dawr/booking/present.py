"""How turns are shown to those who asked for them."""

from typing import Any
from uuid import UUID

from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import RefundState, State, Turn
from dawr.booking.errors import REFUSALS
from dawr.contracts import Money, Place
from dawr.servicekit.presentation import shown_money
from dawr.servicekit.problems import say


def links(turn_id: UUID, place: Place | None = None, fingerprint: str | None = None) -> dict[str, str]:
    """Where to follow a turn; `at` and `request` let it be followed before it is settled."""
    base = f"/api/booking/turns/{turn_id}"
    query = f"?at={place.partition}:{place.offset}&request={fingerprint}" if place else ""
    return {"self": base + query, "updates": f"{base}/updates{query}", "cancellation": f"{base}/cancellation"}


def requested(turn_id: UUID, place: Place, ahead: int, fingerprint: str) -> dict[str, Any]:
    """A turn that waits in the line."""
    return {
        "id": str(turn_id),
        "state": State.REQUESTED.value,
        "line": {"partition": place.partition, "offset": place.offset, "ahead": ahead},
        "links": links(turn_id, place, fingerprint),
    }


def shown_turn(turn: Turn, catalogue: Catalogue, lang: str) -> dict[str, Any]:
    """A turn with its history."""
    service = catalogue.services.get(turn.pool.service)
    office = catalogue.offices.get(turn.pool.office)
    shown: dict[str, Any] = {
        "id": str(turn.id),
        "state": turn.state.value,
        "person_id": str(turn.person_id),
        "asked_by": str(turn.asked_by),
        "service": turn.pool.service,
        "service_name": say(service.name, lang) if service else None,
        "tier": turn.pool.tier,
        "office": turn.pool.office,
        "office_name": say(office.name, lang) if office else None,
        "address": say(office.address, lang) if office else None,
        "date": turn.pool.date.isoformat(),
        "window": turn.window,
        "zone": office.zone if office else None,
        "fee": _money(turn.fee, lang),
        "held_until": turn.held_until.isoformat() if turn.held_until and turn.state is State.HELD else None,
        "line": {"partition": turn.place.partition, "offset": turn.place.offset, "ahead": 0},
        "case_id": str(turn.case_id) if turn.case_id else None,
        "payment": _payment(turn, lang),
        "refund": _refund(turn, lang),
        "refusal": None,
        "history": [dict(step) for step in turn.history],
        "links": links(turn.id),
    }
    if turn.refusal is not None:
        shown["refusal"] = {"code": turn.refusal.value, "title": say(REFUSALS[turn.refusal], lang)}
        if turn.opens_at is not None:
            shown["refusal"]["opens_at"] = turn.opens_at.isoformat()
    return shown


def _money(money: Money | None, lang: str) -> dict[str, object] | None:
    return shown_money(money, lang) if money is not None else None


def _payment(turn: Turn, lang: str) -> dict[str, Any] | None:
    if turn.payable is None or turn.payable.is_free:
        return None
    base = f"/api/payments/payments/{turn.payment_id}"
    return {
        "id": str(turn.payment_id),
        "amount": shown_money(turn.payable, lang),
        "paid": turn.paid,
        "fx": turn.fx.model_dump(mode="json") if turn.fx else None,
        "links": {"self": base, "attempts": f"{base}/attempts"},
    }


def _refund(turn: Turn, lang: str) -> dict[str, Any] | None:
    if turn.refund is RefundState.NONE:
        return None
    return {
        "state": turn.refund.value,
        "amount": _money(turn.payable, lang),
        "links": {"self": f"/api/payments/refunds?subject={turn.id}"},
    }
