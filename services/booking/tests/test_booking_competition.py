"""Many people, few seats, several processes: who gets one, and that nobody gets one twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID, uuid4

import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, has_catalogue, set_catalogue

from dawr.contracts import Pool
from dawr.contracts.booking import RequestTurn, TurnFact, TurnHeld, TurnRefused
from dawr.contracts.ids import turn_id
from dawr.contracts.payments import RequestPayment
from dawr.contracts.topics import BOOKING_EVENTS, BOOKING_REQUESTS
from dawr.servicekit.clock import new_id
from dawr.servicekit.idempotency import fingerprint
from dawr.servicekit.service import Role
from dawr.servicekit.testing import Stage, headers_of, until


@dataclass
class Replicas:
    """Two processes that answer HTTP, and two that allocate, on one database."""

    serving: list[Booking]
    allocating: list[Booking]

    @property
    def any(self) -> Booking:
        return self.serving[0]


@pytest.fixture(scope="module")
async def replicas(the_stage: Stage) -> AsyncIterator[Replicas]:
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    async with AsyncExitStack() as stack:
        roles = [Role.CONSUME, Role.CONSUME, Role.SERVE, Role.SERVE]
        processes = [booking_on(the_stage, url, role=role) for role in roles]
        first, second, *serving = [await stack.enter_async_context(each) for each in processes]
        for each in serving:
            await has_catalogue(each)
        replicas = Replicas(serving, [first, second])

        async def both_have_work() -> bool:
            return all(partitions_of(each) for each in replicas.allocating)

        await until(both_have_work, what="two allocators with partitions")
        yield replicas


def partitions_of(booking: Booking) -> set[int]:
    """The partitions of the line that a process allocates now."""
    assert booking.service.consumers is not None
    (line,) = [each for each in booking.service.consumers.subscriptions if each.topic is BOOKING_REQUESTS]
    consumer = line.subscriber.consumer if line.subscriber is not None else None
    return {each.partition for each in consumer.assignment()} if consumer is not None else set()


async def test_64_clients_over_6_pools_with_fewer_seats(replicas: Replicas) -> None:
    booking, draw = replicas.any, Random(64)  # noqa: S311 - no secret
    seats = [1, 3, 5, 8, 13, 20]
    offices = [await booking.opened(each) for each in seats]
    people = [uuid4() for _ in range(100)]
    asks = [(draw.choice(people), draw.choice(offices)) for _ in range(256)]
    crowd = iter(enumerate(asks))
    answers: list[tuple[UUID, str, int, str]] = []

    async def client() -> None:
        for number, (person, office) in crowd:
            answer = await replicas.serving[number % 2].take(person, key=f"k{number}", office=office, wait=10)
            answers.append((person, office, answer.status_code, answer.json().get("code", "")))

    await asyncio.gather(*(client() for _ in range(64)))

    assert len(answers) == len(asks)
    assert {(status, code) for *_, status, code in answers} <= {(201, ""), (409, "sold-out"), (409, "one-live-turn")}
    winners = [(person, office) for person, office, status, _ in answers if status == 201]
    assert len({person for person, _ in winners}) == len(winners)
    taken = Counter(office for _, office in winners)
    for office, capacity in zip(offices, seats, strict=True):
        assert await booking.quota(office) == (capacity, taken[office])
        refused = {code for _, at, status, code in answers if at == office and status == 409}
        assert taken[office] == capacity or "sold-out" not in refused
    told_of_another = {person for person, *_, code in answers if code == "one-live-turn"}
    assert told_of_another <= {person for person, _ in winners}


async def test_the_same_person_in_two_partitions_at_once(replicas: Replicas) -> None:
    """Two allocators meet the same people in batches of theirs; the index decides, and neither batch is lost.

    Each person asks in two pools at the same moment, with others behind them who want the same seats. Whoever is
    refused for having a turn elsewhere leaves a seat, and the next in that line has it.
    """
    booking = replicas.any
    pools = [pool async for pool in one_pool_each(replicas, seats=20)]
    people = [uuid4() for _ in range(40)]
    asked = [
        [request(person, pool) for person in people] + [request(uuid4(), pool) for _ in range(10)] for pool in pools
    ]
    first, second = await asyncio.gather(*(append(booking.stage, each) for each in asked))
    await booking.has_applied(*first, *second)

    for pool, requests in zip(pools, asked, strict=True):
        assert await booking.quota(pool.office) == (20, 20)
        rows = await booking.rows("SELECT id, state, refusal FROM turns WHERE pool = :pool", pool=pool.key)
        answers = {row.id: row for row in rows}
        # In the order of the line: nobody is told sold-out while one behind them has a seat.
        line = [answers[each.turn_id] for each in requests]
        last = max(place for place, row in enumerate(line) if row.state == "HELD")
        assert all(row.refusal != "sold-out" for row in line[:last])
    mine = {each.turn_id for requests in asked for each in requests}
    events = [each.message for each in await booking.stage.messages(BOOKING_EVENTS)]
    told = Counter(type(each) for each in events if isinstance(each, TurnFact) and each.turn_id in mine)
    assert told == {TurnHeld: 40, TurnRefused: 60}


async def one_pool_each(replicas: Replicas, *, seats: int) -> AsyncIterator[Pool]:
    """An open pool in a partition of each of the two allocators."""
    wanted = list(replicas.allocating)
    while wanted:
        office = await replicas.any.opened(seats)
        pool = Pool(office=office, service="PASS_REN", tier="N", date=DAY)
        probe = await replicas.any.take(uuid4(), office=office, window="08:00")
        assert probe.json()["code"] == "window-unknown"
        ((partition,),) = await replicas.any.rows("SELECT place_partition FROM turns WHERE pool = :p", p=pool.key)
        for each in wanted:
            if partition in partitions_of(each):
                wanted.remove(each)
                yield pool
                break


def request(person: UUID, pool: Pool) -> RequestTurn:
    return RequestTurn(
        turn_id=uuid4(),
        person_id=person,
        asked_by=person,
        pool=pool,
        fingerprint=fingerprint(pool.key, None),
        asked_at=datetime.now(UTC),
    )


async def append(stage: Stage, requests: list[RequestTurn]) -> list[UUID]:
    """Put requests into the line as fast as the broker takes them; their ids."""
    ids = [new_id() for _ in requests]
    async with stage.raw_producer() as producer:
        for id, each in zip(ids, requests, strict=True):
            await producer.send(
                stage.platform.topic_prefix + BOOKING_REQUESTS.name,
                key=each.key().encode(),
                value=each.model_dump_json().encode(),
                headers=headers_of(each, id),
            )
        await producer.flush()
    return ids


async def test_fifty_racing_twins_make_one_turn_and_get_one_answer(replicas: Replicas) -> None:
    booking, ada = replicas.any, uuid4()
    office = await booking.opened(5)
    answers = await asyncio.gather(
        *(replicas.serving[number % 2].take(ada, key="twin", office=office) for number in range(50))
    )
    assert {each.status_code for each in answers} == {201}
    assert len({each.text for each in answers}) == 1
    id = turn_id(ada, "twin")
    assert answers[0].json()["id"] == str(id)
    assert await booking.quota(office) == (5, 1)
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment]


async def test_racing_twins_of_which_one_has_another_body(replicas: Replicas) -> None:
    """Whichever body the allocator sees first is the request; the others are told that the key was used."""
    booking, ada = replicas.any, uuid4()
    here, there = await booking.opened(5), await booking.opened(5)
    answers = await asyncio.gather(
        *(
            replicas.serving[number % 2].take(ada, key="two-bodies", office=here if number % 3 else there)
            for number in range(30)
        )
    )
    assert {each.status_code for each in answers} == {201, 422}
    assert {each.json()["code"] for each in answers if each.status_code == 422} == {"idempotency-key-reused"}
    won = {each.json()["office"] for each in answers if each.status_code == 201}
    assert len(won) == 1
    held = [(await booking.quota(office))[1] for office in (here, there)]
    assert sorted(held) == [0, 1]
    assert held[(here, there).index(won.pop())] == 1


async def test_a_reused_key_is_refused_on_every_replica(replicas: Replicas) -> None:
    one, other = replicas.serving
    here, there, ada = await one.opened(5), await one.opened(5), uuid4()
    first = await one.take(ada, key="mine", office=here)
    for replica in (one, other):
        reused = await replica.take(ada, key="mine", office=there)
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
        windowed = await replica.take(ada, key="mine", office=here, window="08:00")
        assert windowed.status_code == 422
    for replica in (one, other):
        again = await replica.take(ada, key="mine", office=here)
        assert (again.status_code, again.json()) == (201, first.json())
    assert (await one.quota(here), await one.quota(there)) == ((5, 1), (5, 0))


async def test_without_waiting_the_location_tells_of_a_reused_key(replicas: Replicas) -> None:
    one, other = replicas.serving
    here, there, ada = await one.opened(5), await one.opened(5), uuid4()
    first = await one.take(ada, key="mine", office=here)
    reused = await other.take(ada, key="mine", office=there, wait=0)
    assert reused.status_code == 202

    async def told() -> int | None:
        answer = await one.get(reused.headers["location"], ada)
        return answer.status_code if answer.json().get("state") != "REQUESTED" else None

    assert await until(told, what="an answer") == 422
    assert (await one.get(first.headers["location"], ada)).json()["state"] == "HELD"


async def test_a_retry_is_answered_by_its_own_turn_once_sold_out_is_known(replicas: Replicas) -> None:
    """On any replica: who has a seat, who was refused for another reason, and whose turn has ended."""
    one, other = replicas.serving
    office, elsewhere = await one.opened(1), await one.opened(1)
    ada, bob, eve = (uuid4() for _ in range(3))
    await one.hold(eve, office=elsewhere)
    ended = await one.take(bob, key="bob", office=office)
    await one.cancel(UUID(ended.json()["id"]), bob)
    await one.hold_soon(ada, key="ada", office=office)
    assert (await one.take(eve, key="eve", office=office)).status_code == 409

    async def all_know() -> bool:
        """A stranger is refused without a place in the line, by each of them."""
        answers = [await each.take(office=office) for each in replicas.serving]
        return all("turn_id" not in each.json() for each in answers)

    await until(all_know, what="sold out known")
    for replica in (one, other):
        again = await replica.take(ada, key="ada", office=office)
        assert (again.status_code, again.json()["state"]) == (201, "HELD")
        given_back = await replica.take(bob, key="bob", office=office)
        assert (given_back.status_code, given_back.json()["state"]) == (201, "CANCELLED_BY_CITIZEN")
        refused = await replica.take(eve, key="eve", office=office)
        assert refused.json()["code"] == "one-live-turn"
    assert await one.quota(office) == (1, 1)
