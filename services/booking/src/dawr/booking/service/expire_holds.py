"""The sweeper: holds that ran out give their seats back."""

from dawr.booking import domain
from dawr.booking.service.tell import tell_expired
from dawr.booking.store import pools, turns
from dawr.servicekit.database import Transaction

BATCH = 500


async def expire_holds(tx: Transaction) -> int:
    """Expire the oldest holds that have run out; how many there were."""
    keys = await turns.pools_with_run_out(tx.connection, tx.now, BATCH)
    if not keys:
        return 0
    seats = await pools.lock(tx.connection, keys)
    before = dict(seats)
    run_out = await turns.lock_run_out(tx.connection, keys, tx.now)
    expired = [domain.expire(turn, tx.now) for turn in run_out]
    for turn in expired:
        seats[turn.pool.key] = seats[turn.pool.key].taking(turn.window, -1)
        tell_expired(tx, turn)
    await turns.save(tx.connection, expired)
    await pools.save(tx.connection, before, seats)
    return len(expired)
