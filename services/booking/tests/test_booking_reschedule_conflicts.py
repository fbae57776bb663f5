"""Two allocators at one turn that is moved, step by step: two lines, two writers, and pools locked in one order."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from services.booking.tests.test_booking_conflicts import Allocators, allocators, request

from dawr.booking.domain import State
from dawr.booking.service.expire_holds import SeatMoved
from dawr.contracts import Pool
from dawr.contracts.booking import CancelTurn, RequestTurn, RescheduleTurn

__all__ = ["allocators"]


def moves(turn: RequestTurn, to: Pool) -> RescheduleTurn:
    return RescheduleTurn(
        reschedule_id=uuid4(), turn_id=turn.turn_id, pool=to, asked_by=turn.asked_by, asked_at=turn.asked_at
    )


async def where(allocators: Allocators, turn: RequestTurn) -> tuple[str, str]:
    ((pool, state),) = await allocators.booking.rows("SELECT pool, state FROM turns WHERE id = :id", id=turn.turn_id)
    return pool, state


async def test_given_back_while_it_is_being_moved(allocators: Allocators) -> None:
    """Two lines, two writers: the cancellation waits for the move, sees that the turn is elsewhere, and looks again."""
    here, there, ada = await allocators.opened(1), await allocators.opened(1), uuid4()
    asked = request(ada, here)
    await allocators.take_at_once(asked)
    back = CancelTurn(turn_id=asked.turn_id, pool=here, asked_by=ada, asked_at=asked.asked_at)
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, moves(asked, there))
        second = asyncio.create_task(allocators.take_at_once(back))
        await allocators.is_waiting()
    with pytest.raises(SeatMoved):
        await second
    await allocators.take_at_once(back)
    assert await where(allocators, asked) == (there.key, State.CANCELLED_BY_CITIZEN)
    assert await allocators.booking.quota(here.office) == (1, 0)
    assert await allocators.booking.quota(there.office) == (1, 0)


async def test_moved_while_it_is_being_given_back(allocators: Allocators) -> None:
    here, there, ada = await allocators.opened(1), await allocators.opened(1), uuid4()
    asked = request(ada, here)
    await allocators.take_at_once(asked)
    wish = moves(asked, there)
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, CancelTurn(turn_id=asked.turn_id, pool=here, asked_by=ada, asked_at=asked.asked_at))
        second = asyncio.create_task(allocators.take_at_once(wish))
        await allocators.is_waiting()
    await second
    assert await where(allocators, asked) == (here.key, State.CANCELLED_BY_CITIZEN)
    rows = await allocators.booking.rows("SELECT refusal FROM reschedules WHERE id = :id", id=wish.reschedule_id)
    assert [row.refusal for row in rows] == ["not-movable"]
    assert await allocators.booking.quota(there.office) == (1, 0)


async def test_two_who_change_places_do_not_wait_for_each_other_for_ever(allocators: Allocators) -> None:
    """Each in the line where they want to be. Pools are locked in one order, so the second waits and then goes on."""
    here, there, ada, bob = await allocators.opened(2), await allocators.opened(2), uuid4(), uuid4()
    first, other = request(ada, here), request(bob, there)
    await allocators.take_at_once(first, other)
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(allocators.database.transaction())
        await allocators.take(tx, moves(first, there))
        second = asyncio.create_task(allocators.take_at_once(moves(other, here)))
        await allocators.is_waiting()
    await second
    assert [await where(allocators, each) for each in (first, other)] == [(there.key, "HELD"), (here.key, "HELD")]
    assert await allocators.booking.quota(here.office) == (2, 1)
    assert await allocators.booking.quota(there.office) == (2, 1)


async def test_asked_moved_and_given_back_in_one_batch(allocators: Allocators) -> None:
    here, there, ada, bob = await allocators.opened(1), await allocators.opened(1), uuid4(), uuid4()
    asked, next_one = request(ada, here), request(bob, here)
    back = CancelTurn(turn_id=asked.turn_id, pool=here, asked_by=ada, asked_at=asked.asked_at)
    await allocators.take_at_once(asked, moves(asked, there), next_one, back)
    assert await where(allocators, asked) == (there.key, State.CANCELLED_BY_CITIZEN)
    assert await where(allocators, next_one) == (here.key, "HELD")
    assert await allocators.booking.quota(here.office) == (1, 1)
    assert await allocators.booking.quota(there.office) == (1, 0)
