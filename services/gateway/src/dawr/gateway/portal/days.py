"""Which day and which hour: the calendar of an office, the windows of a day, and what else there is when it is gone."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from babel import Locale
from babel.core import get_global
from markupsafe import Markup
from starlette.responses import Response

from dawr.gateway.portal import catalogue
from dawr.gateway.portal.alternatives import alternatives, today_at
from dawr.gateway.portal.catalogue import Shown
from dawr.gateway.portal.months import Month, first_of, last_of, month_of
from dawr.gateway.portal.pages import Body
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way, month_asked
from dawr.servicekit.clock import Clock

KEPT_SECONDS = 1.0
"""How old a calendar may be: as old as what booking itself answers to browsers."""
_KEPT_CALENDARS = 1000
_KEPT_ADDRESSES = 4
"""An address may have more to it than what a calendar is made of, in endless ways."""

_NO_COUNTRY = {"001", "ZZ"}

Key = tuple[Way, str, str, str]
"""The way, the month that was asked for, the language and the digits."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A calendar as it was drawn."""

    until: float
    """By the monotonic clock."""
    markup: Markup
    pages: dict[str, Body] = field(default_factory=dict)
    """By their addresses, those of visitors who have not signed in: they are the same for everybody."""

    def keep(self, address: str, page: Body) -> None:
        """Keep a page for as long as the calendar."""
        if len(self.pages) < _KEPT_ADDRESSES:
            self.pages[address] = page


class Calendars:
    """Calendars that were drawn within the last second, ready to be put into a page: many look at the same one."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[Key, Drawn] = OrderedDict()
        self._drawing: dict[Key, asyncio.Future[Drawn | None]] = {}

    async def get(self, key: Key, draw: Callable[[], Awaitable[Markup | None]]) -> Drawn | None:
        """The calendar, if need be drawn; none, and nothing kept, where there is none to draw. Who comes while it is
        being drawn waits for it: else all who look at that moment would draw it."""
        found = self._drawn.get(key)
        if found is not None and found.until > time.monotonic():
            return found
        drawing = self._drawing.get(key)
        if drawing is None:
            drawing = self._drawing[key] = asyncio.ensure_future(self._draw(key, draw))
            drawing.add_done_callback(lambda _: self._drawing.pop(key))
        return await asyncio.shield(drawing)

    async def _draw(self, key: Key, draw: Callable[[], Awaitable[Markup | None]]) -> Drawn | None:
        markup = await draw()
        if markup is None:
            return None
        drawn = self._drawn[key] = Drawn(time.monotonic() + KEPT_SECONDS, markup)
        self._drawn.move_to_end(key)
        if len(self._drawn) > _KEPT_CALENDARS:
            self._drawn.popitem(last=False)
        return drawn


@dataclass(frozen=True, slots=True)
class Days:
    """The views of a place's days."""

    clock: Clock
    calendars: Calendars = field(default_factory=Calendars)

    async def calendar(self, visit: Visit) -> Response:
        """The days of a month; with htmx only the month."""
        way = Way.of(visit)
        key = (way, visit.param("month")[:7], visit.lang, visit.writing.figures("0"))
        drawn = await self.calendars.get(key, lambda: self._draw(visit, way))
        if drawn is None:
            return visit.redirect(way.start)
        if visit.wants_fragment:
            return visit.page("find/as_it_is.html", drawn=drawn.markup)
        page = drawn.pages.get(visit.here) if visit.signed_in is None else None
        if page is None:
            page = visit.portal.made(visit, "find/calendar.html", drawn=drawn.markup, way=way)
            if visit.signed_in is None:
                drawn.keep(visit.here, page)
        return visit.portal.send(visit, page)

    async def _draw(self, visit: Visit, way: Way) -> Markup | None:
        """The calendar; none for a tier that the service does not have."""
        service, office = await catalogue.service(visit, way.service), await catalogue.office(visit, way.office)
        tier = next((each for each in service["tiers"] if each["code"] == way.tier), None)
        if tier is None:
            return None
        today = today_at(office, self.clock())
        weekday = first_weekday_at(office["zone"])
        first = max(month_asked(visit.param("month")) or first_of(today), first_of(today))
        month = await self._month(visit, way, first, today, weekday)
        if not visit.param("month") and month.next and not month.is_free and _is_nearly_over(month):
            month = await self._month(visit, way, month.next, today, weekday)
        others = () if month.is_free else await alternatives(visit, way, office, self.clock())
        content = {"service": service, "office": office, "tier": tier, "way": way, "month": month, "others": others}
        weekdays = visit.writing.weekdays("short", weekday)
        return visit.portal.markup(visit, "find/month.html", weekdays=weekdays, **content)

    async def _month(self, visit: Visit, way: Way, first: date, today: date, first_weekday: int) -> Month:
        days = await catalogue.days(
            visit, way.service, way.tier, office=way.office, first=first, last=last_of(first), seconds=KEPT_SECONDS
        )
        return month_of(first, days, today=today, first_weekday=first_weekday, link=lambda on: way.on(on).day)

    async def hours(self, visit: Visit) -> Response:
        """The windows of a day; straight on if it has none, and what else there is if no seat is left."""
        way = Way.of(visit)
        service, office, day = await _asked_for(visit, way)
        if way.tier not in {each["code"] for each in service["tiers"]}:
            return visit.redirect(way.start)
        if day is None or not day["left"]:
            return await self._gone(visit, way, service, office, day)
        if not day["windows"]:
            return visit.redirect(way.take)
        return visit.page("find/hours.html", service=service, office=office, day=day, way=way)

    async def sold_out(self, visit: Visit) -> Response:
        """A day that is gone, and what else there is: where refused turns lead."""
        way = Way.of(visit)
        if not (way.service and way.tier and way.office and way.date):
            return visit.redirect("/services")
        service, office, day = await _asked_for(visit, way)
        return await self._gone(visit, way, service, office, day)

    async def _gone(self, visit: Visit, way: Way, service: Shown, office: Shown, day: Shown | None) -> Response:
        is_over = way.date < today_at(office, self.clock()).isoformat()
        others = await alternatives(visit, way, office, self.clock())
        return visit.page(
            "find/gone.html", is_over=is_over, service=service, office=office, day=day, way=way, others=others
        )


async def _asked_for(visit: Visit, way: Way) -> tuple[Shown, Shown, Shown | None]:
    """The service, the office and the day that a way has come to; no day if booking tells of none."""
    service, office = await catalogue.service(visit, way.service), await catalogue.office(visit, way.office)
    on = date.fromisoformat(way.date)
    days = await catalogue.days(visit, way.service, way.tier, office=way.office, first=on, last=on)
    return service, office, days[0] if days else None


@cache
def first_weekday_at(zone: str) -> int:
    """The day on which weeks begin in the country of a zone (0: Monday), as the Unicode CLDR has it."""
    territory = get_global("zone_territories").get(zone, "001")
    return 0 if territory in _NO_COUNTRY else int(Locale.parse(f"und_{territory}").first_week_day)


def _is_nearly_over(month: Month) -> bool:
    """Whether hardly a day of it is to come, so that the next month is what people want to see."""
    return sum(1 for cell in month.cells if cell.mark != "over") <= 3
