"""Turns and seats: what may happen to them, decided purely. State and time come in, new state and facts go out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from dawr.booking.errors import AmountDiffers, IllegalMove
from dawr.contracts import Channel, FxRate, Message, Money, Place, Pool, derived_id
from dawr.contracts.booking import (
    RefusalCode,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnFact,
    TurnHeld,
    TurnRefused,
)
from dawr.contracts.catalog import CapacityDay
from dawr.contracts.ids import payment_id, refund_id
from dawr.contracts.payments import CancelPayment, RefundReason, RequestRefund
from dawr.contracts.values import Subject


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
    },
    State.CONFIRMED: {State.CANCELLED_BY_CITIZEN: TurnCancelled, State.CANCELLED_BY_OFFICE: TurnCancelled},
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
class WindowSeats:
    """A part of the day with seats of its own."""

    start: str
    end: str
    capacity: int
    in_use: int = 0


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of one pool. `in_use` counts held and confirmed turns."""

    capacity: int
    in_use: int
    opens_at: datetime
    closes_at: datetime
    """The end of the local day: later, nothing can be asked for."""
    windows: tuple[WindowSeats, ...] = ()

    @property
    def left(self) -> int:
        """How many can still be held."""
        return max(0, self.capacity - self.in_use)

    def window_for(self, wish: str | None) -> WindowSeats | RefusalCode | None:
        """The window that a wish gets: the wished one, the earliest with room, none if the day has no windows."""
        if not self.windows:
            return None if wish is None else RefusalCode.WINDOW_UNKNOWN
        if wish is None:
            return next((each for each in self.windows if each.in_use < each.capacity), RefusalCode.SOLD_OUT)
        wished = next((each for each in self.windows if each.start == wish), None)
        if wished is None:
            return RefusalCode.WINDOW_UNKNOWN
        return wished if wished.in_use < wished.capacity else RefusalCode.WINDOW_FULL

    def taking(self, window: str | None, count: int = 1) -> "Seats":
        """With so many seats more in use (or less, if negative) in a window."""
        return replace(
            self,
            in_use=self.in_use + count,
            windows=tuple(
                replace(each, in_use=each.in_use + count) if each.start == window else each for each in self.windows
            ),
        )


def published(seats: Seats | None, day: CapacityDay, closes_at: datetime) -> Seats:
    """The seats of a day after the catalog published it: never fewer than are in use, window by window."""
    used = {each.start: each for each in seats.windows} if seats else {}
    windows = [
        WindowSeats(each.start, each.end, max(each.capacity, in_use), in_use)
        for each in day.windows
        for in_use in [used[each.start].in_use if each.start in used else 0]
    ]
    kept = {each.start for each in windows}
    windows += [
        replace(each, capacity=each.in_use) for each in used.values() if each.start not in kept and each.in_use > 0
    ]
    in_use = seats.in_use if seats else 0
    return Seats(
        capacity=max(day.capacity, in_use),
        in_use=in_use,
        opens_at=day.opens_at,
        closes_at=closes_at,
        windows=tuple(sorted(windows, key=lambda each: each.start)),
    )


