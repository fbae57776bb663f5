"""`.dawr/state.json`: what runs, where, and whether it is ready. Written by the supervisor, read by every command."""

import os
from datetime import UTC, datetime
from typing import Literal

import psutil
from pydantic import BaseModel, Field

from dawr.tools.platform.folder import Folder


class PartState(BaseModel):
    """One process."""

    part: str
    role: str | None
    port: int
    url: str
    pid: int | None = None
    born: float | None = None
    """When the process began, in seconds since the epoch: tells it from a later one with its number."""
    ready: bool = False
    restarts: int = 0

    def process(self) -> psutil.Process | None:
        """The running process, None if it has ended."""
        return _process(self.pid, self.born)


class State(BaseModel):
    """A platform as its supervisor last saw it."""

    pid: int
    born: float
    status: Literal["starting", "ready", "stopping"] = "starting"
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))
    kafka: str = ""
    postgres: str = ""
    """Address of the administrative database, with its password; the services' databases are beside it."""
    database_prefix: str = ""
    """Before a service's name, it makes its database's."""
    jwks: str = ""
    topic_prefix: str = ""
    ports: dict[str, int] = Field(default_factory=dict)
    """By process; also mail-smtp."""
    parts: dict[str, PartState] = Field(default_factory=dict)

    @classmethod
    def of_this_process(cls) -> "State":
        me = psutil.Process()
        return cls(pid=me.pid, born=me.create_time())

    def runs(self) -> bool:
        """Whether the supervisor that wrote it is alive."""
        return _process(self.pid, self.born) is not None

    def database(self, name: str) -> str:
        """The address of one service's database."""
        return self.postgres.rpartition("/")[0] + "/" + self.database_prefix + name

    def url(self, part: str) -> str:
        """Where `part` answers: its process that has the part's own port."""
        known = self.parts.get(part) or self.parts[f"{part}-serve"]
        return known.url


def write(folder: Folder, state: State) -> None:
    """Replaces the file in one step; only its owner may read it."""
    part = folder.state.with_suffix(".json.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(state.model_dump_json(indent=2))
    part.replace(folder.state)


def last(folder: Folder) -> State | None:
    """What was written last, by whichever run; None if there is nothing that can be read."""
    try:
        return State.model_validate_json(folder.state.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def running(folder: Folder) -> State | None:
    """The state of the platform that runs from this folder now, None if none does."""
    state = last(folder)
    return state if state is not None and state.runs() else None


def _process(pid: int | None, born: float | None) -> psutil.Process | None:
    if pid is None or born is None:
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - born) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None
