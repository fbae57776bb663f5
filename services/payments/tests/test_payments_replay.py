"""The same stories doubled, in another order, delivered again and cut off by kills: the same rows, the same messages by
id, and at the bank the same money."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit.clock import utc_now
from dawr.servicekit.mortal import Moment
from dawr.servicekit.replays import Outcome, is_killed, shuffled
from dawr.servicekit.testing import stage
from dawr.tools.embedded.ports import free_port

from .stories import (
    ASKED_TWICE,
    CROSSED,
    DECLINED,
    FORGOTTEN,
    FOUND,
    LATE,
    NAMES,
    WITHDRAWN,
    acts,
    commands,
    payment_of,
)
from .theatre import Theatre
from .town import FEE, Bank, ShiftedClock

OpenTheatre = Callable[[], AbstractAsyncContextManager[Theatre]]
SESSION_SECONDS = 1.5
"""After which the broker gives a dead process's partitions away."""


@pytest.fixture(scope="module")
def begins() -> datetime:
    """The moment from which all performances go on."""
    return utc_now()


@pytest.fixture(scope="module")
def theatre(
    kafka_address: str, postgres_address: str, tmp_path_factory: pytest.TempPathFactory, begins: datetime
) -> OpenTheatre:
    """A theatre for one performance, with a bank that says nothing before it is its turn."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Theatre]:
        name, port = f"t{secrets.token_hex(4)}", free_port()
        folder = tmp_path_factory.mktemp(name)
        bank = Bank(folder, f"http://127.0.0.1:{port}/api/payments/webhooks/sandbox")
        async with stage(name, kafka=kafka_address, postgres=postgres_address, folder=folder) as set_up:
            try:
                await bank.start()
                await bank.faults(webhooks={"lose": 1.0})
                yield Theatre(set_up, await set_up.database("payments"), bank, port, ShiftedClock(begins))
            finally:
                await bank.http.aclose()
                await bank.stop()

    return opened


@pytest.fixture(scope="module")
async def plain(theatre: OpenTheatre, begins: datetime) -> Outcome:
    """The outcome that all others are held against."""
    async with theatre() as performance, performance.playing():
        for act in acts(begins):
            await performance.perform(act)
        return await performance.outcome()


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


async def test_the_stories_reach_every_end(plain: Outcome) -> None:
    payments = by_id(plain.rows["payments"])
    ends = {name: payments[str(payment_of(name))]["state"] for name in NAMES}
    assert Counter(ends.values()) == {"CAPTURED": 3, "EXPIRED": 3, "REFUNDED": 6}
    assert {ends[name] for name in (WITHDRAWN, FORGOTTEN)} == {"EXPIRED"}
    told = {name: _told(plain, name) for name in (FOUND, DECLINED, ASKED_TWICE, LATE, CROSSED)}
    opened, captured, expired = (
        "payments.payment-opened.v1",
        "payments.payment-captured.v1",
        "payments.payment-expired.v1",
    )
    refund = ["payments.refund-accepted.v1", "payments.refund-succeeded.v1"]
    assert told == {
        FOUND: sorted([opened, captured]),
        DECLINED: sorted([opened, "payments.payment-failed.v1", captured]),
        ASKED_TWICE: sorted([opened, captured, *refund]),
        LATE: sorted([opened, expired, captured, *refund]),
        CROSSED: sorted([opened, expired, captured, *refund]),
    }
    assert plain.dead == Counter()
    assert set(plain.sent.values()) == {1}


def _told(outcome: Outcome, name: str) -> list[str]:
    of_it = str(payment_of(name)).encode()
    return sorted(each.partition(b"{")[0].decode() for each in outcome.messages.values() if of_it in each)


async def test_the_bank_moved_each_money_once(plain: Outcome) -> None:
    captures, refunds = plain.rows["bank's captures"], plain.rows["bank's refunds"]
    assert Counter(each["reference"] for each in captures) == {
        row["id"]: 1 for row in plain.rows["payments"] if row["state"] != "EXPIRED"
    }
    assert {each["amount"] for each in captures} == {FEE.minor}
    assert Counter((each["reference"], each["amount"]) for each in refunds) == {
        (row["id"], row["amount_minor"]): 1 for row in plain.rows["refunds"]
    }
    assert {each["status"] for each in refunds} == {"succeeded"}


async def test_doubled(theatre: OpenTheatre, plain: Outcome, begins: datetime) -> None:
    """Each message, visit and webhook twice in a row, and the messages of an act once more when it was played."""
    async with theatre() as performance, performance.playing():
        for act in acts(begins):
            await performance.perform(act, times=2)
            await performance.perform(commands(act))
        same(await performance.outcome(), plain)


@pytest.mark.parametrize("seed", [7])
async def test_in_another_order(theatre: OpenTheatre, plain: Outcome, begins: datetime, seed: int) -> None:
    """Between payments, and between what is asked for, what payers do, what the bank says and what time brings."""
    async with theatre() as performance, performance.playing():
        for act in acts(begins):
            await performance.perform(shuffled(act, lambda step: step.line, seed), times=2)
        same(await performance.outcome(), plain)


async def test_delivered_again_from_the_beginning(theatre: OpenTheatre, plain: Outcome, begins: datetime) -> None:
    """Three times all acknowledgements are lost: whatever was read comes again, to a new process."""
    script, place = list(acts(begins)), 0
    async with theatre() as performance:
        for stop in (3, 5, 10, len(script)):
            async with performance.playing():
                for act in script[place:stop]:
                    await performance.perform(act)
            await performance.reader.forget()
            place = stop
        async with performance.playing():
            await performance.is_at_rest()
            same(await performance.outcome(), plain)


async def test_killed_before_and_after_the_commit(
    theatre: OpenTheatre, plain: Outcome, begins: datetime, tmp_path: Path
) -> None:
    """kill -9 where payments are opened and where refunds are asked for, each time on both sides of the commit."""
    async with theatre() as performance:
        quick = performance.stage.platform.model_copy(update={"kafka_session_seconds": SESSION_SECONDS})
        environment = {
            "PAYMENTS_DATABASE_URL": performance.database_url,
            "PAYMENTS_HTTP_PORT": str(free_port()),
            "PAYMENTS_BANK_URL": performance.bank.url,
            "PAYMENTS_WORKER_POLL_SECONDS": "600",
        }
        script = list(acts(begins))
        for first, last in ((0, 3), (3, len(script))):
            await performance.send(commands(script[first]))
            for moment in Moment:
                await is_killed(
                    "payments",
                    moment,
                    PAYMENTS_REQUESTS,
                    platform=quick,
                    environment=environment,
                    log=tmp_path / "payments.log",
                )
            async with performance.playing(platform=quick):
                await performance.is_at_rest()
                for act in script[first + 1 : last]:
                    await performance.perform(act)
                outcome = await performance.outcome()
    # What went out twice, where a kill fell between the broker's yes and our note of it, has one id and one body.
    assert set(outcome.sent) == set(plain.sent)
    same(replace(outcome, sent=plain.sent), plain)


def same(outcome: Outcome, plain: Outcome) -> None:
    for table, rows in plain.rows.items():
        assert outcome.rows[table] == rows, table
    assert outcome == plain
