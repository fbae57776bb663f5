"""What citizens see: their turns and lists, and a turn as it changes."""

import base64
import json
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest
from services.booking.tests.conftest import DAY, SYP, Booking, captured
from services.booking.tests.streams import listening, updates

from dawr.booking.domain import State
from dawr.booking.settings import BookingSettings
from dawr.servicekit.testing import until


async def test_a_turn_in_arabic_and_english(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    english = await booking.get(f"/api/booking/turns/{id}", ada)
    arabic = await booking.get(f"/api/booking/turns/{id}", ada, **{"accept-language": "ar"})
    assert (english.headers["content-language"], arabic.headers["content-language"]) == ("en", "ar")
    assert english.json() | {"fee": None, "payment": None} == arabic.json() | {"fee": None, "payment": None}
    assert english.json()["fee"]["text"] != arabic.json()["fee"]["text"]
    shown = english.json()
    assert shown["zone"] == "Asia/Damascus"
    assert (shown["service"], shown["office"], shown["date"]) == ("PASS_REN", office, DAY.isoformat())
    assert shown["links"]["cancellation"] == f"/api/booking/turns/{id}/cancellation"
    assert shown["line"]["ahead"] == 0


async def test_an_unknown_place_and_an_unknown_turn(booking: Booking) -> None:
    ada = uuid4()
    assert (await booking.get(f"/api/booking/turns/{uuid4()}", ada)).status_code == 404
    passed = await booking.get(f"/api/booking/turns/{uuid4()}?at=0:0", ada)
    waiting = await booking.get(f"/api/booking/turns/{uuid4()}?at=0:99999999", ada)
    assert passed.status_code in {200, 404}  # whether this partition has had a request yet
    assert (waiting.status_code, waiting.json()["state"]) == (200, "REQUESTED")
    for wrong in ("at=x", "at=1", "at=-1:2", "at=1:-2", "request=zz", "at=1:1&request="):
        answer = await booking.get(f"/api/booking/turns/{uuid4()}?{wrong}", ada)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request"), wrong


async def test_the_list_is_newest_first_and_goes_on_by_cursor(booking: Booking) -> None:
    ada, offices = uuid4(), [await booking.opened(1) for _ in range(5)]
    ids = []
    for office in offices:
        booking.clock.turn(seconds=1)
        id = await booking.hold(ada, office=office)
        await booking.cancel(id, ada)
        ids.append(str(id))
    seen: list[str] = []
    pages, path = 0, "/api/booking/turns?limit=2"
    while path:
        answer = await booking.get(path, ada)
        assert answer.status_code == 200, answer.text
        seen += [turn["id"] for turn in answer.json()["items"]]
        more = answer.json()["next"]
        following = answer.links.get("next", {}).get("url", "")
        assert bool(more) == bool(following)
        path, pages = following, pages + 1
    assert (seen, pages) == (ids[::-1], 3)
    assert (await booking.get("/api/booking/turns", uuid4())).json() == {"items": [], "next": None}


async def test_turns_of_one_moment_are_listed_once_each(booking: Booking) -> None:
    """Turns of one batch were asked for at the same moment: the cursor goes on by id."""
    ada, offices = uuid4(), [await booking.opened(1) for _ in range(3)]
    for office in offices:
        id = await booking.hold(ada, office=office)
        await booking.cancel(id, ada)
    first = (await booking.get("/api/booking/turns?limit=2", ada)).json()
    rest = (await booking.get(f"/api/booking/turns?limit=2&cursor={first['next']}", ada)).json()
    assert len({turn["id"] for turn in first["items"] + rest["items"]}) == 3


def cursor(*place: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=%ff",
        f"cursor={cursor('2026-12-01T00:00:00+00:00', 'no-id')}",
        f"cursor={cursor('0001-01-01T00:00:00+14:00', str(UUID(int=1)))}",
        f"cursor={'A' * 201}",
    ],
)
async def test_a_list_that_is_asked_for_wrongly(booking: Booking, query: str) -> None:
    answer = await booking.get(f"/api/booking/turns?{query}", uuid4())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


# Over real HTTP


async def test_a_turn_is_followed_as_it_changes(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    asked = await booking.take(ada, key="followed", office=office, wait=0)
    id = UUID(asked.json()["id"])
    seen: list[object] = []
    async with listening(booking) as client:
        path = asked.json()["links"]["updates"]
        async with client.stream("GET", path, headers=booking.stage.signed_in(ada)) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            async for turn in updates(response):
                seen.append(turn["state"])
                if turn["state"] == "HELD":
                    await booking.stage.send(captured(id, ada, SYP))
                if turn["state"] == "CONFIRMED":
                    break
    assert [state for place, state in enumerate(seen) if state not in seen[:place]][-2:] == ["HELD", "CONFIRMED"]
    assert set(seen) <= {"REQUESTED", "HELD", "CONFIRMED"}


async def test_a_turn_that_waits_in_the_line_is_followed_from_there(booking: Booking) -> None:
    """The allocator stands still, as it does while it is behind: the place is told, and nothing is made up."""
    ada = uuid4()
    async with listening(booking) as client:
        path = f"/api/booking/turns/{uuid4()}/updates?at=0:99999999&request={'0' * 32}"
        async with client.stream("GET", path, headers=booking.stage.signed_in(ada)) as response:
            first = await anext(updates(response))
    assert first["state"] == "REQUESTED"
    assert first["line"]["ahead"] > 0


async def test_somebody_else_s_turn_is_not_followed(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    async with listening(booking) as client:
        answer = await client.get(f"/api/booking/turns/{id}/updates", headers=booking.stage.signed_in(uuid4()))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-turn")
        unsigned = await client.get(f"/api/booking/turns/{id}/updates")
        assert unsigned.status_code == 401
    assert (await booking.reaches(id, ada, State.HELD))["state"] == "HELD"


async def test_nobody_follows_more_turns_at_once_than_they_can_look_at(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    id = await booking.hold(ada, office=office)
    path, headers = f"/api/booking/turns/{id}/updates", booking.stage.signed_in(ada)
    limit = BookingSettings.model_fields["person_streams"].default
    async with listening(booking) as client, AsyncExitStack() as stack:
        followed = []
        for _ in range(limit):
            response = await stack.enter_async_context(client.stream("GET", path, headers=headers))
            followed.append(updates(response))  # a generator that nobody holds is closed, and its stream with it
            await anext(followed[-1])
        refused = await client.get(path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
        await stack.aclose()

        async def is_open_again() -> bool:
            async with client.stream("GET", path, headers=headers) as response:
                return response.status_code == 200

        await until(is_open_again, what="a stream, once the others are closed")
