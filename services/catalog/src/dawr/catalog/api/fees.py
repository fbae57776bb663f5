"""`/fees`: what planners decide about money."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dawr.catalog.api.callers import Planner, reader
from dawr.catalog.api.edits import shown_page
from dawr.catalog.api.forms import FeeChange
from dawr.catalog.api.pages import number
from dawr.catalog.api.shown import DecidedFee, Shown, ShownFee, shown_fee
from dawr.catalog.domain.services import Origin, Service
from dawr.catalog.errors import (
    CurrencyNotSupported,
    DateOver,
    DateTooFar,
    Negative,
    NotOffered,
    UnknownService,
    WrongCurrency,
)
from dawr.catalog.service.decide import set_fee
from dawr.catalog.store.history import KeptFee, fee_history
from dawr.catalog.store.things import thing
from dawr.contracts.values import Code, Instant
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, place_of
from dawr.servicekit.problems import request_language


class KeptFeeShown(ShownFee):
    """A fee as it was decided once; of two for the same tier, channel and day the later decision stands."""

    number: int
    """Counts up with each decision."""
    origin: Origin
    decided_at: Instant


class FeeList(Shown):
    """A page of fees, the last decision first; `next` is the cursor of the next page."""

    items: tuple[KeptFeeShown, ...]
    next: str | None


def create_fees_router(database: Database) -> APIRouter:
    """The resources of fees."""
    router = APIRouter(tags=["staff"])

    @router.get(
        "/fees",
        operation_id="list_fees",
        summary="Every fee that was decided for a service, the last decision first",
        response_model=FeeList,
        responses=refusals(NotAllowed, UnknownService),
        dependencies=[reader],
    )
    async def list_fees(
        request: Request,
        service: Annotated[Code, Query(examples=["PASS_REN"])],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        lang = request_language(request)
        before = place_of(cursor, number)
        async with database.reading() as connection:
            if await thing(connection, Service, service) is None:
                raise UnknownService(service=service)
            found = await fee_history(connection, service, before=before, limit=limit + 1)
        items = tuple(_kept(each, lang) for each in found[:limit])
        page = FeeList(items=items, next=cursor_after(items[-1].number) if len(found) > limit else None)
        return shown_page(request, page, page.next)

    @router.post(
        "/fees",
        status_code=201,
        operation_id="decide_fee",
        summary="Decide a fee from a day on",
        response_model=DecidedFee,
        responses=refusals(
            *KEY_REFUSALS,
            NotAllowed,
            UnknownService,
            NotOffered,
            DateOver,
            Negative,
            CurrencyNotSupported,
            WrongCurrency,
            DateTooFar,
        ),
    )
    async def decide_fee(request: Request, body: FeeChange, caller: Planner, key: IdempotencyKey = None) -> Response:
        lang = request_language(request)

        async def decide(tx: Transaction) -> Answer:
            revision = await set_fee(tx, body.service, body.fee(), by=caller.person_id, reason=body.reason)
            decided = DecidedFee(service=body.service, revision=revision, fee=shown_fee(body.fee(), lang))
            headers = {"location": f"/api/catalog/services/{body.service}", "cache-control": "no-store"}
            return 201, decided.model_dump(mode="json"), headers

        return await answer_once(
            database,
            person_id=caller.person_id,
            key=key,
            request=("decide_fee", body.model_dump(mode="json")),
            use_case=decide,
        )

    return router


def _kept(fee: KeptFee, lang: str) -> KeptFeeShown:
    return KeptFeeShown(
        **dict(shown_fee(fee.decision.fee, lang)),
        number=fee.number,
        origin=fee.decision.origin,
        decided_at=fee.decided_at,
    )
