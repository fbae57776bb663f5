"""`/closures`: days on which nobody is served, decided and withdrawn by people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from dawr.catalog.api.callers import Closer, check_own_office, closure_reader
from dawr.catalog.api.conditional import IfMatch
from dawr.catalog.api.edits import EDIT_REFUSALS, Why, made, read_before, shown, shown_page
from dawr.catalog.api.forms import Form, IsoDate, TextForm
from dawr.catalog.api.shown import Shown
from dawr.catalog.api.shown_offices import ShownClosure, shown_closure
from dawr.catalog.domain.calendars import Closure, ClosureScope
from dawr.catalog.errors import (
    ClosureEndsEarly,
    ClosureOver,
    ClosureWithdrawn,
    DateOver,
    DateTooFar,
    UnknownClosure,
    UnknownOffice,
    UnknownRegion,
)
from dawr.catalog.service.close_days import Closed, Horizon, close_days, open_again
from dawr.catalog.store import closures as closure_store
from dawr.contracts.values import Code, Instant
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, moment_and_id, place_of
from dawr.servicekit.problems import InvalidRequest, request_language


class ClosureForm(Form):
    """Days to be closed, first and last included."""

    scope: ClosureScope
    code: Annotated[Code | None, Field(examples=["DAM-01"])] = None
    """Of the region or office; none for everything."""
    first_day: IsoDate
    last_day: IsoDate
    reason: TextForm
    """What people are told."""

    def place(self) -> tuple[ClosureScope, str | None]:
        """Whom it closes; raises InvalidRequest if scope and code don't go together."""
        if (self.scope is ClosureScope.EVERYTHING) != (self.code is None):
            detail = "a region or office needs its code, everything has none"
            raise InvalidRequest(errors=[{"pointer": "#/code", "code": "code_of_scope", "detail": detail}])
        return self.scope, self.code


class DecidedClosure(ShownClosure):
    """A closure, with who decided it."""

    id: UUID
    code: str | None
    """Of the region or office."""
    revision: int
    decided_by: UUID | None
    """None: it came with the seed."""
    decided_at: Instant
    withdrawn_by: UUID | None
    withdrawn_at: Instant | None
    withdrawn_reason: str | None


class ClosureAnswer(DecidedClosure):
    """A closure that was decided or withdrawn."""

    touches: int
    """How many turns are on its days, as far as is known: none is deleted, their offices are asked."""


class ClosureList(Shown):
    """A page of closures, newest first; `next` is the cursor of the next page."""

    items: tuple[DecidedClosure, ...]
    next: str | None


def create_closures_router(database: Database, horizon: Horizon) -> APIRouter:
    """The resources of closures."""
    router = APIRouter(tags=["staff"])

    @router.get(
        "/closures",
        operation_id="list_closures",
        summary="Closures, newest first, also those that were withdrawn",
        response_model=ClosureList,
        responses=refusals(NotAllowed),
        dependencies=[closure_reader],
    )
    async def list_closures(
        request: Request,
        since: Annotated[IsoDate | None, Query(description="Those that last until this date or longer.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        lang = request_language(request)
        before = place_of(cursor, moment_and_id)
        async with database.reading() as connection:
            found = await closure_store.newest_closures(connection, since=since, before=before, limit=limit + 1)
        items = tuple(_decided(each, lang) for each in found[:limit])
        page = ClosureList(
            items=items,
            next=cursor_after(items[-1].decided_at.isoformat(), items[-1].id) if len(found) > limit else None,
        )
        return shown_page(request, page, page.next)

    @router.post(
        "/closures",
        status_code=201,
        operation_id="close_days",
        summary="Close days",
        description="A planner closes everything, a region or an office; an office's manager that office. It is "
        "published with it; turns on these days stay, and their offices are asked what shall become of them.",
        response_model=ClosureAnswer,
        responses=refusals(
            *KEY_REFUSALS, NotAllowed, UnknownOffice, UnknownRegion, ClosureEndsEarly, DateOver, DateTooFar
        ),
    )
    async def close(request: Request, body: ClosureForm, caller: Closer, key: IdempotencyKey = None) -> Response:
        scope, code = body.place()
        check_own_office(caller, code if scope is ClosureScope.OFFICE else None)
        lang = request_language(request)

        async def use_case(tx: Transaction) -> Answer:
            days = (body.first_day, body.last_day)
            closed = await close_days(tx, scope, code, days, body.reason.text(), by=caller.person_id, horizon=horizon)
            location = f"/api/catalog/closures/{closed.closure.id}"
            return made(_answer(closed, lang), closed.closure.revision, status=201, location=location)

        asked = ("close_days", body.model_dump(mode="json"))
        return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=use_case)

    @router.get(
        "/closures/{closure_id}",
        operation_id="get_closure",
        summary="A closure",
        response_model=DecidedClosure,
        responses=refusals(NotAllowed, UnknownClosure),
        dependencies=[closure_reader],
    )
    async def get_closure(request: Request, closure_id: Annotated[UUID, Path()]) -> Response:
        async with database.reading() as connection:
            found = await closure_store.closure(connection, closure_id)
        if found is None:
            raise UnknownClosure(closure=closure_id)
        return shown(_decided(found, request_language(request)), found.revision)

    _add_withdrawal(router, database, horizon)
    return router


def _add_withdrawal(router: APIRouter, database: Database, horizon: Horizon) -> None:
    @router.post(
        "/closures/{closure_id}/withdrawal",
        operation_id="withdraw_closure",
        summary="Withdraw a closure",
        description="What plans and staff decided for its days from today on counts again, at once.",
        response_model=ClosureAnswer,
        responses=refusals(*KEY_REFUSALS, *EDIT_REFUSALS, NotAllowed, UnknownClosure, ClosureOver, ClosureWithdrawn),
    )
    async def withdraw(
        request: Request,
        closure_id: Annotated[UUID, Path()],
        body: Why,
        caller: Closer,
        key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        seen = read_before(if_match)
        lang = request_language(request)

        async def use_case(tx: Transaction) -> Answer:
            found = await closure_store.closure(tx.connection, closure_id)
            if found is not None:
                check_own_office(caller, found.code if found.scope is ClosureScope.OFFICE else None)
            opened = await open_again(
                tx, closure_id, seen=seen, by=caller.person_id, reason=body.reason, horizon=horizon
            )
            return made(_answer(opened, lang), opened.closure.revision)

        asked = ("withdraw_closure", str(closure_id), body.reason, sorted(seen))
        return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=use_case)


def _decided(closure: Closure, lang: str) -> DecidedClosure:
    return DecidedClosure(
        **dict(shown_closure(closure, lang)),
        id=closure.id,
        code=closure.code,
        revision=closure.revision,
        decided_by=closure.decided_by,
        decided_at=closure.decided_at,
        withdrawn_by=closure.withdrawn_by,
        withdrawn_at=closure.withdrawn_at,
        withdrawn_reason=closure.withdrawn_reason,
    )


def _answer(closed: Closed, lang: str) -> ClosureAnswer:
    return ClosureAnswer(**dict(_decided(closed.closure, lang)), touches=closed.touches)
