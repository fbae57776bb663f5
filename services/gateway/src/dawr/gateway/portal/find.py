"""Finding a service: the start page, the search, what a service is, and how fast it shall be."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.responses import Response

from dawr.gateway.errors import BrokenAnswer, ServiceSlow, ServiceUnavailable
from dawr.gateway.portal import catalogue, days, places
from dawr.gateway.portal.catalogue import Shown
from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.take_refused import LIVE_STATES
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way
from dawr.gateway.service.people import ReadyMade
from dawr.servicekit.auth import Role
from dawr.servicekit.clock import Clock, utc_now

_LONGEST_SEARCH = 100
_WANTED = 6
_NEEDS_NO_VISIT = "none"
_PEOPLE_KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What this room needs beside the services behind."""

    clock: Clock = utc_now
    wanted: Sequence[str] = ()
    """Codes of the services that the start page names first."""
    ready_made: Callable[[], Awaitable[Sequence[ReadyMade]]] | None = None
    """Who can be signed in as on a development platform; none elsewhere."""


@dataclass(frozen=True, slots=True)
class Find:
    """The views of this room."""

    parts: Parts
    known: list[tuple[float, Sequence[ReadyMade]]] = field(default_factory=list)
    """The ready-made people, and until when they need not be asked for again."""

    async def home(self, visit: Visit) -> Response:
        """The start page. It is there, with less on it, when the catalogue is away."""
        try:
            found = await catalogue.services(visit)
        except (ServiceUnavailable, ServiceSlow, BrokenAnswer):
            found = []
        except Refused as refusal:
            if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            found = []
        return visit.page(
            "find/home.html",
            wanted=self._wanted(found),
            agencies=_agencies(found),
            mine=await _live_turn(visit),
            people=await self._people(visit),
            is_away=not found,
        )

    async def _people(self, visit: Visit) -> Sequence[ReadyMade]:
        """Whom the platform can be tried as; asked for once a minute, as they are the same always."""
        if self.parts.ready_made is None or visit.portal.platform.mail_url is None:
            return ()
        if not self.known or self.known[-1][0] < time.monotonic():
            self.known[:] = [(time.monotonic() + _PEOPLE_KEPT_SECONDS, await self.parts.ready_made())]
        return self.known[-1][1]

    async def search(self, visit: Visit) -> Response:
        """Services by words, agency and channel; with htmx only what was found."""
        q = visit.param("q")[:_LONGEST_SEARCH].replace("\0", "")
        way = Way.of(visit)
        every = await catalogue.services(visit)
        agencies = _agencies(every)
        agency, channel = visit.param("agency"), visit.param("channel")
        if agency not in {each["code"] for each, _ in agencies}:
            agency = ""
        if channel not in {catalogue.MISSION, catalogue.ONLINE}:
            channel = ""
        found = await catalogue.services(visit, q=q, agency=agency, channel=channel)
        template = "find/found.html" if visit.wants_fragment else "find/services.html"
        return visit.page(
            template,
            q=q,
            agency=agency,
            channel=channel,
            way=way,
            agencies=agencies,
            found=found,
            suggested=self._wanted(every),
        )

    def _wanted(self, services: Sequence[Shown]) -> list[Shown]:
        """Those that are named by the settings; others with a visit in the place of those that there are not."""
        by_code = {each["code"]: each for each in services}
        named = [by_code[code] for code in self.parts.wanted if code in by_code]
        others = [each for each in services if each["visit"] != _NEEDS_NO_VISIT and each not in named]
        return [*named, *others][:_WANTED]


async def _live_turn(visit: Visit) -> Shown | None:
    """The visitor's next live turn, for the start page: none if there is none, or booking does not say."""
    if not visit.has_role(Role.CITIZEN):
        return None
    try:
        found = (await visit.get("/api/booking/turns", {"limit": 20})).data["items"]
    except (ServiceUnavailable, ServiceSlow, BrokenAnswer, Refused):
        return None
    live = [each for each in found if each["state"] in LIVE_STATES]
    return min(live, key=lambda each: str(each["date"]), default=None)


async def service(visit: Visit) -> Response:
    """What a service is for, who may ask, what it costs and needs, and where it is given."""
    way = Way.of(visit)
    shown = await catalogue.service(visit, way.service)
    channel = catalogue.MISSION if _is_abroad(shown) else catalogue.ONLINE
    rows = [
        (tier, catalogue.fee_of(shown, tier["code"], channel), _coming(shown, tier["code"], channel))
        for tier in shown["tiers"]
    ]
    return visit.page(
        "find/service.html",
        service=shown,
        way=way,
        fees=rows,
        has_examples=any(each["is_example"] for each in shown["fees"]),
        is_abroad=_is_abroad(shown),
        can_take=_can_take(shown),
        offices=[each for each in shown["offices"] if each["kind"] != "assistance"],
    )


async def start(visit: Visit) -> Response:
    """How fast it shall be; nothing is asked where there is no choice."""
    way = Way.of(visit)
    shown = await catalogue.service(visit, way.service)
    if not _can_take(shown):
        return visit.redirect(way.service_page)
    codes = [each["code"] for each in shown["tiers"]]
    if len(codes) == 1:
        return visit.redirect(way.with_(tier=codes[0]).offices)
    if way.tier in codes:
        return visit.redirect(way.offices)
    errors = {"tier": visit.t("Choose how fast you need it")} if "tier" in visit.request.query_params else {}
    channel = catalogue.MISSION if _is_abroad(shown) else catalogue.ONLINE
    options = [(tier, catalogue.fee_of(shown, tier["code"], channel)) for tier in shown["tiers"]]
    return visit.page("find/start.html", service=shown, way=way, options=options, errors=errors)


def pages(parts: Parts | None = None) -> tuple[Page, ...]:
    """The pages of this room."""
    parts = parts or Parts()
    find, day = Find(parts), days.Days(parts.clock)
    office = "/services/{code}/offices/{office}"
    return (
        Page("/", find.home),
        Page("/services", find.search),
        Page("/services/{code}", service),
        Page("/services/{code}/start", start),
        Page("/services/{code}/offices", places.offices),
        Page(f"{office}/calendar", day.calendar),
        Page(f"{office}/days/{{date}}", day.hours),
        Page("/sold-out", day.sold_out),
    )


def _agencies(services: Sequence[Shown]) -> list[tuple[Shown, int]]:
    """The agencies that give services, and how many, the ones with most first."""
    known: dict[str, tuple[Shown, int]] = {}
    for each in services:
        agency = each["agency"]
        known[agency["code"]] = (agency, known.get(agency["code"], (agency, 0))[1] + 1)
    return sorted(known.values(), key=lambda pair: -pair[1])


def _is_abroad(service: Shown) -> bool:
    """Whether it is given by missions only."""
    return bool(service["channels"] == [catalogue.MISSION])


def _can_take(service: Shown) -> bool:
    """Whether a turn for it can be taken here."""
    return (
        service["visit"] != _NEEDS_NO_VISIT
        and not service["retired"]
        and not {catalogue.MISSION, catalogue.ONLINE}.isdisjoint(service["channels"])
    )


def _coming(service: Shown, tier: str, channel: str) -> Shown | None:
    """The next fee that is decided already."""
    coming = [each for each in service["coming_fees"] if each["tier"] == tier and each["channel"] == channel]
    return min(coming, key=lambda each: str(each["effective_from"]), default=None)
