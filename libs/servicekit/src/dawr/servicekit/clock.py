"""Time and new identifiers come from here, and are passed in, so that tests own them."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

Clock = Callable[[], datetime]
"""Gives the present moment, aware, in UTC."""


def utc_now() -> datetime:
    """The present moment by the system's clock."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A fresh identifier for something that is caused here and now (UUIDv7: sorts by time)."""
    return uuid7()
