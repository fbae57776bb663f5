"""A booking whose tables are new, on a platform that has been running: its copy of the catalogue is whole only when
all was read. Until then what it does not know yet is not unknown."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from services.booking.tests.conftest import CATALOGUE, Booking, booking_on, capacity, set_catalogue
from services.booking.tests.stories import asks, pool

from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit import telemetry
from dawr.servicekit.consumers import CONFLICTS
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.replays import Reader
from dawr.servicekit.testing import Stage, until

OPEN = pool("OFF-00")


@asynccontextmanager
async def held_back(url: str, table: str) -> AsyncIterator[None]:
    """Nothing of the catalogue that belongs into a table gets there meanwhile."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def waits_long(*bookings: Booking) -> None:
    """Wait until the line was tried more often than a quarrel may be, and nothing came of it."""
    counter = telemetry.RETRIES.labels(BOOKING_REQUESTS.name, "booking", "NoCatalogueYet")
    before = counter._value.get()
    for each in bookings:
        assert each.service.consumers is not None
        each.service.consumers.backoff_seconds = (0.001, 0.01)

    async def has_tried() -> bool:
        return counter._value.get() > before + 3 * CONFLICTS

    await until(has_tried, what="a line that waits")


async def answers(booking: Booking, names: Sequence[str]) -> dict[str, str]:
    rows = await booking.rows("SELECT id, coalesce(refusal, state) AS answer FROM turns")
    known = {row.id: row.answer for row in rows}
    return {name: known[id] for name in names if (id := asks(name, OPEN).turn_id) in known}


@pytest.mark.parametrize(
    ("replicas", "table"), [(1, "capacity_months"), (2, "capacity_months"), (1, "catalogue_items")]
)
async def test_while_a_part_of_the_catalogue_is_not_read_the_line_waits(
    empty_stage: Stage, replicas: int, table: str
) -> None:
    url = await empty_stage.database("booking")
    await set_catalogue(empty_stage, *(capacity(5, office=f"OFF-{number:02}") for number in range(20)))
    people = [f"person {number}" for number in range(3)]
    ids = await empty_stage.send(*(asks(name, OPEN) for name in people))
    async with AsyncExitStack() as running:
        async with held_back(url, table):
            every = [
                await running.enter_async_context(booking_on(empty_stage, url, without={"catalogue"}))
                for _ in range(replicas)
            ]
            await waits_long(*every)
            for each in every:
                assert (await each.take(office="OFF-01", wait=0)).json()["code"] == "catalogue-missing"
                ready = await each.http.get("/readyz")
                assert (ready.status_code, ready.json()["checks"]["catalogue"]) == (503, False)
            assert await answers(every[0], people) == {}
        await every[0].has_applied(*ids)
        assert await answers(every[0], people) == dict.fromkeys(people, "HELD")
        for each in every:
            await until(lambda each=each: _is_ready(each), what="readiness")  # type: ignore[misc]
    assert await read_dead_letters(empty_stage.platform, group="booking") == []


async def _is_ready(booking: Booking) -> bool:
    return (await booking.http.get("/readyz")).status_code == 200


async def test_new_tables_are_filled_again_though_the_groups_have_read_all(empty_stage: Stage) -> None:
    """The database is lost, the broker is not: it would never send again what was acknowledged."""
    await set_catalogue(empty_stage, *(capacity(5, office=f"OFF-{number:02}") for number in range(20)))
    reader = Reader(empty_stage, "booking")
    async with booking_on(empty_stage, await empty_stage.database("booking")), reader.watched():
        await until(reader.has_read_all, what="everything acknowledged")
    ids = await empty_stage.send(asks("ada", OPEN))
    async with booking_on(empty_stage, await empty_stage.database("booking")) as anew:
        await anew.has_applied(*ids)
        assert await answers(anew, ["ada"]) == {"ada": "HELD"}
        ((stored,),) = await anew.rows("SELECT count(*) FROM catalogue_items")
        assert stored == len(CATALOGUE)
