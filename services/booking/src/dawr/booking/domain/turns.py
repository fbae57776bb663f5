"""Turns: their states, the only moves between them, and the facts that tell of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from dawr.booking.errors import IllegalMove
from dawr.contracts import Channel, FxRate, Money, Place, Pool, Text
from dawr.contracts.booking import (
    RefusalCode,
    Share,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnFact,
    TurnHeld,
    TurnMoved,
    TurnRefused,
)
from dawr.contracts.ids import payment_id

MOVED_BY_CITIZEN = "moved-by-citizen"
MOVED_BY_OFFICE = "moved-by-office"


class State(StrEnum):
    """Where a turn is. `REQUESTED` is in the log only: no row has it."""

    REQUESTED = "REQUESTED"
    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    CANCELLED_BY_CITIZEN = "CANCELLED_BY_CITIZEN"
    CANCELLED_BY_OFFICE = "CANCELLED_BY_OFFICE"


LIVE = frozenset({State.HELD, State.CONFIRMED})
"""States that use a seat, and of which a person has at most one per service family."""

TRANSITIONS: dict[State, dict[State, type[TurnFact]]] = {
    State.REQUESTED: {State.HELD: TurnHeld, State.CONFIRMED: TurnConfirmed, State.REFUSED: TurnRefused},
    State.HELD: {
        State.CONFIRMED: TurnConfirmed,
        State.EXPIRED: TurnExpired,
        State.CANCELLED_BY_CITIZEN: TurnCancelled,
        State.CANCELLED_BY_OFFICE: TurnCancelled,
        State.HELD: TurnMoved,  # to another day, by the office or by its people
    },
    State.CONFIRMED: {
        State.CANCELLED_BY_CITIZEN: TurnCancelled,
        State.CANCELLED_BY_OFFICE: TurnCancelled,
        State.CONFIRMED: TurnMoved,
    },
    State.EXPIRED: {State.CONFIRMED: TurnConfirmed},  # paid late, and the seat was still free
}
"""Every allowed move and the fact that tells of it."""


def advance(state: State, to: State) -> State:
    """The new state; raises IllegalMove if the table has no such edge."""
    if to not in TRANSITIONS.get(state, {}):
        raise IllegalMove(state=state.value, to=to.value)
    return to


class RefundState(StrEnum):
    """How far the money of a turn is on its way back. Facts may come in any order: a later one is never undone."""

    NONE = "NONE"
    DUE = "DUE"
    ACCEPTED = "ACCEPTED"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"


_REFUND_ORDER = list(RefundState)


def further(now: RefundState, told: RefundState) -> RefundState:
    """The one of two that is further on."""
    return max(now, told, key=_REFUND_ORDER.index)


@dataclass(frozen=True, slots=True)
class Entered:
    """Who of the staff asked on behalf of a person, and why."""

    by: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as it stands."""

    id: UUID
    person_id: UUID
    asked_by: UUID
    pool: Pool
    family: str
    state: State
    place: Place
    fingerprint: str
    channel: Channel = Channel.ONLINE
    window: str | None = None
    fee: Money | None = None
    payable: Money | None = None
    fx: FxRate | None = None
    held_until: datetime | None = None
    paid: bool = False
    refund: RefundState = RefundState.NONE
    refusal: RefusalCode | None = None
    opens_at: datetime | None = None
    case_id: UUID | None = None
    history: tuple[dict[str, str], ...] = field(default=())
    share: Share | None = None
    """The share that it was asked for in."""
    seat: Share | None = None
    """The share whose kept seat it has, to which the seat goes back; none for a seat that anybody can have."""
    window_end: str | None = field(default=None, compare=False)
    """Until when its window lasts, if it was read to be shown."""

    @property
    def entered_by(self) -> UUID | None:
        """Who of the staff asked for it on behalf of the person, if anybody did."""
        by = self.history[0].get("by") if self.history else None
        return UUID(by) if by else None

    @property
    def moves(self) -> list[str]:
        """The pools from which it was moved, by their keys, oldest first."""
        return [step["from"] for step in self.history if "from" in step]

    @property
    def own_moves(self) -> int:
        """How often its people moved it themselves."""
        return sum(step["cause"] == MOVED_BY_CITIZEN for step in self.history)

    @property
    def payment_id(self) -> UUID:
        """Its one payment."""
        return payment_id(self.id)

    def moved(
        self, to: State, at: datetime, cause: str, *, noting: Mapping[str, str] | None = None, **changes: object
    ) -> "Turn":
        """In a new state, with the step noted, and what else it is to note; raises IllegalMove."""
        step = {"state": advance(self.state, to).value, "at": at.isoformat(), "cause": cause, **(noting or {})}
        return replace(self, state=to, history=(*self.history, step), **changes)  # type: ignore[arg-type]


def has_run_out(turn: Turn, now: datetime) -> bool:
    """Whether the hold is over: from then on its seat counts as free, swept or not."""
    return turn.state is State.HELD and turn.held_until is not None and turn.held_until <= now


def expire(turn: Turn, now: datetime) -> Turn:
    """The turn whose hold ran out."""
    return turn.moved(State.EXPIRED, now, "hold-ran-out")


def moved_fact(turn: Turn, at: datetime, reason: Text) -> TurnMoved:
    """The fact that tells where a turn was moved, and by whom."""
    return TurnMoved(
        **_told_of(turn, at),
        from_pool=Pool.parse(turn.moves[-1]),
        window=turn.window,
        held_until=turn.held_until if turn.state is State.HELD else None,
        reason=reason,
        by="citizen" if turn.history[-1]["cause"] == MOVED_BY_CITIZEN else "office",
    )


def _told_of(turn: Turn, at: datetime) -> dict[str, Any]:
    """What every fact says of a turn."""
    return {
        "turn_id": turn.id,
        "person_id": turn.person_id,
        "asked_by": turn.asked_by,
        "pool": turn.pool,
        "case_id": turn.case_id,
        "at": at,
        "moves": len(turn.moves),
    }


def fact_of(
    turn: Turn,
    at: datetime,
    *,
    by: str = "citizen",
    reason: str = "",
    reason_text: Text | None = None,
    late: bool = False,
) -> TurnFact:
    """The fact that tells of the state that a turn has just reached."""
    if turn.state is State.HELD:
        return TurnHeld(
            turn_id=turn.id,
            person_id=turn.person_id,
            asked_by=turn.asked_by,
            pool=turn.pool,
            case_id=turn.case_id,
            at=at,
            window=turn.window,
            place=turn.place,
            fee=turn.fee,
            payable=turn.payable,
            payment_id=turn.payment_id,
            held_until=turn.held_until,
        )
    base = _told_of(turn, at)
    if turn.state is State.REFUSED:
        return TurnRefused(**base, code=turn.refusal, opens_at=turn.opens_at)
    if turn.state is State.CONFIRMED:
        paid_with = turn.payment_id if turn.paid else None
        return TurnConfirmed(**base, window=turn.window, fee=turn.fee, payment_id=paid_with, after_expiry=late)
    if turn.state is State.EXPIRED:
        return TurnExpired(**base, held_until=turn.held_until)
    refund = turn.payable if turn.refund is RefundState.DUE else None
    return TurnCancelled(**base, by=by, reason=reason, refund=refund, reason_text=reason_text)
