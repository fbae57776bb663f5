"""Where to go: offices on a list and a map, by distance from a region and by how soon there is a seat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

from starlette.responses import Response

from dawr.gateway.portal import catalogue, maps
from dawr.gateway.portal.catalogue import FreeDay, Shown
from dawr.gateway.portal.months import first_of
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way

NEAREST = 10
"""So many offices are shown until all are asked for."""
_DAYS_KEPT_SECONDS = 3.0
_ON_THE_MAP = 25


@dataclass(frozen=True, slots=True)
class Offered:
    """An office on the list."""

    office: Shown
    distance_km: float | None
    first_free: FreeDay | None
    has_days: bool
    """Whether any day of it was published: if not, nobody knows yet when there will be a seat."""
    href: str


async def offices(visit: Visit) -> Response:
    """Offices that offer a service in a tier; with htmx only the list and the map."""
    way = Way.of(visit)
    service = await catalogue.service(visit, way.service)
    if way.tier not in {each["code"] for each in service["tiers"]}:
        return visit.redirect(way.start)
    every, regions = await catalogue.offices(visit), await catalogue.regions(visit)
    centre = _centre(way.region, every)
    offering = await catalogue.offices(visit, offering=way.service, near=centre)
    free = catalogue.free_days(await catalogue.days(visit, way.service, way.tier, seconds=_DAYS_KEPT_SECONDS))
    offered = [_offered(each, way, free) for each in offering if each["code"] in free or _takes(each, service)]
    if way.region not in {each["code"] for each in regions}:
        way = way.with_(region="")
    if not way.region:
        offered.sort(key=lambda each: each.first_free.date if each.first_free else "9999")
    shown = offered if visit.param("all") else offered[:NEAREST]
    listed = _regions_for(offering, regions)
    return visit.page(
        "find/offices_found.html" if visit.wants_fragment else "find/offices.html",
        service=service,
        way=way,
        tier=_named(service["tiers"], way.tier),
        region=_named(regions, way.region),
        regions=listed,
        offered=shown,
        in_all=len(offered),
        map=_map(way, offered, listed, every, regions),
    )


def _takes(office: Shown, service: Shown) -> bool:
    """Whether turns there are asked for by people themselves: assistance offices ask for those whom they help."""
    return office["kind"] != "assistance" and catalogue.channel_of(office) in service["channels"]


def _offered(office: Shown, way: Way, free: Mapping[str, Sequence[FreeDay]]) -> Offered:
    days = free.get(office["code"])
    first = days[0] if days else None
    return Offered(
        office=office,
        distance_km=office["distance_km"],
        first_free=first,
        has_days=days is not None,
        href=way.at(office["code"]).calendar(first_of(date.fromisoformat(first.date)) if first else None),
    )


def _centre(region: str, every: Sequence[Shown]) -> tuple[float, float] | None:
    """The middle of a region: that of its offices, as regions have no place of their own."""
    found = [place for each in every if each["region"]["code"] == region and (place := catalogue.where(each))]
    return (fmean(each[0] for each in found), fmean(each[1] for each in found)) if found else None


def _regions_for(offering: Sequence[Shown], regions: Sequence[Shown]) -> list[tuple[bool, list[Shown]]]:
    """Regions to choose from, at home and abroad apart: those abroad have missions, those at home may have no office
    of this kind and are chosen all the same, to see what is near."""
    at_home = any(each["kind"] != catalogue.MISSION for each in offering)
    with_office = {each["region"]["code"] for each in offering}
    abroad = [each for each in regions if each["abroad"] and each["code"] in with_office]
    home = [each for each in regions if not each["abroad"] and at_home]
    return [(is_abroad, group) for is_abroad, group in ((False, home), (True, abroad)) if group]


def _map(
    way: Way,
    offered: Sequence[Offered],
    listed: Sequence[tuple[bool, Sequence[Shown]]],
    every: Sequence[Shown],
    regions: Sequence[Shown],
) -> maps.Map | None:
    """Abroad, of the world or of what is near the chosen country; at home, of the whole country."""
    abroad = {each["code"] for each in regions if each["abroad"]}
    is_world = way.region in abroad or all(each.office["region"]["code"] in abroad for each in offered)
    on_it = [each for each in offered if (each.office["region"]["code"] in abroad) == is_world]
    if is_world and way.region:
        on_it = on_it[:_ON_THE_MAP]
    dots = [
        maps.Spot(*place, each.office["name"], each.href, each.office["region"]["code"] == way.region)
        for each in on_it
        if (place := catalogue.where(each.office))
    ]
    on_sheet = {each.office["region"]["code"] for each in on_it}
    names = [
        maps.Spot(*centre, each["name"], way.with_(region=each["code"]).offices, each["code"] == way.region)
        for is_abroad, group in listed
        if is_abroad == is_world
        for each in group
        if each["code"] in on_sheet and (centre := _centre(each["code"], every))
    ]
    return maps.draw(dots, names)


def _named(things: Sequence[Shown], code: str) -> Shown | None:
    return next((each for each in things if each["code"] == code), None)
