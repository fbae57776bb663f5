"""Where the play is set: whose doors, which pools, how many seats."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
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

POOLS_AT_HOME = 10
POOLS_ABROAD = 4
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
    day = (datetime.now(UTC).date() + timedelta(days=10 + seed % 7)).isoformat()
    offers = await _offers(theatre)
    dice = random.Random(seed)  # noqa: S311 - a play, not a secret
    dice.shuffle(offers)
    home = await _spread(theatre, [each for each in offers if not each.abroad], POOLS_AT_HOME, day)
    missions = await _spread(theatre, [each for each in offers if each.abroad], POOLS_ABROAD, day)
    in_use = await reader.in_use([wish.pool for wish in home + missions])
    for wish in home + missions:
        crowd = ABROAD / len(missions) if wish in missions else people / len(home)
        seats = max(1, round(crowd * SEATS_FOR_EACH))
        await give_seats(theatre, wish, seats, in_use=in_use.get(wish.pool, 0), hold_seconds=hold_seconds)
    return home, missions


@dataclass(frozen=True)
class _Offer:
    """A service at an office; which of its tiers are given there is asked when it is chosen."""

    office: str
    region: str
    service: str
    agency: str
    tiers: tuple[str, ...]
    abroad: bool


async def _offers(theatre: Theatre) -> list[_Offer]:
    services = {each["code"]: each for each in await _all(theatre, "/api/catalog/services")}
    return [
        _Offer(
            office=office["code"],
            region=office["region"]["code"],
            service=code,
            agency=services[code]["agency"]["code"],
            tiers=tuple(tier["code"] for tier in services[code]["tiers"]),
            abroad=office["kind"] == "mission",
        )
        for office in await _all(theatre, "/api/catalog/offices")
        for code in office["services"]
        if code in services
    ]


async def _all(theatre: Theatre, path: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await theatre.call("GET", f"{path}?limit=100{cursor}", person_id(0))).json()
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


async def _spread(theatre: Theatre, offers: list[_Offer], count: int, day: str) -> list[Wish]:
    """So many pools, each of another service, agency, region and office as far as there are."""
    chosen: list[_Offer] = []
    wishes: list[Wish] = []
    while offers and len(wishes) < count:
        seen = Counter(name for each in chosen for name in (each.office, each.region, each.service, each.agency))
        best = min(offers, key=lambda offer: seen[offer.service] + seen[offer.agency] + seen[offer.region])
        offers.remove(best)
        tier = await _tier_there(theatre, best, len(wishes))
        if tier is not None:
            chosen.append(best)
            wishes.append(Wish(best.service, tier, best.office, day))
    return wishes


async def _tier_there(theatre: Theatre, offer: _Offer, turn: int) -> str | None:
    """A tier that the office gives, another one each time; none if it gives none of them."""
    start = turn % len(offer.tiers)
    for tier in offer.tiers[start:] + offer.tiers[:start]:
        path = f"/api/catalog/capacity/{offer.office}/{offer.service}/{tier}"
        if (await theatre.call("GET", path, person_id(0), Role.PLANNER)).status_code == HTTPStatus.OK:
            return tier
    return None


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
