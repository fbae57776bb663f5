"""Payments, attempts, refunds, what providers said, and a ledger that the database itself keeps in balance."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE payments (
        id uuid PRIMARY KEY,
        subject_kind text NOT NULL,
        subject_id uuid NOT NULL,
        payer_id uuid NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        currency text NOT NULL,
        fx jsonb,
        description_ar text NOT NULL,
        description_en text NOT NULL,
        return_key text NOT NULL,
        pay_before timestamptz NOT NULL,
        state text NOT NULL
            CHECK (state IN ('CREATED', 'PENDING', 'CAPTURED', 'EXPIRED', 'PARTLY_REFUNDED', 'REFUNDED')),
        created_at timestamptz NOT NULL,
        pending_at timestamptz,
        provider text,
        provider_reference text,
        captured_at timestamptz,
        refunded_minor bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND amount_minor),
        expiry_reason text,
        look_at timestamptz,
        UNIQUE (provider, provider_reference),
        CHECK ((state IN ('CAPTURED', 'PARTLY_REFUNDED', 'REFUNDED')) = (provider_reference IS NOT NULL)),
        CHECK ((state = 'REFUNDED') = (refunded_minor = amount_minor))
    )
    """,
    "CREATE INDEX payments_by_subject ON payments (subject_id)",
    "CREATE INDEX payments_by_payer ON payments (payer_id, created_at DESC, id DESC)",
    "CREATE INDEX payments_run_out ON payments (pay_before) WHERE state IN ('CREATED', 'PENDING')",
    "CREATE INDEX payments_to_look_at ON payments (look_at) WHERE look_at IS NOT NULL",
    """
    CREATE TABLE attempts (
        id uuid PRIMARY KEY,
        payment_id uuid NOT NULL REFERENCES payments,
        number integer NOT NULL,
        provider text NOT NULL,
        state text NOT NULL CHECK (state IN ('OPENING', 'OPEN', 'CLOSING', 'CLOSED')),
        language text NOT NULL,
        checkout_id text,
        checkout_url text,
        expires_at timestamptz,
        created_at timestamptz NOT NULL,
        close_at timestamptz,
        UNIQUE (payment_id, number)
    )
    """,
    "CREATE UNIQUE INDEX attempts_one_live ON attempts (payment_id) WHERE state IN ('OPENING', 'OPEN')",
    "CREATE INDEX attempts_to_close ON attempts (close_at) WHERE state = 'CLOSING'",
    """
    CREATE TABLE declined_tries (
        payment_id uuid NOT NULL REFERENCES payments,
        checkout_id text NOT NULL,
        number integer NOT NULL,
        noted_at timestamptz NOT NULL,
        PRIMARY KEY (payment_id, checkout_id, number)
    )
    """,
    """
    CREATE TABLE refunds (
        id uuid PRIMARY KEY,
        payment_id uuid NOT NULL REFERENCES payments,
        subject_kind text NOT NULL,
        subject_id uuid NOT NULL,
        payer_id uuid NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        currency text NOT NULL,
        reason text NOT NULL,
        asked_by uuid,
        state text NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'SUBMITTED', 'SUCCEEDED', 'FAILED')),
        created_at timestamptz NOT NULL,
        next_try_at timestamptz,
        round integer NOT NULL,
        tries integer NOT NULL,
        failures integer NOT NULL,
        provider_failures integer NOT NULL,
        last_failed_reference text,
        last_failure text,
        provider text,
        provider_reference text,
        settled_at timestamptz,
        UNIQUE (provider, provider_reference),
        CHECK ((state IN ('APPROVED', 'SUBMITTED')) = (next_try_at IS NOT NULL)),
        CHECK ((state = 'SUCCEEDED') = (provider_reference IS NOT NULL))
    )
    """,
    "CREATE INDEX refunds_of_payment ON refunds (payment_id)",
    "CREATE INDEX refunds_by_payer ON refunds (payer_id, created_at DESC, id DESC)",
    "CREATE INDEX refunds_to_try ON refunds (next_try_at) WHERE next_try_at IS NOT NULL",
    "CREATE INDEX refunds_set_aside ON refunds (created_at) WHERE state = 'FAILED'",
    """
    CREATE TABLE refund_approvals (
        refund_id uuid NOT NULL REFERENCES refunds,
        round integer NOT NULL,
        approved_by uuid NOT NULL,
        reason text NOT NULL,
        approved_at timestamptz NOT NULL,
        PRIMARY KEY (refund_id, round)
    )
    """,
    """
    CREATE TABLE provider_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        provider text NOT NULL,
        event_id text NOT NULL,
        source text NOT NULL CHECK (source IN ('told', 'asked')),
        type text,
        reference text,
        body bytea NOT NULL,
        received_at timestamptz NOT NULL,
        outcome text NOT NULL,
        flag text,
        times_seen integer NOT NULL DEFAULT 1,
        UNIQUE (provider, event_id)
    )
    """,
    "CREATE INDEX provider_events_flagged ON provider_events (id DESC) WHERE flag IS NOT NULL",
    """
    CREATE TABLE ledger_transactions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cause text NOT NULL UNIQUE,
        kind text NOT NULL,
        payment_id uuid,
        refund_id uuid,
        posted_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ledger_transactions_of_payment ON ledger_transactions (payment_id)",
    """
    CREATE TABLE ledger_postings (
        transaction_id bigint NOT NULL REFERENCES ledger_transactions,
        line smallint NOT NULL,
        account text NOT NULL,
        currency text NOT NULL,
        minor bigint NOT NULL CHECK (minor <> 0),
        PRIMARY KEY (transaction_id, line)
    )
    """,
    "CREATE INDEX ledger_postings_by_account ON ledger_postings (account, transaction_id)",
)

LEDGER_RULES = (
    """
    CREATE FUNCTION ledger_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE checked bigint;
    BEGIN
        IF TG_TABLE_NAME = 'ledger_transactions' THEN checked = NEW.id; ELSE checked = NEW.transaction_id; END IF;
        IF NOT EXISTS (SELECT 1 FROM ledger_postings WHERE transaction_id = checked) THEN
            RAISE EXCEPTION 'ledger transaction % has no postings', checked USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (
            SELECT 1 FROM ledger_postings WHERE transaction_id = checked GROUP BY currency HAVING sum(minor) <> 0
        ) THEN
            RAISE EXCEPTION 'ledger transaction % does not balance', checked USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_must_balance()
        """
        for table in ("ledger_transactions", "ledger_postings")
    ),
    *(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()
        """
        for table in ("ledger_transactions", "ledger_postings")
    ),
)


def upgrade() -> None:
    create_delivery_tables()
    for statement in (*TABLES, *LEDGER_RULES):
        op.execute(statement)
