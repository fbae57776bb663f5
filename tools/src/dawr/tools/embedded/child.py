"""A server as a child process in a group of its own: started with a log file, signalled, waited for."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dawr.tools.embedded.warden import warden

_LOG_LIMIT_BYTES = 10_000_000


class Child:
    """A process that leads its own group, so that Ctrl-C in a terminal reaches only the one who supervises it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._stop_signal = stop_signal
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
        warden().watch(self.pid, stop_signal)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code (negative: the signal that ended it), None while it runs."""
        code = self._process.poll()
        if code is not None:
            warden().forget(self.pid)
        return code

    def wait(self) -> None:
        """Returns when it has ended."""
        self._process.wait()
        self.ended()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """True once `condition` holds; False when the process ended first or `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        while self.ended() is None and time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.02)
        return False

    def stop(self, timeout: float) -> None:
        """Asks it to stop, waits up to `timeout` seconds, then kills it."""
        self.signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to its whole group; returns when it has ended."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self.ended()

    def signal(self, number: signal.Signals) -> None:
        """Sends `number` to its group if it still runs."""
        if self.ended() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def tail(log: Path, size: int = 20_000) -> str:
    """The last `size` bytes of `log` as text, "" if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
