"""Captured payments confirm their turn, take its seat again, or go back by themselves; refunds on their way."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dawr.booking import domain
from dawr.booking.domain import RefundState, Seats, State, Turn
from dawr.booking.errors import UnknownTurn
from dawr.booking.service.expire_holds import SeatMoved, lock_and_let_go
from dawr.booking.service.tell import ask_refund, tell_confirmed
from dawr.booking.store import pools, turns
from dawr.contracts.payments import PaymentCaptured, RefundAccepted, RefundFact, RefundFailed, RefundSucceeded
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause, Received

REFUND_STATES: dict[type[RefundFact], RefundState] = {
    RefundAccepted: RefundState.ACCEPTED,
    RefundSucceeded: RefundState.SUCCEEDED,
    RefundFailed: RefundState.FAILED,
}


async def settle_payments(tx: Transaction, batch: Sequence[Received]) -> None:
    """Settle every captured payment of the batch; other payment facts change nothing here."""
    captures = [(each.message, each.cause) for each in batch if isinstance(each.message, PaymentCaptured)]
    if not captures:
        return
    ids = [event.subject.id for event, _ in captures]
    before = await _lock_pools(tx, await turns.by_ids(tx.connection, ids))
    seats = dict(before)
    locked = await lock_and_let_go(tx, ids, seats, before)
    for event, cause in captures:
        turn = locked.get(event.subject.id)
        if turn is None:
            raise UnknownTurn(turn_id=str(event.subject.id))
        if turn.state is State.EXPIRED and turn.pool.key not in before:
            raise SeatMoved
        locked[turn.id] = await _settle(tx, turn, event, seats, cause)
    await pools.save(tx.connection, before, seats)


async def _lock_pools(tx: Transaction, seen: dict[UUID, Turn]) -> dict[str, Seats]:
    """Lock the pools of those who pay late, and those where a hold that ran out is in their way."""
    late = [turn for turn in seen.values() if turn.state is State.EXPIRED]
    live = await turns.live(tx.connection, {(turn.person_id, turn.family) for turn in late})
    lapsed = {turn.pool.key for turn in live if domain.has_run_out(turn, tx.now)}
    return await pools.lock(tx.connection, {turn.pool.key for turn in late} | lapsed)


async def _settle(tx: Transaction, turn: Turn, event: PaymentCaptured, seats: dict[str, Seats], cause: Cause) -> Turn:
    key = turn.pool.key
    settled, after, refund = domain.settle_payment(turn, seats.get(key), event.amount, now=tx.now)
    if settled is turn:
        return turn
    if turn.state is State.EXPIRED and settled.state is State.CONFIRMED:
        if not await _is_live_again(tx, settled):
            settled, refund, after = *domain.refund_late(turn, tx.now), seats[key]
            await turns.save(tx.connection, [settled])
    else:
        await turns.save(tx.connection, [settled])
    if after is not None:
        seats[key] = after
    if refund is not None:
        ask_refund(tx, settled, refund, cause)
    else:
        tell_confirmed(tx, settled, late=turn.state is State.EXPIRED, cause=cause)
    return settled


async def _is_live_again(tx: Transaction, turn: Turn) -> bool:
    """Save a late payer's turn; False if they took another one meanwhile: a unique index decides."""
    try:
        async with tx.savepoint():
            await turns.save(tx.connection, [turn])
    except IntegrityError:
        return False
    return True


async def note_refund(tx: Transaction, event: RefundFact) -> None:
    """Note how far the money is on its way back; facts may come in any order."""
    turn = (await turns.lock(tx.connection, [event.subject.id], now=tx.now)).get(event.subject.id)
    if turn is None:
        raise UnknownTurn(turn_id=str(event.subject.id))
    noted = domain.note_refund(turn, REFUND_STATES[type(event)], at=event.at, cause=event.wire_type)
    if noted != turn:
        await turns.save(tx.connection, [noted])
