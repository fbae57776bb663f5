"""`/offices` and `/regions`: where services are given. Anybody may read it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.api.conditional import KEPT, IfNoneMatch, PublicAnswers
from dawr.catalog.api.pages import Cursor, code
from dawr.catalog.api.services import Search
from dawr.catalog.api.shown import (
    OfficeDetail,
    OfficeList,
    RegionList,
    ShownRegion,
    named,
    office_summary,
)
from dawr.catalog.errors import UnknownOffice
from dawr.catalog.store import offices as office_store
from dawr.catalog.store import services as service_store
from dawr.contracts.values import Code
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Limit, cursor_after, link_next, place_of


def create_offices_router(public: PublicAnswers) -> APIRouter:
    """The public resources of offices, missions and regions."""
    router = APIRouter(tags=["catalogue"])

    @router.get(
        "/offices",
        operation_id="list_offices",
        summary="Offices and missions in use, by code",
        response_model=OfficeList,
        responses=KEPT,
    )
    async def list_offices(
        request: Request,
        q: Search = None,
        region: Annotated[Code | None, Query(examples=["DAM"])] = None,
        service: Annotated[Code | None, Query(examples=["PASS_REN"])] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        after = place_of(cursor, code) or ""

        async def read(connection: AsyncConnection, lang: str) -> OfficeList:
            found = await office_store.find_offices(
                connection, q=q, region=region, service=service, after=after, limit=limit + 1
            )
            regions = await office_store.regions(connection)
            items = tuple(office_summary(each, regions[each.region].thing, lang) for each in found[:limit])
            return OfficeList(items=items, next=cursor_after(items[-1].code) if len(found) > limit else None)

        return await public.give(request, if_none_match, read, links=lambda page: link_next(request, page.next))

    @router.get(
        "/offices/{code}",
        operation_id="get_office",
        summary="An office or mission, and what it offers",
        response_model=OfficeDetail,
        responses={**KEPT, **refusals(UnknownOffice)},
    )
    async def get_office(
        request: Request, code: Annotated[Code, Path(examples=["DAM-01"])], if_none_match: IfNoneMatch = None
    ) -> Response:
        async def read(connection: AsyncConnection, lang: str) -> OfficeDetail:
            return await _detail(connection, code, lang)

        return await public.give(request, if_none_match, read)

    @router.get(
        "/regions",
        operation_id="list_regions",
        summary="Regions, by code",
        response_model=RegionList,
        responses=KEPT,
    )
    async def list_regions(request: Request, if_none_match: IfNoneMatch = None) -> Response:
        return await public.give(request, if_none_match, _regions)

    return router


async def _detail(connection: AsyncConnection, code: str, lang: str) -> OfficeDetail:
    office = (await office_store.offices(connection, [code])).get(code)
    if office is None:
        raise UnknownOffice(office=code)
    regions = await office_store.regions(connection)
    services = await service_store.services(connection, office.thing.services)
    summary = office_summary(office.thing, regions[office.thing.region].thing, lang)
    offers = tuple(named(each.thing.code, each.thing.name, lang) for each in services.values())
    return OfficeDetail(**dict(summary), revision=office.revision, retired=office.thing.retired, offers=offers)


async def _regions(connection: AsyncConnection, lang: str) -> RegionList:
    regions = (each.thing for each in (await office_store.regions(connection)).values())
    shown = (ShownRegion(**dict(named(each.code, each.name, lang)), abroad=each.abroad) for each in regions)
    return RegionList(items=tuple(shown))
