"""What is known of turns, for the number of seats of a day that are in use."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    """
    CREATE TABLE seen_turns (
        turn_id uuid PRIMARY KEY,
        office text NOT NULL,
        service text NOT NULL,
        tier text NOT NULL,
        date date NOT NULL,
        window_start text,
        standing smallint NOT NULL CHECK (standing BETWEEN 1 AND 4)
    ) WITH (fillfactor = 90)
    """,
    # Not the standing: a turn that is cancelled is written beside its old version, and no index changes.
    "CREATE INDEX seen_turns_of_day ON seen_turns (date, office, service, tier)",
)


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
