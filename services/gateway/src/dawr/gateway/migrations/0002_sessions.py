"""Sessions: who is signed in, and the generation of their refresh token. And what all of sign-in together counts."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.execute("""
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            person_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('citizen', 'staff')),
            roles text[] NOT NULL,
            office text,
            how text NOT NULL CHECK (how IN ('code', 'password', 'passkey', 'oidc')),
            agent text NOT NULL CHECK (length(agent) <= 80),
            generation integer NOT NULL CHECK (generation >= 0),
            rotated_at timestamptz NOT NULL,
            begun_at timestamptz NOT NULL,
            seen_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            ended_at timestamptz,
            ended_why text,
            CHECK ((ended_at IS NULL) = (ended_why IS NULL))
        ) WITH (fillfactor = 70)
    """)
    op.execute("CREATE INDEX sessions_open ON sessions (person_id) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL")
    op.execute("CREATE INDEX sessions_over ON sessions (ends_at)")
    # What everybody together does in a window, in many rows, so that nobody waits for the one row of all.
    op.execute("""
        CREATE TABLE sign_in_totals (
            kind text NOT NULL,
            window_start timestamptz NOT NULL,
            shard smallint NOT NULL,
            counted integer NOT NULL,
            PRIMARY KEY (kind, window_start, shard)
        ) WITH (fillfactor = 70)
    """)
