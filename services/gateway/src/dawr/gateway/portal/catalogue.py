"""What the portal shows of the catalogue and of free days: asked of their services, kept for a moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dawr.gateway.portal.upstream import segment
from dawr.gateway.portal.visits import Visit

Shown = Mapping[str, Any]
"""A thing as its service shows it."""

KEPT_SECONDS = 10.0
"""How old what is shown of the catalogue may be: it changes some times a day."""
_AT_ONCE = 100
MISSION, ONLINE = "mission", "online"


async def services(visit: Visit, **asked: str) -> list[Shown]:
    """Services in use, all pages of the list; `asked`: `q`, `agency`, `channel`."""
    return await _all(visit, "/api/catalog/services", {name: value for name, value in asked.items() if value})


async def service(visit: Visit, code: str) -> Shown:
    """A service; Refused (404) if there is none."""
    found: Shown = (await visit.public(f"/api/catalog/services/{segment(code)}", seconds=KEPT_SECONDS)).data
    return found


async def office(visit: Visit, code: str) -> Shown:
    """An office or mission; Refused (404) if there is none."""
    found: Shown = (await visit.public(f"/api/catalog/offices/{segment(code)}", seconds=KEPT_SECONDS)).data
    return found


async def offices(visit: Visit, *, offering: str = "", near: tuple[float, float] | None = None) -> list[Shown]:
    """Offices, or those that offer a service; with `near` (latitude, longitude) by distance, the nearest first."""
    asked = {"service": offering} if offering else {}
    if near is not None:
        asked["near"] = f"{near[0]:.5f},{near[1]:.5f}"
    return await _all(visit, "/api/catalog/offices", asked)


async def regions(visit: Visit) -> list[Shown]:
    """Regions at home, and countries abroad."""
    found: list[Shown] = (await visit.public("/api/catalog/regions", seconds=KEPT_SECONDS)).data["items"]
    return found


def where(shown: Shown) -> tuple[float, float] | None:
    """Latitude and longitude of an office, if they are known."""
    place = shown["place"]
    return None if place is None else (place["latitude"], place["longitude"])


def channel_of(shown: Shown) -> str:
    """By which way turns at an office are asked for here."""
    return MISSION if shown["kind"] == MISSION else ONLINE


def fee_of(service: Shown, tier: str, channel: str, on: str = "") -> Shown | None:
    """What a tier costs through a channel on a day (today, if none is told); none if it is not set."""
    decided = [*service["fees"], *(service["coming_fees"] if on else ())]
    of_it = [each for each in decided if each["tier"] == tier and each["channel"] == channel]
    in_force = [each for each in of_it if not on or each["effective_from"] <= on]
    if not in_force:
        return None
    amount: Shown = max(in_force, key=lambda each: str(each["effective_from"]))["amount"]
    return amount


@dataclass(frozen=True, slots=True)
class FreeDay:
    """A day on which an office has seats."""

    office: str
    date: str
    left: int


async def days(
    visit: Visit,
    service: str,
    tier: str,
    *,
    office: str | None = None,
    first: date | None = None,
    last: date | None = None,
    seconds: float = 1.0,
) -> list[Shown]:
    """The days of an office, or of all that offer a service and tier; of the next 30 days unless told otherwise.

    Each: office, date, state (`open`, `sold-out`, `not-open-yet`, `closed`, `over`), left, opens_at, reason, windows.
    """
    asked = {"service": service, "tier": tier, "office": office}
    asked |= {"from": first.isoformat() if first else None, "to": last.isoformat() if last else None}
    found: list[Shown] = (await visit.public("/api/booking/availability", asked, seconds=seconds)).data["days"]
    return found


def free_days(days: Iterable[Shown]) -> dict[str, list[FreeDay]]:
    """The days with seats, by office, the first of each in front. Offices that have published days and no seat are
    there too, with none."""
    found: dict[str, list[FreeDay]] = {}
    for each in days:
        of_office = found.setdefault(each["office"], [])
        if each["left"] > 0:
            of_office.append(FreeDay(each["office"], each["date"], each["left"]))
    return found


async def _all(visit: Visit, path: str, asked: Mapping[str, str]) -> list[Shown]:
    found: list[Shown] = []
    cursor: str | None = None
    while True:
        query = {**asked, "limit": _AT_ONCE, "cursor": cursor}
        page = (await visit.public(path, query, seconds=KEPT_SECONDS)).data
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found
