"""`/fees`: what planners decide about money."""

from fastapi import APIRouter, Request, Response

from dawr.catalog.api.callers import Planner
from dawr.catalog.api.forms import FeeChange
from dawr.catalog.api.shown import DecidedFee, shown_fee
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
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import request_language


def create_fees_router(database: Database) -> APIRouter:
    """The resources of fees."""
    router = APIRouter(tags=["staff"])

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
