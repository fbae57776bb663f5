"""Seats that are released in parts and kept for shares; days that an office cancels, and what it must decide."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # `kept_free` follows from `kept`: what a query needs to tell how many seats anybody can have.
    op.execute("""
        ALTER TABLE quota_days
            ADD COLUMN releases jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN kept jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN kept_free integer NOT NULL DEFAULT 0,
            ADD CONSTRAINT kept_free_is_a_number_of_seats CHECK (kept_free >= 0)
    """)
    op.execute("CREATE INDEX quota_days_of_office ON quota_days (office, date)")
    op.execute("ALTER TABLE turns ADD COLUMN share text, ADD COLUMN seat text")
    # An office's decision, and how far it has come in each pool of the day.
    op.execute("""
        CREATE TABLE day_cancellations (
            id uuid PRIMARY KEY,
            office text NOT NULL,
            date date NOT NULL,
            service text,
            tier text,
            instead text NOT NULL,
            reason_ar text NOT NULL,
            reason_en text NOT NULL,
            asked_by uuid NOT NULL,
            role text NOT NULL,
            asked_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX day_cancellations_of_day ON day_cancellations (office, date, asked_at)")
    op.execute("""
        CREATE TABLE day_cancellation_pools (
            cancellation_id uuid NOT NULL,
            pool text NOT NULL,
            state text NOT NULL,
            slices integer NOT NULL DEFAULT 0,
            moved integer NOT NULL DEFAULT 0,
            cancelled integer NOT NULL DEFAULT 0,
            refunded integer NOT NULL DEFAULT 0,
            PRIMARY KEY (cancellation_id, pool)
        )
    """)
    # Days that an office closed itself: each stays closed until the catalog publishes another plan for it.
    op.execute("""
        CREATE TABLE closed_days (
            pool text PRIMARY KEY,
            plan text NOT NULL,
            cancellation_id uuid NOT NULL,
            reason_ar text NOT NULL,
            reason_en text NOT NULL,
            closed_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE questions (
            id uuid PRIMARY KEY,
            office text NOT NULL,
            date date NOT NULL,
            pool text NOT NULL,
            turns integer NOT NULL,
            planned integer NOT NULL,
            reason_ar text,
            reason_en text,
            raised_at timestamptz NOT NULL,
            answered_at timestamptz,
            answered_by uuid,
            answer text
        )
    """)
    op.execute("CREATE UNIQUE INDEX one_open_question ON questions (pool) WHERE answered_at IS NULL")
    op.execute("CREATE INDEX questions_of_office ON questions (office, raised_at, id)")
