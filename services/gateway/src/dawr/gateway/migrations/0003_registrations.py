"""What a person registered with, sealed, and registrations that wait for their code."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    # Null: an open registration of a development platform, of somebody whom the civil registry does not know.
    op.execute("""
        ALTER TABLE people ADD COLUMN profile bytea, ADD COLUMN profile_at timestamptz,
            ADD CHECK ((profile IS NULL) = (profile_at IS NULL))
    """)
    op.execute("""
        CREATE TABLE registrations (
            person_id uuid PRIMARY KEY,
            sealed bytea NOT NULL,
            until timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX registrations_until ON registrations (until)")
