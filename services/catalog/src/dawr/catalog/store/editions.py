"""What tells an answer about the catalogue from an older one: its revision, and the zones whose dates it depends on."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Edition:
    """The catalogue as the public can read it."""

    revision: int
    """Counts up with each change."""
    zones: tuple[str, ...]
    """Of its offices."""

    def days(self, now: datetime) -> int:
        """A number that grows whenever a new day begins at some office, and only then."""
        return sum(now.astimezone(ZoneInfo(zone)).toordinal() for zone in self.zones)


async def edition(connection: AsyncConnection) -> Edition:
    """The present one."""
    rows = await connection.execute(
        text("""
            SELECT revision, ARRAY(SELECT DISTINCT state ->> 'zone' FROM things WHERE kind = 'office') AS zones
            FROM catalogue
        """)
    )
    row = rows.one()
    return Edition(int(row.revision), tuple(sorted(row.zones)))
