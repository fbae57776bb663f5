"""A stage, a database, a bank and a payments on them, on which stories are performed and then looked at."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from dawr.contracts import derived_id
from dawr.contracts.topics import PAYMENTS_EVENTS, PAYMENTS_REFUNDS
from dawr.servicekit.replays import Outcome, Reader, applied_here, outcome_of
from dawr.servicekit.testing import Stage, headers_of, until

from .stories import LOOK, NAMES, BankFails, IsTold, Later, Says, Step, Visits, of, payer_of, payment_of, refunds_of
from .town import LEASE_SECONDS, Bank, ShiftedClock, Town, quick_payments, serving

TABLES = {
    "payments": "SELECT to_jsonb(p) FROM payments p ORDER BY id",
    "attempts": "SELECT to_jsonb(a) FROM attempts a ORDER BY id",
    "declined_tries": "SELECT to_jsonb(d) FROM declined_tries d ORDER BY payment_id, number",
    "refunds": "SELECT to_jsonb(r) FROM refunds r ORDER BY id",
    "provider_events": "SELECT to_jsonb(e) - ARRAY['id', 'event_id', 'body', 'outcome', 'times_seen']"
    " FROM provider_events e ORDER BY reference, type",
    "inbox": "SELECT to_jsonb(i) FROM inbox_messages i ORDER BY message_id",
    "ledger": "SELECT to_jsonb(t) - 'id' || jsonb_build_object('postings', (SELECT jsonb_agg(to_jsonb(p) -"
    " 'transaction_id' ORDER BY line) FROM ledger_postings p WHERE transaction_id = t.id))"
    " FROM ledger_transactions t ORDER BY payment_id, kind, refund_id",
}
"""What there is in the end. Left out: numbers of rows, and of what a bank said, how often it came and whether we
knew it by then. Moments are left out of all: a bank has a clock of its own, and so has a process that is killed."""
MOMENT = re.compile(r".*_at|pay_before")
AT_WORK = """
SELECT (SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL)
     + (SELECT count(*) FROM payments WHERE state IN ('CREATED', 'PENDING') AND pay_before <= $1)
     + (SELECT count(*) FROM payments WHERE look_at <= $1 OR look_at = $2)
     + (SELECT count(*) FROM refunds WHERE next_try_at <= $1 OR next_try_at = $2)
     + (SELECT count(*) FROM attempts WHERE state = 'CLOSING')
