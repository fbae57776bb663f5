"""Who gets a seat: the one decision that the line waits for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dawr.booking.domain.seats import Seats, WindowSeats
from dawr.booking.domain.turns import Entered, State, Turn, advance
from dawr.contracts import Channel, FxRate, Money, Place, Pool
from dawr.contracts.booking import RefusalCode, Share


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
    share: Share | None = None
    """The share whose kept seats it may have."""
    entered: Entered | None = None
    """Who of the staff asked for it, if anybody did."""


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
    `pools` is closed. `live` are the persons and families that have a live turn already; `hold` is how long a seat is
    kept for its payment where the pool does not say.
    """
    seats = dict(pools)
    taken = set(live)
    turns = []
    at = now.isoformat()  # once: written for each turn, it would cost as much as finding its seat
    for wish in wishes:
        pool, person = wish.pool.key, (wish.person_id, wish.family)
        turn = _answer(wish, seats.get(pool), person in taken, now, at, hold)
        if turn.state is not State.REFUSED:
            taken.add(person)
            seats[pool] = seats[pool].taking(turn.window, 1, turn.seat)
        turns.append(turn)
    return turns, seats


def _answer(wish: Wish, seats: Seats | None, has_live_turn: bool, now: datetime, at: str, hold: timedelta) -> Turn:
    refusal = _refusal(wish, seats, has_live_turn, now)
    if refusal is not None or seats is None or wish.fee is None:
        code = refusal or RefusalCode.CLOSED
        opens_at = seats.opens_next(now) if seats and code is RefusalCode.NOT_OPEN_YET else None
        return _turn(wish, State.REFUSED, at, code.value, refusal=code, opens_at=opens_at)
    window = seats.window_for(wish.window, now)
    start = window.start if isinstance(window, WindowSeats) else None
    source = seats.source_for(wish.share, now) if seats.kept else None
    seat = None if isinstance(source, RefusalCode) else source
    if wish.fee.is_free:
        return _turn(wish, State.CONFIRMED, at, "free", window=start, fee=wish.fee, payable=wish.fee, seat=seat)
    payable = wish.fx.convert(wish.fee) if wish.fx else wish.fee
    until = now + (timedelta(seconds=seats.hold_seconds) if seats.hold_seconds else hold)
    return _turn(
        wish, State.HELD, at, "seat-held", window=start, fee=wish.fee, payable=payable, held_until=until, seat=seat
    )


def _turn(
    wish: Wish,
    to: State,
    at: str,
    cause: str,
    *,
    window: str | None = None,
    fee: Money | None = None,
    payable: Money | None = None,
    held_until: datetime | None = None,
    refusal: RefusalCode | None = None,
    opens_at: datetime | None = None,
    seat: Share | None = None,
) -> Turn:
    """The turn that a wish becomes, in its first state; `at` is the moment in ISO 8601."""
    step = {"state": to.value, "at": at, "cause": cause}
    if wish.entered is not None:
        step |= {"by": str(wish.entered.by), "reason": wish.entered.reason}
    return Turn(
        id=wish.turn_id,
        person_id=wish.person_id,
        asked_by=wish.asked_by,
        pool=wish.pool,
        family=wish.family,
        state=advance(State.REQUESTED, to),
        place=wish.place,
        fingerprint=wish.fingerprint,
        channel=wish.channel,
        window=window or wish.window,
        fee=fee,
        payable=payable,
        fx=wish.fx,
        held_until=held_until,
        refusal=refusal,
        opens_at=opens_at,
        case_id=wish.case_id,
        history=(step,),
        share=wish.share,
        seat=seat,
    )


def _refusal(wish: Wish, seats: Seats | None, has_live_turn: bool, now: datetime) -> RefusalCode | None:
    if seats is None or seats.planned == 0:
        return RefusalCode.CLOSED
    if seats.is_over(now):
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
    if seats.kept or seats.releases:
        source = seats.source_for(wish.share, now)
        if isinstance(source, RefusalCode):
            return source
    window = seats.window_for(wish.window, now)
    return window if isinstance(window, RefusalCode) else None
