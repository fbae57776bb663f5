"""Following a turn as it changes: server-sent events, through the gateway."""

import asyncio
import json

import httpx
import pytest
from tests.town import SLOW, Town, asked, someone

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def test_a_turn_is_followed_from_the_line_to_its_confirmation(town: Town) -> None:
    me = someone()
    wish = await town.free_seats("ALP-01", "PASS_REN", 1, days_ahead=22)
    answer = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish))
    assert answer.status_code == 202
    links = answer.json()["links"]
    seen: list[str] = []
    shown = {"HELD": asyncio.Event(), "CONFIRMED": asyncio.Event()}

    async def follow() -> None:
        headers = town.theatre.as_(me) | {"accept": "text/event-stream"}
        url = town.platform.url("gateway") + links["updates"]
        async with town.http.stream("GET", url, headers=headers, timeout=httpx.Timeout(SLOW)) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    turn = json.loads(line.removeprefix("data:"))
                    assert turn["id"] == answer.json()["id"]
                    if seen[-1:] != [turn["state"]]:
                        seen.append(turn["state"])
                    if turn["state"] in shown:
                        shown[turn["state"]].set()
                    if turn["state"] == "CONFIRMED":
                        return

    following = asyncio.create_task(follow())
    held = await town.theatre.until(answer.json()["id"], me, "HELD")
    page = await town.checkout(held["payment"]["id"], me)
    # Pressed only when the stream has shown the seat, so that what it shows next came while it was open.
    await asyncio.wait_for(shown["HELD"].wait(), SLOW)
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    await asyncio.wait_for(following, SLOW)
    assert shown["CONFIRMED"].is_set()
    assert [state for state in seen if state != "REQUESTED"] == ["HELD", "CONFIRMED"]


async def test_nobody_follows_another_ones_turn(town: Town) -> None:
    me, other = (someone() for _ in range(2))
    wish = await town.free_seats("ALP-01", "PASS_NEW", 1, days_ahead=22)
    answer = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish))
    turn = await town.theatre.until(answer.json()["id"], me, "HELD")
    for path in (f"/api/booking/turns/{turn['id']}", f"/api/booking/turns/{turn['id']}/updates"):
        refused = await town.theatre.call("GET", path, other)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown-turn")
