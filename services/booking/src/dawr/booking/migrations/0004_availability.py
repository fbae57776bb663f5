"""Looking for a day is answered from indexes: of quota days with all that is shown of them, and of closed days."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # What is in use is in it too: an update of a quota day writes its indexes (no HOT). The allocator updates a pool
    # once per batch, and a day is looked for a thousand times as often. An entry can have 2,700 bytes, compressed: a
    # day of MAX_WINDOWS and MAX_RELEASES fits, whatever is in use of it.
    op.execute("DROP INDEX quota_days_availability")
    op.execute("""
        CREATE INDEX quota_days_availability ON quota_days (service, tier, office, date)
        INCLUDE (capacity, in_use, planned, opens_at, closes_at, windows, releases, kept)
    """)
    # An index-only scan needs to know which pages all can see: it is vacuum that says so.
    op.execute("""
        ALTER TABLE quota_days SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)
    """)
    op.execute("""
        ALTER TABLE capacity_months
            ADD COLUMN closed jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN office text NOT NULL GENERATED ALWAYS AS (split_part(key, '/', 1)) STORED,
            ADD COLUMN service text NOT NULL GENERATED ALWAYS AS (split_part(key, '/', 2)) STORED,
            ADD COLUMN tier text NOT NULL GENERATED ALWAYS AS (split_part(key, '/', 3)) STORED,
            ADD COLUMN month text NOT NULL GENERATED ALWAYS AS (split_part(key, '/', 4)) STORED
    """)
    op.execute("CREATE INDEX capacity_months_availability ON capacity_months (service, tier, office, month)")
    op.execute("""
        CREATE INDEX closed_days_availability ON closed_days (split_part(pool, '/', 2), split_part(pool, '/', 3))
    """)
