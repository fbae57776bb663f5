"""What became of each wish to move a turn: whoever asks again with the same key has the same answer."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE reschedules (
            id uuid PRIMARY KEY,
            turn_id uuid NOT NULL,
            pool text NOT NULL,
            window_start text,
            refusal text,
            opens_at timestamptz,
            decided_at timestamptz NOT NULL
        )
    """)
