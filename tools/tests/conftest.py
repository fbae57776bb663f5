"""Runs a tool as the process that it is: `python -m dawr.tools.…`, on free ports, with a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import httpx
import pytest

from dawr.tools.embedded import ports

T = TypeVar("T")


class ToolProcess:
    """One running tool. `kill` is kill -9; `start` brings it back with the same settings and data."""

    def __init__(self, module: str, settings: dict[str, str], http_port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{http_port}"
        self.settings = settings
        self._module = module
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env={**os.environ, **self.settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 20
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self._module} did not start:\n{self.output}")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    @property
    def output(self) -> str:
        return self._log.read_text()

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(timeout=10)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGTERM)


class Launch(Protocol):
    def __call__(self, module: str, prefix: str, **settings: str) -> ToolProcess: ...


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return ports.free_port


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts a tool with `PREFIX_HTTP_PORT` set to a free port; whatever it started ends with the tests."""
    running: list[ToolProcess] = []

    def started(module: str, prefix: str, **settings: str) -> ToolProcess:
        port = ports.free_port()
        log = tmp_path_factory.mktemp("log") / "output.txt"
        tool = ToolProcess(module, {f"{prefix}_HTTP_PORT": str(port), **settings}, port, log)
        running.append(tool)
        tool.start()
        return tool

    yield started
    for tool in running:
        tool.stop()


class Eventually(Protocol):
    def __call__(self, look: Callable[[], T | None], within: float = 8.0) -> T: ...


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Looks until there is something to see, and answers it."""

    def seen(look: Callable[[], T | None], within: float = 8.0) -> T:
        deadline = time.monotonic() + within
        while not (found := look()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)
        return found

    return seen
