"""Webhooks by the Standard Webhooks specification: staged with what they tell of, sent until the merchant takes them.

At-least-once delivery in no order: each carries a `webhook-id` that stays the same over all its sendings.
"""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import httpx
from standardwebhooks import Webhook

from dawr.tools.bank.clock import Clock, from_text, to_text
from dawr.tools.bank.domain import WebhookType
from dawr.tools.bank.errors import NoSuchThing
from dawr.tools.bank.faults import FaultBox
from dawr.tools.bank.store import Connection, Database
from dawr.tools.bank.wire import WebhookBody, WebhookData, WebhookRecord

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
ANSWER_WITHIN_SECONDS = 10.0
CONCURRENT_SENDINGS = 16
HELD_SECONDS = 2.0
OVERTAKEN_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


def stage(tx: Connection, box: FaultBox, kind: WebhookType, data: WebhookData, now: datetime) -> None:
    """Write a webhook in the transaction of what it tells of. The fault switches decide when it first goes out."""
    body = WebhookBody(type=kind, timestamp=now, data=data).model_dump_json()
    due_at, held = box.first_sending(now), False
    if box.faults.webhooks.reorder:
        overtaken = (to_text(due_at + timedelta(seconds=OVERTAKEN_SECONDS)),)
        freed = tx.execute("UPDATE webhooks SET held = 0, due_at = ? WHERE held = 1 AND tries = 0", overtaken)
        held = freed.rowcount == 0
        if held:
            due_at += timedelta(seconds=HELD_SECONDS)
    tx.execute(
        "INSERT INTO webhooks (id, type, body, created_at, due_at, sends_left, held) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (f"msg_{secrets.token_hex(12)}", kind, body, to_text(now), to_text(due_at), box.sendings(), held),
    )


def back_off(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.5, 1, 2 … 30."""
    return min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))


def signed_headers(signing_secrets: Sequence[str], webhook_id: str, moment: datetime, body: str) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret."""
    signatures = [Webhook(secret).sign(webhook_id, moment, body) for secret in signing_secrets]
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class _Due(NamedTuple):
    id: str
    body: str


def _record(row: sqlite3.Row) -> WebhookRecord:
    waiting = row["sends_left"] > 0
    return WebhookRecord(
        id=row["id"],
        type=row["type"],
        state="waiting" if waiting else "delivered" if row["delivered"] else "lost",
        tries=row["tries"],
        delivered=row["delivered"],
        last_outcome=row["last_outcome"],
        due_at=from_text(row["due_at"]) if waiting else None,
        body=WebhookBody.model_validate_json(row["body"]),
    )


def records(tx: Connection, reference: str | None, limit: int) -> list[WebhookRecord]:
    """The newest webhooks first; with a reference, only those about it."""
    rows = tx.execute(
        """SELECT * FROM webhooks WHERE ?1 IS NULL OR json_extract(body, '$.data.reference') = ?1
            ORDER BY created_at DESC, rowid DESC LIMIT ?2""",
        (reference, limit),
    )
    return [_record(row) for row in rows]


class Courier:
    """Sends what is due. All that it must remember is in the database, so a killed courier goes on where it was."""

    def __init__(self, database: Database, url: str | None, signing_secrets: Sequence[str], clock: Clock) -> None:
        self._database = database
        self._url = url
        self._secrets = signing_secrets
        self._clock = clock
        self._in_flight: set[str] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may have become due. Call it from the event loop."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. Without an address for webhooks it only waits."""
        if self._url is None:
            log.warning("BANK_WEBHOOK_URL is not set: webhooks are kept and wait")
            return
        timeout = httpx.Timeout(ANSWER_WITHIN_SECONDS)
        async with (
            httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False) as client,
            asyncio.TaskGroup() as sendings,
        ):
            while True:
                self._woken.clear()
                due, next_due = await asyncio.to_thread(self._due)
                for webhook in due:
                    self._in_flight.add(webhook.id)
                    sendings.create_task(self._send(client, self._url, webhook))
                wait = LOOK_AGAIN_SECONDS
                if next_due is not None:
                    wait = min(wait, max(0.0, (next_due - self._clock()).total_seconds()))
                try:
                    await asyncio.wait_for(self._woken.wait(), timeout=wait)
                except TimeoutError:
                    continue

    def _due(self) -> tuple[list[_Due], datetime | None]:
        """What to send now, and when the next one comes due (None: nothing waits, or all hands are full)."""
        free = CONCURRENT_SENDINGS - len(self._in_flight)
        if free <= 0:
            return [], None
        now = self._clock()
        with self._database.reading() as tx:
            rows = tx.execute(
                "SELECT id, body, due_at FROM webhooks WHERE sends_left > 0 ORDER BY due_at LIMIT ?",
                (CONCURRENT_SENDINGS + 1,),
            ).fetchall()
        waiting = [row for row in rows if row["id"] not in self._in_flight]
        due = [_Due(row["id"], row["body"]) for row in waiting if from_text(row["due_at"]) <= now][:free]
        later = [from_text(row["due_at"]) for row in waiting if from_text(row["due_at"]) > now]
        return due, min(later, default=None)

    async def _send(self, client: httpx.AsyncClient, url: str, webhook: _Due) -> None:
        headers = signed_headers(self._secrets, webhook.id, self._clock(), webhook.body)
        try:
            answer = await client.post(url, content=webhook.body.encode(), headers=headers)
            taken, outcome = answer.is_success, str(answer.status_code)
        except httpx.HTTPError as error:
            taken, outcome = False, type(error).__name__
        try:
            await asyncio.to_thread(self._note, webhook.id, taken, outcome)
        finally:
            self._in_flight.discard(webhook.id)
            self.wake()

    def _note(self, webhook_id: str, taken: bool, outcome: str) -> None:
        now = self._clock()
        with self._database.writing() as tx:
            if taken:
                tx.execute(
                    """UPDATE webhooks SET tries = tries + 1, failures = 0, delivered = delivered + 1,
                              sends_left = max(0, sends_left - 1), last_outcome = ?, due_at = ? WHERE id = ?""",
                    (outcome, to_text(now), webhook_id),
                )
                return
            (failures,) = tx.execute(
                """UPDATE webhooks SET tries = tries + 1, failures = failures + 1, last_outcome = ? WHERE id = ?
                   RETURNING failures""",
                (outcome, webhook_id),
            ).fetchone()
            due_at = now + timedelta(seconds=back_off(failures))
            tx.execute("UPDATE webhooks SET due_at = ? WHERE id = ?", (to_text(due_at), webhook_id))
        log.info("webhook %s: %s, again in %.1f s", webhook_id, outcome, back_off(failures))

    def replay(self, webhook_id: str) -> None:
        """Send it (again) now, also if it was delivered or lost."""
        with self._database.writing() as tx:
            changed = tx.execute(
                "UPDATE webhooks SET sends_left = sends_left + 1, failures = 0, held = 0, due_at = ? WHERE id = ?",
                (to_text(self._clock()), webhook_id),
            )
            if not changed.rowcount:
                raise NoSuchThing("webhook", webhook_id)
