"""Browsers and gateways for the stories of sessions: on a real database, with a clock that can be turned."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import event
from starlette.requests import Request

from dawr.gateway.keys import Keys
from dawr.gateway.sessions import ActsFor, Cookie, How, Issued, Kind, Look, Sessions, nobody
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.auth import Role
from dawr.servicekit.clock import utc_now
from dawr.servicekit.database import Database
from dawr.servicekit.testing import FakeClock, Stage

FIREFOX = "Mozilla/5.0 (Android 8.0; Mobile; rv:61.0) Gecko/61.0 Firefox/61.0"
CITIZEN = frozenset({Role.CITIZEN})


@dataclass
class Browser:
    """Keeps cookies until their time has run out, as browsers do."""

    clock: FakeClock
    kept: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    agent: str = FIREFOX

    def take(self, cookies: Iterable[Cookie]) -> None:
        """What an answer set."""
        for each in cookies:
            if each.max_age == 0:
                self.kept.pop(each.name, None)
                continue
            until = None if each.max_age is None else self.clock.now.timestamp() + each.max_age
            self.kept[each.name] = (each.value, until)

    @property
    def cookies(self) -> dict[str, str]:
        """Those that a request carries now."""
        now = self.clock.now.timestamp()
        return {name: value for name, (value, until) in self.kept.items() if until is None or until > now}

    def request(self) -> Request:
        """A request for a page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = [(b"user-agent", self.agent.encode()), (b"cookie", cookies.encode())]
        return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})

    async def look(self, sessions: Sessions) -> Look:
        """Ask for a page; its cookies are kept."""
        looked = await sessions.look(self.request())
        self.take(looked.cookies)
        return looked

    def copied(self) -> "Browser":
        """A thief's, with the same cookies."""
        return Browser(self.clock, dict(self.kept), "curl/8.5")


@dataclass
class House:
    """What the replicas of a gateway share: a database, keys, a clock."""

    settings: GatewaySettings
    clock: FakeClock
    databases: list[Database] = field(default_factory=list)

    def replica(self, *, acts_for: ActsFor = nobody, **settings: Any) -> Sessions:
        """The sessions of one more process."""
        made = self.settings.model_copy(update=settings)
        database = Database(made, source="gateway", clock=self.clock)
        self.databases.append(database)
        return Sessions(made, database, Keys(made.keys_path), acts_for=acts_for)

    async def begin(self, sessions: Sessions, browser: Browser, **more: Any) -> Issued:
        """Somebody signs in; the browser keeps the cookies. A citizen who is nobody else unless told."""
        given = {"person_id": uuid4(), "kind": Kind.CITIZEN, "roles": CITIZEN, "how": How.CODE} | more
        async with self.databases[0].transaction() as tx:
            issued = await sessions.begin(tx, request=browser.request(), **given)
        browser.take(issued.cookies)
        return issued

    async def row(self, session_id: UUID) -> asyncpg.Record:
        """What the table holds of a session."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return await connection.fetchrow("SELECT * FROM sessions WHERE id = $1", session_id)
        finally:
            await connection.close()

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The statements that the replicas send meanwhile."""
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            sent.append(statement)

        engines = [each.engine.sync_engine for each in self.databases]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def house_on(stage: Stage, folder: Path, **settings: Any) -> AsyncIterator[House]:
    """A house that is torn down at the end."""
    made = GatewaySettings(
        database_url=await stage.database("gateway"), platform=stage.platform, keys_path=folder / "keys", **settings
    )
    house = House(made, FakeClock(utc_now()))
    try:
        yield house
    finally:
        for database in house.databases:
            await database.close()
