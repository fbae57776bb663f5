"""Two allocators at the same moment, step by step: the second one waits for the first, and decides anew."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, captured, has_catalogue, set_catalogue

from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import State
from dawr.booking.service.settle_payments import settle_payments
from dawr.booking.service.take_requests import take_requests
from dawr.contracts import Message, Pool
from dawr.contracts.booking import CancelTurn, RequestTurn, TurnHeld, TurnRefused
from dawr.contracts.payments import RequestPayment
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Cause, Received
from dawr.servicekit.idempotency import fingerprint
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, Stage, until

_offsets = count()


@dataclass
class InTheLog:
    """Where a message stood."""

    topic: str = "dawr.booking.requests"
    partition: int = 0
    offset: int = field(default_factory=lambda: next(_offsets))
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = b""
    headers: Sequence[tuple[str, bytes]] = ()


def received(*messages: Message) -> list[Received]:
    return [Received(Cause(uuid4()), each, InTheLog()) for each in messages]


def request(person: UUID, pool: Pool, *, turn_id: UUID | None = None) -> RequestTurn:
    return RequestTurn(
        turn_id=turn_id or uuid4(),
        person_id=person,
        asked_by=person,
        pool=pool,
        fingerprint=fingerprint(pool.key, None),
        asked_at=datetime.now(UTC),
    )


@dataclass
class Allocators:
    """A database with the catalogue in it, and the allocator's work as plain calls, each in a transaction."""

    booking: Booking
    catalogue: Catalogue

    @property
    def database(self) -> Database:
        return self.booking.service.database

    async def take(self, tx: Transaction, *messages: Message) -> None:
        batch = received(*messages)
        hold, grace = timedelta(minutes=15), timedelta(minutes=2)
        await take_requests(tx, batch, self.catalogue, hold=hold, grace=grace, moves_count=3)

    async def take_at_once(self, *messages: Message) -> None:
        async with self.database.transaction() as tx:
            await self.take(tx, *messages)

    async def is_waiting(self) -> None:
        """Wait until somebody waits for a lock of somebody else."""

        async def one_waits() -> bool:
            ((waiting,),) = await self.booking.rows(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return bool(waiting)

        await until(one_waits, what="a waiting transaction")

    async def answers(self, *requests: RequestTurn) -> list[str]:
        """What became of requests: their state, or why not."""
        rows = await self.booking.rows(
            "SELECT id, coalesce(refusal, state) AS answer FROM turns WHERE id = ANY(CAST(:ids AS uuid[]))",
            ids=[each.turn_id for each in requests],
        )
        known = {row.id: row.answer for row in rows}
        return [known[each.turn_id] for each in requests]

    async def opened(self, seats: int) -> Pool:
        return Pool(office=await self.booking.opened(seats), service="PASS_REN", tier="N", date=DAY)


@pytest.fixture(scope="module")
async def allocators(the_stage: Stage) -> AsyncIterator[Allocators]:
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    async with booking_on(the_stage, url, role=Role.RUN, clock=FakeClock(), sweep_seconds=3600) as booking:
        await has_catalogue(booking)
        catalogue = Catalogue()
        async with booking.service.database.reading() as connection:
            await catalogue.refresh(connection)
        yield Allocators(booking, catalogue)


async def test_the_freed_seat_goes_to_the_next_in_line(allocators: Allocators) -> None:
    """Ada asks at two allocators. The second has one seat, sees her first, and gives it to Bob behind her."""
    here, there = await allocators.opened(1), await allocators.opened(1)
    ada, bob, eve = uuid4(), uuid4(), uuid4()
    first, again = request(ada, here), request(ada, there)
    behind = [request(bob, there), request(eve, there)]
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, first)
        second = asyncio.create_task(allocators.take_at_once(again, *behind))
        await allocators.is_waiting()
    await second
    assert await allocators.answers(first, again, *behind) == ["HELD", "one-live-turn", "HELD", "sold-out"]
    assert await allocators.booking.quota(here.office) == (1, 1)
    assert await allocators.booking.quota(there.office) == (1, 1)
    told = [await allocators.booking.kinds_told(each.turn_id) for each in (first, again, *behind)]
    assert told == [[TurnHeld, RequestPayment], [TurnRefused], [TurnHeld, RequestPayment], [TurnRefused]]


