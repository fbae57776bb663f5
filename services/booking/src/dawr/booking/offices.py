"""What the staff of an office asks booking over HTTP: its open questions, and a day that can't take place."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.booking.catalogue import Catalogue
from dawr.booking.errors import NothingToCancel, UnknownCancellation, UnknownOffice
from dawr.booking.service.cancel_days import cancel_day, cancellation_id
from dawr.booking.store import cancellations, questions
from dawr.booking.store.cancellations import DayCancellation, Progress
from dawr.booking.store.questions import Question
from dawr.contracts import Text
from dawr.contracts.values import Code, TierCode
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, moment_and_id, place_of

Manager = Annotated[Caller, Depends(signed_in(Role.OFFICE_MANAGER, Role.APPROVER))]
Office = Annotated[Code, Path(examples=["DAM-01"])]
Day = Annotated[dt.date, Path(examples=["2026-12-01"], description="A local date of the office.")]
Words = Annotated[str, Field(min_length=3, max_length=500)]


class Reason(BaseModel):
    """Why, in words that everybody concerned is told; nothing personal."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    ar: Words
    en: Words


class CancelDayForm(BaseModel):
    """What an office decides about a day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"reason": {"ar": "عاصفة رملية", "en": "A sandstorm"}, "instead": "move"}],
        },
    )

    service: Code | None = None
    """None: all of them."""
    tier: TierCode | None = None
    reason: Reason
    instead: Literal["move", "refund"]
    """`move`: to the next free day of the same office, service and tier; with no such day, and with `refund`, the
    turn is cancelled and what was paid goes back in full."""


class PoolProgress(BaseModel):
    service: str
    tier: str
    state: Literal["waiting", "under-way", "completed", "reopened"]
    """`reopened`: the catalog published the day anew meanwhile, and what was left stays."""
    moved: int
    cancelled: int
    refunded: int
    left: int


class CancellationDocument(BaseModel):
    """A day that an office cancelled, and how far its turns are."""

    model_config = ConfigDict(title="DayCancellation")

    id: UUID
    office: str
    date: dt.date
    service: str | None
    tier: str | None
    instead: str
    reason: Reason
    asked_by: UUID
    asked_at: dt.datetime
    state: Literal["under-way", "completed"]
    moved: int
    cancelled: int
    refunded: int
    """How many of the cancelled ones had been paid: their money goes back in full."""
    left: int
    """Live turns that are still to be moved or cancelled."""
    pools: list[PoolProgress]
    links: dict[str, str]


class QuestionDocument(BaseModel):
    """A pool with more turns than seats, because the catalog closed or lowered its day."""

    model_config = ConfigDict(title="Question")

    id: UUID
    office: str
    service: str
    tier: str
    date: dt.date
    turns: int
    planned: int
    """0: the day is closed."""
    reason: Reason | None
    raised_at: dt.datetime
    answered_at: dt.datetime | None
    answered_by: UUID | None
    answer: str | None
    """move, refund; reopened, if the catalog gave the seats back first."""
    links: dict[str, str]


class QuestionList(BaseModel):
    items: list[QuestionDocument]
    next: str | None


def create_offices_router(database: Database, catalogue: Catalogue) -> APIRouter:
    """The resources of offices' staff: an office's manager for their office, an approver for all."""
    router = APIRouter(prefix="/offices/{code}", tags=["offices"])

    @router.get("/questions", operation_id="list_questions", summary="What an office is asked, newest first",
                response_model=QuestionList, responses=refusals(NotAllowed, UnknownOffice))  # fmt: skip
    async def list_questions(
        request: Request,
        code: Office,
        caller: Manager,
        state: Annotated[Literal["open", "answered"], Query()] = "open",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response:
        _check(caller, code, catalogue)
        async with database.reading() as connection:
            found = await questions.of_office(
                connection, code, state, limit=limit + 1, before=place_of(cursor, moment_and_id)
            )
        more = None
        if len(found) > limit:
            last = found[limit - 1]
            more = cursor_after(last.raised_at.isoformat(), last.id)
        body = QuestionList(items=[_question(each) for each in found[:limit]], next=more)
        return _json(body, 200, link_next(request, more))

    @router.post("/days/{date}/cancellation", operation_id="cancel_day", summary="Cancel a day of an office",
                 description="Closes the day at once, for new requests too, until the catalog publishes another plan "
                             "for it. Everybody who has a turn there is then moved or refunded, and told why, but for "
                             "those whose window has ended: they were served.",
                 status_code=202, response_model=CancellationDocument,
                 responses=refusals(*KEY_REFUSALS, NotAllowed, UnknownOffice, NothingToCancel))  # fmt: skip
    async def post_cancellation(
        code: Office, date: Day, caller: Manager, form: CancelDayForm, idempotency_key: IdempotencyKey = None
    ) -> Response:
        _check(caller, code, catalogue)

        async def decide(tx: Transaction) -> Answer:
            decided = DayCancellation(
                id=cancellation_id(caller.person_id, idempotency_key or "", code, date),
                office=code,
                date=date,
                service=form.service,
                tier=form.tier,
                instead=form.instead,
                reason=Text(ar=form.reason.ar, en=form.reason.en),
                asked_by=caller.person_id,
                role=(Role.OFFICE_MANAGER if Role.OFFICE_MANAGER in caller.roles else Role.APPROVER).value,
                asked_at=tx.now,
            )
            await cancel_day(tx, decided)
            shown = _cancellation(decided, await cancellations.progress(tx.connection, decided))
            return 202, shown.model_dump(mode="json"), {"location": shown.links["self"], "cache-control": "no-store"}

        request = (code, date.isoformat(), form.model_dump(mode="json"))
        return await answer_once(
            database, person_id=caller.person_id, key=idempotency_key, request=request, use_case=decide
        )

    @router.get("/days/{date}/cancellations/{id}", operation_id="get_day_cancellation",
                summary="How far a cancelled day is", response_model=CancellationDocument,
                responses=refusals(NotAllowed, UnknownOffice, UnknownCancellation))  # fmt: skip
    async def get_cancellation(code: Office, date: Day, id: UUID, caller: Manager) -> Response:
        _check(caller, code, catalogue)
        async with database.reading() as connection:
            found = await cancellations.find(connection, id, code, date)
            if found is None:
                raise UnknownCancellation
            progress = await cancellations.progress(connection, found)
        return _json(_cancellation(found, progress), 200, {"cache-control": "no-store"})

    return router


def _check(caller: Caller, office: str, catalogue: Catalogue) -> None:
    """A manager decides about their own office only; an approver about each."""
    if Role.APPROVER not in caller.roles and caller.office != office:
        raise NotAllowed
    if office not in catalogue.offices:
        raise UnknownOffice


def _json(body: BaseModel, status: int, headers: dict[str, str]) -> Response:
    return Response(body.model_dump_json(), status, headers, "application/json")


def _cancellation(decided: DayCancellation, progress: list[Progress]) -> CancellationDocument:
    day = f"/api/booking/offices/{decided.office}/days/{decided.date.isoformat()}"
    is_under_way = any(each.state in {"waiting", "under-way"} for each in progress)
    return CancellationDocument(
        **{name: value for name, value in vars(decided).items() if name not in {"reason", "role"}},
        reason=_reason(decided.reason),
        state="under-way" if is_under_way else "completed",
        moved=sum(each.moved for each in progress),
        cancelled=sum(each.cancelled for each in progress),
        refunded=sum(each.refunded for each in progress),
        left=sum(each.left for each in progress),
        pools=[_pool(each) for each in progress],
        links={"self": f"{day}/cancellations/{decided.id}"},
    )


def _pool(progress: Progress) -> PoolProgress:
    _, service, tier, _ = progress.pool.split("/")
    values: dict[str, Any] = {name: value for name, value in vars(progress).items() if name != "pool"}
    return PoolProgress(service=service, tier=tier, **values)


def _question(question: Question) -> QuestionDocument:
    pool = question.pool
    return QuestionDocument(
        **{name: value for name, value in vars(question).items() if name not in {"pool", "reason"}},
        office=pool.office,
        service=pool.service,
        tier=pool.tier,
        date=pool.date,
        reason=_reason(question.reason) if question.reason else None,
        links={"cancellation": f"/api/booking/offices/{pool.office}/days/{pool.date.isoformat()}/cancellation"},
    )


def _reason(text: Text) -> Reason:
    return Reason(ar=text.ar, en=text.en)
