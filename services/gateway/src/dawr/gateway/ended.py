"""Which sessions ended while access tokens of theirs still hold: what this process knows without asking anybody."""

import time
from collections.abc import Callable, Mapping
from uuid import UUID

from dawr.servicekit.auth import LEEWAY_SECONDS, LIFETIME, Caller

REMEMBERED_SECONDS = LIFETIME.total_seconds() + LEEWAY_SECONDS
"""By then the last access token of an ended session has run out by itself."""


class Ended:
    """A small memory. It holds the sessions that ended here and, some seconds later, those that ended elsewhere."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._until: dict[UUID, float] = {}

    def note(self, session_id: UUID) -> None:
        """From now on the session's tokens hold no more."""
        self.learn({session_id: self._now()})

    def learn(self, ended: Mapping[UUID, float]) -> None:
        """Sessions that ended, and when, in seconds since the epoch; what is too old is forgotten."""
        now = self._now()
        known = self._until | {each: at + REMEMBERED_SECONDS for each, at in ended.items()}
        self._until = {each: until for each, until in known.items() if until > now}

    def holds_not(self, caller: Caller) -> bool:
        """Whether the caller's token is of a session that ended."""
        return caller.session_id is not None and caller.session_id in self._until

    def __len__(self) -> int:
        return len(self._until)
