"""The allocator's part of a turn that its people move: both pools are locked, and both seats change at once."""

from uuid import UUID

from dawr.booking import domain
from dawr.booking.domain import Seats, Turn
from dawr.booking.errors import UnknownTurn
from dawr.booking.service.expire_holds import SeatMoved
from dawr.booking.service.tell import tell_moved
from dawr.booking.store import reschedules, turns
from dawr.booking.store.reschedules import Reschedule
from dawr.contracts.booking import RefusalCode, RescheduleTurn
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause


async def move_turn(
    tx: Transaction,
    command: RescheduleTurn,
    seats: dict[str, Seats],
    locked: dict[UUID, Turn],
    cause: Cause,
    *,
    at_most: int,
) -> None:
    """Move a turn to where there is a seat for it, or leave it as it is; what became of it is kept for who asked.

    Raises UnknownTurn for a turn that is not the asker's, SeatMoved if it is no longer where it was seen.
    """
    if command.turn_id not in locked:  # it may have got its seat in this very batch
        locked |= await turns.lock(tx.connection, [command.turn_id], now=tx.now)
    turn = locked.get(command.turn_id)
    if turn is None or command.asked_by not in {turn.person_id, turn.asked_by}:
        raise UnknownTurn(turn_id=str(command.turn_id))
    if turn.pool.key not in seats:
        raise SeatMoved
    decided = domain.reschedule(
        turn, command.pool, command.window, seats, asked_by=command.asked_by, at_most=at_most, now=tx.now
    )
    refusal = None
    if isinstance(decided, tuple):
        moved, after = decided
        seats.update(after)
        locked[turn.id] = moved
        await turns.save_moved(tx.connection, [moved])
        tell_moved(tx, moved, domain.ITS_PEOPLE_ASKED, cause=cause)
    else:
        refusal = decided
    there = seats.get(command.pool.key)
    opens_at = there.opens_next(tx.now) if there and refusal is RefusalCode.NOT_OPEN_YET else None
    await reschedules.add(
        tx.connection,
        Reschedule(
            id=command.reschedule_id,
            turn_id=turn.id,
            pool=command.pool,
            window=command.window,
            refusal=refusal.value if refusal else None,
            opens_at=opens_at,
            decided_at=tx.now,
        ),
    )
