"""An office cancels a day: it is closed at once, and the allocator is asked to find another place for its turns."""

import datetime as dt
from uuid import UUID

from dawr.booking import domain
from dawr.booking.errors import NothingToCancel
from dawr.booking.store import cancellations, pools, questions
from dawr.booking.store.cancellations import DayCancellation
from dawr.contracts import Pool, derived_id
from dawr.contracts.booking import CancelDay
from dawr.servicekit.database import Transaction


async def cancel_day(tx: Transaction, decided: DayCancellation) -> None:
    """Close the day's pools here and now, and ask for their turns to be moved or refunded, a command for each pool.

    The office need not wait for the catalog: in a storm nobody may get a seat while its closure is on the way. Such a
    pool stays closed until the catalog publishes another plan for it. Turns of windows that ended by `asked_at` stay as
    they are: those people were served. Raises NothingToCancel.
    """
    keys = await pools.of_day(
        tx.connection, decided.office, decided.date, service=decided.service, tier=decided.tier, now=tx.now
    )
    before = await pools.lock(tx.connection, keys)
    before = {key: seats for key, seats in before.items() if seats.planned or seats.in_use}
    if not before:
        raise NothingToCancel(office=decided.office, date=decided.date.isoformat())
    await pools.save(tx.connection, before, {key: domain.closed(seats) for key, seats in before.items()})
    plans = {key: domain.plan_of(seats) for key, seats in before.items() if seats.planned}
    await cancellations.close(tx.connection, decided.id, plans, decided.reason, tx.now)
    await cancellations.add(tx.connection, decided, list(before))
    await questions.answer(tx.connection, before, answer=decided.instead, by=decided.asked_by, now=tx.now)
    for key in before:
        command = CancelDay.model_validate(
            {
                "cancellation_id": decided.id,
                "pool": Pool.parse(key),
                "instead": decided.instead,
                "reason": decided.reason,
                "asked_by": decided.asked_by,
                "role": decided.role,
                "at": decided.asked_at,
            }
        )
        tx.stage(command, id=derived_id(decided.id, key))


def cancellation_id(asked_by: UUID, key: str, office: str, date: dt.date) -> UUID:
    """The cancellation that a request with this key makes."""
    return derived_id(asked_by, f"day-cancellation/{office}/{date.isoformat()}/{key}")
