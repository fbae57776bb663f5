"""Holds that ran out give their seats back: swept by a clock, or let go by whoever needs the seat sooner."""

from collections.abc import Iterable
from uuid import UUID

from dawr.booking import domain
from dawr.booking.domain import Seats, Turn
from dawr.booking.service.tell import tell_expired
from dawr.booking.store import pools, turns
from dawr.servicekit.database import Transaction
from dawr.servicekit.errors import Transient

BATCH = 500


class SeatMoved(Transient):
    """A turn expired or was moved between the look at it and its lock: look again."""


async def expire_holds(tx: Transaction) -> int:
    """Expire the oldest holds that have run out; how many there were."""
    keys = await turns.pools_with_run_out(tx.connection, tx.now, BATCH)
    before = await pools.lock(tx.connection, keys)
    after = dict(before)
    expired = await lock_and_let_go(tx, [], after, before)
    await pools.save(tx.connection, before, after)
    return len(expired)


async def lock_and_let_go(
    tx: Transaction, ids: Iterable[UUID], seats: dict[str, Seats], keys: Iterable[str]
) -> dict[UUID, Turn]:
    """Lock turns, and let go what has run out in some of the locked pools, counting their seats in `seats`.

    Gives all turns that were locked, as they are now. A hold that has run out counts as free, even when the
    sweeper is down (invariant 6): who needs its seat does not wait for the sweeper.
    """
    keys = set(keys)
    locked = await turns.lock(tx.connection, ids, run_out_in=keys, now=tx.now)
    expired = [
        domain.expire(turn, tx.now)
        for turn in locked.values()
        if turn.pool.key in keys and domain.has_run_out(turn, tx.now)
    ]
    for turn in expired:
        seats[turn.pool.key] = seats[turn.pool.key].taking(turn.window, -1, turn.seat)
        tell_expired(tx, turn)
    await turns.save(tx.connection, expired)
    return locked | {turn.id: turn for turn in expired}
