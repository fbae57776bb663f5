"""People, where their sign-in stands, and what is counted against guessing."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_delivery_tables()
    op.execute("""
        CREATE TABLE people (
            id uuid PRIMARY KEY,
            registered_at timestamptz NOT NULL,
            signed_in_at timestamptz
        )
    """)
    # A row for every number that ever asked, registered or not: both are answered alike.
    op.execute("""
        CREATE TABLE sign_ins (
            person_id uuid PRIMARY KEY,
            code bytea,
            code_until timestamptz,
            failures integer NOT NULL DEFAULT 0,
            pauses integer NOT NULL DEFAULT 0,
            paused_until timestamptz,
            touched_at timestamptz NOT NULL,
            CHECK ((code IS NULL) = (code_until IS NULL))
        ) WITH (fillfactor = 70)
    """)
    op.execute("CREATE INDEX sign_ins_touched ON sign_ins (touched_at)")
    op.execute("""
        CREATE TABLE sign_in_counts (
            kind text NOT NULL,
            subject bytea NOT NULL,
            window_start timestamptz NOT NULL,
            counted integer NOT NULL,
            PRIMARY KEY (kind, subject, window_start)
        ) WITH (fillfactor = 70)
    """)
    op.execute("CREATE INDEX sign_in_counts_old ON sign_in_counts (window_start)")
