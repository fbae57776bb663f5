"""How often one person may ask: whoever asks without end would fill the line for everybody else."""

import time
from collections import Counter
from uuid import UUID

from dawr.booking.errors import TooManyRequests

WINDOW_SECONDS = 60


class Pace:
    """Counts each person's new requests in the current minute, in this process's memory. Retries are not counted."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._policy = f'"turns";q={per_minute};w={WINDOW_SECONDS}'
        self._window = 0
        self._counts: Counter[UUID] = Counter()

    def take(self, person: UUID) -> dict[str, str]:
        """Count one more request; the headers that tell of it (draft-ietf-httpapi-ratelimit-headers).

        Raises TooManyRequests when there were too many.
        """
        now = time.monotonic()
        window = int(now) // WINDOW_SECONDS
        if window != self._window:
            self._window, self._counts = window, Counter()
        left_seconds = int((window + 1) * WINDOW_SECONDS - now) + 1
        count = self._counts[person] + 1
        if count > self._per_minute:
            raise TooManyRequests(retry_after_seconds=left_seconds)
        self._counts[person] = count
        left = f'"turns";r={self._per_minute - count};t={left_seconds}'
        return {"ratelimit-policy": self._policy, "ratelimit": left}
