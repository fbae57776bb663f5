"""The bank's books: one SQLite file, every commit synced to disk before anyone is told of it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from dawr.tools.bank.clock import from_text, to_text
from dawr.tools.bank.domain import Capture, Checkout, CheckoutStatus, Refund, RefundStatus

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkouts (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    description_ar TEXT NOT NULL, description_en TEXT NOT NULL, return_url TEXT NOT NULL, language TEXT,
    expires_at TEXT NOT NULL, created_at TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS checkouts_by_reference ON checkouts (reference, created_at);
CREATE UNIQUE INDEX IF NOT EXISTS one_live_checkout_per_reference ON checkouts (reference)
    WHERE status IN ('open', 'declined', 'approved');
CREATE INDEX IF NOT EXISTS payable_checkouts ON checkouts (expires_at) WHERE status IN ('open', 'declined');
CREATE TABLE IF NOT EXISTS captures (
    id TEXT PRIMARY KEY, checkout TEXT NOT NULL UNIQUE REFERENCES checkouts (id), reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, captured_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS captures_by_time ON captures (captured_at);
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY, capture TEXT NOT NULL REFERENCES captures (id), checkout TEXT NOT NULL,
    reference TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    status TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refunds_by_capture ON refunds (capture);
CREATE INDEX IF NOT EXISTS refunds_by_reference ON refunds (reference, created_at);
CREATE INDEX IF NOT EXISTS refunds_by_time ON refunds (created_at);
CREATE UNIQUE INDEX IF NOT EXISTS one_refund_per_reference ON refunds (reference) WHERE status = 'succeeded';
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL, due_at TEXT NOT NULL,
    sends_left INTEGER NOT NULL, held INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, last_outcome TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_to_send ON webhooks (due_at) WHERE sends_left > 0;
CREATE INDEX IF NOT EXISTS webhooks_by_time ON webhooks (created_at);
"""

Connection = sqlite3.Connection


class Database:
    """One writer at a time, each transaction synced (WAL, synchronous=FULL); readers see what was committed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "bank.sqlite3"
        self._turn = threading.Lock()
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def _connect(self) -> Connection:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed and on disk when the block is left, rolled back if it raises."""
        with self._turn:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One unchanging view of what is committed."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def close(self) -> None:
        with self._turn:
            self._writer.close()


class Answer(NamedTuple):
    """An answer as it went out, kept so that the same request gets the same answer."""

    status: int
    body: str


def kept_answer(tx: Connection, key: str) -> tuple[str, Answer] | None:
    """Fingerprint of the request that used the key, and its answer."""
    row = tx.execute("SELECT fingerprint, status, body FROM idempotency_keys WHERE key = ?", (key,)).fetchone()
    return (row["fingerprint"], Answer(row["status"], row["body"])) if row else None


def keep_answer(tx: Connection, key: str, fingerprint: str, answer: Answer) -> None:
    tx.execute("INSERT INTO idempotency_keys VALUES (?, ?, ?, ?)", (key, fingerprint, *answer))


def _checkout(row: sqlite3.Row) -> Checkout:
    return Checkout(
        id=row["id"],
        reference=row["reference"],
        amount=row["amount"],
        currency=row["currency"],
        description_ar=row["description_ar"],
        description_en=row["description_en"],
        return_url=row["return_url"],
        language=row["language"],
        expires_at=from_text(row["expires_at"]),
        created_at=from_text(row["created_at"]),
        status=CheckoutStatus(row["status"]),
        attempt=row["attempt"],
    )


def _capture(row: sqlite3.Row) -> Capture:
    return Capture(
        id=row["id"],
        checkout=row["checkout"],
        reference=row["reference"],
        amount=row["amount"],
        currency=row["currency"],
        captured_at=from_text(row["captured_at"]),
    )


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(
        id=row["id"],
        capture=row["capture"],
        checkout=row["checkout"],
        reference=row["reference"],
        amount=row["amount"],
        currency=row["currency"],
        status=RefundStatus(row["status"]),
        created_at=from_text(row["created_at"]),
    )


