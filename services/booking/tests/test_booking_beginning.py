"""A booking that begins with empty tables, while requests stand in the line already."""

from uuid import uuid4

from services.booking.tests.conftest import CATALOGUE, booking_on, capacity, service_described, set_catalogue
from services.booking.tests.stories import asks, pool

from dawr.contracts.booking import RequestTurn
from dawr.contracts.catalog import ServiceDescribed
from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.servicekit import telemetry
from dawr.servicekit.consumers import CONFLICTS
from dawr.servicekit.service import Role
from dawr.servicekit.testing import Stage, until

HERE = pool("OFF-00")


async def test_without_a_catalogue_the_line_waits_and_nobody_is_refused(the_stage: Stage) -> None:
    """What a turn costs, and that two services are of one family, is not known yet: it would be told wrong."""
    url = await the_stage.database("booking")
    requests: list[RequestTurn] = [asks("ada", HERE), asks("ada", pool("OFF-01", "PASS_NEW"), key="other service")]
    months = [capacity(1, office="OFF-00"), capacity(1, office="OFF-01", service="PASS_NEW")]
    ids = await the_stage.send(*requests)
    async with booking_on(the_stage, url, role=Role.CONSUME, without={"catalogue"}) as booking:
        await booking.says(*months)

        async def has_tried() -> bool:
            """It tries again and again, and takes nothing from the line."""
            why = telemetry.RETRIES.labels(BOOKING_REQUESTS.name, "booking", "NoCatalogueYet")
            return why._value.get() > 2 * CONFLICTS

        assert booking.service.consumers is not None
        booking.service.consumers.backoff_seconds = (0.001, 0.01)
        await until(has_tried, what="a batch that waits, for longer than a quarrel may take")
        assert await booking.rows("SELECT id FROM turns") == []
        await booking.says(*(each for each in CATALOGUE if isinstance(each, ServiceDescribed)))
        assert await booking.rows("SELECT id FROM turns") == []
        await the_stage.send(*(each for each in CATALOGUE if not isinstance(each, ServiceDescribed)))
        await booking.has_applied(*ids)
        rows = await booking.rows("SELECT id, coalesce(refusal, state) AS answer FROM turns")
        answers = [{row.id: row.answer for row in rows}[each.turn_id] for each in requests]
    assert sorted(answers) == ["HELD", "one-live-turn"]


async def test_a_service_that_is_not_in_memory_yet_is_looked_up(the_stage: Stage) -> None:
    """Another process has told its citizens of it before this one's memory is refreshed."""
    url = await the_stage.database("booking")
    await set_catalogue(the_stage)
    async with booking_on(the_stage, url, role=Role.CONSUME) as booking:
        for number in range(3):
            name = f"BRAND_NEW{number}"
            described = service_described(name, family="NEW")
            await booking.says(described, capacity(1, office="OFF-02", service=name))
            asked = asks(f"new {uuid4()}", pool("OFF-02", name))
            await booking.says(asked)
            rows = await booking.rows("SELECT coalesce(refusal, state) FROM turns WHERE id = :id", id=asked.turn_id)
            assert [row[0] for row in rows] == ["HELD"]
