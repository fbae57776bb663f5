"""Asking again at a process that knows nothing of the first request, while that still waits in the line."""

from datetime import datetime, timedelta
from uuid import uuid4

from services.booking.tests.conftest import Booking, booking_on, has_catalogue, set_catalogue

from dawr.booking.domain import State
from dawr.servicekit.clock import utc_now
from dawr.servicekit.service import Role
from dawr.servicekit.testing import Stage, until


def later() -> datetime:
    """A clock for which every hold has run out."""
    return utc_now() + timedelta(hours=1)


async def test_nobody_is_refused_at_the_door_while_their_request_waits_in_the_line(the_stage: Stage) -> None:
    """Ada's request waits. A process that was started after it sees a full day; but when the allocator comes to her,
    Bob's hold has run out and the seat is hers. So she must not be told "sold out" meanwhile."""
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    ada, bob = uuid4(), uuid4()
    async with booking_on(the_stage, url) as whole:
        await has_catalogue(whole)
        office = await whole.opened(1)
        await whole.hold(bob, office=office)

    async with booking_on(the_stage, url, role=Role.SERVE) as before:
        first = await before.take(ada, key="ada", office=office, wait=0)
        assert first.status_code == 202
    async with booking_on(the_stage, url, role=Role.SERVE) as started_again:
        await _has_looked_at(started_again, office)
        again = await started_again.take(ada, key="ada", office=office, wait=0)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])

    async with booking_on(the_stage, url, clock=later) as whole:

        async def held() -> bool:
            turn = (await whole.get(first.headers["location"], ada)).json()
            return bool(turn.get("state") == State.HELD)

        await until(held, what="Ada's seat")


async def _has_looked_at(booking: Booking, office: str) -> None:
    """Wait until a process has had the time to see twice that a day is full, and strangers have asked meanwhile."""
    queries = 0

    async def asked() -> bool:
        nonlocal queries
        queries += 1
        await booking.take(office=office, wait=0)
        return queries > 12

    await until(asked, every=0.1, what="a look at the day")
