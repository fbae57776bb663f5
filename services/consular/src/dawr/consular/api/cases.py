"""The cases of a person, and those of a mission for its staff."""

import datetime as dt
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from dawr.consular.api.callers import Citizen, MissionStaff
from dawr.consular.api.pages import page
from dawr.consular.api.views import CaseList, ShownCaseWithHistory, links_of, shown_case, shown_case_with_history
from dawr.consular.domain.case import ANSWERED, LIVE, Case, CaseState, Wish, case_id
from dawr.consular.errors import (
    SEAT_REFUSALS,
    CaseOver,
    CatalogueMissing,
    MandateInUse,
    MandateNotActive,
    NoFee,
    NoRate,
    NotOffered,
    TooLateToCancel,
    UnknownMission,
    UnknownService,
)
from dawr.consular.service.follow_case import ask_to_cancel
from dawr.consular.service.open_case import open_case
from dawr.consular.store import cases
from dawr.consular.store.cases import After
from dawr.consular.watch import Watch
from dawr.contracts.consular import CaseOpened
from dawr.contracts.values import Code, Currency, TierCode, WindowStart
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once, needed
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, moment_and_id, place_of
from dawr.servicekit.prefer import Prefer, wait_seconds
from dawr.servicekit.problems import NotFound, request_language


class OpenCase(BaseModel):
    """What somebody asks a mission for."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "service": "CSL_PASS",
                    "tier": "N",
                    "mission": "BER-01",
                    "date": "2026-12-01",
                    "window": None,
                    "mandate": None,
                    "pay_currency": "EUR",
                }
            ]
        },
    )

    service: Code
    tier: TierCode
    mission: Code
    date: dt.date
    """A local date of the mission."""
    window: WindowStart | None = None
    """Any, if none is named."""
    mandate: UUID | None = None
    """The mandate under which the caller acts for somebody else; none: for themselves."""
    pay_currency: Currency | None = None
    """In which the fee is paid, at the newest rate; none: in the fee's own."""

    def wish(self) -> Wish:
        """What is asked for."""
        return Wish(
            service=self.service,
            tier=self.tier,
            mission=self.mission,
            date=self.date,
            window=self.window,
            mandate_id=self.mandate,
            pay_currency=self.pay_currency,
        )


