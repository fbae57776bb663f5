"""`/services`: what can be asked for. Anybody may read it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.api.conditional import KEPT, IfNoneMatch, PublicAnswers
from dawr.catalog.api.pages import Cursor, Search, SortedBy, asked, next_page, page_after
from dawr.catalog.api.shown import ServiceDetail, ServiceList, service_detail, service_summary
from dawr.catalog.domain.offices import earliest_date
from dawr.catalog.domain.services import Agency, Audience, Extra, Service, standing_fees
from dawr.catalog.errors import UnknownService
from dawr.catalog.store.fees import fee_decisions
from dawr.catalog.store.search import find_services
from dawr.catalog.store.things import offices_that_offer, thing, things
from dawr.contracts import Channel
from dawr.contracts.catalog import Tier
from dawr.contracts.values import Code
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.clock import Clock
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Limit, link_next


def create_services_router(public: PublicAnswers) -> APIRouter:
    """The public resources of services."""
    router = APIRouter(tags=["catalogue"])

    @router.get(
        "/services",
        operation_id="list_services",
        summary="Services in use: what is searched for, the best first, or by code",
        description=(
            "Marks, hamza, taa marbuta, alef maqsura and the article make no difference; names, keywords, agency and "
            "description are searched, names before the others; a misspelt word stands for those most like it."
        ),
        response_model=ServiceList,
        responses=KEPT,
        openapi_extra=PUBLIC,
    )
    async def list_services(
        request: Request,
        q: Search = None,
        agency: Annotated[Code | None, Query(examples=["IMM"])] = None,
        audience: Annotated[Audience | None, Query(description="Who asks.")] = None,
        channel: Annotated[Channel | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        words = asked(q)
        by: SortedBy = "code" if words is None else "rank"
        after = page_after(cursor, by)

        async def read(connection: AsyncConnection, lang: str) -> ServiceList:
            found = await find_services(
                connection, q=words, agency=agency, audience=audience, channel=channel, after=after, limit=limit + 1
            )
            agencies = await things(connection, Agency)
            tiers = await _tiers(connection)
            page = found[:limit]
            items = (service_summary(each.thing, agencies[each.thing.agency].thing, tiers, lang) for each in page)
            return ServiceList(items=tuple(items), next=next_page(by, page[-1]) if len(found) > limit else None)

        return await public.give(request, if_none_match, read, links=lambda page: link_next(request, page.next))

    @router.get(
        "/services/{code}",
        operation_id="get_service",
        summary="A service: fees, documents, where it is offered",
        response_model=ServiceDetail,
        responses={**KEPT, **refusals(UnknownService)},
        openapi_extra=PUBLIC,
    )
    async def get_service(
        request: Request, code: Annotated[Code, Path(examples=["PASS_REN"])], if_none_match: IfNoneMatch = None
    ) -> Response:
        async def read(connection: AsyncConnection, lang: str) -> ServiceDetail:
            return await _detail(connection, code, lang, public.database.clock)

        return await public.give(request, if_none_match, read, by_day=True)

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
