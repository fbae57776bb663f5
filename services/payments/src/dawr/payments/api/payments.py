"""What payers see of their payments, and how they pay."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.contracts import FxRate
from dawr.payments.api.parts import Answer, Parts, ShownMoney, ShownSubject, SignedIn
from dawr.payments.checkouts import open_checkout
from dawr.payments.domain.attempt import Attempt
from dawr.payments.domain.payment import Payment
from dawr.payments.domain.states import WAITING, PaymentState
from dawr.payments.errors import (
    AlreadyPaid,
    NoSuchPayment,
    PaymentOver,
    ProviderAway,
    ProviderRefused,
    UnknownProvider,
)
from dawr.payments.service.attempts import begin
from dawr.payments.store import payments
from dawr.servicekit.auth import Role
from dawr.servicekit.database import Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, IdempotencyKey, answer_once
from dawr.servicekit.idempotency import Answer as KeptAnswer
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, moment_and_id, place_of
from dawr.servicekit.problems import request_language, say

SEE_ALL = frozenset({Role.FINANCE, Role.AUDITOR})


class PaymentAnswer(Answer):
    """A payment as its payer sees it."""

    id: UUID
    subject: ShownSubject
    state: PaymentState
    amount: ShownMoney
    refunded: ShownMoney
    """What has gone back."""
    fx: FxRate | None
    """The rate that was frozen into the amount."""
    description: str
    pay_before: datetime
    captured_at: datetime | None
    """By the bank's clock."""
    provider: str | None
    expiry_reason: str | None
    links: dict[str, str]

    @classmethod
    def of(cls, payment: Payment, lang: str) -> "PaymentAnswer":
        own = f"/api/payments/payments/{payment.id}"
        refunded = payment.amount.model_copy(update={"minor": payment.refunded_minor})
        return cls(
            id=payment.id,
            subject=ShownSubject(kind=payment.subject.kind, id=payment.subject.id),
            state=payment.state,
            amount=ShownMoney.of(payment.amount, lang),
            refunded=ShownMoney.of(refunded, lang),
            fx=payment.fx,
            description=say(payment.description, lang),
            pay_before=payment.pay_before,
            captured_at=payment.captured_at,
            provider=payment.provider,
            expiry_reason=payment.expiry_reason,
            links={"self": own} | ({"attempts": f"{own}/attempts"} if payment.state in WAITING else {}),
        )


class PaymentsAnswer(Answer):
    """A page of payments, newest first; `next` is the cursor of the next page."""

    items: list[PaymentAnswer]
    next: str | None


class AttemptOrder(BaseModel):
    """With whom the payer wants to pay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"provider": "sandbox"}]})

    provider: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class AttemptAnswer(Answer):
    """Where to pay."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0b5cf8ad-53b6-5d0a-8f4c-3a1e0a1d1c11",
                    "payment_id": "c392d1ca-115e-51c7-8256-d12d7d8278f8",
                    "number": 1,
                    "provider": "sandbox",
                    "checkout_url": "http://127.0.0.1:8086/pay/chk_5f1d",
                    "expires_at": "2026-12-01T09:15:00Z",
                }
            ]
        }
    )

    id: UUID
    payment_id: UUID
    number: int
    """Counts from 1 within the payment."""
    provider: str
    checkout_url: str
    """The provider's page; the payer's browser goes there and comes back."""
    expires_at: datetime

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptAnswer":
        assert attempt.checkout_url is not None  # noqa: S101 - an attempt is answered once it is open
        assert attempt.expires_at is not None  # noqa: S101
        return cls(
            id=attempt.id,
            payment_id=attempt.payment_id,
            number=attempt.number,
            provider=attempt.provider,
            checkout_url=attempt.checkout_url,
            expires_at=attempt.expires_at,
        )


def create_payments_router(parts: Parts) -> APIRouter:
    """`/payments`."""
    router = APIRouter(prefix="/payments", tags=["payments"])

    @router.get("", summary="The caller's payments", operation_id="list_payments")
    async def list_payments(
        request: Request,
        response: Response,
        caller: SignedIn,
        subject: UUID | None = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> PaymentsAnswer:
        async with parts.database.reading() as connection:
            found = await payments.of_payer(
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
        return PaymentsAnswer(items=[PaymentAnswer.of(each, lang) for each in page], next=following)

    @router.get("/{payment_id}", summary="One payment", operation_id="show_payment", responses=refusals(NoSuchPayment))
    async def show_payment(request: Request, payment_id: UUID, caller: SignedIn) -> PaymentAnswer:
        async with parts.database.reading() as connection:
            payment = await payments.find(connection, payment_id)
        if payment is None or (payment.payer_id != caller.person_id and caller.roles.isdisjoint(SEE_ALL)):
            raise NoSuchPayment
        return PaymentAnswer.of(payment, request_language(request))

    return router


def create_attempts_router(parts: Parts) -> APIRouter:
    """`/payments/{id}/attempts`."""
    router = APIRouter(prefix="/payments", tags=["payments"])

    @router.post(
        "/{payment_id}/attempts",
        status_code=201,
        summary="Go and pay: opens the provider's page, or gives the open one again",
        operation_id="begin_attempt",
        responses=refusals(
            NoSuchPayment,
            UnknownProvider,
            AlreadyPaid,
            PaymentOver,
            ProviderAway,
            ProviderRefused,
            *KEY_REFUSALS,
        ),
    )
    async def begin_attempt(
        request: Request, payment_id: UUID, order: AttemptOrder, caller: SignedIn, key: IdempotencyKey = None
    ) -> AttemptAnswer:
        provider = parts.providers.get(order.provider)
        if provider is None:
            raise UnknownProvider

        async def write_down(tx: Transaction) -> KeptAnswer:
            lang = request_language(request)
            attempt = await begin(tx, payment_id, caller.person_id, provider.name, lang, parts.looks)
            return 201, {"attempt": str(attempt.id)}, {}

        # What is kept under the key is which attempt it began; the answer is always read from the attempt.
        kept = await answer_once(
            parts.database,
            person_id=caller.person_id,
            key=key,
            request=["begin-attempt", payment_id, order.model_dump()],
            use_case=write_down,
        )
        attempt_id = UUID(orjson.loads(kept.body)["attempt"])
        return AttemptAnswer.of(await open_checkout(parts.database, provider, attempt_id, parts.return_urls))

    return router