def insert_checkout(tx: Connection, checkout: Checkout) -> None:
    tx.execute(
        """INSERT INTO checkouts (id, reference, amount, currency, description_ar, description_en, return_url,
                                  language, expires_at, created_at, status, attempt)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            checkout.id,
            checkout.reference,
            checkout.amount,
            checkout.currency,
            checkout.description_ar,
            checkout.description_en,
            checkout.return_url,
            checkout.language,
            to_text(checkout.expires_at),
            to_text(checkout.created_at),
            checkout.status,
            checkout.attempt,
        ),
    )


def update_checkout(tx: Connection, checkout: Checkout) -> None:
    values = (checkout.status, checkout.attempt, checkout.id)
    tx.execute("UPDATE checkouts SET status = ?, attempt = ? WHERE id = ?", values)


def checkout_by_id(tx: Connection, checkout_id: str) -> Checkout | None:
    row = tx.execute("SELECT * FROM checkouts WHERE id = ?", (checkout_id,)).fetchone()
    return _checkout(row) if row else None


def newest_checkout(tx: Connection, reference: str) -> Checkout | None:
    row = tx.execute(
        "SELECT * FROM checkouts WHERE reference = ? ORDER BY created_at DESC, rowid DESC LIMIT 1", (reference,)
    ).fetchone()
    return _checkout(row) if row else None


def payable_until(tx: Connection, moment: datetime, limit: int) -> list[Checkout]:
    """Payable checkouts whose time ran out by `moment`, the oldest first."""
    rows = tx.execute(
        "SELECT * FROM checkouts WHERE status IN ('open', 'declined') AND expires_at <= ? ORDER BY expires_at LIMIT ?",
        (to_text(moment), limit),
    )
    return [_checkout(row) for row in rows]


def insert_capture(tx: Connection, capture: Capture) -> None:
    tx.execute(
        "INSERT INTO captures (id, checkout, reference, amount, currency, captured_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            capture.id,
            capture.checkout,
            capture.reference,
            capture.amount,
            capture.currency,
            to_text(capture.captured_at),
        ),
    )


def capture_by_id(tx: Connection, capture_id: str) -> Capture | None:
    row = tx.execute("SELECT * FROM captures WHERE id = ?", (capture_id,)).fetchone()
    return _capture(row) if row else None


def capture_of(tx: Connection, checkout_id: str) -> Capture | None:
    row = tx.execute("SELECT * FROM captures WHERE checkout = ?", (checkout_id,)).fetchone()
    return _capture(row) if row else None


def insert_refund(tx: Connection, refund: Refund) -> None:
    tx.execute(
        """INSERT INTO refunds (id, capture, checkout, reference, amount, currency, status, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            refund.id,
            refund.capture,
            refund.checkout,
            refund.reference,
            refund.amount,
            refund.currency,
            refund.status,
            to_text(refund.created_at),
        ),
    )


def refunds_of(tx: Connection, capture_id: str) -> list[Refund]:
    rows = tx.execute("SELECT * FROM refunds WHERE capture = ? ORDER BY created_at, rowid", (capture_id,))
    return [_refund(row) for row in rows]


def newest_refund(tx: Connection, reference: str) -> Refund | None:
    """The refund with this reference that succeeded, or else the last one that failed."""
    row = tx.execute(
        """SELECT * FROM refunds WHERE reference = ?
            ORDER BY status = 'succeeded' DESC, created_at DESC, rowid DESC LIMIT 1""",
        (reference,),
    ).fetchone()
    return _refund(row) if row else None


def all_captures(tx: Connection) -> list[Capture]:
    return [_capture(row) for row in tx.execute("SELECT * FROM captures ORDER BY captured_at, rowid")]


def all_refunds(tx: Connection) -> list[Refund]:
    return [_refund(row) for row in tx.execute("SELECT * FROM refunds ORDER BY created_at, rowid")]


class StatementLine(NamedTuple):
    id: str
    kind: str
    reference: str
    amount: int
    currency: str
    at: str


def statement(tx: Connection, since: datetime | None, until: datetime | None) -> Iterator[StatementLine]:
    """Captures and succeeded refunds with `since` ≤ time < `until`, in the order of time."""
    bounds = (to_text(since) if since else "", to_text(until) if until else "9999")
    rows = tx.execute(
        """SELECT id, 'capture' AS kind, reference, amount, currency, captured_at AS at FROM captures
            WHERE captured_at >= ?1 AND captured_at < ?2
           UNION ALL
           SELECT id, 'refund', reference, amount, currency, created_at FROM refunds
            WHERE status = 'succeeded' AND created_at >= ?1 AND created_at < ?2
           ORDER BY at, id""",
        bounds,
    )
    return (StatementLine(*row) for row in rows)
