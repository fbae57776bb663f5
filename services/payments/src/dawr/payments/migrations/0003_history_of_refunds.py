"""The states that a refund came to, with their times: its payer follows it step by step."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Of refunds of before no more is known than when they were asked for and when they were given back.
    op.execute("ALTER TABLE refunds ADD COLUMN history jsonb NOT NULL DEFAULT '[]'")
    op.execute("""
        UPDATE refunds SET history =
            jsonb_build_array(jsonb_build_array('REQUESTED', created_at, NULL),
                              jsonb_build_array('APPROVED', created_at, NULL))
            || CASE WHEN state = 'SUCCEEDED'
                    THEN jsonb_build_array(jsonb_build_array('SUCCEEDED', settled_at, NULL)) ELSE '[]' END
    """)
