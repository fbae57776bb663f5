"""Processes that are kept alive: started again with a growing pause when they end by themselves, and said so."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from dawr.tools.embedded.child import Child
from dawr.tools.errors import ToolError

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 30.0
"""Who has run for so long is started again after the first pause, when it ends."""
_LOOK_SECONDS = 0.1

Notice = Callable[[str], None]
"""Takes a sentence for the person at the terminal."""


class Server(Protocol):
    """What can be supervised: Kafka, PostgreSQL, and `Program`. The calls block."""

    @property
    def pid(self) -> int | None: ...
    @property
    def exit_code(self) -> int | None: ...
    def start(self) -> None: ...
    def stop(self, timeout: float) -> None: ...
    def kill(self) -> None: ...


class Program:
    """A Python program of this repository, run by this Python, with its output in a file."""

    def __init__(self, arguments: list[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> None:
        self._arguments, self._environment, self._log, self._cwd = arguments, environment, log, cwd
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.ended() is None else None

    @property
    def exit_code(self) -> int | None:
        return self._child.ended() if self._child is not None else None

    def start(self) -> None:
        """Returns at once; whether it is ready is another question."""
        if self.pid is None:
            self._child = Child(
                [sys.executable, *self._arguments],
                log=self._log,
                environment={**os.environ, **self._environment},
                cwd=self._cwd,
            )

    def wait(self) -> None:
        """Returns when it has ended."""
        if self._child is not None:
            self._child.wait()

    def stop(self, timeout: float) -> None:
        """SIGTERM, up to `timeout` seconds to drain, then SIGKILL."""
        if self._child is not None:
            self._child.stop(timeout)

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()


class Watched:
    """One process under supervision.

    `changed` is called whenever its pid may be another, `restarted` after it was started again on its own.
    """

    def __init__(
        self,
        name: str,
        server: Server,
        *,
        notice: Notice,
        changed: Callable[[], None],
        restarted: Callable[[], Awaitable[None]],
    ) -> None:
        self.name, self.server = name, server
        self.restarts = 0
        self._notice, self._changed, self._restarted = notice, changed, restarted
        self._held = False
        self._starting: asyncio.Future[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._readying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts it and keeps it alive from now on."""
        self._held = False
        await self._launch()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self, timeout: float) -> None:
        """Stops it for good; a start in progress is ended too."""
        await self._hold()
        await asyncio.to_thread(self.server.stop, timeout)
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
            await asyncio.to_thread(self.server.stop, timeout)
        self._changed()

    async def kill(self) -> None:
        """SIGKILL, and it stays down until `start`."""
        await self._hold()
        await asyncio.to_thread(self.server.kill)
        self._changed()

    async def _hold(self) -> None:
        self._held = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self._readying is not None:
            self._readying.cancel()

    async def _launch(self) -> None:
        # The thread goes on when this task is cancelled, so `stop` must be able to wait for it.
        self._starting = asyncio.ensure_future(asyncio.to_thread(self.server.start))
        try:
            await asyncio.shield(self._starting)
        finally:
            self._changed()

    async def _keep(self) -> None:
        pause, since = FIRST_PAUSE_SECONDS, time.monotonic()
        while not self._held:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.server.pid is not None:
                continue
            if time.monotonic() - since > _STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._changed()
            self._notice(f"{self.name} {_ending(self.server.exit_code)}: it is started again in {pause:g} s.")
            await asyncio.sleep(pause)
            pause, since = min(pause * 2, LONGEST_PAUSE_SECONDS), time.monotonic()
            self.restarts += 1
            try:
                await self._launch()
            except Exception as error:  # whatever it is, the next round tries again and says so
                self._notice(f"{self.name} could not be started: {error}")
            else:
                if self._readying is None or self._readying.done():
                    self._readying = asyncio.create_task(self._say_when_ready())

    async def _say_when_ready(self) -> None:
        try:
            await self._restarted()
        except ToolError as error:
            self._notice(str(error))
        else:
            self._notice(f"{self.name} is ready again.")


def _ending(code: int | None) -> str:
    """ "ended with exit code 1", "was ended by SIGKILL"."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return "ended" if code is None else f"ended with exit code {code}"
