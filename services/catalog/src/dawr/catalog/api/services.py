"""`/services`: what can be asked for. Anybody may read it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.api.conditional import KEPT, IfNoneMatch, PublicAnswers
from dawr.catalog.api.pages import Cursor, code
from dawr.catalog.api.shown import ServiceDetail, ServiceList, service_detail, service_summary
from dawr.catalog.domain.offices import earliest_date
from dawr.catalog.domain.services import Agency, Extra, Service, standing_fees
from dawr.catalog.errors import UnknownService
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.things import find_services, offices_that_offer, thing, things
from dawr.contracts import Channel
from dawr.contracts.catalog import Tier
from dawr.contracts.values import Code
from dawr.servicekit.clock import Clock
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Limit, cursor_after, link_next, place_of

Search = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$", description="A part of it, in Arabic or English."),
]


def create_services_router(public: PublicAnswers) -> APIRouter:
    """The public resources of services."""
    router = APIRouter(tags=["catalogue"])

    @router.get(
        "/services",
        operation_id="list_services",
        summary="Services in use, by code",
        response_model=ServiceList,
        responses=KEPT,
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
        after = place_of(cursor, code) or ""

        async def read(connection: AsyncConnection, lang: str) -> ServiceList:
            found = await find_services(connection, q=q, agency=agency, channel=channel, after=after, limit=limit + 1)
            agencies = await things(connection, Agency)
            tiers = await _tiers(connection)
            items = tuple(service_summary(each, agencies[each.agency].thing, tiers, lang) for each in found[:limit])
            return ServiceList(items=items, next=cursor_after(items[-1].code) if len(found) > limit else None)

        return await public.give(request, if_none_match, read, links=lambda page: link_next(request, page.next))

    @router.get(
        "/services/{code}",
        operation_id="get_service",
        summary="A service: fees, documents, where it is offered",
        response_model=ServiceDetail,
        responses={**KEPT, **refusals(UnknownService)},
    )
    async def get_service(
        request: Request, code: Annotated[Code, Path(examples=["PASS_REN"])], if_none_match: IfNoneMatch = None
    ) -> Response:
        async def read(connection: AsyncConnection, lang: str) -> ServiceDetail:
            return await _detail(connection, code, lang, public.database.clock)

        return await public.give_dated(request, if_none_match, read, dated=lambda detail: detail.as_of)

    return router


async def _tiers(connection: AsyncConnection) -> dict[str, Tier]:
    return {code: each.thing for code, each in (await things(connection, Tier)).items()}


async def _detail(connection: AsyncConnection, code: str, lang: str, clock: Clock) -> ServiceDetail:
    service = await thing(connection, Service, code)
    if service is None:
        raise UnknownService(service=code)
    offices = [each.thing for each in (await offices_that_offer(connection, code)).values()]
    decided = (await fee_decisions(connection, [code])).get(code, [])
    agencies = await things(connection, Agency, [service.thing.agency])
    extras = await things(connection, Extra, [each.code for each in service.thing.extras])
    agency = agencies[service.thing.agency].thing
    return service_detail(
        service_summary(service.thing, agency, await _tiers(connection), lang),
        service.thing,
        service.revision,
        fees=standing_fees(decided),
        extras={code: each.thing for code, each in extras.items()},
        offices=offices,
        as_of=earliest_date(offices, clock()),
        lang=lang,
    )
