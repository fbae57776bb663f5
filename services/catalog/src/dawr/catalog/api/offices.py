"""`/offices` and `/regions`: where services are given. Anybody may read it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.api.conditional import KEPT, IfNoneMatch, PublicAnswers
from dawr.catalog.api.pages import Cursor, Near, Search, SortedBy, asked, next_page, page_after, position
from dawr.catalog.api.shown import named
from dawr.catalog.api.shown_offices import (
    OfficeDetail,
    OfficeList,
    RegionList,
    ShownRegion,
    listed_office,
    office_summary,
    shown_closure,
    shown_week,
)
from dawr.catalog.domain.calendars import Calendar
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Service
from dawr.catalog.errors import UnknownOffice
from dawr.catalog.store.closures import closures
from dawr.catalog.store.search import find_offices
from dawr.catalog.store.things import thing, things
from dawr.contracts.values import Code
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.clock import Clock
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Limit, link_next


def create_offices_router(public: PublicAnswers) -> APIRouter:
    """The public resources of offices, missions and regions."""
    router = APIRouter(tags=["catalogue"])

    @router.get(
        "/offices",
        operation_id="list_offices",
        summary="Offices and missions in use: the nearest, what is searched for, or by code",
        description=(
            "With `near` by distance, whatever is searched for; without it what is searched for, the best first. "
            "Names, regions and addresses are searched, as services are."
        ),
        response_model=OfficeList,
        responses=KEPT,
        openapi_extra=PUBLIC,
    )
    async def list_offices(
        request: Request,
        q: Search = None,
        region: Annotated[Code | None, Query(examples=["DAM"])] = None,
        service: Annotated[Code | None, Query(examples=["PASS_REN"])] = None,
        near: Near = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        words, where = asked(q), position(near)
        by: SortedBy = "distance" if where is not None else "code" if words is None else "rank"
        after = page_after(cursor, by)

        async def read(connection: AsyncConnection, lang: str) -> OfficeList:
            found = await find_offices(
                connection, q=words, region=region, service=service, near=where, after=after, limit=limit + 1
            )
            regions = await things(connection, Region)
            page = found[:limit]
            items = (
                listed_office(each.thing, regions[each.thing.region].thing, each.place if where else None, lang)
                for each in page
            )
            return OfficeList(items=tuple(items), next=next_page(by, page[-1]) if len(found) > limit else None)

        return await public.give(request, if_none_match, read, links=lambda page: link_next(request, page.next))

    @router.get(
        "/offices/{code}",
        operation_id="get_office",
        summary="An office or mission, and what it offers",
        response_model=OfficeDetail,
        responses={**KEPT, **refusals(UnknownOffice)},
        openapi_extra=PUBLIC,
    )
    async def get_office(
        request: Request, code: Annotated[Code, Path(examples=["DAM-01"])], if_none_match: IfNoneMatch = None
    ) -> Response:
        async def read(connection: AsyncConnection, lang: str) -> OfficeDetail:
            return await _detail(connection, code, lang, public.database.clock)

        return await public.give(request, if_none_match, read, by_day=True)

    @router.get(
        "/regions",
        operation_id="list_regions",
        summary="Regions, by code",
        response_model=RegionList,
        responses=KEPT,
        openapi_extra=PUBLIC,
    )
    async def list_regions(request: Request, if_none_match: IfNoneMatch = None) -> Response:
        return await public.give(request, if_none_match, _regions)

    return router


async def _detail(connection: AsyncConnection, code: str, lang: str, clock: Clock) -> OfficeDetail:
    stored = await thing(connection, Office, code)
    if stored is None:
        raise UnknownOffice(office=code)
    office = stored.thing
    regions = await things(connection, Region, [office.region])
    calendars = await things(connection, Calendar, [office.calendar])
    services = await things(connection, Service, office.services)
    calendar = calendars[office.calendar].thing
    as_of = office.today(clock())
    return OfficeDetail(
        **dict(office_summary(office, regions[office.region].thing, lang)),
        revision=stored.revision,
        retired=office.retired,
        as_of=as_of,
        calendar=named(calendar.code, calendar.name, lang),
        hours=shown_week(office),
        counters=office.counters,
        languages=office.languages,
        closures=tuple(
            shown_closure(each, lang)
            for each in await closures(connection, since=as_of)
            if each.concerns(office.code, office.region)
        ),
        offers=tuple(named(each.thing.code, each.thing.name, lang) for each in services.values()),
    )


async def _regions(connection: AsyncConnection, lang: str) -> RegionList:
    regions = (each.thing for each in (await things(connection, Region)).values())
    shown = (ShownRegion(**dict(named(each.code, each.name, lang)), abroad=each.abroad) for each in regions)
    return RegionList(items=tuple(shown))
