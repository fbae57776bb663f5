"""Sessions over HTTP: the next access token, signing out here and everywhere, and where one is signed in."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.gateway.api.session import Session, give, refuse_elsewhere
from dawr.gateway.door import Door
from dawr.gateway.errors import FromElsewhere, SessionEnded
from dawr.gateway.service import sign_in as service
from dawr.gateway.sessions import How
from dawr.servicekit.auth import Caller, NotSignedIn, Verifier
from dawr.servicekit.callers import PUBLIC, signed_in
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import NotFound

SignedIn = Annotated[Caller, Depends(signed_in())]


class RefreshRequest(BaseModel):
    """Trades a refresh token for the next ones, where no cookie carries it."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class ShownSession(BaseModel):
    """Where somebody is signed in."""

    id: UUID
    how: How
    agent: str = Field(description="The browser's family and system, if known.", examples=["Firefox, Android"])
    begun_at: datetime
    seen_at: datetime = Field(description="Up to ten minutes before the session was last used.")
    ends_at: datetime
    is_this: bool = Field(description="Whether the token that asks is of this session.")


class ShownSessions(BaseModel):
    """All places where somebody is signed in, oldest first."""

    sessions: list[ShownSession]


def create_router(door: Door) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["session"])
    _add_going_on(router, door)
    _add_signing_out(router, door)
    _add_overview(router, door)
    return router


def _add_going_on(router: APIRouter, door: Door) -> None:
    @router.post(
        "/session/refresh",
        operation_id="refresh_session",
        summary="Get the next access token",
        responses=refusals(SessionEnded, FromElsewhere),
        openapi_extra=PUBLIC,
    )
    async def refresh(
        request: Request, response: Response, body: Annotated[RefreshRequest | None, Body()] = None
    ) -> Session:
        """A refresh token is good once, from the body or the browser's cookie, and the answer brings the next one the
        same way. The one before gets the same answer again for 30 seconds; then, and for any older one, the whole
        session ends, as somebody has a copy."""
        if body is not None:
            issued = await door.sessions.refresh(body.refresh_token, request)
            give(response, ())
            return Session.of(issued)
        refuse_elsewhere(request, door.public_url)
        issued = await door.sessions.refresh(request.cookies.get(door.sessions.names.session, ""), request)
        give(response, issued.cookies)
        return Session.of(issued, with_refresh_token=False)


def _add_signing_out(router: APIRouter, door: Door) -> None:
    @router.delete(
        "/session",
        status_code=204,
        operation_id="sign_out",
        summary="Sign out",
        responses=refusals(NotSignedIn, FromElsewhere),
        openapi_extra=PUBLIC,
    )
    async def sign_out(request: Request, response: Response) -> None:
        """Ends the session of the access token, or of the browser's cookie if none is given, and makes a code that
        waits worthless. The gateway takes the session's access tokens no more, other services do until they run out,
        ten minutes after they were given: so throw them away."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            refuse_elsewhere(request, door.public_url)
            person_id = await door.sessions.end_by_cookie(request)
        else:
            verifier: Verifier = request.app.state.verifier
            caller = await verifier.caller(authorization)
            person_id = caller.person_id
            if caller.session_id is not None:
                await door.sessions.end_one(person_id, caller.session_id)
        if person_id is not None:
            async with door.database.transaction() as tx:
                await service.sign_out(tx, person_id)
        give(response, door.sessions.goodbye())

    @router.delete("/sessions", status_code=204, operation_id="sign_out_everywhere", summary="Sign out everywhere")
    async def sign_out_everywhere(caller: SignedIn, response: Response) -> None:
        """Ends all of the caller's sessions, this one too, and makes a code that waits worthless."""
        await door.sessions.end_everywhere(caller.person_id)
        async with door.database.transaction() as tx:
            await service.sign_out(tx, caller.person_id)
        give(response, door.sessions.goodbye())

    @router.delete(
        "/sessions/{session_id}",
        status_code=204,
        operation_id="end_session",
        summary="Sign out elsewhere",
        responses=refusals(NotFound),
    )
    async def end_session(caller: SignedIn, session_id: UUID, response: Response) -> None:
        """Ends one of the caller's sessions; another person's is not found."""
        if not await door.sessions.end_one(caller.person_id, session_id):
            raise NotFound
        give(response, door.sessions.goodbye() if session_id == caller.session_id else ())


def _add_overview(router: APIRouter, door: Door) -> None:
    @router.get("/sessions", operation_id="sessions", summary="Where am I signed in")
    async def sessions(caller: SignedIn, response: Response) -> ShownSessions:
        """The caller's sessions that go on."""
        found = await door.sessions.list(caller.person_id)
        give(response, ())
        return ShownSessions(
            sessions=[
                ShownSession(
                    id=each.id,
                    how=each.how,
                    agent=each.agent,
                    begun_at=each.begun_at,
                    seen_at=each.seen_at,
                    ends_at=each.ends_at,
                    is_this=each.id == caller.session_id,
                )
                for each in found
            ]
        )
