"""The line as the HTTP side sees it: how far the allocator has come, and who waits for an answer.

One loop per process looks at the allocator's positions; when they pass the places of those who wait, one query
gives all their turns. It works for twins of a request and across replicas, and costs nothing when nobody waits.
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.domain import Turn
from dawr.booking.store import pools, positions, turns
from dawr.contracts import Place
from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit.database import Database

WAITED_FOR_SECONDS = 0.012
IDLE_SECONDS = 0.25
SOLD_OUT_SECONDS = 0.5
SOLD_OUT_HOLDS_SECONDS = 2.0
"""For how long it counts what was seen: four looks, for a database that is slow for a moment."""
_ASKED_POOLS = 500


@dataclass(eq=False)
class _Waiter:
    turn_id: UUID
    future: "asyncio.Future[Turn | None]"


class Line:
    """Follows the allocator."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._positions: dict[int, int] = {}
        self._waiters: dict[int, list[tuple[int, _Waiter]]] = defaultdict(list)
        self._wake = asyncio.Event()
        self._asked: set[str] = set()
        self._ours: dict[str, Place] = {}
        self._sold_out_seen = float("-inf")
        self.sold_out: dict[str, frozenset[UUID]] = {}
        """Pools known to have no seat left, each with its turns that were told anything else; looked at again twice
        a second while anybody asks for them."""

    def ahead(self, place: Place) -> int:
        """How many requests are still to be settled before this one, as last seen."""
        return max(0, place.offset - self._positions.get(place.partition, 0))

    def has_settled(self, place: Place) -> bool:
        """Whether the allocator has answered what stands at this place."""
        return self._positions.get(place.partition, 0) > place.offset

    def asks_for(self, pool: str) -> None:
        """Note that somebody asks for a pool, so that it becomes known when it is sold out."""
        if len(self._asked) < _ASKED_POOLS:
            self._asked.add(pool)

    def has_appended(self, pool: str, place: Place) -> None:
        """Note where the first of our requests to a pool stands that was made since it was looked at last."""
        if len(self._ours) < _ASKED_POOLS:
            self._ours.setdefault(pool, place)

    def knows_sold_out(self, pool: str, turn_id: UUID) -> bool:
        """Whether a pool is known to be sold out, and this turn is not known to have had another answer."""
        if time.monotonic() - self._sold_out_seen > SOLD_OUT_HOLDS_SECONDS:
            return False  # nobody has asked for a while, so nobody has looked: seats may be free again
        others = self.sold_out.get(pool)
        return others is not None and turn_id not in others

    async def answer(self, place: Place, turn_id: UUID, seconds: float) -> Turn | None:
        """The turn once the allocator has passed the place; None if that takes longer."""
        waiter = _Waiter(turn_id, asyncio.get_running_loop().create_future())
        entry = (place.offset, waiter)
        self._waiters[place.partition].append(entry)
        self._wake.set()
        try:
            return await asyncio.wait_for(waiter.future, seconds)
        except TimeoutError:
            return None
        finally:
            if entry in self._waiters[place.partition]:
                self._waiters[place.partition].remove(entry)

    async def follow(self) -> None:
        """Look at the positions until cancelled: often while somebody waits, seldom else."""
        sold_out_due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            async with self._database.reading() as connection:
                self._positions = await positions.of_topic(connection, BOOKING_REQUESTS.name)
                passed = self._take_passed()
                if passed:
                    found = await turns.by_ids(connection, {each.turn_id for each in passed})
                    for waiter in passed:
                        if not waiter.future.done():
                            waiter.future.set_result(found.get(waiter.turn_id))
                if self._asked and loop.time() >= sold_out_due:
                    sold_out_due = loop.time() + SOLD_OUT_SECONDS
                    await self._look_for_sold_out(connection)
            await self._pause()

    async def _look_for_sold_out(self, connection: AsyncConnection) -> None:
        """Look at the pools that were asked for. One becomes known when a request of ours to it has been settled: what
        was asked before, of another process or of one before this, has its answer then. Else whoever asks again while
        their first request still waits in the line would be refused here, and might get a seat there."""
        asked, self._asked = self._asked, set()
        seen = time.monotonic()
        settled = {pool for pool, place in self._ours.items() if self.has_settled(place)}
        self.sold_out = await pools.sold_out(
            connection, {pool for pool in asked if pool in self.sold_out or pool in settled}, self._database.clock()
        )
        self._sold_out_seen = seen
        for pool in settled - self.sold_out.keys():
            del self._ours[pool]

    def _take_passed(self) -> list[_Waiter]:
        passed = []
        for partition, waiting in self._waiters.items():
            position = self._positions.get(partition, 0)
            if any(offset < position for offset, _ in waiting):
                passed += [waiter for offset, waiter in waiting if offset < position]
                self._waiters[partition] = [each for each in waiting if each[0] >= position]
        return passed

    async def _pause(self) -> None:
        if any(self._waiters.values()):
            await asyncio.sleep(WAITED_FOR_SECONDS)
            return
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
        except TimeoutError:
            return
