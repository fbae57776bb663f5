"""What one administrator proposes about a dead letter, and another decides."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")
