"""What payments needs of a company that moves money, and the one that is connected: the sandbox bank.

Each call is made outside of any database transaction. An answer that says nothing raises ProviderUnavailable:
what was asked may have been done, so the same call is made again with the same idempotency key.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from dawr.contracts import Money, Text
from dawr.contracts.values import Currency
from dawr.payments.domain.facts import Capture, Decline, RefundOutcome
from dawr.payments.errors import ProviderRefused, ProviderUnavailable


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What a provider is asked to have paid. `reference` is the payment's id."""

    reference: UUID
    idempotency_key: str
    money: Money
    description: Text
    expires_at: datetime
    return_url: str
    language: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payer's page at a provider, as it stands."""

    provider: str
    id: str
    reference: str
    url: str
    expires_at: datetime
    can_be_paid: bool
    declines: int
    """How many tries on the page failed."""
    capture: Capture | None
    answer: bytes
    """As the provider gave it."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What a provider is asked to give back. `reference` is the refund's id."""

    reference: UUID
    idempotency_key: str
    capture_id: str
    money: Money


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What a webhook says: its type, whom it is about, and what happened if we act on such a thing."""

    type: str
    reference: str
    fact: Capture | Decline | RefundOutcome | None


class UnreadableEvent(ValueError):
    """The body is not what the provider's protocol promises."""


class Provider(Protocol):
    """One company. Refusals raise ProviderRefused with the company's code; no answer, ProviderUnavailable."""

    name: str

    async def open_checkout(self, order: CheckoutOrder) -> Checkout:
        """A page on which the payer pays; for the same reference the live one again."""
        ...

    async def checkout_of(self, payment_id: UUID) -> Checkout | None:
        """The newest checkout of a payment."""
        ...

    async def close_checkout(self, checkout_id: str) -> None:
        """Make a page unpayable. Refused with `checkout-captured` if it was paid."""
        ...

    async def refund(self, order: RefundOrder) -> RefundOutcome:
        """Give money back; for the same reference once."""
        ...

    async def refund_of(self, refund_id: UUID) -> RefundOutcome | None:
        """What became of a refund; none if the provider never made it."""
        ...

    def read_event(self, body: bytes) -> ProviderEvent:
        """What a webhook's body says; raises UnreadableEvent."""
        ...

    async def aclose(self) -> None:
        """Give back the connections."""
        ...


CHECKOUT_RAN_OUT = "already-expired"
_NOT_FOUND = "not-found"
_NOT_ABOUT_THE_REQUEST = frozenset({401, 403, 408, 429})
"""Statuses that say nothing about what was asked: our key, or the time, was wrong."""

M = TypeVar("M", bound=BaseModel)
Minor = Field(ge=-(10**15), le=10**15)


class _Capture(BaseModel):
    id: str = Field(min_length=1)
    checkout: str
    reference: str
    amount: int = Minor
    currency: Currency
    captured_at: AwareDatetime


class _Checkout(BaseModel):
    id: str = Field(min_length=1)
    reference: str
    status: Literal["open", "declined", "approved", "expired", "cancelled"]
    url: str
    expires_at: AwareDatetime
    attempt: int = Field(ge=0)
    capture: _Capture | None = None


class _Refund(BaseModel):
    id: str = Field(min_length=1)
    reference: str
    amount: int = Minor
    currency: Currency
    status: Literal["succeeded", "failed"]


class _EventData(BaseModel):
    checkout: str
    reference: str
    capture: str | None = None
    refund: str | None = None
    amount: int = Minor
    currency: Currency
    captured_at: AwareDatetime | None = None
    attempt: int = Field(ge=0, le=1_000_000)


class _Event(BaseModel):
    type: str
    data: _EventData


class _Problem(BaseModel):
    code: str = "unknown"