class CaseResource:
    """`/cases`, and `/missions/{code}/cases`."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["cases"])
        router.post(
            "/cases",
            operation_id="open_case",
            summary="Open a case: booking is asked for a turn at the mission",
            status_code=202,
            response_model=ShownCaseWithHistory,
            responses={
                201: {"model": ShownCaseWithHistory, "description": "The seat is held (with `Prefer: wait`)."},
                **refusals(
                    *KEY_REFUSALS,
                    NotAllowed,
                    NotFound,
                    UnknownMission,
                    UnknownService,
                    NotOffered,
                    NoFee,
                    NoRate,
                    MandateNotActive,
                    MandateInUse,
                    CatalogueMissing,
                    *SEAT_REFUSALS.values(),
                ),
            },
        )(self.open)
        router.get(
            "/cases",
            operation_id="list_cases",
            summary="Cases that I opened or that are for me, newest first",
            response_model=CaseList,
            responses=refusals(NotAllowed),
        )(self.list_own)
        router.get(
            "/cases/{id}",
            operation_id="get_case",
            summary="A case and its history",
            response_model=ShownCaseWithHistory,
            responses=refusals(NotAllowed, NotFound),
        )(self.get)
        router.post(
            "/cases/{id}/cancellation",
            operation_id="cancel_case",
            summary="Give the turn of a case back",
            status_code=202,
            response_model=ShownCaseWithHistory,
            responses={
                200: {"model": ShownCaseWithHistory, "description": "It was given back (with `Prefer: wait`)."},
                **refusals(*KEY_REFUSALS, NotAllowed, NotFound, CaseOver, TooLateToCancel),
            },
        )(self.cancel)
        router.get(
            "/missions/{code}/cases",
            operation_id="list_mission_cases",
            summary="The cases of a mission, for its staff, newest first",
            tags=["missions"],
            response_model=CaseList,
            responses=refusals(NotAllowed, NotFound),
        )(self.list_of_mission)
        return router

    async def open(
        self,
        request: Request,
        caller: Citizen,
        body: OpenCase,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        """Open a case. Answered 202 at once, or, with `Prefer: wait`, when booking's answer is there."""
        key, wish = needed(idempotency_key), body.wish()

        async def use_case(tx: Transaction) -> Answer:
            case = await open_case(tx, caller=caller.person_id, key=key, wish=wish)
            opened = [cases.Move(CaseState.OPENED, CaseOpened.wire_type, case.opened_at)]
            shown = shown_case_with_history(case, opened, request_language(request))
            return 202, shown, {"location": links_of(case)["self"]}

        answer = await answer_once(
            self._database,
            person_id=caller.person_id,
            key=key,
            request=["open-case", body.model_dump(mode="json")],
            use_case=use_case,
        )
        seconds = wait_seconds(prefer)
        id = case_id(caller.person_id, key)
        if not seconds or await self._watch.until_in(id, ANSWERED, seconds=seconds) is None:
            return answer
        case = await self._own(id, caller)
        if case.refusal is not None:
            opens_at = case.opens_at.isoformat() if case.opens_at else None
            raise SEAT_REFUSALS[case.refusal](case_id=str(case.id), opens_at=opens_at, links=links_of(case))
        return await self._shown(request, case, 201, {"preference-applied": f"wait={seconds}"})

    async def list_own(self, request: Request, caller: Citizen, limit: Limit = 20, cursor: Cursor = None) -> Response:
        """Cases that the caller opened, and those that others opened for them."""
        after = place_of(cursor, _after)
        async with self._database.reading() as connection:
            found = await cases.page_of_person(connection, caller.person_id, after=after, limit=limit + 1)
        return page(request, found, limit, shown=shown_case, place=_place)

    async def get(self, request: Request, caller: Citizen, id: UUID) -> Response:
        """A case of the caller's."""
        return await self._shown(request, await self._own(id, caller), 200, {})

    async def cancel(
        self,
        request: Request,
        caller: Citizen,
        id: UUID,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        """Ask booking to take the turn back; what was paid comes back with it."""

        async def use_case(tx: Transaction) -> Answer:
            case = await ask_to_cancel(tx, id, caller=caller.person_id)
            if case is None:
                raise NotFound
            history = await cases.history(tx.connection, id)
            shown = shown_case_with_history(case, history, request_language(request))
            return 202, shown, {"location": links_of(case)["self"]}

        answer = await answer_once(
            self._database,
            person_id=caller.person_id,
            key=idempotency_key,
            request=["cancel-case", str(id)],
            use_case=use_case,
        )
        seconds = wait_seconds(prefer)
        over = frozenset(CaseState) - LIVE
        if not seconds or await self._watch.until_in(id, over, seconds=seconds) is None:
            return answer
        case = await self._own(id, caller)
        return await self._shown(request, case, 200, {"preference-applied": f"wait={seconds}"})

    async def list_of_mission(
        self,
        request: Request,
        caller: MissionStaff,
        code: Annotated[Code, Path()],
        date: Annotated[dt.date | None, Query(description="Of the turn, local to the mission.")] = None,
        state: CaseState | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """The cases of the caller's own mission; another one is as if it did not exist."""
        if caller.office != code:
            raise NotFound
        after = place_of(cursor, _after)
        async with self._database.reading() as connection:
            found = await cases.page_of_mission(connection, code, date=date, state=state, after=after, limit=limit + 1)
        return page(request, found, limit, shown=shown_case, place=_place)

    async def _own(self, id: UUID, caller: Citizen) -> Case:
        async with self._database.reading() as connection:
            case = await cases.find(connection, id)
        if case is None or caller.person_id not in {case.opened_by, case.person_id}:
            raise NotFound
        return case

    async def _shown(self, request: Request, case: Case, status: int, headers: dict[str, str]) -> Response:
        lang = request_language(request)
        async with self._database.reading() as connection:
            history = await cases.history(connection, case.id)
        headers |= {"content-language": lang, "cache-control": "no-store", "location": links_of(case)["self"]}
        body = shown_case_with_history(case, history, lang)
        return Response(orjson.dumps(body), status, headers, "application/json")


def _place(case: Case) -> tuple[object, ...]:
    return case.opened_at.isoformat(), case.id


def _after(at: str, id: str) -> After:
    return After(*moment_and_id(at, id))
