"""Cases, mandates, exchange rates, and copies of the catalogue."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of consular."""
    create_delivery_tables()
    _create_mandates()
    _create_cases()
    _create_rates()
    _create_catalogue()


def _create_mandates() -> None:
    op.execute("""
        CREATE TABLE mandates (
            id uuid PRIMARY KEY,
            person_id uuid NOT NULL,
            agent_id uuid NOT NULL CHECK (agent_id <> person_id),
            kinship text NOT NULL,
            state text NOT NULL
                CHECK (state IN ('DRAFT', 'CONSENTED', 'ACTIVE', 'USED', 'REVOKED', 'EXPIRED')),
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            moved_at timestamptz NOT NULL,
            consented_at timestamptz
        )
    """)
    op.execute("CREATE INDEX mandates_of_agent ON mandates (agent_id, created_at)")
    op.execute("CREATE INDEX mandates_of_person ON mandates (person_id, created_at)")


def _create_cases() -> None:
    op.execute("""
        CREATE TABLE cases (
            id uuid PRIMARY KEY,
            turn_id uuid NOT NULL UNIQUE,
            person_id uuid NOT NULL,
            opened_by uuid NOT NULL,
            mandate_id uuid REFERENCES mandates,
            service text NOT NULL,
            tier text NOT NULL,
            mission text NOT NULL,
            date date NOT NULL,
            wished_window text,
            pay_currency text,
            fingerprint text NOT NULL,
            fx_base text,
            fx_quote text,
            fx_rate numeric(18, 8),
            fx_dated date,
            opened_at timestamptz NOT NULL,
            state text NOT NULL
                CHECK (state IN ('OPENED', 'HELD', 'CONFIRMED', 'REFUSED', 'EXPIRED', 'CANCELLED')),
            revision integer NOT NULL,
            moved_at timestamptz NOT NULL,
            refusal text,
            opens_at timestamptz,
            held_until timestamptz,
            given_window text,
            fee_minor bigint,
            fee_currency text,
            payable_minor bigint,
            payable_currency text,
            payment_id uuid,
            payment text NOT NULL
                CHECK (payment IN ('NONE', 'OPEN', 'DECLINED', 'EXPIRED', 'CAPTURED')),
            paid_minor bigint,
            paid_currency text,
            refund text NOT NULL
                CHECK (refund IN ('NONE', 'DUE', 'ACCEPTED', 'FAILED', 'SUCCEEDED')),
            refunded_minor bigint,
            refunded_currency text,
            cancel_asked_at timestamptz,
            CHECK (num_nulls(fx_base, fx_quote, fx_rate, fx_dated) IN (0, 4)),
            CHECK (num_nulls(fee_minor, fee_currency) IN (0, 2)),
            CHECK (num_nulls(payable_minor, payable_currency) IN (0, 2)),
            CHECK (num_nulls(paid_minor, paid_currency) IN (0, 2)),
            CHECK (num_nulls(refunded_minor, refunded_currency) IN (0, 2)),
            CHECK ((state = 'REFUSED') = (refusal IS NOT NULL)),
            CHECK ((person_id = opened_by) = (mandate_id IS NULL))
        )
    """)
    op.execute("CREATE INDEX cases_of_opener ON cases (opened_by, opened_at, id)")
    op.execute("CREATE INDEX cases_of_person ON cases (person_id, opened_at, id)")
    op.execute("CREATE INDEX cases_of_mission ON cases (mission, date, opened_at, id)")
    op.execute("CREATE INDEX cases_of_mandate ON cases (mandate_id) WHERE mandate_id IS NOT NULL")
    op.execute("""
        CREATE TABLE case_moves (
            case_id uuid NOT NULL REFERENCES cases,
            revision integer NOT NULL,
            state text NOT NULL,
            cause text NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (case_id, revision)
        )
    """)


def _create_rates() -> None:
    op.execute("""
        CREATE TABLE fx_rates (
            base text NOT NULL,
            quote text NOT NULL CHECK (quote <> base),
            dated date NOT NULL,
            rate numeric(18, 8) NOT NULL CHECK (rate > 0),
            is_example boolean NOT NULL,
            set_by uuid,
            set_at timestamptz NOT NULL,
            used_at timestamptz,
            PRIMARY KEY (base, quote, dated)
        )
    """)


def _create_catalogue() -> None:
    for name in ("catalog_services", "catalog_offices"):
        op.execute(f"""
            CREATE TABLE {name} (
                code text PRIMARY KEY,
                revision bigint NOT NULL,
                body jsonb NOT NULL
            )
        """)
