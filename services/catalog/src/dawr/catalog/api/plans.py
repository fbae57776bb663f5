"""`/plans`: what offices can serve in a week, proposed by one person and approved by another."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from dawr.catalog.api.callers import Approver, Planner, reader
from dawr.catalog.api.conditional import IfMatch
from dawr.catalog.api.edits import (
    EDIT_REFUSALS,
    OfOffice,
    OfService,
    Why,
    made,
    read_before,
    shown,
    shown_page,
    told_in_language,
)
from dawr.catalog.api.plan_forms import PlanList, PlanProposal, PlanRevision, ShownPlan, shown_plan
from dawr.catalog.domain.plans import CapacityPlan, PlanState
from dawr.catalog.errors import (
    BelowUse,
    DateOver,
    DateTooFar,
    NotOffered,
    NotYourProposal,
    OwnProposal,
    PlanMovedOn,
    PlanOvertaken,
    RulesBroken,
    UnknownOffice,
    UnknownPlan,
    UnknownService,
)
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.plan_moves import (
    approve_plan,
    propose_plan,
    publish_plan,
    reject_plan,
    revise_plan,
    withdraw_plan,
)
from dawr.catalog.store import plans as plan_store
from dawr.servicekit.auth import Caller, NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, place_of

PlanId = Annotated[UUID, Path(description="Of the plan.")]

_WEEK = (UnknownOffice, UnknownService, NotOffered, RulesBroken, DateOver, DateTooFar)
_MOVE = (*KEY_REFUSALS, *EDIT_REFUSALS, NotAllowed, UnknownPlan, PlanMovedOn)


def create_plans_router(database: Database, horizon: Horizon) -> APIRouter:
    """The resources of plans."""
    router = APIRouter(tags=["staff"])
    _add_reading(router, database)
    _add_proposing(router, database)
    _add_deciding(router, database)
    _add_publishing(router, database, horizon)
    return router


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/plans",
        operation_id="list_plans",
        summary="Plans, newest first",
        response_model=PlanList,
        responses=refusals(NotAllowed),
        dependencies=[reader],
    )
    async def list_plans(
        request: Request,
        office: OfOffice = None,
        service: OfService = None,
        state: Annotated[PlanState | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        before = place_of(cursor, UUID)
        async with database.reading() as connection:
            found = await plan_store.newest_plans(
                connection, office=office, service=service, state=state, before=before, limit=limit + 1
            )
        items = tuple(shown_plan(each) for each in found[:limit])
        page = PlanList(items=items, next=cursor_after(items[-1].id) if len(found) > limit else None)
        return shown_page(request, page, page.next)

    @router.get(
        "/plans/{plan_id}",
        operation_id="get_plan",
        summary="A plan",
        response_model=ShownPlan,
        responses=refusals(NotAllowed, UnknownPlan),
        dependencies=[reader],
    )
    async def get_plan(plan_id: PlanId) -> Response:
        async with database.reading() as connection:
            plan = await plan_store.plan(connection, plan_id)
        if plan is None:
            raise UnknownPlan(plan=plan_id)
        return shown(shown_plan(plan), plan.revision)


def _add_proposing(router: APIRouter, database: Database) -> None:
    @router.post(
        "/plans",
        status_code=201,
        operation_id="propose_plan",
        summary="Propose a plan",
        description="Somebody else has to approve it before it can be published.",
        response_model=ShownPlan,
        responses=refusals(*KEY_REFUSALS, NotAllowed, *_WEEK),
    )
    async def propose(request: Request, body: PlanProposal, caller: Planner, key: IdempotencyKey = None) -> Response:
        async def use_case(tx: Transaction) -> Answer:
            plan = await propose_plan(tx, body.offer, body.rows(body.offer), by=caller.person_id, reason=body.reason)
            location = f"/api/catalog/plans/{plan.id}"
            return made(shown_plan(plan), plan.revision, status=201, location=location)

        asked = ("propose_plan", body.model_dump(mode="json"))
        with told_in_language(request):
            return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=use_case)

    @router.put(
        "/plans/{plan_id}",
        operation_id="revise_plan",
        summary="Revise one's own proposal",
        description="It is based on what is in force now: whoever revises has seen it.",
        response_model=ShownPlan,
        responses=refusals(*EDIT_REFUSALS, NotAllowed, UnknownPlan, PlanMovedOn, NotYourProposal, *_WEEK),
    )
    async def revise(
        request: Request, plan_id: PlanId, body: PlanRevision, caller: Planner, if_match: IfMatch = None
    ) -> Response:
        seen = read_before(if_match)
        with told_in_language(request):
            async with database.transaction() as tx:
                plan = await revise_plan(tx, plan_id, body.rows, seen=seen, by=caller.person_id, reason=body.reason)
        return shown(shown_plan(plan), plan.revision)

    @router.post(
        "/plans/{plan_id}/withdrawal",
        operation_id="withdraw_plan",
        summary="Withdraw one's own plan before it is published",
        response_model=ShownPlan,
        responses=refusals(*_MOVE, NotYourProposal),
    )
    async def withdraw(
        plan_id: PlanId, body: Why, caller: Planner, key: IdempotencyKey = None, if_match: IfMatch = None
    ) -> Response:
        return await _move(database, withdraw_plan, plan_id, body, caller, key, if_match)


def _add_deciding(router: APIRouter, database: Database) -> None:
    @router.post(
        "/plans/{plan_id}/approval",
        operation_id="approve_plan",
        summary="Approve somebody else's plan",
        description="The person counts, under whatever role or token: who proposed it is refused.",
        response_model=ShownPlan,
        responses=refusals(*_MOVE, OwnProposal, PlanOvertaken, NotOffered),
    )
    async def approve(
        plan_id: PlanId, body: Why, caller: Approver, key: IdempotencyKey = None, if_match: IfMatch = None
    ) -> Response:
        return await _move(database, approve_plan, plan_id, body, caller, key, if_match)

    @router.post(
        "/plans/{plan_id}/rejection",
        operation_id="reject_plan",
        summary="Reject somebody else's plan",
        response_model=ShownPlan,
        responses=refusals(*_MOVE, OwnProposal),
    )
    async def reject(
        plan_id: PlanId, body: Why, caller: Approver, key: IdempotencyKey = None, if_match: IfMatch = None
    ) -> Response:
        return await _move(database, reject_plan, plan_id, body, caller, key, if_match)


def _add_publishing(router: APIRouter, database: Database, horizon: Horizon) -> None:
    @router.post(
        "/plans/{plan_id}/publication",
        operation_id="publish_plan",
        summary="Publish an approved plan",
        description="Its months are published with it, and published plans from its date on give way. A day that "
        "would have fewer seats than have turns is refused.",
        response_model=ShownPlan,
        responses=refusals(*_MOVE, OwnProposal, PlanOvertaken, NotOffered, BelowUse),
    )
    async def publish(
        plan_id: PlanId, body: Why, caller: Planner, key: IdempotencyKey = None, if_match: IfMatch = None
    ) -> Response:
        async def at_once(
            tx: Transaction, plan_id: UUID, *, seen: frozenset[int], by: UUID, reason: str
        ) -> CapacityPlan:
            return await publish_plan(tx, plan_id, seen=seen, by=by, reason=reason, horizon=horizon)

        return await _move(database, at_once, plan_id, body, caller, key, if_match)


async def _move(
    database: Database,
    use_case: Callable[..., Awaitable[CapacityPlan]],
    plan_id: UUID,
    body: Why,
    caller: Caller,
    key: str | None,
    if_match: str | None,
) -> Response:
    seen = read_before(if_match)

    async def move(tx: Transaction) -> Answer:
        plan = await use_case(tx, plan_id, seen=seen, by=caller.person_id, reason=body.reason)
        return made(shown_plan(plan), plan.revision)

    asked = (use_case.__name__, str(plan_id), body.reason, sorted(seen))
    return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=move)
