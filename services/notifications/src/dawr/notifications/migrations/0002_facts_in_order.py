"""A turn's day is that of its newest fact, in whatever order they come in; and whether it costs anything."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Null for turns of before: any fact counts as newer, as it did until now.
    op.execute("ALTER TABLE turns ADD COLUMN told_at timestamptz, ADD COLUMN is_free boolean")
