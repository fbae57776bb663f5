"""What the HTTP resources are made from, and what their answers share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from dawr.contracts import Money
from dawr.payments.domain.payment import Looks
from dawr.payments.providers import Provider
from dawr.payments.webhooks import WebhookVerifier
from dawr.servicekit.auth import Caller, NotSignedIn, Verifier
from dawr.servicekit.database import Database
from dawr.servicekit.errors import Refusal
from dawr.servicekit.limits import TooDeep, TooLarge, UnsupportedType
from dawr.servicekit.presentation import shown_money
from dawr.servicekit.problems import MEDIA_TYPE, InvalidRequest, MalformedRequest, Unavailable


@dataclass(frozen=True)
class Parts:
    """Made once by the app, given to the routers."""

    database: Database
    verifier: Verifier
    providers: Mapping[str, Provider]
    webhooks: WebhookVerifier
    looks: Looks
    return_urls: Mapping[str, str]

    def caller(self) -> Callable[[Request], Awaitable[Caller]]:
        """The dependency that gives who is calling."""

        async def caller(request: Request) -> Caller:
            return await self.verifier.caller(request.headers.get("authorization"))

        return caller


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ShownMoney(Answer):
    """An amount, for machines and for people."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"minor": 31270000, "currency": "SYP", "text": "SYP 312,700"}]}
    )

    minor: int
    """Minor units of the currency."""
    currency: str
    text: str
    """In the caller's language."""

    @classmethod
    def of(cls, money: Money, lang: str) -> "ShownMoney":
        return cls.model_validate(shown_money(money, lang))


class ShownSubject(Answer):
    """What was paid for."""

    kind: str
    id: UUID


BAD_BODY: tuple[type[Refusal], ...] = (MalformedRequest, TooDeep, TooLarge, UnsupportedType)
"""What a body can be refused for before anybody reads it."""


def refusals(*types: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for its OpenAPI description."""
    by_status: dict[int | str, list[str]] = {}
    every: tuple[type[Refusal], ...] = (*types, NotSignedIn, InvalidRequest, Unavailable)
    for each in every:
        by_status.setdefault(each.status, []).append(each.code)
    problem = {
        "type": "object",
        "required": ["type", "code", "title", "status"],
        "properties": {name: {"type": "string"} for name in ("type", "code", "title", "detail", "instance", "trace_id")}
        | {"status": {"type": "integer"}},
    }
    return {
        status: {"description": ", ".join(dict.fromkeys(codes)), "content": {MEDIA_TYPE: {"schema": problem}}}
        for status, codes in by_status.items()
    }
