"""Mandates, for both of their sides."""

from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from dawr.consular.api.callers import Citizen
from dawr.consular.api.pages import page
from dawr.consular.api.views import MandateList, ShownMandate, shown_mandate
from dawr.consular.domain.mandate import Mandate, as_of
from dawr.consular.errors import MandateForOneself, MandateNotActive
from dawr.consular.service.mandates import consent_to_mandate, draft_mandate, revoke_mandate
from dawr.consular.store import mandates
from dawr.contracts.consular import Kinship
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, moment_and_id, place_of
from dawr.servicekit.problems import NotFound


class DraftMandate(BaseModel):
    """Whom the caller wants to act for."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"person_id": "0198c1de-0000-7000-8000-00000000cafe", "kinship": "sibling"}]},
    )

    person_id: UUID
    kinship: Kinship


class MandateResource:
    """`/mandates`."""

    def __init__(self, database: Database, *, mandate_days: int) -> None:
        self._database = database
        self._days = mandate_days

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["mandates"])
        router.post(
            "/mandates",
            operation_id="draft_mandate",
            summary="Ask a person for a mandate to act for them",
            status_code=201,
            response_model=ShownMandate,
            responses=refusals(*KEY_REFUSALS, NotAllowed, MandateForOneself),
        )(self.draft)
        router.get(
            "/mandates",
            operation_id="list_mandates",
            summary="Mandates in which I am the person or the agent, newest first",
            response_model=MandateList,
            responses=refusals(NotAllowed),
        )(self.list_own)
        router.get(
            "/mandates/{id}",
            operation_id="get_mandate",
            summary="A mandate",
            response_model=ShownMandate,
            responses=refusals(NotAllowed, NotFound),
        )(self.get)
        router.post(
            "/mandates/{id}/consent",
            operation_id="consent_to_mandate",
            summary="Let the agent act for me",
            response_model=ShownMandate,
            responses=refusals(*KEY_REFUSALS, NotAllowed, NotFound, MandateNotActive),
        )(self.consent)
        router.post(
            "/mandates/{id}/revocation",
            operation_id="revoke_mandate",
            summary="Take a mandate back, from either side",
            response_model=ShownMandate,
            responses=refusals(*KEY_REFUSALS, NotAllowed, NotFound, MandateNotActive),
        )(self.revoke)
        return router

    async def draft(self, caller: Citizen, body: DraftMandate, idempotency_key: IdempotencyKey = None) -> Response:
        """A mandate that waits for its person's consent."""

        async def use_case(tx: Transaction) -> Answer:
            mandate = await draft_mandate(
                tx, agent=caller.person_id, person=body.person_id, kinship=body.kinship, days=self._days
            )
            shown = shown_mandate(mandate)
            return 201, shown, {"location": shown["links"]["self"]}

        return await answer_once(
            self._database,
            person_id=caller.person_id,
            key=idempotency_key,
            request=["draft-mandate", body.model_dump(mode="json")],
            use_case=use_case,
        )

    async def list_own(self, request: Request, caller: Citizen, limit: Limit = 20, cursor: Cursor = None) -> Response:
        """Mandates of the caller, whichever side they are on."""
        before = place_of(cursor, moment_and_id)
        now = self._database.clock()
        async with self._database.reading() as connection:
            found = await mandates.page(connection, caller.person_id, before=before, limit=limit + 1)
        return page(request, found, limit, shown=lambda each, _: shown_mandate(as_of(each, now)), place=_place)

    async def get(self, caller: Citizen, id: UUID) -> Response:
        """A mandate in which the caller has a side."""
        async with self._database.reading() as connection:
            mandate = await mandates.find(connection, id)
        if mandate is None or caller.person_id not in {mandate.person_id, mandate.agent_id}:
            raise NotFound
        body = orjson.dumps(shown_mandate(as_of(mandate, self._database.clock())))
        return Response(body, 200, {"cache-control": "no-store"}, "application/json")

    async def consent(self, caller: Citizen, id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
        """The person agrees: the mandate is active from now on."""

        async def use_case(tx: Transaction) -> Answer:
            mandate = await consent_to_mandate(tx, id, caller=caller.person_id, days=self._days)
            return 200, shown_mandate(mandate), {}

        return await answer_once(
            self._database,
            person_id=caller.person_id,
            key=idempotency_key,
            request=["consent-to-mandate", str(id)],
            use_case=use_case,
        )

    async def revoke(self, caller: Citizen, id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
        """Either side ends the mandate; cases that were opened under it go on."""

        async def use_case(tx: Transaction) -> Answer:
            return 200, shown_mandate(await revoke_mandate(tx, id, caller=caller.person_id)), {}

        return await answer_once(
            self._database,
            person_id=caller.person_id,
            key=idempotency_key,
            request=["revoke-mandate", str(id)],
            use_case=use_case,
        )


def _place(mandate: Mandate) -> tuple[object, ...]:
    return mandate.created_at.isoformat(), mandate.id
