"""Which copies of the catalogue's topics are whole. Those of a consular that has worked with them are."""

from alembic import op

from dawr.servicekit.migrations import create_whole_copies

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_whole_copies()
    op.execute("""
        INSERT INTO whole_copies (topic, since)
        SELECT topic, now() FROM unnest(ARRAY['dawr.catalog.services', 'dawr.catalog.offices']) AS topic
        WHERE EXISTS (SELECT FROM cases)
    """)
