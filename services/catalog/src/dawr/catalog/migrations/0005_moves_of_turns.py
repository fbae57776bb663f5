"""Of two facts about a turn, the one that knows of more moves says where it is: people move turns to any day."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE seen_turns ADD COLUMN moves smallint NOT NULL DEFAULT 0")