class SandboxBank:
    """The sandbox bank's protocol (tools, `dawr.tools.bank`): JSON over HTTP, a bearer key, idempotency keys."""

    name = "sandbox"

    def __init__(
        self, url: str, api_key: str, *, timeout_seconds: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout_seconds,
            trust_env=False,
            transport=transport,
        )

    async def open_checkout(self, order: CheckoutOrder) -> Checkout:
        body = {
            "reference": str(order.reference),
            "amount": order.money.minor,
            "currency": order.money.currency,
            "description": order.description.model_dump(),
            "expires_at": order.expires_at.isoformat(),
            "return_url": order.return_url,
            "language": order.language,
        }
        return self._checkout(await self._ask("POST", "/v1/checkouts", json=body, key=order.idempotency_key))

    async def checkout_of(self, payment_id: UUID) -> Checkout | None:
        try:
            return self._checkout(await self._ask("GET", "/v1/checkouts", params={"reference": str(payment_id)}))
        except ProviderRefused as refusal:
            if refusal.data["provider_code"] == _NOT_FOUND:
                return None
            raise

    async def close_checkout(self, checkout_id: str) -> None:
        await self._ask("POST", f"/v1/checkouts/{checkout_id}/cancel")

    async def refund(self, order: RefundOrder) -> RefundOutcome:
        body = {
            "capture": order.capture_id,
            "amount": order.money.minor,
            "currency": order.money.currency,
            "reference": str(order.reference),
        }
        return self._refund(await self._ask("POST", "/v1/refunds", json=body, key=order.idempotency_key))

    async def refund_of(self, refund_id: UUID) -> RefundOutcome | None:
        try:
            return self._refund(await self._ask("GET", "/v1/refunds", params={"reference": str(refund_id)}))
        except ProviderRefused as refusal:
            if refusal.data["provider_code"] == _NOT_FOUND:
                return None
            raise

    def read_event(self, body: bytes) -> ProviderEvent:
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as error:
            raise UnreadableEvent from error
        return ProviderEvent(event.type, event.data.reference, self._fact(event.type, event.data))

    async def aclose(self) -> None:
        await self._http.aclose()

    def _fact(self, type: str, data: _EventData) -> Capture | Decline | RefundOutcome | None:
        match type:
            case "checkout.captured":
                if not data.capture or data.captured_at is None:
                    raise UnreadableEvent
                money = Money(minor=data.amount, currency=data.currency)
                return Capture(self.name, data.capture, data.checkout, data.reference, money, data.captured_at)
            case "checkout.declined":
                if data.attempt < 1:
                    raise UnreadableEvent
                return Decline(self.name, data.checkout, data.reference, data.attempt)
            case "refund.succeeded" | "refund.failed":
                if not data.refund:
                    raise UnreadableEvent
                money = Money(minor=data.amount, currency=data.currency)
                return RefundOutcome(self.name, data.refund, data.reference, money, type == "refund.succeeded")
            case _:
                return None

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: dict[str, str] | None = None,
        key: str | None = None,
    ) -> bytes:
        headers = {"Idempotency-Key": key} if key else {}
        try:
            # httpx's own time-out is for each step of a call alone: a bank that dribbles would never run into it.
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._http.request(method, path, json=json, params=params, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderUnavailable(type(error).__name__) from error
        if answer.is_success:
            return answer.content
        if answer.status_code >= 500 or answer.status_code in _NOT_ABOUT_THE_REQUEST:
            raise ProviderUnavailable(f"status {answer.status_code}")
        try:
            code = _Problem.model_validate_json(answer.content).code
        except ValidationError:
            code = f"status-{answer.status_code}"
        raise ProviderRefused(provider_code=code)

    def _checkout(self, content: bytes) -> Checkout:
        told = _read(_Checkout, content)
        capture = None
        if taken := told.capture:
            money = Money(minor=taken.amount, currency=taken.currency)
            capture = Capture(self.name, taken.id, taken.checkout, taken.reference, money, taken.captured_at)
        return Checkout(
            provider=self.name,
            id=told.id,
            reference=told.reference,
            url=told.url,
            expires_at=told.expires_at,
            can_be_paid=told.status in {"open", "declined"},
            declines=told.attempt - (told.status == "approved"),
            capture=capture,
            answer=content,
        )

    def _refund(self, content: bytes) -> RefundOutcome:
        told = _read(_Refund, content)
        money = Money(minor=told.amount, currency=told.currency)
        return RefundOutcome(self.name, told.id, told.reference, money, told.status == "succeeded")


def _read(model: type[M], content: bytes) -> M:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ProviderUnavailable("an answer that can't be read") from error
