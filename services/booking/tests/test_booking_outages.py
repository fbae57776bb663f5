"""The database or the broker is killed and comes back: what booking says meanwhile, and that it goes on by itself."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from services.booking.tests.conftest import Booking, booking_on, captured, has_catalogue, set_catalogue
from services.booking.tests.streams import listening, updates

from dawr.booking.domain import State
from dawr.contracts.booking import TurnConfirmed, TurnHeld
from dawr.contracts.ids import turn_id
from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit.testing import Stage, stage, until
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("own servers")

EVERYTHING = {"broker", "catalogue", "consumers", "database"}


@dataclass
class Servers:
    """A broker and a database server that may be killed, and a booking on them."""

    kafka: Kafka
    postgres: Postgres
    stage: Stage
    url: str


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="dawr-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another account when root starts it
        kafka, postgres = Kafka(folder / "kafka"), Postgres(folder / "postgres")
        await start(kafka, postgres)
        keys = tmp_path_factory.mktemp("keys")
        try:
            async with stage("own", kafka=kafka.bootstrap, postgres=postgres.url("postgres"), folder=keys) as own:
                await set_catalogue(own)
                yield Servers(kafka, postgres, own, await own.database("booking"))
        finally:
            kafka.kill()
            postgres.kill()


async def start(*parts: Kafka | Postgres) -> None:
    await asyncio.gather(*(asyncio.to_thread(part.start) for part in parts))


@pytest.fixture(scope="module")
async def running(servers: Servers) -> AsyncIterator[Booking]:
    async with booking_on(servers.stage, servers.url) as booking:
        await has_catalogue(booking)
        yield booking


def is_unavailable(answer: httpx.Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_the_database_intake_goes_on_and_reads_say_so(servers: Servers, running: Booking) -> None:
    office, ada = await running.opened(10), uuid4()
    held = await running.hold(ada, office=office)
    people = [uuid4() for _ in range(15)]
    servers.postgres.kill()
    try:
        for path in (f"/api/booking/turns/{held}", "/api/booking/turns"):
            is_unavailable(await running.get(path, ada), "unavailable")
        query = {"service": "PASS_REN", "tier": "N"}
        is_unavailable(await running.http.get("/api/booking/availability", params=query), "unavailable")
        is_unavailable(await running.cancel(held, ada), "unavailable")
        accepted = [await running.take(person, key="k", office=office, wait=0) for person in people]
        assert {each.status_code for each in accepted} == {202}
        waited = await running.take(ada, key="waits", office=office, wait=1)
        assert (waited.status_code, waited.json()["state"]) == (202, "REQUESTED")
        ready = await running.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, False)
        assert (await running.http.get("/healthz")).status_code == 200
        await running.stage.send(captured(held, ada))
    finally:
        await start(servers.postgres)

    await until(lambda: has_answers(running, people), timeout=60, what="the line has drained")
    # In the order of the line, as if nothing had been: the seats were given to those who asked first.
    rows = await running.rows("SELECT id, coalesce(refusal, state) AS answer FROM turns")
    answers = {row.id: row.answer for row in rows}
    assert [answers[turn_id(person, "k")] for person in people] == ["HELD"] * 9 + ["sold-out"] * 6
    assert answers[turn_id(ada, "waits")] == "one-live-turn"
    await running.reaches(held, ada, State.CONFIRMED)
    assert await running.quota(office) == (10, 10)


async def test_a_stream_of_updates_outlives_the_database(servers: Servers, running: Booking) -> None:
    office, ada = await running.opened(1), uuid4()
    held = await running.hold(ada, office=office)
    async with listening(running) as client:
        path = f"/api/booking/turns/{held}/updates"
        async with client.stream("GET", path, headers=running.stage.signed_in(ada), timeout=60) as response:
            turns = updates(response)
            assert (await anext(turns))["state"] == "HELD"
            servers.postgres.kill()
            try:
                is_unavailable(await running.get(f"/api/booking/turns/{held}", ada), "unavailable")
                await running.stage.send(captured(held, ada))
            finally:
                await start(servers.postgres)
            assert (await anext(turns))["state"] == "CONFIRMED"


async def has_answers(booking: Booking, people: list[UUID]) -> bool:
    """Whether every accepted request has its answer; not while the database is away."""
    answers = [await booking.get(f"/api/booking/turns/{turn_id(person, 'k')}", person) for person in people]
    return all(each.status_code == 200 for each in answers)


async def test_without_the_broker_nothing_is_half_accepted(servers: Servers, running: Booking) -> None:
    office, ada, bob = await running.opened(10), uuid4(), uuid4()
    held = await running.hold(ada, office=office)
    people = [uuid4() for _ in range(20)]
    before = len(await running.stage.records(BOOKING_REQUESTS))
    servers.kafka.kill()
    try:
        crowd = [running.take(person, key="k", office=office) for person in people]
        for answer in await asyncio.gather(*crowd):
            is_unavailable(answer, "intake-unavailable")
        begun = time.monotonic()
        for person in people:
            is_unavailable(await running.take(person, key="k", office=office), "intake-unavailable")
        assert (time.monotonic() - begun) / len(people) < 0.5, "once it is known, callers are told at once"
        is_unavailable(await running.cancel(held, ada), "intake-unavailable")
        assert (await running.turn(held, ada))["state"] == "HELD"
        assert (await running.get("/api/booking/turns", ada)).status_code == 200
    finally:
        await start(servers.kafka)

    async def takes() -> bool:
        answer = await running.take(bob, key="k", office=office)
        return answer.status_code == 201

    await until(takes, timeout=60, what="a turn after the outage")
    on_topic = [each.key for each in (await running.stage.records(BOOKING_REQUESTS))[before:]]
    assert on_topic.count(None) == 0
    rows = await running.rows("SELECT id FROM turns")
    known = {row.id for row in rows}
    assert not known & {turn_id(person, "k") for person in people}
    assert await running.quota(office) == (10, 2)
    again = [await running.take(person, key="k", office=office) for person in people[:8]]
    assert {each.status_code for each in again} == {201}
    await running.says(captured(held, ada))
    assert (await running.turn(held, ada))["state"] == "CONFIRMED"
    told = [each for each in await running.stage.wait_for(TurnConfirmed) if each.key() == str(held)]
    assert len(told) == 1


async def test_started_while_both_are_down_it_comes_up_by_itself(servers: Servers) -> None:
    servers.kafka.kill()
    servers.postgres.kill()
    url = servers.url
    async with booking_on(servers.stage, url, without=EVERYTHING) as booking:
        is_unavailable(await booking.take(), "catalogue-missing")
        is_unavailable(await booking.get("/api/booking/turns", uuid4()), "unavailable")
        ready = await booking.http.get("/readyz")
        assert (ready.status_code, set(ready.json()["checks"].values())) == (503, {False})
        assert (await booking.http.get("/healthz")).status_code == 200
        await start(servers.postgres)

        async def reads() -> bool:
            return (await booking.get("/api/booking/turns", uuid4())).status_code == 200

        await until(reads, timeout=60, what="reads with the database alone")

        async def knows_the_catalogue() -> bool:
            return bool((await booking.take()).json()["code"] == "intake-unavailable")

        await until(knows_the_catalogue, timeout=60, what="the catalogue of yesterday")
        await start(servers.kafka)

        async def is_ready() -> bool:
            return (await booking.http.get("/readyz")).status_code == 200

        await until(is_ready, timeout=60, what="booking is ready")
        office = await booking.opened(1, office="OFF-30")
        id = await booking.hold(uuid4(), office=office)
        assert TurnHeld in await booking.kinds_told(id)
