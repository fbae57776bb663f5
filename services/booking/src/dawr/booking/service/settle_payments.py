"""Captured payments confirm their turn, take its seat again, or go back by themselves; refunds on their way."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from dawr.booking import domain
from dawr.booking.domain import RefundState, Seats, State, Turn
from dawr.booking.errors import UnknownTurn
from dawr.booking.service.tell import ask_refund, tell_confirmed
from dawr.booking.store import pools, turns
from dawr.contracts import Message
from dawr.contracts.payments import PaymentCaptured, RefundAccepted, RefundFact, RefundFailed, RefundSucceeded
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause, Received
from dawr.servicekit.errors import Transient

REFUND_STATES: dict[type[RefundFact], RefundState] = {
    RefundAccepted: RefundState.ACCEPTED,
    RefundSucceeded: RefundState.SUCCEEDED,
    RefundFailed: RefundState.FAILED,
}


class SeatMoved(Transient):
    """A turn expired between the look at it and its lock: look again."""


async def settle_payments(tx: Transaction, batch: Sequence[Received]) -> None:
    """Settle every captured payment of the batch; other payment facts change nothing here."""
    captures = [(each.message, each.cause) for each in batch if isinstance(each.message, PaymentCaptured)]
    if not captures:
        return
    ids = [event.subject.id for event, _ in captures]
    seen = await turns.by_ids(tx.connection, ids)
    expired = {turn.pool.key for turn in seen.values() if turn.state is State.EXPIRED}
    seats = await pools.lock(tx.connection, expired)
    before = dict(seats)
    locked = await turns.lock(tx.connection, ids)
    for event, cause in captures:
        turn = locked.get(event.subject.id)
        if turn is None:
            raise UnknownTurn(turn_id=str(event.subject.id))
        if turn.state is State.EXPIRED and turn.pool.key not in seats:
            raise SeatMoved
        locked[turn.id] = await _settle(tx, turn, event, seats, cause)
    await pools.save(tx.connection, before, seats)


async def _settle(tx: Transaction, turn: Turn, event: PaymentCaptured, seats: dict[str, Seats], cause: Cause) -> Turn:
    key = turn.pool.key
    room = seats.get(key) or Seats(0, 0, tx.now, tx.now)
    settled, after, refund = domain.settle_payment(turn, room, event.amount, now=tx.now)
    if settled.state is State.CONFIRMED and turn.state is State.EXPIRED:
        try:
            async with tx.savepoint():
                await turns.save(tx.connection, [settled])
        except IntegrityError:
            # The payer took another turn meanwhile: one live turn per person and family, so the money goes back.
            settled, after, refund = domain.refund_late(turn, room, tx.now)
            await turns.save(tx.connection, [settled])
    else:
        await turns.save(tx.connection, [settled])
    if key in seats:
        seats[key] = after
    _tell(tx, turn, settled, refund, cause)
    return settled


def _tell(tx: Transaction, before: Turn, after: Turn, refund: Message | None, cause: Cause) -> None:
    if refund is not None:
        ask_refund(tx, after, refund, cause)
    else:
        tell_confirmed(tx, after, late=before.state is State.EXPIRED, cause=cause)


async def note_refund(tx: Transaction, event: RefundFact) -> None:
    """Note how far the money is on its way back; facts may come in any order."""
    turn = (await turns.lock(tx.connection, [event.subject.id])).get(event.subject.id)
    if turn is None:
        raise UnknownTurn(turn_id=str(event.subject.id))
    noted = domain.note_refund(turn, REFUND_STATES[type(event)], at=event.at, cause=event.wire_type)
    if noted != turn:
        await turns.save(tx.connection, [noted])
