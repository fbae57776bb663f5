"""The whole catalogue: things as documents, plans that two people agree on, closures.

What the first tables held is moved over; a catalogue that was seeded before takes its calendars, hours and the rest
from the next seed.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_THINGS = (
    """
    CREATE TABLE things (
        kind text NOT NULL CHECK (kind IN ('agency', 'region', 'tier', 'extra', 'service', 'office', 'calendar')),
        code text NOT NULL,
        revision integer NOT NULL CHECK (revision > 0),
        state jsonb NOT NULL,
        retired boolean NOT NULL GENERATED ALWAYS AS (coalesce((state ->> 'retired')::boolean, false)) STORED,
        seeded text,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (kind, code),
        CHECK (state ->> 'code' = code)
    )
    """,
    # A thing is retired, never deleted, and its revision only counts up.
    """
    CREATE FUNCTION keep_things() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' THEN
            RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.revision <> OLD.revision + 1 THEN
            RAISE EXCEPTION '% % has the revision %', OLD.kind, OLD.code, OLD.revision
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT 'agency', code, 1,
        jsonb_build_object('code', code, 'name', jsonb_build_object('ar', name_ar, 'en', name_en)), '', now()
    FROM agencies
    """,
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT 'region', code, 1,
        jsonb_build_object('code', code, 'name', jsonb_build_object('ar', name_ar, 'en', name_en), 'abroad', abroad),
        '', now()
    FROM regions
    """,
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT DISTINCT ON (tier ->> 'code') 'tier', tier ->> 'code', 1, tier, '', now()
    FROM services, jsonb_array_elements(tiers) AS tier
    ORDER BY tier ->> 'code', changed_at DESC
    """,
    # One calendar for each set of weekdays on which offices were closed: that is all that was known of any.
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT DISTINCT 'calendar', 'WEEK_' || array_to_string(closed_weekdays, ''), 1,
        jsonb_build_object(
            'code', 'WEEK_' || array_to_string(closed_weekdays, ''),
            'name', jsonb_build_object('ar', 'أسبوع العمل', 'en', 'Working week'),
            'weekend', to_jsonb(closed_weekdays)
        ), '', now()
    FROM offices
    """,
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT 'office', code, revision,
        jsonb_build_object(
            'code', code, 'kind', kind, 'region', region, 'zone', zone, 'currency', currency, 'retired', retired,
            'name', jsonb_build_object('ar', name_ar, 'en', name_en),
            'address', jsonb_build_object('ar', address_ar, 'en', address_en),
            'services', to_jsonb(services), 'calendar', 'WEEK_' || array_to_string(closed_weekdays, ''),
            'hours', (
                SELECT coalesce(jsonb_object_agg(weekday, '[{"opens": "00:00", "closes": "23:59"}]'::jsonb), '{}')
                FROM generate_series(1, 7) AS weekday WHERE NOT weekday = ANY(closed_weekdays)
            )
        ), seeded, changed_at
    FROM offices
    """,
    """
    INSERT INTO things (kind, code, revision, state, seeded, changed_at)
    SELECT 'service', code, revision,
        jsonb_build_object(
            'code', code, 'agency', agency, 'family', family, 'visit', visit, 'channels', to_jsonb(channels),
            'name', jsonb_build_object('ar', name_ar, 'en', name_en),
            'description', jsonb_build_object('ar', description_ar, 'en', description_en),
            'tiers', (SELECT jsonb_agg(tier -> 'code' ORDER BY place)
                      FROM jsonb_array_elements(tiers) WITH ORDINALITY AS t(tier, place)),
            'documents', documents, 'duration_minutes', duration_minutes, 'retired', retired
        ), seeded, changed_at
    FROM services
    """,
    "CREATE TRIGGER things_count BEFORE UPDATE OR DELETE ON things FOR EACH ROW EXECUTE FUNCTION keep_things()",
    "CREATE TRIGGER things_stay BEFORE TRUNCATE ON things FOR EACH STATEMENT EXECUTE FUNCTION keep_things()",
    "CREATE INDEX services_of_offices ON things USING gin ((state -> 'services')) WHERE kind = 'office'",
)

_PLANS = (
    """
    CREATE TABLE plans (
        id uuid PRIMARY KEY,
        office text NOT NULL,
        service text NOT NULL,
        tier text NOT NULL,
        valid_from date NOT NULL,
        state text NOT NULL CHECK (
            state IN ('PROPOSED', 'APPROVED', 'PUBLISHED', 'SUPERSEDED', 'REJECTED', 'WITHDRAWN')
        ),
        revision integer NOT NULL CHECK (revision > 0),
        week jsonb NOT NULL,
        origin text NOT NULL CHECK (origin IN ('seed', 'staff')),
        based_on uuid REFERENCES plans,
        proposed_by uuid, proposed_at timestamptz, proposed_reason text,
        approved_by uuid, approved_at timestamptz, approved_reason text,
        published_by uuid, published_at timestamptz, published_reason text,
        ended_by uuid, ended_at timestamptz, ended_reason text,
        superseded_at timestamptz,
        office_kind text NOT NULL GENERATED ALWAYS AS ('office') STORED,
        service_kind text NOT NULL GENERATED ALWAYS AS ('service') STORED,
        FOREIGN KEY (office_kind, office) REFERENCES things (kind, code),
        FOREIGN KEY (service_kind, service) REFERENCES things (kind, code),
        CONSTRAINT somebody_proposed CHECK (origin = 'seed' OR proposed_by IS NOT NULL),
        CONSTRAINT two_people CHECK (approved_by <> proposed_by),
        CONSTRAINT approved_before_force CHECK (
            origin = 'seed' OR state NOT IN ('APPROVED', 'PUBLISHED') OR approved_by IS NOT NULL
        )
    )
    """,
    "CREATE INDEX plans_of_offer ON plans (office, service, tier, valid_from)",
    "CREATE INDEX plans_of_service ON plans (service) WHERE state = 'PUBLISHED'",
    # What is in force on a date is one plan, whoever publishes at once.
    """
    CREATE UNIQUE INDEX one_plan_in_force ON plans (office, service, tier, valid_from) WHERE state = 'PUBLISHED'
    """,
    """
    INSERT INTO plans (id, office, service, tier, valid_from, state, revision, week, origin)
    SELECT gen_random_uuid(), office, service, tier, DATE '0001-01-01', 'PUBLISHED', 1,
        jsonb_object_agg(weekday, jsonb_build_object(
            'capacity', capacity, 'windows', windows, 'opens_days_before', opens_days_before
        )), 'seed'
    FROM week_plans GROUP BY office, service, tier
    """,
    """
    CREATE TABLE closures (
        id uuid PRIMARY KEY,
        scope text NOT NULL CHECK (scope IN ('everything', 'region', 'office')),
        code text,
        first_day date NOT NULL,
        last_day date NOT NULL,
        reason_ar text NOT NULL,
        reason_en text NOT NULL,
        decided_at timestamptz NOT NULL,
        decided_by uuid,
        withdrawn_at timestamptz,
        withdrawn_by uuid,
        withdrawn_reason text,
        revision integer NOT NULL CHECK (revision > 0),
        CHECK ((scope = 'everything') = (code IS NULL)),
        CHECK (first_day <= last_day),
        CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
    )
    """,
    "CREATE INDEX closures_by_last_day ON closures (last_day) WHERE withdrawn_at IS NULL",
    "ALTER TABLE capacity_months ADD COLUMN closed jsonb NOT NULL DEFAULT '[]'",
    # What capacity was last published from: if it is the same, there is nothing to publish.
    "ALTER TABLE catalogue ADD COLUMN published_from text NOT NULL DEFAULT ''",
)

_POINTED_AT = (
    """
    ALTER TABLE fees DROP CONSTRAINT fees_service_fkey,
        ADD COLUMN service_kind text NOT NULL GENERATED ALWAYS AS ('service') STORED,
        ADD FOREIGN KEY (service_kind, service) REFERENCES things (kind, code)
    """,
    """
    ALTER TABLE capacity_months DROP CONSTRAINT capacity_months_office_fkey,
        DROP CONSTRAINT capacity_months_service_fkey,
        ADD COLUMN office_kind text NOT NULL GENERATED ALWAYS AS ('office') STORED,
        ADD COLUMN service_kind text NOT NULL GENERATED ALWAYS AS ('service') STORED,
        ADD FOREIGN KEY (office_kind, office) REFERENCES things (kind, code),
        ADD FOREIGN KEY (service_kind, service) REFERENCES things (kind, code)
    """,
    "DROP TABLE week_plans",
    "DROP TABLE offices",
    "DROP TABLE services",
    "DROP TABLE regions",
    "DROP TABLE agencies",
)


def upgrade() -> None:
    """Make the tables, move over what the first ones held, and drop those."""
    for statement in (*_THINGS, *_PLANS, *_POINTED_AT):
        op.execute(statement)
