"""What payers see of their refunds, and how finance starts one again."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.contracts import Text
from dawr.contracts.payments import RefundReason
from dawr.payments.api.parts import Answer, Finance, Parts, ShownMoney, ShownSubject, SignedIn
from dawr.payments.api.payments import SEE_ALL
from dawr.payments.domain.refund import Refund
from dawr.payments.domain.states import RefundState
from dawr.payments.errors import FourEyes, NoSuchRefund, NotSetAside
from dawr.payments.service.refunds import approve
from dawr.payments.store import refunds
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, IdempotencyKey, answer_once
from dawr.servicekit.idempotency import Answer as KeptAnswer
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, moment_and_id, place_of
from dawr.servicekit.problems import request_language, say


class RefundStep(Answer):
    """A state that a refund came to."""

    state: RefundState
    at: datetime
    reason: str | None
    """Why it was set aside, as the provider's code: a person looks at it, and `APPROVED` follows when it goes on."""


class RefundAnswer(Answer):
    """A refund as its payer sees it."""

    id: UUID
    payment_id: UUID
    subject: ShownSubject
    state: RefundState
    amount: ShownMoney
    reason: RefundReason
    tries: int
    """How often the provider was asked."""
    created_at: datetime
    settled_at: datetime | None
    history: list[RefundStep]
    """Its steps, the first one first."""
    expected: str | None
    """How long it usually takes, in words, while it is on its way."""
    links: dict[str, str]

    @classmethod
    def of(cls, refund: Refund, lang: str, *, working_days: int) -> "RefundAnswer":
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            subject=ShownSubject(kind=refund.subject.kind, id=refund.subject.id),
            state=refund.state,
            amount=ShownMoney.of(refund.amount, lang),
            reason=refund.reason,
            tries=refund.tries,
            created_at=refund.created_at,
            settled_at=refund.settled_at,
            history=[RefundStep(state=each.state, at=each.at, reason=each.reason) for each in refund.history],
            expected=_expected(working_days, lang) if refund.settled_at is None else None,
            links={
                "self": f"/api/payments/refunds/{refund.id}",
                "payment": f"/api/payments/payments/{refund.payment_id}",
            },
        )


def _expected(days: int, lang: str) -> str:
    named = {1: "يوم عمل واحد", 2: "يومي عمل"}
    arabic = named.get(days) or f"{days} {'أيام' if days <= 10 else 'يوم'} عمل"
    english = f"{days} working day{'' if days == 1 else 's'}"
    return say(Text(ar=f"يصل المبلغ عادة خلال {arabic}", en=f"Usually within {english}"), lang)


class RefundsAnswer(Answer):
    """A page of refunds, newest first; `next` is the cursor of the next page."""

    items: list[RefundAnswer]
    next: str | None


class ApprovalOrder(BaseModel):
    """Why a refund that was set aside is started again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "The bank is back"}]})

    reason: Annotated[str, Field(min_length=3, max_length=500)]


def create_refunds_router(parts: Parts) -> APIRouter:
    """`/refunds`."""
    router = APIRouter(prefix="/refunds", tags=["refunds"])

    @router.get("", summary="The caller's refunds", operation_id="list_refunds")
    async def list_refunds(
        request: Request,
        response: Response,
        caller: SignedIn,
        subject: UUID | None = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> RefundsAnswer:
        async with parts.database.reading() as connection:
            found = await refunds.of_payer(
                connection,
                caller.person_id,
                subject_id=subject,
                before=place_of(cursor, moment_and_id),
                limit=limit + 1,
            )
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        following = cursor_after(last.created_at.isoformat(), last.id) if last else None
        response.headers.update(link_next(request, following))
        lang = request_language(request)
        days = parts.refund_working_days
        items = [RefundAnswer.of(each, lang, working_days=days) for each in page]
        return RefundsAnswer(items=items, next=following)

    @router.get("/{refund_id}", summary="One refund", operation_id="show_refund", responses=refusals(NoSuchRefund))
    async def show_refund(request: Request, refund_id: UUID, caller: SignedIn) -> RefundAnswer:
        async with parts.database.reading() as connection:
            refund = await refunds.find(connection, refund_id)
        if refund is None or (refund.payer_id != caller.person_id and caller.roles.isdisjoint(SEE_ALL)):
            raise NoSuchRefund
        return RefundAnswer.of(refund, request_language(request), working_days=parts.refund_working_days)

    return router


def create_approvals_router(parts: Parts) -> APIRouter:
    """`/refunds/{id}/approval`."""
    router = APIRouter(prefix="/refunds", tags=["finance"])

    @router.post(
        "/{refund_id}/approval",
        summary="Start a refund again that was set aside",
        operation_id="approve_refund",
        response_model=RefundAnswer,
        responses=refusals(NoSuchRefund, NotSetAside, FourEyes, NotAllowed, *KEY_REFUSALS),
    )
    async def approve_refund(
        request: Request, refund_id: UUID, order: ApprovalOrder, caller: Finance, key: IdempotencyKey = None
    ) -> Response:
        async def start_again(tx: Transaction) -> KeptAnswer:
            refund = await approve(tx, refund_id, caller.person_id, order.reason)
            lang = request_language(request)
            shown = RefundAnswer.of(refund, lang, working_days=parts.refund_working_days)
            return 200, shown.model_dump(mode="json"), {}

        return await answer_once(
            parts.database,
            person_id=caller.person_id,
            key=key,
            request=["approve-refund", refund_id, order.model_dump()],
            use_case=start_again,
        )

    return router
