"""What the HTTP resources are made from, and what their answers share."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
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


Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="Where to go on; from the Link header.")]


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


class BadCursor(InvalidRequest):
    """The cursor is not one that we gave."""


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error


def moment_cursor(at: datetime, id: UUID) -> str:
    """The place after a row that is sorted by time and id."""
    return _pack(f"{at.isoformat()} {id}")


def read_moment_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The time and id of a cursor; raises BadCursor."""
    if cursor is None:
        return None
    at, _, id = _unpack(cursor).partition(" ")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise BadCursor
        return moment, UUID(id)
    except ValueError as error:
        raise BadCursor from error


def number_cursor(number: int) -> str:
    """The place after a row that is sorted by number."""
    return _pack(str(number))


def read_number_cursor(cursor: str | None) -> int | None:
    """The number of a cursor; raises BadCursor."""
    if cursor is None:
        return None
    text = _unpack(cursor)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadCursor
    return int(text)


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Say where the next page is, if there is one."""
    if cursor is not None:
        response.headers["Link"] = f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'
