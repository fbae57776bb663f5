"""The provider's messages: one SQLite file, every commit synced to disk before anyone is told of it."""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, number TEXT NOT NULL, text TEXT NOT NULL,
    accepted_at TEXT NOT NULL, times_asked INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key TEXT PRIMARY KEY, message TEXT NOT NULL REFERENCES messages (id)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A text on a phone. `times_asked` counts the requests for it that were accepted; the phone got it once."""

    id: str
    reference: str
    number: str
    text: str
    accepted_at: datetime
    times_asked: int


class Conflict(Exception):
    """The idempotency key or the reference was used for another message."""

    def __init__(self, what: Literal["idempotency-key-reused", "reference-in-use"]) -> None:
        self.code = what
        super().__init__(f"{what}: it was used for another message.")


def _message(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        reference=row["reference"],
        number=row["number"],
        text=row["text"],
        accepted_at=datetime.fromisoformat(row["accepted_at"]),
        times_asked=row["times_asked"],
    )


class Store:
    """Blocks; call it in a thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "sms.sqlite3"
        self._turn = threading.Lock()
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def accept(self, reference: str, number: str, text: str, key: str) -> Message:
        """The message, new or as it was taken before. Raises Conflict."""
        with self._writing() as tx:
            owner = tx.execute("SELECT message FROM idempotency_keys WHERE key = ?", (key,)).fetchone()
            row = tx.execute("SELECT * FROM messages WHERE reference = ?", (reference,)).fetchone()
            if owner and (row is None or owner["message"] != row["id"]):
                raise Conflict("idempotency-key-reused")
            if row and (row["number"], row["text"]) != (number, text):
                raise Conflict("idempotency-key-reused" if owner else "reference-in-use")
            if row is None:
                now = datetime.now(UTC).isoformat()
                row = tx.execute(
                    "INSERT INTO messages VALUES (?, ?, ?, ?, ?, 1) RETURNING *",
                    (f"sms_{secrets.token_hex(12)}", reference, number, text, now),
                ).fetchone()
            else:
                row = tx.execute(
                    "UPDATE messages SET times_asked = times_asked + 1 WHERE id = ? RETURNING *", (row["id"],)
                ).fetchone()
            if not owner:
                tx.execute("INSERT INTO idempotency_keys VALUES (?, ?)", (key, row["id"]))
            return _message(row)

    def one(self, reference: str) -> Message | None:
        with closing(self._connect()) as tx:
            row = tx.execute("SELECT * FROM messages WHERE reference = ?", (reference,)).fetchone()
        return _message(row) if row else None

    def all(self, number: str | None = None, limit: int = -1) -> list[Message]:
        """The newest first."""
        with closing(self._connect()) as tx:
            rows = tx.execute(
                "SELECT * FROM messages WHERE ?1 IS NULL OR number = ?1 ORDER BY rowid DESC LIMIT ?2", (number, limit)
            ).fetchall()
        return [_message(row) for row in rows]

    def close(self) -> None:
        with self._turn:
            self._writer.close()
