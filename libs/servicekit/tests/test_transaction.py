"""The unit of work: state and messages are saved together or not at all; the inbox within it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from libs.servicekit.tests.ledger import Ledger, cancel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dawr.contracts import derived_id
from dawr.contracts.payments import CancelPayment
from dawr.servicekit import inbox
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Cause
from dawr.servicekit.outbox import Staged

GROUP = "payments"


@pytest.fixture
async def database(ledger: Ledger) -> AsyncIterator[Database]:
    database = Database(ledger.settings(), source="payments")
    yield database
    await database.close()


async def note(tx: Transaction, subject: str) -> None:
    await tx.connection.execute(text("INSERT INTO notes (subject) VALUES (:subject)"), {"subject": subject})


async def outbox(ledger: Ledger) -> list[UUID]:
    return [row["message_id"] for row in await ledger.rows("SELECT message_id FROM outbox_messages ORDER BY id")]


async def test_state_and_messages_are_saved_together(ledger: Ledger, database: Database) -> None:
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    database.on_staged = wake
    async with database.transaction() as tx:
        await note(tx, "a")
        ids = [tx.stage(cancel()) for _ in range(3)]
        assert await ledger.notes() == []
        assert woken == 0
    assert await ledger.notes() == ["a"]
    assert await outbox(ledger) == ids, "in the order of staging"
    assert woken == 1


async def test_a_state_whose_messages_can_not_be_saved_is_not_saved_either(ledger: Ledger, database: Database) -> None:
    unwritable = Staged(id=new_id(), topic="a\0b", key=b"", wire_type="no text can hold a NUL", body=None)
    with pytest.raises(DBAPIError):
        async with database.transaction() as tx:
            await note(tx, "a")
            tx.stage_record(unwritable)
    assert await ledger.notes() == []


async def test_nothing_is_sent_of_what_is_undone(ledger: Ledger, database: Database) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        async with database.transaction() as tx:
            await note(tx, "a")
            tx.stage(cancel())
            await tx.flush()
            tx.stage(cancel())
            raise RuntimeError("a bug")
    assert await ledger.notes() == []
    assert await outbox(ledger) == []


async def test_a_savepoint_takes_back_its_writes_and_its_messages(ledger: Ledger, database: Database) -> None:
    lost = cancel()
    async with database.transaction(Cause(new_id())) as tx:
        first = tx.stage(cancel())
        with pytest.raises(RuntimeError, match="a bug"):
            async with tx.savepoint():
                await note(tx, "inner")
                tx.stage(lost)
                raise RuntimeError("a bug")
        await note(tx, "outer")
        second = tx.stage(lost)  # the same id as before: it was taken back too
        async with tx.savepoint():
            third = tx.stage(cancel())
    assert await ledger.notes() == ["outer"]
    assert await outbox(ledger) == [first, second, third]


async def test_a_statement_that_fails_in_a_savepoint_does_not_end_the_transaction(
    ledger: Ledger, database: Database
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Exception, match="DivisionByZero"):
            async with tx.savepoint():
                await tx.connection.execute(text("SELECT 1 / 0"))
        await note(tx, "after")
    assert await ledger.notes() == ["after"]


async def test_staging_one_id_twice_is_a_bug(database: Database) -> None:
    message = cancel()
    with pytest.raises(ValueError, match="staged twice"):
        async with database.transaction(Cause(new_id())) as tx:
            tx.stage(message)
            tx.stage(message)


async def test_ids_follow_from_the_cause(database: Database) -> None:
    cause, message = Cause(new_id()), cancel()
    async with database.transaction(cause) as tx:
        once = tx.stage(message)
    async with database.transaction(cause) as tx:
        again = tx.stage(message)
        of_another = tx.stage(message, cause=Cause(new_id()))
    assert once == again == derived_id(cause.id, f"{CancelPayment.wire_type}/{message.key()}")
    assert of_another != once


async def test_a_message_joins_the_trace_of_its_cause(ledger: Ledger, database: Database) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with database.transaction(Cause(new_id(), f"00-{trace}-b7ad6b7169203331-01")) as tx:
        tx.stage(cancel())
    (row,) = await ledger.rows("SELECT traceparent FROM outbox_messages")
    assert row["traceparent"].split("-")[1] == trace
    assert row["traceparent"].split("-")[2] != "b7ad6b7169203331", "a span of its own"


async def test_a_message_is_claimed_once(database: Database) -> None:
    ids = [new_id() for _ in range(3)]
    async with database.transaction() as tx:
        assert await inbox.claim(tx.connection, GROUP, [*ids[:2], ids[0]]) == set(ids[:2])
        assert await inbox.claim(tx.connection, GROUP, ids) == {ids[2]}
        assert await inbox.claim(tx.connection, "another", ids) == set(ids), "each group for itself"
        assert await inbox.claim(tx.connection, GROUP, []) == set()


async def test_what_was_claimed_in_vain_can_be_claimed_again(database: Database) -> None:
    id = new_id()
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await inbox.claim(tx.connection, GROUP, [id])
            raise RuntimeError
    async with database.transaction() as tx:
        assert await inbox.claim(tx.connection, GROUP, [id]) == {id}


async def test_two_processes_with_overlapping_batches_share_them_out(database: Database) -> None:
    """The second waits for the end of the first, then takes the rest; in whatever order their batches come."""
    ids = [new_id() for _ in range(200)]
    started, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> set[UUID]:
        async with database.transaction() as tx:
            claimed = await inbox.claim(tx.connection, GROUP, ids[:150])
            started.set()
            await go_on.wait()
            return claimed

    async def second() -> set[UUID]:
        async with database.transaction() as tx:
            return await inbox.claim(tx.connection, GROUP, reversed(ids[50:]))

    running = asyncio.create_task(first())
    await started.wait()
    waiting = asyncio.create_task(second())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done, "it waits: whether these are applied is not known yet"
    go_on.set()
    assert await running == set(ids[:150])
    assert await waiting == set(ids[150:])


async def test_crossing_batches_never_wait_for_each_other(database: Database) -> None:
    async def claim(ids: list[UUID]) -> int:
        async with database.transaction() as tx:
            return len(await inbox.claim(tx.connection, GROUP, ids))

    for _ in range(10):
        ids = [new_id() for _ in range(300)]
        counts = await asyncio.gather(*(claim(ids if each % 2 else ids[::-1]) for each in range(6)))
        assert sum(counts) == len(ids)
