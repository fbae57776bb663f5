"""Tries of a refund that the provider did not answer are counted apart: of them a person can decide nothing."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE refunds ADD COLUMN unanswered integer NOT NULL DEFAULT 0")
