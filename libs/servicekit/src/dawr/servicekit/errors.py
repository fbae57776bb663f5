"""Three families of errors, and nothing else is raised on purpose.

Exception
├── Refusal      the caller's matter: answered with a stable code, never retried
├── Transient    the world's matter: retried with back-off, bounded
└── anything     a bug: a message that causes it goes to the dead letters, a request gets a 500
"""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dawr.contracts import Text


class Refusal(Exception):
    """A rule says no. Subclasses set the code, the status and the title; instances carry detail and data."""

    code: ClassVar[str]
    status: ClassVar[int] = 409
    title: ClassVar[Text]

    def __init__(self, detail: Text | None = None, *, retry_after_seconds: int | None = None, **data: object) -> None:
        super().__init__(self.code)
        self.detail = detail or self.title
        self.data = data
        """Further members of the problem document: what the caller needs to go on."""
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def titles(cls) -> Mapping[str, Text]:
        """The codes that this class answers with, and their titles. A class that has several lists them here."""
        return {cls.code: cls.title} if hasattr(cls, "code") and hasattr(cls, "title") else {}


class Transient(Exception):
    """Something outside failed for now; trying again may work."""


class Outage(Transient):
    """A part is away: nothing can be done until it is back, and nobody loses their turn by waiting."""


_TRY_AGAIN = {
    "40001",  # serialization failure
    "40P01",  # deadlock: the other transaction went on, this one may be run again
    "55P03",  # lock not available in time
}
_DATA_EXCEPTION = "22"  # the class of errors whose message quotes the value
_GONE_FOR_NOW = {
    "53300",  # too many connections
    "53100",  # disk full
    "57P01",  # the server is stopping
    "57P02",  # the server crashed and restarts
    "57P03",  # the server starts
    "08000", "08003", "08006", "08001", "08004",  # connection lost
}  # fmt: skip


def sqlstate(error: BaseException) -> str | None:
    """The five-letter code of the database's error, wherever SQLAlchemy wrapped it."""
    seen: BaseException | None = error
    while seen is not None:
        code = getattr(seen, "sqlstate", None)
        if isinstance(code, str):
            return code
        seen = seen.orig if isinstance(seen, DBAPIError) else seen.__cause__
    return None


def is_outage(error: BaseException) -> bool:
    """Whether the database or the broker can't be reached for now: waiting helps, and costs nobody their turn.

    A value that the database can't take is no outage, though asyncpg gives both the type InterfaceError.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or sqlstate(error) in _GONE_FOR_NOW or _is_closed(error.orig)
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in _GONE_FOR_NOW
    if isinstance(error, KafkaError):
        return bool(error.retriable)
    # The pool's TimeoutError: every connection is in use.
    return isinstance(error, (Outage, OSError, asyncio.TimeoutError, PoolTimeoutError)) or _is_closed(error)


def _is_closed(error: BaseException | None) -> bool:
    cause = getattr(error, "__cause__", None) or error
    return isinstance(cause, OSError) or (isinstance(cause, asyncpg.InterfaceError) and "closed" in str(cause))


def told(error: BaseException) -> str:
    """What a person reads of an error elsewhere than in the logs. The database's own words hold values, which may
    be personal; its code and the names of its parts say as much."""
    if not isinstance(error, DBAPIError):
        return f"{type(error).__name__}: {error}"
    cause = error.orig.__cause__ if error.orig is not None else None
    parts = [
        f"{name.removesuffix('_name')} {value}"
        for name in ("table_name", "column_name", "constraint_name")
        if (value := getattr(cause, name, None))
    ]
    return " ".join([type(cause or error).__name__, sqlstate(error) or "", *parts]).strip()


def hush(error: DBAPIError) -> None:
    """Take the values out of an error of the database, and out of the one that caused it: they are logged as they
    are, and what a statement or a row holds may be personal. What is left names the rule that was broken."""
    cause = error.orig.__cause__ if error.orig is not None else None
    if isinstance(cause, asyncpg.PostgresError):
        cause.detail = None
        if not (cause.sqlstate or "").startswith(_DATA_EXCEPTION):
            error.args = (told(error), *cause.args)
            _say(error.orig, *error.args)
            return
    if isinstance(cause, (asyncpg.PostgresError, asyncpg.DataError)):
        for each in (cause, error, error.orig):
            _say(each, told(error))


def _say(error: BaseException | None, *words: object) -> None:
    if error is not None:
        error.args = words


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed when run again."""
    return isinstance(error, Transient) or is_outage(error) or sqlstate(error) in _TRY_AGAIN
