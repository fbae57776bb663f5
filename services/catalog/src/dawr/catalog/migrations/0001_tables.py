"""The first tables: agencies, regions, offices, services, fees, offers, week plans, months of capacity, changes."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None

_TABLES = (
    # One row: the number that counts up with whatever the public can read, for conditional requests.
    """
    CREATE TABLE catalogue (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        revision bigint NOT NULL
    )
    """,
    "INSERT INTO catalogue (revision) VALUES (0)",
    """
    CREATE TABLE agencies (
        code text PRIMARY KEY,
        name_ar text NOT NULL,
        name_en text NOT NULL,
        seeded text NOT NULL
    )
    """,
    """
    CREATE TABLE regions (
        code text PRIMARY KEY,
        name_ar text NOT NULL,
        name_en text NOT NULL,
        abroad boolean NOT NULL,
        seeded text NOT NULL
    )
    """,
    """
    CREATE TABLE offices (
        code text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('office', 'mission')),
        region text NOT NULL REFERENCES regions,
        name_ar text NOT NULL,
        name_en text NOT NULL,
        address_ar text NOT NULL,
        address_en text NOT NULL,
        zone text NOT NULL,
        currency text NOT NULL,
        closed_weekdays smallint[] NOT NULL,
        services text[] NOT NULL,
        retired boolean NOT NULL,
        revision integer NOT NULL CHECK (revision > 0),
        changed_at timestamptz NOT NULL,
        seeded text NOT NULL
    )
    """,
    """
    CREATE TABLE services (
        code text PRIMARY KEY,
        agency text NOT NULL REFERENCES agencies,
        family text NOT NULL,
        name_ar text NOT NULL,
        name_en text NOT NULL,
        description_ar text NOT NULL,
        description_en text NOT NULL,
        visit text NOT NULL CHECK (visit IN ('required', 'optional', 'none')),
        channels text[] NOT NULL,
        tiers jsonb NOT NULL,
        documents jsonb NOT NULL,
        duration_minutes integer NOT NULL CHECK (duration_minutes > 0),
        retired boolean NOT NULL,
        revision integer NOT NULL CHECK (revision > 0),
        changed_at timestamptz NOT NULL,
        seeded text NOT NULL
    )
    """,
    """
    CREATE TABLE fees (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        service text NOT NULL REFERENCES services,
        tier text NOT NULL,
        channel text NOT NULL,
        minor bigint NOT NULL CHECK (minor >= 0),
        currency text NOT NULL,
        effective_from date NOT NULL,
        is_example boolean NOT NULL,
        origin text NOT NULL CHECK (origin IN ('seed', 'staff')),
        decided_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX fees_of_service ON fees (service, number)",
    """
    CREATE TABLE week_plans (
        office text NOT NULL REFERENCES offices,
        service text NOT NULL REFERENCES services,
        tier text NOT NULL,
        weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
        capacity integer NOT NULL CHECK (capacity >= 0),
        windows jsonb NOT NULL,
        opens_days_before integer NOT NULL CHECK (opens_days_before >= 0),
        PRIMARY KEY (office, service, tier, weekday)
    )
    """,
    """
    CREATE TABLE capacity_months (
        office text NOT NULL REFERENCES offices,
        service text NOT NULL REFERENCES services,
        tier text NOT NULL,
        month text NOT NULL,
        revision integer NOT NULL CHECK (revision >= 0),
        days jsonb NOT NULL,
        taken_away boolean NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (office, service, tier, month)
    )
    """,
    """
    CREATE TABLE changes (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject text NOT NULL,
        revision integer NOT NULL,
        what text NOT NULL,
        origin text NOT NULL CHECK (origin IN ('seed', 'staff')),
        by_person uuid,
        reason text NOT NULL,
        detail jsonb NOT NULL,
        at timestamptz NOT NULL,
        previous bigint REFERENCES changes,
        CHECK (origin = 'seed' OR by_person IS NOT NULL)
    )
    """,
    "CREATE INDEX changes_of_subject ON changes (subject, number)",
    # Two changes of one thing can't both follow the same one before them.
    "CREATE UNIQUE INDEX changes_in_line ON changes (previous)",
    # What was decided stays as it was decided, whoever writes the SQL.
    """
    CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER fees_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON fees
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()
    """,
    """
    CREATE TRIGGER changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()
    """,
)


def upgrade() -> None:
    """Create the tables of catalog."""
    create_delivery_tables()
    for statement in _TABLES:
        op.execute(statement)
