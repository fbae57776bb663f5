"""What has a clock of its own. Each step claims rows under a lease, so that any number of replicas may run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

CONCURRENT_CALLS = 3
"""Calls to a provider that one worker of one process makes at a time."""

T = TypeVar("T")
Step = Callable[[], Awaitable[int]]
"""Does what is due now; how much that was."""


@dataclass(frozen=True, slots=True)
class Lease:
    """For how long claimed rows are one process's own, and how many of them it can be done with by then."""

    lasts: timedelta
    call: timedelta
    """The longest that a provider's answer is waited for."""

    def rows(self, calls: int) -> int:
        """So many rows, each of so many calls one after the other, are done before the lease ends if each call takes
        its longest. One call's time more for each row is for what is noted in the database."""
        return CONCURRENT_CALLS * (self.lasts // (self.call * (calls + 1)))


async def poll(step: Step, seconds: float) -> None:
    """Go on until cancelled: at once while there is work, else after a pause."""
    while True:
        if not await step():
            await asyncio.sleep(seconds)


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for each item, a few at a time. One that raises spoils no other; its error is raised at the end."""
    places = asyncio.Semaphore(CONCURRENT_CALLS)

    async def one(item: T) -> None:
        async with places:
            await work(item)

    for ended in await asyncio.gather(*map(one, items), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
