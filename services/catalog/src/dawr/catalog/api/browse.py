"""The public part: services, offices, regions. Each answer can be kept, and asked for again only if it changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from dawr.catalog.api.conditional import (
    Cursor,
    IfNoneMatch,
    Limit,
    Search,
    code_of,
    cursor_after,
    entity_tag,
    holds,
    link_to_next,
    not_modified,
    public_headers,
)
from dawr.catalog.api.problem import answers
from dawr.catalog.api.shown import (
    OfficeDetail,
    OfficeList,
    RegionList,
    ServiceDetail,
    ServiceList,
    ShownRegion,
    named,
    office_summary,
    service_detail,
    service_summary,
)
from dawr.catalog.domain.offices import earliest_date
from dawr.catalog.domain.services import standing_fees
from dawr.catalog.errors import UnknownOffice, UnknownService
from dawr.catalog.store import offices as office_store
from dawr.catalog.store import services as service_store
from dawr.catalog.store.stored import catalogue_revision
from dawr.contracts import Channel
from dawr.contracts.values import Code
from dawr.servicekit.database import Database
from dawr.servicekit.problems import request_language

ServiceCode = Annotated[Code, Path(examples=["PASS_REN"])]
OfficeCode = Annotated[Code, Path(examples=["DAM-01"])]

_KEPT: dict[int | str, dict[str, Any]] = {304: {"description": "What the caller has is still true."}}
_INVALID = answers({422: "A parameter is not valid."})


def create_browse_router(database: Database, *, cache_seconds: int) -> APIRouter:
    """The resources that anybody may read."""
    router = APIRouter(tags=["catalogue"])

    def answer(body: BaseModel, headers: dict[str, str]) -> Response:
        return Response(body.model_dump_json(), 200, headers, "application/json")

    @router.get(
        "/services",
        operation_id="list_services",
        summary="Services in use, by code",
        response_model=ServiceList,
        responses={**_KEPT, **_INVALID},
    )
    async def list_services(
        request: Request,
        q: Search = None,
        agency: Annotated[Code | None, Query(examples=["IMM"])] = None,
        channel: Annotated[Channel | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        lang, after = request_language(request), code_of(cursor)
        async with database.reading() as connection:
            headers = public_headers(entity_tag(await catalogue_revision(connection), lang), lang, cache_seconds)
            if holds(if_none_match, headers["etag"]):
                return not_modified(headers)
            found = await service_store.find_services(
                connection, q=q, agency=agency, channel=channel, after=after, limit=limit + 1
            )
            agencies = await service_store.agencies(connection)
        known = {code: each.thing for code, each in agencies.items()}
        following = cursor_after(found[limit - 1].code) if len(found) > limit else None
        if following:
            headers["link"] = link_to_next(request, following)
        items = tuple(service_summary(service, known, lang) for service in found[:limit])
        return answer(ServiceList(items=items, next=following), headers)

    @router.get(
        "/services/{code}",
        operation_id="get_service",
        summary="A service: fees, documents, where it is offered",
        response_model=ServiceDetail,
        responses={**_KEPT, **answers({404: "`unknown-service`"}), **_INVALID},
    )
    async def get_service(request: Request, code: ServiceCode, if_none_match: IfNoneMatch = None) -> Response:
        lang = request_language(request)
        async with database.reading() as connection:
            revision = await catalogue_revision(connection)
            stored = (await service_store.services(connection, [code])).get(code)
            if stored is None:
                raise UnknownService(service=code)
            offering = await office_store.offices_that_offer(connection, code)
            offices = [each.thing for each in offering.values()]
            as_of = earliest_date(offices, database.clock())
            headers = public_headers(entity_tag(revision, lang, as_of), lang, cache_seconds)
            if holds(if_none_match, headers["etag"]):
                return not_modified(headers)
            decided = (await service_store.fee_decisions(connection, [code])).get(code, [])
            agencies = await service_store.agencies(connection)
        summary = service_summary(stored.thing, {each: agencies[each].thing for each in agencies}, lang)
        detail = service_detail(
            summary,
            stored.thing,
            stored.revision,
            fees=standing_fees(decided),
            offices=offices,
            as_of=as_of,
            lang=lang,
        )
        return answer(detail, headers)

    @router.get(
        "/offices",
        operation_id="list_offices",
        summary="Offices and missions in use, by code",
        response_model=OfficeList,
        responses={**_KEPT, **_INVALID},
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
        lang, after = request_language(request), code_of(cursor)
        async with database.reading() as connection:
            headers = public_headers(entity_tag(await catalogue_revision(connection), lang), lang, cache_seconds)
            if holds(if_none_match, headers["etag"]):
                return not_modified(headers)
            found = await office_store.find_offices(
                connection, q=q, region=region, service=service, after=after, limit=limit + 1
            )
            regions = await office_store.regions(connection)
        known = {code: each.thing for code, each in regions.items()}
        following = cursor_after(found[limit - 1].code) if len(found) > limit else None
        if following:
            headers["link"] = link_to_next(request, following)
        items = tuple(office_summary(office, known, lang) for office in found[:limit])
        return answer(OfficeList(items=items, next=following), headers)

    @router.get(
        "/offices/{code}",
        operation_id="get_office",
        summary="An office or mission, and what it offers",
        response_model=OfficeDetail,
        responses={**_KEPT, **answers({404: "`unknown-office`"}), **_INVALID},
    )
    async def get_office(request: Request, code: OfficeCode, if_none_match: IfNoneMatch = None) -> Response:
        lang = request_language(request)
        async with database.reading() as connection:
            headers = public_headers(entity_tag(await catalogue_revision(connection), lang), lang, cache_seconds)
            stored = (await office_store.offices(connection, [code])).get(code)
            if stored is None:
                raise UnknownOffice(office=code)
            if holds(if_none_match, headers["etag"]):
                return not_modified(headers)
            regions = await office_store.regions(connection)
            services = await service_store.services(connection, stored.thing.services)
        summary = office_summary(stored.thing, {each: regions[each].thing for each in regions}, lang)
        offers = tuple(named(each.thing.code, each.thing.name, lang) for each in services.values())
        detail = OfficeDetail(**dict(summary), revision=stored.revision, retired=stored.thing.retired, offers=offers)
        return answer(detail, headers)

    @router.get(
        "/regions",
        operation_id="list_regions",
        summary="Regions, by code",
        response_model=RegionList,
        responses={**_KEPT, **_INVALID},
    )
    async def list_regions(request: Request, if_none_match: IfNoneMatch = None) -> Response:
        lang = request_language(request)
        async with database.reading() as connection:
            headers = public_headers(entity_tag(await catalogue_revision(connection), lang), lang, cache_seconds)
            if holds(if_none_match, headers["etag"]):
                return not_modified(headers)
            regions = await office_store.regions(connection)
        items = tuple(
            ShownRegion(**dict(named(each.thing.code, each.thing.name, lang)), abroad=each.thing.abroad)
            for each in regions.values()
        )
        return answer(RegionList(items=items), headers)

    return router
