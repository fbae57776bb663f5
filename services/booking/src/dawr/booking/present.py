"""How turns are shown to those who asked for them."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from dawr.booking import permits
from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import LIVE, RefundState, State, Turn
from dawr.booking.errors import REFUSALS
from dawr.contracts import Money, Place
from dawr.servicekit.clock import Clock
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


@dataclass(frozen=True)
class Presenter:
    """Shows turns, with what the catalogue says of them and what their people may do about them now."""

    catalogue: Catalogue
    moves_count: int
    """How often its people may move a turn."""
    clock: Clock

    def turn(self, turn: Turn, lang: str) -> dict[str, Any]:
        """A turn with its history."""
        return _shown_turn(turn, self.catalogue, lang) | {"can": self._can(turn, lang)}

    def _can(self, turn: Turn, lang: str) -> dict[str, Any]:
        now = self.clock()
        not_cancelled = permits.why_not_cancelled(turn, self.catalogue, now)
        not_moved = permits.why_not_moved(turn, self.catalogue, now, at_most=self.moves_count)
        is_live = turn.state in LIVE
        return {
            "cancel": not_cancelled is None,
            "reschedule": not_moved is None,
            "until": permits.until(turn, self.catalogue).astimezone(UTC).isoformat() if is_live else None,
            "why_not": not_cancelled.code if not_cancelled else None,
            "why_not_reschedule": not_moved.code if not_moved else None,
            "moves_left": max(0, self.moves_count - turn.own_moves) if is_live else 0,
            "refund_if_cancelled": None if not_cancelled else _money(permits.refund_if_cancelled(turn), lang),
        }


def _shown_turn(turn: Turn, catalogue: Catalogue, lang: str) -> dict[str, Any]:
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
        "latitude": office.latitude if office else None,
        "longitude": office.longitude if office else None,
        "wheelchair": office.wheelchair if office else None,
        "date": turn.pool.date.isoformat(),
        "window": turn.window,
        "window_end": turn.window_end,
        "zone": office.zone if office else None,
        "fee": _money(turn.fee, lang),
        "held_until": turn.held_until.isoformat() if turn.held_until and turn.state is State.HELD else None,
        "line": {"partition": turn.place.partition, "offset": turn.place.offset, "ahead": 0},
        "case_id": str(turn.case_id) if turn.case_id else None,
        "payment": _payment(turn, lang),
        "refund": _refund(turn, lang),
        "refusal": None,
        "history": [dict(step) for step in turn.history],
        "links": links(turn.id) | {"reschedule": f"/api/booking/turns/{turn.id}/reschedule"},
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
