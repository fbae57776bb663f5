"""Waiting for answers: all callers of a process who wait for a case share one query, again and again."""

import asyncio
from collections.abc import Set
from dataclasses import dataclass, field
from uuid import UUID

from dawr.consular.domain.case import CaseState
from dawr.consular.store import cases
from dawr.servicekit.database import Database


@dataclass(eq=False)
class _Caller:
    id: UUID
    wanted: Set[CaseState]
    found: asyncio.Future[CaseState] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Watch:
    """Looks for cases that reached a wished state. `run` belongs to the processes that answer HTTP."""

    def __init__(self, database: Database, *, poll_seconds: float, callers: int) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._most = callers
        self._callers: set[_Caller] = set()
        self._wake = asyncio.Event()

    async def until_in(self, id: UUID, wanted: Set[CaseState], *, seconds: float) -> CaseState | None:
        """Which of the states the case is in, as soon as it is in one; None after `seconds`, or if too many wait."""
        if len(self._callers) >= self._most:
            return None
        caller = _Caller(id, wanted)
        self._callers.add(caller)
        self._wake.set()
        try:
            return await asyncio.wait_for(caller.found, seconds)
        except TimeoutError:
            return None
        finally:
            self._callers.discard(caller)

    async def run(self) -> None:
        """Look, for as long as somebody waits."""
        while True:
            self._wake.clear()
            if not self._callers:
                await self._wake.wait()
            await self._look()
            await asyncio.sleep(self._poll_seconds)

    async def _look(self) -> None:
        async with self._database.reading() as connection:
            states = await cases.states(connection, {caller.id for caller in self._callers})
        for caller in self._callers:
            state = states.get(caller.id)
            if state is not None and state in caller.wanted and not caller.found.done():
                caller.found.set_result(state)
