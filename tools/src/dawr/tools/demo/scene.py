"""Where the play is set: whose doors, which pools, how many seats."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from dawr.servicekit.auth import Role, make_token
from dawr.tools.cli.signing import person_id
from dawr.tools.demo.books import Reader
from dawr.tools.demo.cast import Wish
from dawr.tools.demo.theatre import Theatre, Trouble
from dawr.tools.platform import state as states
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import keys_of

POOLS_AT_HOME = 6
ABROAD = 20
HOLD_SECONDS = 25
SEATS_FOR_EACH = 0.6
"""Seats by person: fewer than people."""


def open_theatre(root: Path, state: states.State) -> Theatre:
    """The doors of the platform in `root`, with tokens for anybody."""
    keys = keys_of(Folder.of(root))

    def token(person: UUID, roles: frozenset[Role]) -> str:
        return make_token(keys.signing, keys.kid, person, roles, lifetime=timedelta(hours=1))

    return Theatre(state.url("gateway"), state.url("bank"), token)


async def set_scene(
    theatre: Theatre, reader: Reader, people: int, seed: int, *, hold_seconds: int = HOLD_SECONDS
) -> tuple[list[Wish], list[Wish]]:
    """Choose pools at home and at missions, and give them fewer seats than there are people, and short holds."""
    planner = person_id(0)
    offices = (await theatre.call("GET", "/api/catalog/offices", planner)).json()
    items = offices["items"] if isinstance(offices, dict) else offices
    home: list[Wish] = []
    missions: list[Wish] = []
    day = datetime.now(UTC).date() + timedelta(days=10 + seed % 7)
    for office in sorted(items, key=lambda each: str(each["code"])):
        detail = (await theatre.call("GET", f"/api/catalog/offices/{office['code']}", planner)).json()
        for service in sorted(_codes(detail["services"])):
            wish = Wish(service, "F" if service == "CIV_CORR" else "N", office["code"], day.isoformat())
            (missions if detail["kind"] == "mission" else home).append(wish)
    home, missions = _spread(home, POOLS_AT_HOME), _spread(missions, 2)
    in_use = await reader.in_use([wish.pool for wish in home + missions])
    for wish in home + missions:
        crowd = ABROAD / len(missions) if wish in missions else people / len(home)
        seats = max(1, round(crowd * SEATS_FOR_EACH))
        await give_seats(theatre, wish, seats, in_use=in_use.get(wish.pool, 0), hold_seconds=hold_seconds)
    return home, missions


def _codes(services: Sequence[Any]) -> list[str]:
    return [each if isinstance(each, str) else each["code"] for each in services]


def _spread(wishes: list[Wish], count: int) -> list[Wish]:
    """So many of the wishes, each of another office and service as far as there are."""
    chosen: list[Wish] = []
    while wishes and len(chosen) < count:
        offices = Counter(wish.office for wish in chosen)
        services = Counter(wish.service for wish in chosen)
        best = min(wishes, key=lambda wish: (offices[wish.office] + services[wish.service], wish.pool))
        chosen.append(best)
        wishes.remove(best)
    return chosen


async def give_seats(
    theatre: Theatre, wish: Wish, seats: int, *, in_use: int = 0, hold_seconds: int | None = None
) -> None:
    """Publish that a pool has so many free seats, as a planner does; returns when booking knows it."""
    planner = person_id(0)
    path = f"/api/catalog/capacity/{wish.office}/{wish.service}/{wish.tier}/{wish.date}"
    body = {"capacity": in_use + seats, "windows": [], "hold_seconds": hold_seconds, "reason": "demo"}
    answer = await theatre.call("PUT", path, planner, Role.PLANNER, body=body)
    if answer.status_code != 200:
        raise Trouble(f"capacity of {wish.pool}: {answer.status_code} {answer.text[:300]}")
    query = f"service={wish.service}&tier={wish.tier}&office={wish.office}&from={wish.date}&to={wish.date}"
    async with asyncio.timeout(60):
        while True:
            days = (await theatre.call("GET", f"/api/booking/availability?{query}", planner)).json().get("days", [])
            if days and days[0]["left"] == seats and not days[0]["windows"]:
                return
            await asyncio.sleep(0.2)