async def test_a_conflict_that_is_taken_back_leaves_the_seat(allocators: Allocators) -> None:
    """The first allocator fails before its commit: the second finds nobody in the way."""
    here, there, ada = await allocators.opened(1), await allocators.opened(1), uuid4()
    lost, kept = request(ada, here), request(ada, there)
    with pytest.raises(RuntimeError):
        async with allocators.database.transaction() as tx:
            await allocators.take(tx, lost)
            second = asyncio.create_task(allocators.take_at_once(kept))
            await allocators.is_waiting()
            raise RuntimeError
    await second
    assert await allocators.answers(kept) == ["HELD"]
    assert await allocators.booking.quota(here.office) == (1, 0)
    assert await allocators.booking.quota(there.office) == (1, 1)


async def test_one_key_with_two_bodies_at_two_allocators(allocators: Allocators) -> None:
    here, there, ada, bob, id = await allocators.opened(1), await allocators.opened(1), uuid4(), uuid4(), uuid4()
    first, other_body, behind = request(ada, here, turn_id=id), request(ada, there, turn_id=id), request(bob, there)
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, first)
        second = asyncio.create_task(allocators.take_at_once(other_body, behind))
        await allocators.is_waiting()
    await second
    rows = await allocators.booking.rows("SELECT pool FROM turns WHERE id = :id", id=id)
    assert [row.pool for row in rows] == [here.key]
    assert await allocators.answers(behind) == ["HELD"]
    assert await allocators.booking.quota(there.office) == (1, 1)


async def test_many_conflicts_in_one_batch_count_right(allocators: Allocators) -> None:
    here, there = await allocators.opened(50), await allocators.opened(10)
    both, only_there = [uuid4() for _ in range(20)], [uuid4() for _ in range(20)]
    first = [request(person, here) for person in both]
    mixed = [request(person, there) for pair in zip(both, only_there, strict=True) for person in pair]
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, *first)
        second = asyncio.create_task(allocators.take_at_once(*mixed))
        await allocators.is_waiting()
    await second
    answers = await allocators.answers(*mixed)
    assert set(answers[0::2]) == {"one-live-turn", "sold-out"}  # both are so; who is asked first is told the first
    assert answers[1::2] == ["HELD"] * 10 + ["sold-out"] * 10
    assert await allocators.booking.quota(there.office) == (10, 10)
    for each, answer in zip(mixed, answers, strict=True):
        told = await allocators.booking.kinds_told(each.turn_id)
        assert told == ([TurnHeld, RequestPayment] if answer == "HELD" else [TurnRefused])


async def test_a_late_payer_whose_other_turn_is_being_held(allocators: Allocators) -> None:
    """The payment arrives while an allocator gives its payer another turn: the index decides here as well."""
    here, there, ada, bob = await allocators.opened(1), await allocators.opened(1), uuid4(), uuid4()
    late, next_one, other = request(ada, here), request(bob, here), request(ada, there)
    await allocators.take_at_once(late)
    allocators.booking.clock.turn(seconds=900)
    await allocators.take_at_once(
        next_one,  # lets the hold that ran out go
        CancelTurn(turn_id=next_one.turn_id, pool=here, asked_by=bob, asked_at=datetime.now(UTC)),
    )
    assert await allocators.booking.quota(here.office) == (1, 0)

    async def pay() -> None:
        async with allocators.database.transaction() as tx:
            await settle_payments(tx, received(captured(late.turn_id, ada)))

    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, other)
        paying = asyncio.create_task(pay())
        await allocators.is_waiting()
    await paying
    rows = await allocators.booking.rows("SELECT state, paid, refund FROM turns WHERE id = :id", id=late.turn_id)
    assert [tuple(row) for row in rows] == [(State.EXPIRED, True, "DUE")]
    assert await allocators.answers(other) == ["HELD"]
    assert await allocators.booking.quota(here.office) == (1, 0)


async def test_a_pool_has_one_writer_at_a_time(allocators: Allocators) -> None:
    """In a rebalance two allocators may be at one pool for a moment: the second waits, and sees what is left."""
    pool = await allocators.opened(3)
    first, second = ([request(uuid4(), pool) for _ in range(2)] for _ in range(2))
    async with allocators.database.transaction() as tx:
        await allocators.take(tx, *first)
        waiting = asyncio.create_task(allocators.take_at_once(*second))
        await allocators.is_waiting()
    await waiting
    assert await allocators.answers(*first, *second) == ["HELD", "HELD", "HELD", "sold-out"]
    assert await allocators.booking.quota(pool.office) == (3, 3)
