"""`Prefer: wait=N` (RFC 7240) on what is settled through a topic."""

import re
from typing import Annotated

from fastapi import Header

MAX_WAIT_SECONDS = 10
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\"?)(\d{1,9})\1(?:$|[,;\s])", re.IGNORECASE)

Prefer = Annotated[
    str | None,
    Header(max_length=200, description="`wait=N` (RFC 7240): wait up to N ≤ 10 seconds for the answer."),
]


def wait_seconds(prefer: str | None) -> int:
    """How long a caller prefers to wait, at most ten seconds; 0 if they don't say."""
    found = _WAIT.search(prefer or "")
    return min(int(found.group(2)), MAX_WAIT_SECONDS) if found else 0