"""
"""What is due at a moment, or claimed by a worker until the end of its lease."""


@dataclass
class Theatre:
    """All that one performance needs, and the payments that plays on it now."""

    stage: Stage
    database_url: str
    bank: Bank
    port: int
    clock: ShiftedClock
    reader: Reader = field(init=False)
    towns: dict[str, Town] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reader = Reader(self.stage, "payments")

    @asynccontextmanager
    async def playing(self, **settings: Any) -> AsyncIterator[None]:
        """Run payments; when it ends and is run again, it is a new process to everybody else.

        In the end the inbox must have grown by as many messages as were applied. Each effect in payments is keyed by
        itself, so that rows alone would not tell that a message was applied twice.
        """
        unaccounted = await self._inbox_size() - applied_here("payments")
        service = quick_payments(
            self.stage,
            self.database_url,
            self.bank,
            self.clock,
            reconcile_after_seconds=LOOK.total_seconds(),
            webhook_tolerance_seconds=24 * 3600,
            **settings,
        )
        url = f"http://127.0.0.1:{self.port}"
        async with (
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
            serving(service, self.port),
            self.reader.watched(),
        ):
            parts = (self.stage, self.bank, service, url, self.database_url, self.clock, http)
            self.towns = {name: Town(*parts, payer=payer_of(name), subject=of(name)) for name in NAMES}
            yield
        assert await self._inbox_size() - applied_here("payments") == unaccounted, "a message was applied again"

    async def _inbox_size(self) -> int:
        connection = await asyncpg.connect(self.database_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM inbox_messages"))
        finally:
            await connection.close()

    async def perform(self, steps: Iterable[Step], *, times: int = 1) -> None:
        """Take the steps one after the other, each so often that can come so often. Time goes on only
        when all that it brings was done."""
        for step in steps:
            match step:
                case Says():
                    await self.send([step], times=times)
                case Visits():
                    await self._visit(step, times)
                case IsTold():
                    await self._tell(step.name, times)
                case BankFails():
                    await self.bank.faults(webhooks={"lose": 1.0}, refunds={"fail_times": 1})
                case Later():
                    self.clock.ahead += step.by
                    await self.is_at_rest()
        await self.is_at_rest()

    async def send(self, said: Iterable[Says], *, times: int = 1) -> None:
        async with self.stage.raw_producer() as producer:
            for each in said:
                for _ in range(times):
                    await producer.send(
                        self.stage.platform.topic_prefix + "dawr.payments.requests",
                        key=each.message.key().encode(),
                        value=each.message.model_dump_json().encode(),
                        headers=headers_of(each.message, each.id),
                    )
            await producer.flush()

    async def _visit(self, step: Visits, times: int) -> None:
        for _ in range(times):
            answer = await self.towns[step.name].attempt(key=f"{of(step.name).id}/{step.action}")
            assert answer.status_code in {200, 201}, answer.text
        # A payer who declines twice has tried twice; all else is the same when done again.
        for _ in range(1 if step.action == "decline" else times):
            assert (await self.bank.act(answer.json()["checkout_url"], step.action)).is_success

    async def _tell(self, name: str, times: int) -> None:
        for reference in (payment_of(name), *refunds_of(name)):
            before = {each["id"]: each["delivered"] for each in await self.bank.webhooks(reference)}
            for id in list(before) * times:
                assert (await self.bank.http.post(f"/sandbox/webhooks/replay/{id}")).is_success
            await self._has_taken({id: delivered + times for id, delivered in before.items()}, reference)

    async def _has_taken(self, wanted: dict[str, int], reference: UUID) -> None:
        async def taken() -> bool:
            return {each["id"]: each["delivered"] for each in await self.bank.webhooks(reference)} == wanted

        await until(taken, timeout=60, what="webhooks taken")

    async def is_at_rest(self) -> None:
        """Wait until every record was read and acknowledged, all that is due was done, and all was sent."""
        connection = await asyncpg.connect(self.database_url)

        async def quiet() -> bool:
            now = self.clock()
            waiting = await connection.fetchval(AT_WORK, now, now + timedelta(seconds=LEASE_SECONDS))
            return not waiting and await self.reader.has_read_all()

        try:
            await until(quiet, timeout=30, what="everything read, done and sent")
        finally:
            await connection.close()

    async def outcome(self) -> Outcome:
        names = await self._names()
        found = re.compile("|".join(map(re.escape, names)))

        def renamed(text: str) -> str:
            return found.sub(lambda id: names[id[0]], text)

        connection = await asyncpg.connect(self.database_url)
        try:
            tables = {
                table: [orjson.loads(renamed(row[0])) for row in await connection.fetch(query)]
                for table, query in TABLES.items()
            }
        finally:
            await connection.close()
        rows = {table: [_without_moments(row) for row in rows] for table, rows in tables.items()}
        books = orjson.loads(renamed(orjson.dumps(await self.bank.books()).decode()))
        for kept in ("captures", "refunds"):
            rows[f"bank's {kept}"] = sorted(map(_without_moments, books[kept]), key=lambda each: str(each["id"]))
        topics = (PAYMENTS_EVENTS, PAYMENTS_REFUNDS)
        return await outcome_of(self.stage, "payments", rows, *topics, without=("at", "pay_before"), renamed=renamed)

    async def _names(self) -> dict[str, str]:
        """The ids that the bank chose, and those of messages that follow from them, by what they are of."""
        books = await self.bank.books()
        names = {self.bank.url: "bank"}
        names |= {each["id"]: f"{each['reference']} {kind}" for kind in ("captures", "refunds") for each in books[kind]}
        for name in NAMES:
            checkout = await self.bank.checkout_of(payment_of(name))
            if checkout is not None:
                names[checkout["id"]] = f"checkout of {name}"
                failed = derived_id(payment_of(name), f"failed/{checkout['id']}/1")
                names[str(failed)] = f"first decline of {name}"
        return names


def _without_moments(row: dict[str, Any]) -> dict[str, Any]:
    """The row without when anything was; of a refund's steps what they were is left, in their order."""
    plain = {name: value for name, value in row.items() if not MOMENT.fullmatch(name)}
    if isinstance(steps := plain.get("history"), list):
        plain["history"] = [[state, reason] for state, _, reason in steps]
    return plain
