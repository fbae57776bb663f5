"""Quota days, turns, and this service's copy of the catalogue."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_delivery_tables()
    op.execute("""
        CREATE TABLE quota_days (
            pool text PRIMARY KEY,
            service text NOT NULL,
            tier text NOT NULL,
            office text NOT NULL,
            date date NOT NULL,
            capacity integer NOT NULL,
            in_use integer NOT NULL DEFAULT 0,
            max_in_use integer NOT NULL DEFAULT 0,
            planned integer NOT NULL,
            opens_at timestamptz NOT NULL,
            closes_at timestamptz NOT NULL,
            windows jsonb NOT NULL DEFAULT '[]',
            hold_seconds integer,
            CONSTRAINT never_over_capacity CHECK (in_use BETWEEN 0 AND capacity)
        ) WITH (fillfactor = 70)
    """)
    op.execute("""
        CREATE INDEX quota_days_availability ON quota_days (service, tier, office, date)
    """)
    op.execute("""
        CREATE TABLE capacity_months (
            key text PRIMARY KEY,
            revision bigint NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE turns (
            id uuid PRIMARY KEY,
            person_id uuid NOT NULL,
            asked_by uuid NOT NULL,
            family text NOT NULL,
            pool text NOT NULL,
            state text NOT NULL,
            channel text NOT NULL,
            window_start text,
            place_partition integer NOT NULL,
            place_offset bigint NOT NULL,
            fingerprint text NOT NULL,
            fee_minor bigint,
            fee_currency text,
            payable_minor bigint,
            payable_currency text,
            fx jsonb,
            held_until timestamptz,
            paid boolean NOT NULL DEFAULT false,
            refund text NOT NULL DEFAULT 'NONE',
            refusal text,
            opens_at timestamptz,
            case_id uuid,
            history jsonb NOT NULL,
            asked_at timestamptz NOT NULL
        ) WITH (fillfactor = 85)
    """)
    # At most one live turn per person and family, whatever two allocators see at once (invariant 2).
    op.execute("""
        CREATE UNIQUE INDEX one_live_turn ON turns (person_id, family) WHERE state IN ('HELD', 'CONFIRMED')
    """)
    op.execute("CREATE INDEX turns_run_out ON turns (held_until) WHERE state = 'HELD'")
    # Small also after a crowd: those who came too late for a seat are not in it.
    op.execute("CREATE INDEX turns_of_pool ON turns (pool) WHERE state <> 'REFUSED' OR refusal <> 'sold-out'")
    op.execute("CREATE INDEX turns_of_person ON turns (person_id, id)")
    op.execute("CREATE INDEX turns_asked_for_others ON turns (asked_by, id) WHERE asked_by <> person_id")
    op.execute("""
        CREATE TABLE catalogue_items (
            kind text NOT NULL,
            code text NOT NULL,
            revision bigint NOT NULL,
            state jsonb,
            PRIMARY KEY (kind, code)
        )
    """)
