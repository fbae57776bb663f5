"""What one administrator proposes about a dead letter, and another decides."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table. Two people's ids are needed for a decision, whoever asks the database."""
    op.execute("""
        CREATE TABLE dead_letter_decisions (
            id uuid PRIMARY KEY,
            letter_id text NOT NULL,
            dead_topic text NOT NULL,
            action text NOT NULL CHECK (action IN ('replay', 'drop')),
            reason text NOT NULL,
            state text NOT NULL,
            proposed_by uuid NOT NULL,
            proposed_at timestamptz NOT NULL,
            decided_by uuid,
            decided_at timestamptz,
            CONSTRAINT four_eyes CHECK (state NOT IN ('APPROVED', 'CARRIED_OUT') OR decided_by <> proposed_by),
            CHECK ((decided_by IS NULL) = (decided_at IS NULL))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX one_open_decision ON dead_letter_decisions (letter_id)
        WHERE state IN ('PROPOSED', 'APPROVED')
    """)
    op.execute("CREATE INDEX dead_letter_decisions_newest ON dead_letter_decisions (proposed_at DESC)")
