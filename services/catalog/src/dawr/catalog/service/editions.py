"""The present edition of the catalogue, kept in memory, so that whoever has it already costs the database nothing."""

import asyncio
import time

from dawr.catalog.store.editions import Edition, edition
from dawr.servicekit.database import Database

LOOKS = 5
"""So many looks may fail before what is in memory no longer counts."""


class Editions:
    """What a process that answers HTTP knows of editions: at most `look_seconds` behind, or nothing."""

    def __init__(self, database: Database, *, look_seconds: float) -> None:
        self._database = database
        self._look_seconds = look_seconds
        self._latest: Edition | None = None
        self._looked_at = 0.0

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            begin = time.monotonic()
            async with self._database.reading() as connection:
                self.note(await edition(connection), begin)
            await asyncio.sleep(self._look_seconds)

    def note(self, seen: Edition, since: float) -> None:
        """Keep an edition that was read after `since`, a time of `time.monotonic`; of two, the later look's."""
        if since >= self._looked_at:
            self._latest, self._looked_at = seen, since

    def latest(self) -> Edition | None:
        """The edition of the last look; none if there was none for a while: then the database has to be asked."""
        if time.monotonic() - self._looked_at > LOOKS * self._look_seconds:
            return None
        return self._latest
