"""The tables of notifications: contacts, messages and what was tried, and own copies of what the texts name."""

from alembic import op

from dawr.servicekit.migrations import create_delivery_tables

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE contacts (
        person_id uuid PRIMARY KEY,
        registered text,
        chosen text,
        updated_at timestamptz NOT NULL
    )
""",
    """
    CREATE TABLE messages (
        id uuid PRIMARY KEY,
        person_id uuid NOT NULL,
        template text NOT NULL,
        fact_type text NOT NULL,
        fact text NOT NULL,
        addressed_as text NOT NULL,
        subject_id uuid,
        language text,
        sealed text,
        in_inbox boolean NOT NULL,
        send_before timestamptz,
        traceparent text,
        state text NOT NULL,
        way text,
        attempt integer NOT NULL DEFAULT 0,
        failed text[] NOT NULL DEFAULT '{}',
        due_at timestamptz,
        lease uuid,
        reason text,
        created_at timestamptz NOT NULL,
        read_at timestamptz
    )
""",
    "CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX messages_inbox ON messages (person_id, created_at DESC, id DESC) WHERE in_inbox",
    "CREATE INDEX messages_unread ON messages (person_id) WHERE in_inbox AND read_at IS NULL",
    """
    CREATE TABLE deliveries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_id uuid NOT NULL REFERENCES messages,
        person_id uuid NOT NULL,
        template text NOT NULL,
        way text NOT NULL,
        provider text NOT NULL,
        attempt integer NOT NULL CHECK (attempt >= 1),
        outcome text NOT NULL,
        code text NOT NULL,
        reference text,
        at timestamptz NOT NULL
    )
""",
    "CREATE INDEX deliveries_message ON deliveries (message_id)",
    "CREATE INDEX deliveries_person ON deliveries (person_id, id DESC)",
    """
    CREATE TABLE turns (
        id uuid PRIMARY KEY,
        office text NOT NULL,
        service text NOT NULL,
        tier text NOT NULL,
        date date NOT NULL,
        window_start text
    )
""",
    """
    CREATE TABLE services (
        code text PRIMARY KEY,
        revision bigint NOT NULL,
        described text NOT NULL
    )
""",
    """
    CREATE TABLE offices (
        code text PRIMARY KEY,
        revision bigint NOT NULL,
        described text NOT NULL
    )
""",
)


def upgrade() -> None:
    """Create them."""
    create_delivery_tables()
    for statement in TABLES:
        op.execute(statement)
