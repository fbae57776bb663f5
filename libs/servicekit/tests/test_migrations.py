"""Migrations: replicas that start at once migrate once, and a migration that fails leaves nothing behind."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from dawr.servicekit.testing import Stage

FIRST = """
from alembic import op
from dawr.servicekit.migrations import create_delivery_tables
revision = "0001"
down_revision = None

def upgrade():
    create_delivery_tables()
    op.execute("CREATE TABLE runs (revision text)")
    op.execute("INSERT INTO runs VALUES ('0001')")
"""
SECOND = """
from alembic import op
revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("INSERT INTO runs VALUES ('0002')")
"""
MIGRATE = "import asyncio, sys; from dawr.servicekit.migrations import migrate; asyncio.run(migrate(*sys.argv[1:]))"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service's package with two migrations."""
    folder = tmp_path / "shop" / "migrations"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "0001_tables.py").write_text(FIRST)
    (folder / "0002_more.py").write_text(SECOND)
    return folder


async def migrated(url: str, folder: Path) -> tuple[int | None, str]:
    """Migrate in a process of its own: its exit code, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MIGRATE, url, "shop", env={"PYTHONPATH": str(folder.parents[1])},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


async def rows(url: str, statement: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


async def test_three_processes_at_once_migrate_once(the_stage: Stage, shop: Path) -> None:
    url = await the_stage._new_database("migrated")
    outcomes = await asyncio.gather(*(migrated(url, shop) for _ in range(3)))
    assert [code for code, _ in outcomes] == [0, 0, 0], outcomes
    assert await rows(url, "SELECT revision FROM runs ORDER BY 1") == ["0001", "0002"]
    assert await rows(url, "SELECT version_num FROM alembic_version") == ["0002"]
    assert {"outbox_messages", "inbox_messages", "consumer_positions", "idempotency_keys"} <= set(
        await rows(url, TABLES)
    )


async def test_a_migration_that_fails_leaves_nothing_behind(the_stage: Stage, shop: Path) -> None:
    url = await the_stage._new_database("unmigrated")
    (shop / "0002_more.py").write_text(SECOND.replace("INSERT INTO runs", "INSERT INTO no_such_table"))
    code, said = await migrated(url, shop)
    assert code == 1
    assert "no_such_table" in said
    assert await rows(url, TABLES) == []
