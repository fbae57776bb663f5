"""What has a clock of its own. Each step claims rows under a lease, so that any number of replicas may run."""

import asyncio
from collections.abc import Awaitable, Callable

CONCURRENT_CALLS = 3
"""Calls to a provider that one worker of one process makes at a time."""
BATCH = 30

Step = Callable[[], Awaitable[int]]
"""Does what is due now; how much that was."""


async def poll(step: Step, seconds: float) -> None:
    """Go on until cancelled: at once while there is work, else after a pause."""
    while True:
        if not await step():
            await asyncio.sleep(seconds)
