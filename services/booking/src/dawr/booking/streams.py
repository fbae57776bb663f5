"""How many turns are followed at once: each open stream is a connection, and a turn more in each look."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from dawr.booking.errors import TooManyStreams

RETRY_AFTER_SECONDS = 30


class Streams:
    """The open streams of this process, by person."""

    def __init__(self, *, at_most: int, of_a_person: int) -> None:
        self._at_most = at_most
        self._of_a_person = of_a_person
        self._open: Counter[UUID] = Counter()

    def check(self, person: UUID) -> None:
        """Refuse one more (TooManyStreams)."""
        if self._open[person] >= self._of_a_person or self._open.total() >= self._at_most:
            raise TooManyStreams(retry_after_seconds=RETRY_AFTER_SECONDS)

    @contextmanager
    def open(self, person: UUID) -> Iterator[None]:
        """One that is open while this lasts."""
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1
            if not self._open[person]:
                del self._open[person]
