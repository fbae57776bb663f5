"""Fixtures of servicekit's own tests."""

import asyncpg
import pytest
from libs.servicekit.tests.ledger import NOTES, Ledger

from dawr.servicekit.testing import Stage


@pytest.fixture(scope="module")
async def ledger_database(the_stage: Stage) -> str:
    """The address of a database for ledgers."""
    url = await the_stage.bare_database()
    connection = await asyncpg.connect(url)
    await connection.execute(NOTES)
    await connection.close()
    return url


@pytest.fixture
async def ledger(the_stage: Stage, ledger_database: str) -> Ledger:
    """An empty ledger on the module's stage."""
    connection = await asyncpg.connect(ledger_database)
    await connection.execute(
        "TRUNCATE notes, outbox_messages, refused_messages, inbox_messages, consumer_positions, idempotency_keys "
        "RESTART IDENTITY"
    )
    await connection.close()
    return Ledger(the_stage, ledger_database)
