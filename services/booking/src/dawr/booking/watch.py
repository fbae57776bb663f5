"""The turns that people follow as they change: one look at the database for all of them, twice a second.

Whoever waits in the line is told how many are ahead from the positions that `Line` knows, which costs no query.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from dawr.booking.domain import Turn
from dawr.booking.line import Line
from dawr.booking.store import turns
from dawr.contracts import Place
from dawr.servicekit.database import Database

LOOK_SECONDS = 0.5


@dataclass(eq=False)
class Follower:
    """One who follows a turn: what is known of it, and a wake-up when that has changed."""

    turn: Turn | None
    place: Place | None
    """Where its request stands, while it is not settled."""
    ahead: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def change(self, seconds: float) -> bool:
        """Wait until something has changed since this was called last; False if nothing has in that time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def sees(self, turn: Turn | None, ahead: int) -> None:
        """Take what was seen, and wake up if it is anything new."""
        if turn != self.turn or ahead != self.ahead:
            self.turn, self.ahead = turn, ahead
            self._changed.set()


@dataclass(eq=False)
class _Followed:
    followers: list[Follower] = field(default_factory=list)
    turn: Turn | None = None
    version: str | None = None


class Watch:
    """Looks at all turns that are followed in this process."""

    def __init__(self, database: Database, line: Line) -> None:
        self._database = database
        self._line = line
        self._followed: dict[UUID, _Followed] = {}
        self._is_needed = asyncio.Event()

    @contextmanager
    def following(self, id: UUID, turn: Turn | None, place: Place | None) -> Iterator[Follower]:
        """Follow a turn, of which this much is known, while this lasts."""
        follower = Follower(turn, place, self._ahead(turn, place))
        followed = self._followed.setdefault(id, _Followed())
        followed.followers.append(follower)
        self._is_needed.set()
        try:
            yield follower
        finally:
            followed.followers.remove(follower)
            if not followed.followers:
                del self._followed[id]

    async def follow(self) -> None:
        """Look again and again until cancelled, while anybody follows a turn."""
        while True:
            if not self._followed:
                self._is_needed.clear()
                await self._is_needed.wait()
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Read which turns changed, and these alone; tell everybody who follows them."""
        looked_at = dict(self._followed)
        async with self._database.reading() as connection:
            versions = await turns.versions(connection, looked_at)
            changed = [id for id, version in versions.items() if looked_at[id].version != version]
            found = await turns.by_ids(connection, changed) if changed else {}
        for id, turn in found.items():
            # A change between the two queries is read again with the next look.
            looked_at[id].turn, looked_at[id].version = turn, versions[id]
        for followed in looked_at.values():
            for follower in followed.followers:
                now = followed.turn or follower.turn
                follower.sees(now, self._ahead(now, follower.place))

    def _ahead(self, turn: Turn | None, place: Place | None) -> int:
        return self._line.ahead(place) if turn is None and place is not None else 0
