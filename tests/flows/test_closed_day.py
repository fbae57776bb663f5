"""A storm: the catalog closes a day, booking asks the office, the office decides, each is told in their language."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.town import SLOW, Town, asked, someone

from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.testing import until
from dawr.tools.cli.signing import person_id
from dawr.tools.demo.cast import Wish

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

OFFICE, SERVICE = "HMS-01", "PASS_LOST"
STORM = {"ar": "عاصفة رملية", "en": "A sandstorm"}
BEYOND = 100
"""Days ahead, further than plans are published: nothing but what the test decides is open there."""


async def test_a_day_with_turns_is_closed_and_each_turn_finds_its_end(town: Town) -> None:
    """Two have paid for a day. The one in front gets the only seat of a later day, the other gets the money back."""
    wish = await town.free_seats(OFFICE, SERVICE, 2, days_ahead=BEYOND)
    later = await town.free_seats(OFFICE, SERVICE, 1, days_ahead=BEYOND + 1)
    first, second = someone(), someone()
    await speaks(town, first, "ar")
    await speaks(town, second, "en")
    turns = [await paid(town, person, wish) for person in (first, second)]
    fee = turns[0]["fee"]

    # In use by what the catalog has heard: it does not lower the day, but a storm is a storm.
    await until(lambda: is_known(town, wish, 2), timeout=SLOW, every=0.1, what="two turns known in catalog")
    refused = await planned(town, wish, 1)
    assert refused is not None
    assert (refused["code"], refused["in_use"], refused["wanted"]) == ("below-use", 2, 1)
    closure = {"scope": "office", "code": OFFICE, "first_day": wish.date, "last_day": wish.date, "reason": STORM}
    closed = await town.theatre.call("POST", "/api/catalog/closures", person_id(0), Role.PLANNER, body=closure)
    assert closed.status_code == 201, closed.text
    assert closed.json()["touches"] == 2

    # Booking deletes nothing: it asks the office, and says why.
    question = await until(lambda: the_question(town, wish), timeout=SLOW, every=0.1, what="a question")
    assert (question["turns"], question["planned"], question["reason"]) == (2, 0, STORM)
    for person, turn in zip((first, second), turns, strict=True):
        assert (await town.theatre.until(turn["id"], person, "CONFIRMED"))["date"] == wish.date

    decided = await as_manager(town, "POST", question["links"]["cancellation"],
                               {"service": SERVICE, "reason": STORM, "instead": "move"})  # fmt: skip
    assert decided.status_code == 202, decided.text
    path = decided.json()["links"]["self"]
    done = await until(lambda: completed(town, path), timeout=SLOW, every=0.1, what="the day's end")
    assert (done["moved"], done["cancelled"], done["refunded"], done["left"]) == (1, 1, 1, 0)
    assert await the_question(town, wish) is None

    moved = await town.theatre.until(turns[0]["id"], first, "CONFIRMED")
    assert (moved["date"], moved["fee"], moved["payment"]["paid"]) == (later.date, fee, True)
    assert await town.left(later) == 0
    given_up = await town.theatre.until_refunded(turns[1]["id"], second)
    assert given_up["state"] == "CANCELLED_BY_OFFICE"
    assert given_up["refund"]["amount"]["minor"] == fee["minor"]

    told = await inbox(town, first, "turn-moved")
    assert STORM["ar"] in told["text"]
    assert STORM["en"] not in told["text"]
    told = await inbox(town, second, "turn-cancelled")
    assert STORM["en"] in told["text"]
    assert STORM["ar"] not in told["text"]
    await inbox(town, second, "refund-succeeded")

    # What the catalog counts follows: the later day's one seat is in use, nothing of the closed day is.
    await until(lambda: is_known(town, later, 1), timeout=SLOW, every=0.1, what="the move known in catalog")
    await until(lambda: is_known(town, wish, 0), timeout=SLOW, every=0.1, what="the refund known in catalog")
    assert await planned(town, wish, 0) is None


async def speaks(town: Town, person: UUID, language: str) -> None:
    """Have somebody say in which language they want to be told."""
    answer = await town.theatre.call("PUT", "/api/notifications/preferences", person, body={"language": language})
    assert answer.status_code == 200, answer.text


async def paid(town: Town, person: UUID, wish: Wish) -> dict[str, Any]:
    """A turn that is paid for."""
    answer = await town.theatre.call("POST", "/api/booking/turns", person, body=asked(wish), wait=10)
    turn = await town.theatre.until(answer.json()["id"], person, "HELD")
    page = await town.checkout(turn["payment"]["id"], person)
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    return await town.theatre.until(turn["id"], person, "CONFIRMED")


async def planned(town: Town, wish: Wish, capacity: int) -> dict[str, Any] | None:
    """What the catalog answers to who wants a day to have so many seats; none if it agrees."""
    path = f"/api/catalog/capacity/{wish.office}/{wish.service}/{wish.tier}/{wish.date}"
    body = {"capacity": capacity, "windows": [], "reason": "a counter less"}
    answer = await town.theatre.call("PUT", path, person_id(0), Role.PLANNER, body=body)
    return None if answer.status_code == 200 else answer.json()


async def is_known(town: Town, wish: Wish, in_use: int) -> bool:
    """Whether the catalog has heard that so many seats of a day are in use."""
    query = "SELECT count(*) FROM seen_turns WHERE office = $1 AND service = $2 AND date = $3 AND standing IN (1, 3)"
    connection = await asyncpg.connect(town.platform.database("catalog"))
    try:
        seats = await connection.fetchval(query, wish.office, wish.service, date.fromisoformat(wish.date))
    finally:
        await connection.close()
    return bool(seats == in_use)


async def as_manager(town: Town, method: str, path: str, body: object = None) -> Any:
    """What the office's manager asks."""
    keys = town.platform.keys
    token = make_token(keys.signing, keys.kid, person_id(3), frozenset({Role.OFFICE_MANAGER}), office=OFFICE)
    headers = {"authorization": f"Bearer {token}", "idempotency-key": f"storm-{datetime.now(UTC).timestamp()}"}
    return await town.http.request(method, town.platform.url("gateway") + path, json=body, headers=headers)


async def the_question(town: Town, wish: Wish) -> dict[str, Any] | None:
    """What booking asks the office about a day, if it does."""
    answer = await as_manager(town, "GET", f"/api/booking/offices/{OFFICE}/questions")
    assert answer.status_code == 200, answer.text
    return next((each for each in answer.json()["items"] if each["date"] == wish.date), None)


async def completed(town: Town, path: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = (await as_manager(town, "GET", path)).json()
    return shown if shown["state"] == "completed" else None


async def inbox(town: Town, person: UUID, template: str) -> dict[str, Any]:
    """A message of a person's inbox in the language that they chose, once it is there."""
    headers = {"authorization": town.theatre.as_(person)["authorization"]}

    async def told() -> dict[str, Any] | None:
        answer = await town.http.get(f"{town.platform.url('gateway')}/api/notifications/inbox", headers=headers)
        return next((each for each in answer.json()["items"] if each["template"] == template), None)

    return await until(told, timeout=SLOW, every=0.1, what=f"{template} in the inbox of {person}")
