"""Signing in over HTTP: `/api/session`, `/api/me`, and the keys by which services check tokens."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from dawr.contracts import Text
from dawr.gateway.csrf import comes_from_elsewhere
from dawr.gateway.door import Door
from dawr.gateway.errors import (
    FromElsewhere,
    NotAnIdentityNumber,
    SignInCrowded,
    SignInPaused,
    TooManyCodes,
    TooManyTries,
    WrongCode,
)
from dawr.gateway.identity import CODE_DIGITS
from dawr.gateway.keys import Keys
from dawr.gateway.service.sign_in import Contact
from dawr.gateway.sessions import Cookie, Issued
from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import PUBLIC, signed_in
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import request_language, say

ON_ITS_WAY = Text(
    ar="إن كان الرقم مسجلاً فالرمز في طريقه إلى صاحبه",
    en="If the number is registered, a code is on its way to its owner",
)

IdentityNumber = Annotated[
    str,
    Field(
        min_length=11,
        max_length=24,
        description="Eleven digits, Arabic or Latin; spaces and dashes fall away.",
        examples=["01010012345"],
    ),
]


class CodeRequest(BaseModel):
    """Asks for a code."""

    model_config = ConfigDict(extra="forbid")

    identity_number: IdentityNumber
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s,;<>]{1,64}@[^@\s,;<>]{1,189}$")] | None = Field(
        default=None, description="Where to reach a new person. Taken by a development platform only."
    )
    phone: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")] | None = Field(
        default=None, description="E.164. Taken by a development platform only."
    )


class CodeAnswer(BaseModel):
    """The one answer, whether the number is known or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"detail": ON_ITS_WAY.en, "expires_in": 600}]})

    detail: str
    expires_in: int = Field(description="For how many seconds the code holds.")


class SessionRequest(BaseModel):
    """Trades a code for an access token."""

    model_config = ConfigDict(extra="forbid")

    identity_number: IdentityNumber
    code: Annotated[str, Field(min_length=CODE_DIGITS, max_length=16, examples=["123456"])]


class Session(BaseModel):
    """An access token, and whose it is."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="For how many seconds the access token holds.", examples=[600])
    refresh_token: str | None = Field(
        default=None,
        description="For a new access token, once: the answer has the next one. Left out where a cookie carries it.",
    )
    session_id: UUID
    person_id: UUID
    roles: list[Role]

    @staticmethod
    def of(issued: Issued, *, with_refresh_token: bool = True) -> "Session":
        """What the owner of a session is given."""
        return Session(
            access_token=issued.access_token,
            expires_in=issued.expires_in,
            refresh_token=issued.refresh_token if with_refresh_token else None,
            session_id=issued.signed_in.session_id,
            person_id=issued.signed_in.person_id,
            roles=sorted(issued.signed_in.roles),
        )


class Me(BaseModel):
    """Who calls, as their token says."""

    person_id: UUID
    roles: list[Role]
    office: str | None
    expires_at: datetime = Field(description="When the token runs out.")


SignedIn = Annotated[Caller, Depends(signed_in())]


def jwks_endpoint(keys: Keys) -> Callable[[Request], Awaitable[Response]]:
    """What answers `/.well-known/jwks.json` (RFC 7517)."""

    async def jwks(_request: Request) -> Response:
        document = (await keys.current()).jwks()
        return JSONResponse(document, headers={"cache-control": "public, max-age=60"})

    return jwks


def refuse_elsewhere(request: Request, public_url: str) -> None:
    """Raise FromElsewhere for what another site made a browser send."""
    if comes_from_elsewhere(request, public_url):
        raise FromElsewhere


def give(response: Response, cookies: Iterable[Cookie]) -> None:
    """An answer about a session: its cookies, and kept by nobody on the way."""
    response.headers["cache-control"] = "no-store"
    for cookie in cookies:
        cookie.put_on(response)


def create_router(door: Door) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["session"])
    _add_signing_in(router, door)
    _add_me(router)
    return router


def _add_signing_in(router: APIRouter, door: Door) -> None:
    @router.post(
        "/session/codes",
        status_code=202,
        operation_id="ask_code",
        summary="Ask for a sign-in code",
        responses=refusals(NotAnIdentityNumber, TooManyCodes, SignInCrowded),
        openapi_extra=PUBLIC,
    )
    async def ask_code(body: CodeRequest, request: Request) -> CodeAnswer:
        """Known and unknown numbers get the same answer in the same time. A new code replaces the one before."""
        language = request_language(request)
        contact = Contact(body.email, body.phone)
        await door.ask_code(request, body.identity_number, language=language, contact=contact)
        return CodeAnswer(detail=say(ON_ITS_WAY, language), expires_in=int(door.rules.policy.lifetime.total_seconds()))

    @router.post(
        "/session",
        operation_id="sign_in",
        summary="Sign in with a code",
        responses=refusals(NotAnIdentityNumber, WrongCode, SignInPaused, TooManyTries, SignInCrowded, FromElsewhere),
        openapi_extra=PUBLIC,
    )
    async def sign_in(body: SessionRequest, request: Request, response: Response) -> Session:
        """Begins a session: an access token for ten minutes, and a refresh token for the next one, both as cookies
        too. A code is good once; after five wrong ones sign-in pauses."""
        refuse_elsewhere(request, door.public_url)
        issued = await door.enter_code(request, body.identity_number, body.code)
        give(response, issued.cookies)
        return Session.of(issued)


def _add_me(router: APIRouter) -> None:
    @router.get("/me", operation_id="me", summary="Who am I")
    async def me(caller: SignedIn, response: Response) -> Me:
        """What the token says; nothing is looked up."""
        response.headers["cache-control"] = "no-store"
        return Me(
            person_id=caller.person_id,
            roles=sorted(caller.roles),
            office=caller.office,
            expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
        )