def closed(seats: Seats) -> Seats:
    """The seats of a day that the catalog no longer lists: nothing free, and what is in use stays."""
    return replace(
        seats,
        capacity=seats.in_use,
        windows=tuple(replace(each, capacity=each.in_use) for each in seats.windows if each.in_use),
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """A request for a seat, with what the catalogue says of it at this moment."""

    turn_id: UUID
    person_id: UUID
    asked_by: UUID
    pool: Pool
    family: str
    window: str | None
    channel: Channel
    fee: Money | None
    """What it costs now; none if the catalogue does not know."""
    place: Place
    fingerprint: str
    case_id: UUID | None = None
    fx: FxRate | None = None


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

    @property
    def payment_id(self) -> UUID:
        """Its one payment."""
        return payment_id(self.id)

    def moved(self, to: State, at: datetime, cause: str, **changes: object) -> "Turn":
        """In a new state, with the step noted; raises IllegalMove."""
        step = {"state": advance(self.state, to).value, "at": at.isoformat(), "cause": cause}
        return replace(self, state=to, history=(*self.history, step), **changes)  # type: ignore[arg-type]


def allocate(
    pools: Mapping[str, Seats],
    live: Iterable[tuple[UUID, str]],
    wishes: Sequence[Wish],
    *,
    now: datetime,
    hold: timedelta,
) -> tuple[list[Turn], dict[str, Seats]]:
    """Give seats to wishes in their order: a turn for each (HELD, CONFIRMED when free, REFUSED), and the seats after.

    Pure and deterministic: the same pools, live persons and wishes give the same answer. A pool that is not in
    `pools` is closed. `live` are the persons and families that have a live turn already.
    """
    seats = dict(pools)
    taken = set(live)
    turns = []
    for wish in wishes:
        turn = _answer(wish, seats.get(wish.pool.key), (wish.person_id, wish.family) in taken, now, hold)
        if turn.state is not State.REFUSED:
            taken.add((wish.person_id, wish.family))
            seats[wish.pool.key] = seats[wish.pool.key].taking(turn.window)
        turns.append(turn)
    return turns, seats


def _answer(wish: Wish, seats: Seats | None, has_live_turn: bool, now: datetime, hold: timedelta) -> Turn:
    asked = Turn(
        id=wish.turn_id,
        person_id=wish.person_id,
        asked_by=wish.asked_by,
        pool=wish.pool,
        family=wish.family,
        state=State.REQUESTED,
        place=wish.place,
        fingerprint=wish.fingerprint,
        channel=wish.channel,
        window=wish.window,
        case_id=wish.case_id,
        fx=wish.fx,
    )
    refusal = _refusal(wish, seats, has_live_turn, now)
    if refusal is not None or seats is None or wish.fee is None:
        code = refusal or RefusalCode.CLOSED
        opens_at = seats.opens_at if seats and code is RefusalCode.NOT_OPEN_YET else None
        return asked.moved(State.REFUSED, now, code.value, refusal=code, opens_at=opens_at)
    window = seats.window_for(wish.window)
    start = window.start if isinstance(window, WindowSeats) else None
    if wish.fee.is_free:
        return asked.moved(State.CONFIRMED, now, "free", window=start, fee=wish.fee, payable=wish.fee)
    payable = wish.fx.convert(wish.fee) if wish.fx else wish.fee
    return asked.moved(State.HELD, now, "seat-held", window=start, fee=wish.fee, payable=payable, held_until=now + hold)


def _refusal(wish: Wish, seats: Seats | None, has_live_turn: bool, now: datetime) -> RefusalCode | None:
    if seats is None or (seats.capacity == 0 and seats.in_use == 0):
        return RefusalCode.CLOSED
    if now >= seats.closes_at:
        return RefusalCode.DAY_OVER
    if now < seats.opens_at:
        return RefusalCode.NOT_OPEN_YET
    if wish.fee is None:
        return RefusalCode.NO_FEE
    if wish.fx is not None and wish.fx.base != wish.fee.currency:
        return RefusalCode.FX_MISMATCH
    if has_live_turn:
        return RefusalCode.ONE_LIVE_TURN
    if seats.left == 0:
        return RefusalCode.SOLD_OUT
    window = seats.window_for(wish.window)
    return window if isinstance(window, RefusalCode) else None


def has_run_out(turn: Turn, now: datetime) -> bool:
    """Whether the hold is over: from then on its seat counts as free, swept or not."""
    return turn.state is State.HELD and turn.held_until is not None and turn.held_until <= now


def expire(turn: Turn, now: datetime) -> Turn:
    """The turn whose hold ran out."""
    return turn.moved(State.EXPIRED, now, "hold-ran-out")


def settle_payment(turn: Turn, seats: Seats, amount: Money, *, now: datetime) -> tuple[Turn, Seats, Message | None]:
    """What a captured payment makes of a turn: confirmed, or the money goes back by itself.

    A turn whose hold has run out takes its seat again if one is free in its window and its day is not over
    (invariant 8). `seats` are those of its pool; the third part is the refund to ask for.
    """
    if turn.payable is None or amount != turn.payable:
        raise AmountDiffers(turn_id=str(turn.id))
    if turn.state is State.HELD:
        return turn.moved(State.CONFIRMED, now, "paid", paid=True), seats, None
    if turn.state is State.EXPIRED and not turn.paid and _has_room(seats, turn.window, now):
        return turn.moved(State.CONFIRMED, now, "paid-late", paid=True), seats.taking(turn.window), None
    if turn.state is State.EXPIRED:
        return _refunding(turn, now, RefundReason.PAID_TOO_LATE, seats)
    if turn.state in {State.CANCELLED_BY_CITIZEN, State.CANCELLED_BY_OFFICE}:
        return _refunding(turn, now, RefundReason.PAID_AFTER_CANCELLATION, seats)
    raise IllegalMove(state=turn.state.value, to=State.CONFIRMED.value)


def refund_late(turn: Turn, seats: Seats, now: datetime) -> tuple[Turn, Seats, Message | None]:
    """What is left when a late payer can't have the seat because they hold another live turn."""
    return _refunding(turn, now, RefundReason.PAID_TOO_LATE, seats)


def _has_room(seats: Seats, window: str | None, now: datetime) -> bool:
    if seats.left == 0 or now >= seats.closes_at:
        return False
    return window is None or isinstance(seats.window_for(window), WindowSeats)


def _refunding(turn: Turn, now: datetime, reason: RefundReason, seats: Seats) -> tuple[Turn, Seats, Message | None]:
    step = {"state": turn.state.value, "at": now.isoformat(), "cause": reason.value}
    refunded = replace(turn, paid=True, refund=further(turn.refund, RefundState.DUE), history=(*turn.history, step))
    return refunded, seats, refund_request(refunded, reason, asked_by=None)


def note_refund(turn: Turn, told: RefundState, *, at: datetime, cause: str) -> Turn:
    """The turn after a fact about its refund; one that is behind what is known changes nothing."""
    reached = further(turn.refund, told)
    if reached is turn.refund:
        return turn
    step = {"state": turn.state.value, "at": at.isoformat(), "cause": cause}
    return replace(turn, refund=reached, history=(*turn.history, step))


def cancel(turn: Turn, *, by_office: bool, asked_by: UUID, reason: str, now: datetime) -> tuple[Turn, list[Message]]:
    """Give a live turn back: the turn, and what to ask of payments (a full refund, or to close the unpaid payment)."""
    to = State.CANCELLED_BY_OFFICE if by_office else State.CANCELLED_BY_CITIZEN
    owed = turn.paid and turn.payable is not None and not turn.payable.is_free
    cancelled = turn.moved(to, now, reason, refund=RefundState.DUE if owed else turn.refund)
    if owed:
        cause = RefundReason.CANCELLED_BY_OFFICE if by_office else RefundReason.CANCELLED_BY_CITIZEN
        return cancelled, [refund_request(cancelled, cause, asked_by=asked_by)]
    if turn.state is State.HELD:
        subject = Subject(kind="turn", id=turn.id)
        return cancelled, [CancelPayment(payment_id=turn.payment_id, subject=subject, reason=reason)]
    return cancelled, []


def refund_request(turn: Turn, reason: RefundReason, *, asked_by: UUID | None) -> RequestRefund:
    """The one full refund of a turn; its id follows from the turn, so that it is made once."""
    if turn.payable is None:
        raise AmountDiffers(turn_id=str(turn.id))
    return RequestRefund(
        refund_id=refund_id(turn.id),
        payment_id=turn.payment_id,
        subject=Subject(kind="turn", id=turn.id),
        amount=turn.payable,
        reason=reason,
        asked_by=asked_by,
    )


def fact_of(turn: Turn, at: datetime, *, by: str = "citizen", reason: str = "", late: bool = False) -> TurnFact:
    """The fact that tells of the state that a turn has just reached."""
    base = {
        "turn_id": turn.id,
        "person_id": turn.person_id,
        "asked_by": turn.asked_by,
        "pool": turn.pool,
        "case_id": turn.case_id,
        "at": at,
    }
    if turn.state is State.HELD:
        return TurnHeld(
            **base,
            window=turn.window,
            place=turn.place,
            fee=turn.fee,
            payable=turn.payable,
            payment_id=turn.payment_id,
            held_until=turn.held_until,
        )
    if turn.state is State.REFUSED:
        return TurnRefused(**base, code=turn.refusal, opens_at=turn.opens_at)
    if turn.state is State.CONFIRMED:
        paid_with = turn.payment_id if turn.paid else None
        return TurnConfirmed(**base, window=turn.window, fee=turn.fee, payment_id=paid_with, after_expiry=late)
    if turn.state is State.EXPIRED:
        return TurnExpired(**base, held_until=turn.held_until)
    refund = turn.payable if turn.refund is RefundState.DUE else None
    return TurnCancelled(**base, by=by, reason=reason, refund=refund)


def fact_id(turn_id: UUID, fact: type[TurnFact]) -> UUID:
    """The id of a fact about a turn that no message caused: each of them happens once in a turn's life."""
    return derived_id(turn_id, fact.wire_type)
