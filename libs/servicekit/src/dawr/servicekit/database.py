"""The database of a service: one engine, and the unit of work in which state and events are saved together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dawr.contracts import Message, derived_id
from dawr.servicekit import outbox, telemetry
from dawr.servicekit.clock import Clock, new_id, utc_now
from dawr.servicekit.envelope import Cause
from dawr.servicekit.errors import hush
from dawr.servicekit.settings import ServiceSettings


class Transaction:
    """One unit of work. Use cases read and write through `connection` and stage messages; the edge commits.

    A service's code never commits and never sends: what it staged is written to the outbox in the same
    database transaction, so that state and events are saved together or not at all.
    """

    def __init__(self, connection: AsyncConnection, now: datetime, source: str, cause: Cause | None = None) -> None:
        self.connection = connection
        self.now = now
        """The moment of this unit of work, aware, UTC."""
        self.cause = cause
        self._source = source
        self._staged: list[outbox.Staged] = []
        self._ids: set[UUID] = set()

    def stage(self, message: Message, *, id: UUID | None = None, cause: Cause | None = None) -> UUID:
        """Have a message sent once this transaction is committed; gives its id.

        Without `id`, the id follows from the cause and the message's type and key, so that doing the same work
        again names the same message; without a cause it is new. Staging one id twice is a bug and raises, and so is
        a body that no topic takes (TooLargeToSend).
        """
        cause = cause or self.cause
        if id is None:
            id = derived_id(cause.id, f"{message.wire_type}/{message.key()}") if cause else new_id()
        self._remember(id)
        trace = telemetry.new_traceparent(cause.traceparent if cause else telemetry.traceparent.get())
        self._staged.append(outbox.Staged.of(message, id=id, traceparent=trace))
        return id

    def stage_record(self, staged: outbox.Staged) -> None:
        """Have a record sent as it is (a dead letter, a tombstone)."""
        self._remember(staged.id)
        self._staged.append(staged)

    def _remember(self, id: UUID) -> None:
        if id in self._ids:
            raise ValueError(f"message {id} was staged twice in one transaction")
        self._ids.add(id)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the work that can fail alone: an exception takes back its writes and its staged messages."""
        staged, ids = len(self._staged), set(self._ids)
        try:
            async with self.connection.begin_nested():
                yield
        except BaseException:
            del self._staged[staged:]
            self._ids = ids
            raise

    async def flush(self) -> bool:
        """Write what was staged to the outbox; whether there was anything. The edge calls it before the commit."""
        staged, self._staged = self._staged, []
        if staged:
            await outbox.insert(self.connection, staged, self._source, self.now)
        return bool(staged)


class Database:
    """The engine of one process. It connects when first used, and again after the server was away."""

    def __init__(self, settings: ServiceSettings, *, source: str, clock: Clock = utc_now) -> None:
        self._source = source
        self.clock = clock
        self.on_staged: Callable[[], None] = lambda: None
        """Called after a commit that staged something: the relay of this process wakes up."""
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=settings.database_pool_connections,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,  # errors are logged, and their texts reach dead letters: no values in them
            connect_args={
                "timeout": 3,
                "command_timeout": 30,
                "server_settings": {"application_name": f"dawr-{source}", "jit": "off", "timezone": "UTC"},
            },
        )

        event.listen(self.engine.sync_engine, "handle_error", _hush)

    @asynccontextmanager
    async def transaction(self, cause: Cause | None = None) -> AsyncIterator[Transaction]:
        """A unit of work: committed with what it staged when the block ends, undone when it raises."""
        async with self.engine.connect() as connection:
            async with connection.begin():
                tx = Transaction(connection, self.clock(), self._source, cause)
                yield tx
                staged = await tx.flush()
            if staged:
                self.on_staged()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads: each statement sees what was committed before it."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def ping(self) -> None:
        """Ask the server for an answer; raises if there is none."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give every connection back to the server."""
        await self.engine.dispose()


def _hush(context: ExceptionContext) -> None:
    if isinstance(context.sqlalchemy_exception, DBAPIError):
        hush(context.sqlalchemy_exception)
