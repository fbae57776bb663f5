"""The allocator's part of a cancelled day: slice by slice its turns move to later days, or are cancelled."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from dawr.booking import domain
from dawr.booking.domain import LIVE, Seats, Turn
from dawr.booking.service.tell import tell_cancelled, tell_moved
from dawr.booking.store import cancellations, pools, turns
from dawr.contracts import Pool
from dawr.contracts.booking import CancelDay
from dawr.contracts.payments import RequestRefund
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause

TURNS_AT_ONCE = 100
"""The most turns of cancelled days that one transaction touches."""
DAYS_AHEAD = 14
"""How many later days with free seats are locked for a slice; further ones are looked at with the next."""

_log = telemetry.get_logger("dawr.booking")


class ClearedDays:
    """The cancelled days of one batch: what has to be locked for them, and what becomes of their turns."""

    def __init__(self, commands: Sequence[CancelDay]) -> None:
        self._pools = {command.pool.key: command.pool for command in commands}
        self._asked_at: dict[str, datetime] = {}
        for command in commands:
            self._asked_at[command.pool.key] = min(command.at, self._asked_at.get(command.pool.key, command.at))
        self._later: dict[str, list[Pool]] = {}
        self._turns: dict[str, list[UUID]] = {}

    async def pools(self, tx: Transaction) -> set[str]:
        """The pools to be locked: those that are cancelled, and the later days on which there are seats now."""
        for key, pool in self._pools.items():
            self._later[key] = await pools.later_days(tx.connection, pool, DAYS_AHEAD, tx.now)
        return set(self._pools).union(*({pool.key for pool in days} for days in self._later.values()))

    async def turns(self, tx: Transaction, seats: Mapping[str, Seats]) -> list[UUID]:
        """The turns to be locked, once the pools are: the first of each pool that were not served yet when the office
        asked, within the limit of the batch."""
        left = TURNS_AT_ONCE
        for key in sorted(self._pools):
            if left:
                served = seats[key].ended(self._asked_at[key]) if key in seats else ()
                self._turns[key] = await turns.live_of_pool(tx.connection, key, left, served)
                left -= len(self._turns[key])
        return [id for ids in self._turns.values() for id in ids]

    async def clear(
        self,
        tx: Transaction,
        command: CancelDay,
        taken: set[tuple[UUID, str]],
        seats: dict[str, Seats],
        locked: dict[UUID, Turn],
        cause: Cause,
    ) -> None:
        """Do a slice of a command, and ask for the next if turns are left. A day that is open is left alone."""
        key = command.pool.key
        if key not in seats or seats[key].planned:
            _log.warning("day.not-cleared", pool=key, why="open" if key in seats else "unknown")
            await cancellations.note(tx.connection, command.cancellation_id, key, "reopened")
            return
        looked_at = self._turns.get(key)
        found = (locked[id] for id in looked_at or ())
        here = [turn for turn in found if turn.state in LIVE and turn.pool.key == key]
        later = self._later[key]
        cleared = domain.clear_day(command, here, seats, later, has_more_days=len(later) >= DAYS_AHEAD, now=tx.now)
        seats.update(cleared.seats)
        await self._save(tx, command, cleared, cause)
        locked.update({turn.id: turn for turn in cleared.moved} | {turn.id: turn for turn, _ in cleared.cancelled})
        taken.difference_update({(turn.person_id, turn.family) for turn, _ in cleared.cancelled})
        is_completed = seats[key].in_use_ahead(command.at) == 0 or looked_at == []
        if not is_completed:
            tx.stage(command.model_copy(update={"slice": command.slice + 1}), cause=cause)
        await cancellations.note(
            tx.connection,
            command.cancellation_id,
            key,
            "completed" if is_completed else "under-way",
            moved=len(cleared.moved),
            cancelled=len(cleared.cancelled),
            refunded=sum(any(isinstance(ask, RequestRefund) for ask in asks) for _, asks in cleared.cancelled),
        )

    async def _save(self, tx: Transaction, command: CancelDay, cleared: domain.Cleared, cause: Cause) -> None:
        await turns.save_moved(tx.connection, cleared.moved)
        await turns.save(tx.connection, [turn for turn, _ in cleared.cancelled])
        for turn in cleared.moved:
            tell_moved(tx, turn, command.reason, cause=cause)
        for turn, asks in cleared.cancelled:
            tell_cancelled(
                tx, turn, asks, by_office=True, reason=domain.DAY_CANCELLED, reason_text=command.reason, cause=cause
            )
