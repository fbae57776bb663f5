"""What else there is when a day is gone: the nearest other days of the same office, and other offices near by."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dawr.gateway.portal import catalogue
from dawr.gateway.portal.catalogue import FreeDay, Shown
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way

SHOWN = 3
_SPAN = timedelta(days=60)
_KEPT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """A day with seats, at the office that was chosen or at another."""

    office: Shown
    date: str
    left: int
    href: str
    distance_km: float | None
    """From the office that was chosen; none: it is that one, or it is not known."""
    is_same_office: bool


def today_at(office: Shown, now: datetime) -> date:
    """The local date at an office."""
    return now.astimezone(ZoneInfo(office["zone"])).date()


async def alternatives(visit: Visit, way: Way, office: Shown, now: datetime) -> tuple[Alternative, ...]:
    """Three at most: two other days of the office, those nearest to the one that was chosen, and the nearest offices
    with their first day; more of the one if there is nothing of the other."""
    today = today_at(office, now)
    own, everywhere, near = await asyncio.gather(
        catalogue.days(
            visit, way.service, way.tier, office=way.office, first=today, last=today + _SPAN, seconds=_KEPT_SECONDS
        ),
        catalogue.days(visit, way.service, way.tier, seconds=_KEPT_SECONDS),
        catalogue.offices(visit, offering=way.service, near=catalogue.where(office)),
    )
    here = [
        Alternative(office, each.date, each.left, way.on(each.date).day, None, is_same_office=True)
        for each in _nearest(catalogue.free_days(own).get(way.office, []), way.date or today.isoformat())
        if each.date != way.date
    ]
    elsewhere = list(_elsewhere(way, office, near, catalogue.free_days(everywhere)))
    kept = max(SHOWN - len(elsewhere), 2)
    chosen = here[:kept]
    return (*sorted(chosen, key=lambda each: each.date), *elsewhere[: SHOWN - len(chosen)])


def _nearest(days: Sequence[FreeDay], wanted: str) -> list[FreeDay]:
    """Days by how near they are to the one that was wanted, of two as near the earlier first."""
    at = date.fromisoformat(wanted)
    return sorted(days, key=lambda each: (abs((date.fromisoformat(each.date) - at).days), each.date))


def _elsewhere(
    way: Way, office: Shown, near: Sequence[Shown], free: Mapping[str, Sequence[FreeDay]]
) -> Sequence[Alternative]:
    return [
        Alternative(
            each,
            free[each["code"]][0].date,
            free[each["code"]][0].left,
            way.at(each["code"]).on(free[each["code"]][0].date).day,
            each["distance_km"],
            is_same_office=False,
        )
        for each in near
        if each["code"] != way.office and each["kind"] == office["kind"] and free.get(each["code"])
    ]
