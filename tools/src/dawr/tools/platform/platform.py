"""One platform: Kafka, PostgreSQL, every service and sandbox, started in order, kept alive, stopped together."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, Self

import psutil

from dawr.servicekit.migrations import migrate
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.topics import create_topics
from dawr.tools.embedded import jars
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres
from dawr.tools.platform import ports as port_table
from dawr.tools.platform import state as states
from dawr.tools.platform.environment import Surroundings
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.folder import Folder, Lock
from dawr.tools.platform.given import Servers
from dawr.tools.platform.keys import Keys, keys_of
from dawr.tools.platform.parts import PARTS, Kind, Member, Part, members
from dawr.tools.platform.processes import Program, Server, Watched
from dawr.tools.platform.readiness import is_ready, what_it_lacks

# Everything must be gone ten seconds after Ctrl-C: first those who drain, then what they drain into.
DRAIN_SECONDS = 5.5
SERVERS_SECONDS = 3.0
READY_SECONDS = 90.0
_LEFTOVERS_SECONDS = 8.0
_HOPELESS_RESTARTS = 3


class Reporter(Protocol):
    """Who is told how the start goes on."""

    def step(self, text: str) -> None: ...
    def downloaded(self, done: int, total: int) -> None: ...
    def notice(self, text: str) -> None: ...


class Silent:
    """A reporter for programs."""

    def step(self, text: str) -> None:
        pass

    def downloaded(self, done: int, total: int) -> None:
        pass

    def notice(self, text: str) -> None:
        pass


class Platform:
    """A platform whose data are in `root`/.dawr. One object is one run, from `start` to `stop`.

    `ports`: "usual" (the table's), "free" (picked now), or a mapping by part or process name.
    `roles`: "together" (a process per service) or "split" (`booking-serve` and `booking-consume`).
    `replicas`: how many of a process, by name: {"booking-consume": 2}. `environment` goes to every process.
    `servers`: stand on these, and run none; what is the platform's on them outlives the run (see given.py).
    Errors: ToolError in all its kinds; what was started by then is stopped.
    """

    def __init__(
        self,
        root: Path,
        *,
        ports: port_table.PortChoice = "usual",
        roles: Literal["together", "split"] = "together",
        replicas: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        reporter: Reporter | None = None,
        parts: tuple[Part, ...] = PARTS,
        servers: Servers | None = None,
    ) -> None:
        if servers is not None:
            parts = tuple(part for part in parts if part.kind is not Kind.SERVER)
        self.folder = Folder.of(root)
        self.members = members(parts, split=roles == "split", replicas=dict(replicas or {}))
        self._parts = {member.name: member.part for member in self.members}
        self._databases = [part for part in parts if part.database]
        self._root, self._port_choice = root.resolve(), ports
        self._more, self._servers = dict(environment or {}), servers
        self._reporter = reporter or Silent()
        self._lock = Lock(self.folder)
        self._watched: dict[str, Watched] = {}
        self.state = states.State.of_this_process()
        self._stopped = False

    # What callers ask for while it runs

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return self.state.kafka

    @property
    def keys(self) -> Keys:
        """The platform's secrets."""
        return self._keys

    def url(self, part: str) -> str:
        """http://127.0.0.1:port of a part or process."""
        return self.state.url(part)

    def database(self, service: str) -> str:
        """The address of a service's database."""
        return self.state.database(service)

    def pid(self, name: str) -> int | None:
        """The process `name` now, None while it is down."""
        return self._watched[name].server.pid

    def log(self, name: str) -> Path:
        """The file that process `name` writes to."""
        server = self._watched[name].server if name in self._watched else None
        return server.log if isinstance(server, Kafka | Postgres) else self.folder.log(name)

    def program(self, name: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> Program:
        """A Python program that runs beside the platform, logs as its processes do, and ends when this one is killed.
        The caller starts and stops it."""
        return Program(arguments, environment=environment or {}, log=self.folder.log(name), cwd=self._root)

    async def kill(self, name: str) -> None:
        """SIGKILL to one process; it stays down until `restart`."""
        await self._watched[name].kill()

    async def restart(self, name: str, *, wait: bool = True) -> None:
        """Starts a process again, after stopping it if it runs; returns when it is ready unless `wait` is False."""
        watched = self._watched[name]
        if watched.server.pid is not None:
            await watched.stop(DRAIN_SECONDS)
        await watched.start()
        if wait:
            await self.wait_ready(name)

    async def wait_ready(self, name: str, timeout: float = READY_SECONDS) -> None:
        """Returns when process `name` is ready. Raises PlatformError not-ready."""
        part, watched = self.state.parts[name], self._watched[name]
        restarts, deadline = watched.restarts, time.monotonic() + timeout
        path = self._parts[name].ready_path
        while not await is_ready(part, path):
            if time.monotonic() > deadline or watched.restarts - restarts >= _HOPELESS_RESTARTS:
                lacks = await what_it_lacks(part, path)
                wants = f" (it says that it lacks: {', '.join(lacks)})" if lacks else ""
                log = self.log(name)
                raise PlatformError("not-ready", f"{name} does not become ready{wants}: see the end of {log}.")
            await asyncio.sleep(0.1)
        part.ready = True
        self._note()

    # From start to stop

    async def start(self) -> None:
        """Returns when every process is ready."""
        try:
            self.folder.prepare()
            self._lock.take()
            await self._clear_leftovers()
            chosen = port_table.choose(self.members, self._port_choice)
            port_table.check_free(chosen)
            self.state.ports = chosen
            for member in self.members:
                port = chosen[member.name]
                url = f"http://127.0.0.1:{port}" if member.part.ready_path else f"127.0.0.1:{port}"
                role = member.role.value if member.role else None
                self.state.parts[member.name] = states.PartState(part=member.part.name, role=role, port=port, url=url)
            await self._start_all()
            self.state.status = "ready"
            self._note()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drains and ends every process, services before what they stand on; within ten seconds."""
        if self._stopped:
            return
        self._stopped = True
        self.state.status = "stopping"
        try:
            watched = self._watched.values()
            servers = [each for each in watched if self._parts[each.name].kind is Kind.SERVER]
            await asyncio.gather(*(each.stop(DRAIN_SECONDS) for each in watched if each not in servers))
            await asyncio.gather(*(each.stop(SERVERS_SECONDS) for each in servers))
        finally:
            if self._lock.held:
                self.folder.state.unlink(missing_ok=True)
            self._lock.release()

    async def kill_all(self) -> None:
        """SIGKILL to everything, for those who don't want to wait for `stop`."""
        await asyncio.gather(*(watched.kill() for watched in self._watched.values()))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start_all(self) -> None:
        """Servers first; each process as soon as those that it needs are up."""
        self._keys = keys_of(self.folder)
        self.state.jwks = str(self._keys.jwks_file)
        up: dict[str, asyncio.Task[None]] = {}
        if self._servers is not None:
            up["kafka"] = asyncio.create_task(self._use_kafka(self._servers))
            up["postgres"] = asyncio.create_task(self._use_postgres(self._servers))
        if "kafka" in self._parts:
            up["kafka"] = asyncio.create_task(self._start_kafka())
        if "postgres" in self._parts:
            up["postgres"] = asyncio.create_task(self._start_postgres())

        async def when_it_can(member: Member) -> None:
            await asyncio.gather(*(asyncio.shield(up[need]) for need in member.part.needs))
            await self._start_program(member)

        programs = [member for member in self.members if member.part.kind is not Kind.SERVER]
        await _all([*up.values(), *(asyncio.create_task(when_it_can(member)) for member in programs)])

    async def _start_kafka(self) -> None:
        self._reporter.step("Kafka's jars")
        await asyncio.to_thread(jars.fetch, self._reporter.downloaded)
        self._reporter.step("Kafka")
        kafka = Kafka(self.folder.kafka, self.state.ports["kafka"])
        await self._watch("kafka", kafka).start()
        self.state.kafka = kafka.bootstrap
        self._reporter.step("topics")
        self.state.topic_prefix = self._more.get("DAWR_TOPIC_PREFIX", "")
        await create_topics(PlatformSettings(kafka=kafka.bootstrap, topic_prefix=self.state.topic_prefix))
        await self.wait_ready("kafka")

    async def _start_postgres(self) -> None:
        self._reporter.step("PostgreSQL")
        postgres = Postgres(self.folder.postgres, self.state.ports["postgres"])
        await self._watch("postgres", postgres).start()
        self.state.postgres = postgres.url()
        self._reporter.step("databases")
        for part in self._databases:
            await asyncio.to_thread(postgres.create_database, part.name)
            await self._migrate(part, postgres.url(part.name))
        await self.wait_ready("postgres")

    async def _use_kafka(self, servers: Servers) -> None:
        self.state.kafka, self.state.topic_prefix = servers.kafka, servers.topic_prefix
        self._reporter.step("topics")
        await servers.create_topics()

    async def _use_postgres(self, servers: Servers) -> None:
        self.state.postgres, self.state.database_prefix = servers.postgres, servers.database_prefix
        self._reporter.step("databases")
        for part in self._databases:
            await servers.create_database(part.name)
            await self._migrate(part, self.database(part.name))

    async def _start_program(self, member: Member) -> None:
        self._reporter.step(member.name)
        around = Surroundings(self.folder, self._keys, self.state, self._more)
        environment = around.environment(member)
        await self._watch(member.name, self.program(member.name, member.command, environment)).start()
        if member.part.seeds and member.keeps_the_port:
            await self._seed(member.part, environment)
        await self.wait_ready(member.name)

    def _watch(self, name: str, server: Server) -> Watched:
        watched = Watched(
            name, server, notice=self._reporter.notice, changed=self._note, restarted=lambda: self.wait_ready(name)
        )
        self._watched[name] = watched
        return watched

    async def _migrate(self, part: Part, url: str) -> None:
        # In this process: the same function as `python -m dawr.SERVICE migrate`, without six starts of Python.
        try:
            await migrate(url, part.module)
        except Exception as error:
            raise PlatformError(
                "migration-failed",
                f"The database of {part.name} can't be brought to the newest version ({type(error).__name__}: "
                f"{error}): was it used by a newer clone? `make reset` makes new ones.",
            ) from error

    async def _seed(self, part: Part, environment: Mapping[str, str]) -> None:
        self._reporter.step("seed")
        program = self.program(f"{part.name}-seed", ["-m", part.module, "seed"], environment)
        await asyncio.to_thread(program.start)
        try:
            await asyncio.to_thread(program.wait)
        finally:
            await asyncio.to_thread(program.kill)
        if program.exit_code != 0:
            raise PlatformError("seed-failed", f"The seed can't be loaded: see {self.folder.log(f'{part.name}-seed')}.")

    async def _clear_leftovers(self) -> None:
        """Processes of a supervisor that was killed are ended by its warden; what is left after that, here."""
        before = states.last(self.folder)
        left = [process for part in before.parts.values() if (process := part.process())] if before else []
        _, left = await asyncio.to_thread(psutil.wait_procs, left, _LEFTOVERS_SECONDS)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(psutil.wait_procs, left, _LEFTOVERS_SECONDS)

    def _note(self) -> None:
        """Writes down who runs now."""
        for name, watched in self._watched.items():
            part, pid = self.state.parts[name], watched.server.pid
            part.restarts = watched.restarts
            if pid != part.pid:
                part.pid, part.born, part.ready = pid, None, False
                with contextlib.suppress(psutil.NoSuchProcess):
                    part.born = psutil.Process(pid).create_time() if pid is not None else None
        if self._lock.held:
            states.write(self.folder, self.state)


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    """Waits for all; when one fails, cancels the others and raises what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
