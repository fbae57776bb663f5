"""What is seen of a turn: as booking tells it, with its payment, its refund, and what the catalogue says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from dawr.gateway.portal import catalogue
from dawr.gateway.portal.pages import uuid_of
from dawr.gateway.portal.turns.room import Room, Shown, for_whom, is_own, pays
from dawr.gateway.portal.upstream import Query, Refused
from dawr.gateway.portal.visits import Visit


class Phase(StrEnum):
    """What a turn is to the one who looks at it; each has a page of its own in `templates/turns`."""

    LINE = "line"
    """It waits in the line."""
    PAY = "pay"
    """The seat is kept until it is paid."""
    BANK = "bank"
    """Its payer came back from the bank, whose word is still on its way, or has come and is on its way to booking."""
    LATE = "late"
    """The time to pay is over, and nobody has said so yet."""
    TAKEN = "taken"
    """It is confirmed."""
    REFUSED = "refused"
    EXPIRED = "expired"
    GIVEN_BACK = "given-back"
    CALLED_OFF = "called-off"
    """The office cancelled it."""


class TurnState(StrEnum):
    """Where booking has a turn."""

    REQUESTED = "REQUESTED"
    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    CANCELLED_BY_CITIZEN = "CANCELLED_BY_CITIZEN"
    CANCELLED_BY_OFFICE = "CANCELLED_BY_OFFICE"


GOES_ON = frozenset({TurnState.HELD, TurnState.CONFIRMED})
"""States of turns that have a seat."""
LIVE = frozenset({Phase.LINE, Phase.PAY, Phase.BANK, Phase.LATE})
"""Phases that pass by themselves: their page is told when they do."""
_SETTLED = {
    TurnState.CONFIRMED: Phase.TAKEN,
    TurnState.REFUSED: Phase.REFUSED,
    TurnState.EXPIRED: Phase.EXPIRED,
    TurnState.CANCELLED_BY_CITIZEN: Phase.GIVEN_BACK,
    TurnState.CANCELLED_BY_OFFICE: Phase.CALLED_OFF,
}
PAID = frozenset({"CAPTURED", "PARTLY_REFUNDED", "REFUNDED"})
"""States of a payment whose money is with us, or was."""
APPROVED, DECLINED, LATER = "approved", "declined", "later"
"""What the bank's page says of its visit in the address that leads back; words to its reader, and never believed."""
BANK_STATUS = {APPROVED, DECLINED, LATER}


@dataclass(frozen=True, slots=True)
class Sight:
    """A turn as its page shows it."""

    turn: Shown
    phase: Phase
    payment: Shown | None = None
    refund: Shown | None = None
    service: Shown | None = None
    """What the catalogue says of its service; none if it says nothing now."""
    whom: str = ""
    is_own: bool = True
    pays: bool = True
    came_back: str = ""
    """What the bank's page said: `approved`, `declined`, `later`; empty for somebody who was not there."""
    history: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def is_live(self) -> bool:
        """Whether it goes on by itself."""
        return self.phase in LIVE

    @property
    def last_move(self) -> Mapping[str, str] | None:
        """The last step by which it came to another day, if it ever did."""
        return next((step for step in reversed(self.history) if "from" in step), None)

    @property
    def last_day(self) -> date | None:
        """The last day on which it can be moved or given back, where its office is."""
        return last_day(self.turn)

    @property
    def was_paid_late(self) -> bool:
        """Whether its money came after its time, and the seat was still free."""
        return any(step["cause"] == "paid-late" for step in self.history)

    @property
    def came_too_late(self) -> bool:
        """Whether its money came when nothing could be had for it any more."""
        return any(step["cause"] in {"paid-too-late", "paid-after-cancellation"} for step in self.history)

    @property
    def documents(self) -> list[Shown]:
        """What to bring."""
        listed = self.service["documents"] if self.service else []
        return [each for each in listed if not each["tiers"] or self.turn["tier"] in each["tiers"]]

    @property
    def tier_name(self) -> str:
        """What its tier is called; its code if the catalogue says nothing."""
        tiers = self.service["tiers"] if self.service else []
        return next((str(each["name"]) for each in tiers if each["code"] == self.turn["tier"]), str(self.turn["tier"]))


