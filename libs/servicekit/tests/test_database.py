"""What the database's errors are to a service, and what of them may be read elsewhere."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from libs.servicekit.tests.ledger import Ledger
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dawr.servicekit.database import Database
from dawr.servicekit.errors import is_outage, is_transient, sqlstate, told
from dawr.servicekit.problems import refusal_for

CANARY = "Fatima 0933 123456"


@pytest.fixture
async def database(ledger: Ledger) -> AsyncIterator[Database]:
    database = Database(ledger.settings(database_pool_connections=2), source="payments")
    yield database
    await database.close()


async def failing(database: Database, *statements: str, **parameters: Any) -> BaseException:
    """The error that the last statement ends with."""
    with pytest.raises(Exception) as failed:  # noqa: PT011 - the test asks what it is
        async with database.transaction() as tx:
            for statement in statements:
                await tx.connection.execute(text(statement), parameters)
    return failed.value


UNIQUE = "CREATE TEMPORARY TABLE people (name text PRIMARY KEY, age int CHECK (age > 0), CHECK (name <> 'x'))"
INSERT = "INSERT INTO people VALUES (:name, :age)"
BROKEN = {
    "unique": (UNIQUE, "INSERT INTO people VALUES (:name, 1)", INSERT),
    "check": (UNIQUE, "INSERT INTO people VALUES (:name, - CAST(:age AS int))"),
    "not null": (UNIQUE, "INSERT INTO people VALUES (nullif(CAST(:name AS text), :name), :age)"),
    "syntax of a value": ("SELECT CAST(CAST(:name AS text) AS int), CAST(:age AS int)",),
    "a value out of range": ("SELECT CAST(:age AS int), CAST(:big AS smallint), CAST(:name AS text)",),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_an_error_holds_no_values(database: Database, what: str) -> None:
    error = await failing(database, *BROKEN[what], name=CANARY, age=7, big=9_876_543)
    assert isinstance(error, DBAPIError)
    assert not is_transient(error)
    for words in ("".join(traceback.format_exception(error)), told(error), repr(error), str(error)):
        assert "Fatima" not in words
        assert "9876543" not in words
    if what in {"unique", "check"}:
        assert "people" in told(error), "it still says which rule"
        assert sqlstate(error) in told(error)  # type: ignore[operator]


async def test_a_pool_with_no_connection_left_is_no_bug_of_ours(ledger: Ledger) -> None:
    database = Database(ledger.settings(database_pool_connections=2), source="payments")
    database.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    async with database.reading(), database.reading():
        error = await failing(database, "SELECT 1")
    await database.close()
    assert is_outage(error)
    assert isinstance(error, Exception)
    refusal = refusal_for(error)
    assert (refusal.status, refusal.code) == (503, "unavailable")
    assert refusal.retry_after_seconds


async def test_a_deadlock_may_be_run_again(ledger: Ledger, database: Database) -> None:
    async with database.transaction() as tx:
        await tx.connection.execute(text("INSERT INTO notes (subject) VALUES ('a'), ('b')"))
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> BaseException | None:
        try:
            async with database.transaction() as tx:
                statement = text("SELECT 1 FROM notes WHERE subject = :subject FOR UPDATE")
                await tx.connection.execute(statement, {"subject": first})
                await both_hold_one.wait()
                await tx.connection.execute(statement, {"subject": second})
        except DBAPIError as error:
            return error
        return None

    outcomes = [each for each in await asyncio.gather(lock("a", "b"), lock("b", "a")) if each is not None]
    assert [sqlstate(each) for each in outcomes] == ["40P01"]
    assert is_transient(outcomes[0])
    assert not is_outage(outcomes[0])


async def test_a_session_that_the_server_ended_is_an_outage_and_the_next_is_new(database: Database) -> None:
    error = await failing(database, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_outage(error)
    await database.ping()
