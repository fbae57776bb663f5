"""Many follow their turns at once: each hears of each change, and the database is asked as often as for one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
from services.booking.tests.conftest import SYP, Booking, captured
from services.booking.tests.streams import listening, updates
from sqlalchemy import event

from dawr.booking.settings import BookingSettings
from dawr.contracts.ids import turn_id as turn_id_for
from dawr.servicekit.testing import until

TURNS = 75
STREAMS = TURNS * BookingSettings.model_fields["person_streams"].default
LOOK = "SELECT id, xmin::text AS version FROM turns"
READ = "FROM turns t WHERE id = ANY(CAST($1 AS uuid[]))"


def reads(asked: list[str]) -> int:
    """How many of these read turns by their ids."""
    return sum(each.endswith(READ) for each in asked)


@contextmanager
def statements(booking: Booking) -> Iterator[list[str]]:
    """What this booking asks its database, as it asks."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement.strip())

    engine = booking.service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def followed(
    booking: Booking, client: httpx.AsyncClient, stack: AsyncExitStack, path: str, person: UUID
) -> AsyncIterator[dict[str, Any]]:
    headers = booking.stage.signed_in(person)
    response = await stack.enter_async_context(client.stream("GET", path, headers=headers))
    assert response.status_code == 200
    return updates(response)


async def heard(stream: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """What a stream tells next; TimeoutError if that is nothing."""
    return await asyncio.wait_for(anext(stream), 20)


async def test_three_hundred_who_follow_cost_what_one_does(booking: Booking) -> None:
    office = await booking.opened(TURNS)
    people = [uuid4() for _ in range(TURNS)]
    ids = await asyncio.gather(*(booking.hold(person, office=office) for person in people))
    async with listening(booking) as local, AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=local.base_url, timeout=30, trust_env=False, limits=httpx.Limits(max_connections=STREAMS)
            )
        )
        streams = [
            await followed(booking, client, stack, f"/api/booking/turns/{id}/updates", person)
            for id, person in zip(ids, people, strict=True)
            for _ in range(STREAMS // TURNS)
        ]
        assert len(streams) == STREAMS
        assert {turn["state"] for turn in await asyncio.gather(*map(heard, streams))} == {"HELD"}
        with statements(booking) as asked:

            async def three_looks() -> bool:
                return sum(each.startswith(LOOK) for each in asked) >= 3

            await until(three_looks, what="three looks")
            first, second, *_ = [place for place, each in enumerate(asked) if each.startswith(LOOK)]
            assert reads(asked[first:second]) <= 1, "who has just begun to follow is read once, with all others"
            assert not reads(asked[second:]), "nobody reads a turn that has not changed"
            await booking.says(*(captured(id, person, SYP) for id, person in zip(ids, people, strict=True)))
            assert {turn["state"] for turn in await asyncio.gather(*map(heard, streams))} == {"CONFIRMED"}
            looks = sum(each.startswith(LOOK) for each in asked)
            # The consumer of payments reads them too: once a batch, of which there is at most one a payment.
            assert reads(asked) <= looks + TURNS < STREAMS


async def test_whoever_waits_in_the_line_sees_it_get_shorter(booking: Booking) -> None:
    """Their request is never settled here: the place is one that nobody has come to. Others before it are."""
    office, ada = await booking.opened(0), uuid4()
    first = await booking.take(office=office, wait=0)
    line = first.json()["line"]
    at = f"{line['partition']}:{line['offset'] + 1_000}"
    async with listening(booking) as client, AsyncExitStack() as stack:
        path = f"/api/booking/turns/{uuid4()}/updates?at={at}&request={'0' * 32}"
        stream = await followed(booking, client, stack, path, ada)
        seen = [(await heard(stream))["line"]["ahead"]]
        while len(seen) < 4:
            await booking.take(office=office, wait=10)
            turn = await heard(stream)
            assert turn["state"] == "REQUESTED"
            seen.append(turn["line"]["ahead"])
    assert seen == sorted(set(seen), reverse=True), "each says less than the one before"
    assert seen[-1] >= 990


async def test_a_turn_of_the_same_key_for_something_else_is_not_followed_as_this_one(booking: Booking) -> None:
    """The stream ends: whoever follows it again is told that the key was used."""
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    async with listening(booking) as client:
        path = f"/api/booking/turns/{id}/updates?request={'0' * 32}"
        answer = await client.get(path, headers=booking.stage.signed_in(ada))
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_whoever_waits_at_the_id_of_somebody_else_s_turn_does_not_see_it_come(booking: Booking) -> None:
    """The stream ends when there is a turn, and it is not theirs."""
    office, ada, eve = await booking.opened(1), uuid4(), uuid4()
    async with listening(booking) as client, AsyncExitStack() as stack:
        path = f"/api/booking/turns/{turn_id_for(ada, 'guessed')}/updates?at=0:99999999"
        stream = await followed(booking, client, stack, path, eve)
        assert (await heard(stream))["state"] == "REQUESTED"
        taken = await booking.take(ada, key="guessed", office=office)
        assert taken.json()["id"] in path
        async with asyncio.timeout(20):
            assert {each["state"] async for each in stream} <= {"REQUESTED"}


async def test_two_follow_one_turn_and_one_leaves(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    async with listening(booking) as client, AsyncExitStack() as stack:
        path = f"/api/booking/turns/{id}/updates"
        stays = await followed(booking, client, stack, path, ada)
        async with AsyncExitStack() as brief:
            leaves = await followed(booking, client, brief, path, ada)
            assert [(await heard(each))["state"] for each in (stays, leaves)] == ["HELD", "HELD"]
        await booking.cancel(id, ada)
        assert (await heard(stays))["state"] == "CANCELLED_BY_CITIZEN"