def last_day(turn: Shown) -> date | None:
    """The last day on which a turn can be moved or given back, where its office is; none once that is over."""
    if turn["can"]["until"] is None:
        return None
    end = datetime.fromisoformat(turn["can"]["until"]).astimezone(ZoneInfo(turn["zone"] or "UTC"))
    return (end - timedelta(microseconds=1)).date()


def asked_place(visit: Visit) -> Query:
    """Where its request stands in the line, as the address of the page says; booking has no row of it before."""
    return {"at": visit.param("at") or None, "request": visit.param("request") or None}


async def turn_of(visit: Visit) -> dict[str, Any]:
    """The turn that the address names, or its place in the line; Refused (404) for another's."""
    id = uuid_of(visit.param("id"))
    turn: dict[str, Any] = (await visit.get(f"/api/booking/turns/{id}", asked_place(visit))).data
    return turn


async def sight_of(
    room: Room,
    visit: Visit,
    turn: Shown,
    *,
    whole: bool = True,
    names: Mapping[str, str] | None = None,
    is_new: bool = False,
) -> Sight:
    """All that the page of a turn shows; with `whole` off without what the catalogue says.

    Where a thousand people come out of the line at once, each question counts: `names` are those of `Room.names`, if
    they are known already, and of a turn that `is_new`, whose seat nobody knew of till now, no payment is asked for.
    """
    came_back = visit.param("status")
    came_back = came_back if came_back in BANK_STATUS else ""
    if turn["state"] == TurnState.REQUESTED:
        return Sight(turn, Phase.LINE)
    may_be_paid = turn["state"] in {TurnState.HELD, TurnState.EXPIRED} and not is_new
    payment = await _payment(visit, turn) if may_be_paid else None
    phase = phase_of(turn, payment, came_back, room.now())
    if names is None:
        names = await room.names(visit)
    return Sight(
        turn=turn,
        phase=phase,
        payment=payment,
        refund=await refund_of(visit, turn) if turn["refund"] else None,
        service=await _service(visit, turn) if whole and phase in {Phase.TAKEN, Phase.PAY} else None,
        whom=for_whom(visit, turn, names),
        is_own=is_own(visit, turn),
        pays=pays(visit, turn),
        came_back=came_back,
        history=tuple(turn["history"]),
    )


def phase_of(turn: Shown, payment: Shown | None, came_back: str, now: datetime) -> Phase:
    """What a settled turn is to the one who looks at it."""
    if turn["state"] != TurnState.HELD:
        return _SETTLED.get(turn["state"], Phase.TAKEN)
    if payment is not None and payment["state"] in PAID:
        return Phase.BANK
    if came_back == APPROVED:
        return Phase.BANK
    over = turn["held_until"] is not None and datetime.fromisoformat(turn["held_until"]) <= now
    return Phase.LATE if over else Phase.PAY


async def refund_of(visit: Visit, turn: Shown) -> Shown | None:
    """The refund of a turn, as its payer may see it; none yet, or none that is theirs to see."""
    found: list[Shown] = (await visit.get("/api/payments/refunds", {"subject": turn["id"], "limit": 1})).data["items"]
    return found[0] if found else None


async def _payment(visit: Visit, turn: Shown) -> Shown | None:
    """The payment of a turn; none if there is nothing to pay, payments has not heard of it yet, or somebody else
    pays."""
    if turn["payment"] is None or not pays(visit, turn):
        return None
    try:
        found: Shown = (await visit.get(f"/api/payments/payments/{turn['payment']['id']}")).data
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return found


async def _service(visit: Visit, turn: Shown) -> Shown | None:
    """What the catalogue says of the service; none of one that it has no longer."""
    try:
        return await catalogue.service(visit, turn["service"])
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
