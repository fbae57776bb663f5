"""Ends what this process started when this process itself is killed.

A small process of its own holds one end of a pipe. Children are announced to it; when the pipe closes, because
its owner ended in whatever way, it asks the announced process groups to stop and kills those that don't. It is
one process for all children, on every Unix; PR_SET_PDEATHSIG exists on Linux only, and fires when the *thread*
that started the child ends. This file is also the program of that process, so it imports little.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

_GRACE_SECONDS = 5.0


class Warden:
    """The owner's side. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: dict[int, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int, stop_signal: int) -> None:
        """From now on the process group `pid` gets `stop_signal`, later SIGKILL, if this process dies."""
        with self._lock:
            self._children[pid] = stop_signal
            self._say(f"+{pid} {stop_signal}\n")

    def forget(self, pid: int) -> None:
        """`pid` has ended; its number may soon be another's."""
        with self._lock:
            if self._children.pop(pid, None) is not None:
                self._say(f"-{pid}\n")

    def _say(self, line: str) -> None:
        if self._process is not None and self._process.poll() is None and self._write(line):
            return
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
            cwd="/",
        )
        self._write("".join(f"+{pid} {number}\n" for pid, number in self._children.items()))

    def _write(self, text: str) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True


@cache
def warden() -> Warden:
    """This process's warden, started when the first child is announced."""
    return Warden()


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    children: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, number = line[1:].split()
            children[int(pid)] = int(number)
        else:
            children.pop(int(line[1:]), None)
    for pid, stop_signal in children.items():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, stop_signal)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(_alive(pid) for pid in children):
        time.sleep(0.05)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    _main()
