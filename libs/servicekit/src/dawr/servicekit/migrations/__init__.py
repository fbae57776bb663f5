"""Numbered changes of a service's tables, run by Alembic, once, under a lock.

A service keeps its own in `dawr/<service>/migrations/0001_….py`; the first of them calls `create_delivery_tables`.
"""

from importlib import resources

from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

_LOCK = 0x6D696772  # "migr"


REFUSED_MESSAGES = """
    CREATE TABLE IF NOT EXISTS refused_messages (
        id bigint PRIMARY KEY,
        message_id uuid NOT NULL,
        topic text NOT NULL,
        key bytea NOT NULL,
        wire_type text NOT NULL,
        body bytea,
        traceparent text,
        extra_headers text,
        source text NOT NULL,
        staged_at timestamptz NOT NULL,
        reason text NOT NULL,
        refused_at timestamptz NOT NULL
    )
"""
"""Came after the first databases were made: `migrate` sees to it in every one."""

DELIVERY_TABLES = (
    REFUSED_MESSAGES,
    """
    CREATE TABLE outbox_messages (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_id uuid NOT NULL,
        topic text NOT NULL,
        key bytea NOT NULL,
        wire_type text NOT NULL,
        body bytea,
        traceparent text,
        extra_headers text,
        source text NOT NULL,
        staged_at timestamptz NOT NULL,
        sent_at timestamptz
    ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1)
""",
    "CREATE INDEX outbox_unsent ON outbox_messages (id) WHERE sent_at IS NULL",
    """
    CREATE TABLE inbox_messages (
        consumer_group text NOT NULL,
        message_id uuid NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (consumer_group, message_id)
    )
""",
    "CREATE INDEX inbox_received ON inbox_messages USING brin (received_at)",
    """
    CREATE TABLE consumer_positions (
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50)
""",
    """
    CREATE TABLE idempotency_keys (
        person_id uuid NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        status integer NOT NULL,
        body bytea NOT NULL,
        headers jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (person_id, key)
    )
""",
)
"""The tables that servicekit needs in every service's database: outbox, inbox, positions, idempotency keys."""

WHOLE_COPIES = """
    CREATE TABLE whole_copies (
        topic text PRIMARY KEY,
        since timestamptz NOT NULL
    )
"""
"""For services that decide from copies of topics of state: those that are whole."""


def create_delivery_tables() -> None:
    """Create them, in the first migration of a service."""
    for statement in DELIVERY_TABLES:
        op.execute(statement)


def create_whole_copies() -> None:
    """Create the table of copies that are whole."""
    op.execute(WHOLE_COPIES)


async def migrate(database_url: str, package: str) -> None:
    """Bring a database to the newest version of a service's migrations; `package` is such as `dawr.booking`."""
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, package)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, package: str) -> None:
    # Replicas may start at once: the first one migrates, the others wait for it and find nothing left to do.
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    connection.execute(text(REFUSED_MESSAGES))
    config = Config()
    with (
        resources.as_file(resources.files("dawr.servicekit.migrations")) as scripts,
        resources.as_file(resources.files(f"{package}.migrations")) as versions,
    ):
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("version_locations", str(versions))
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
