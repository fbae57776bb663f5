"""Who calls, as a dependency of FastAPI: the OpenAPI document then says which operations need a token."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dawr.servicekit.auth import Caller, Role, Verifier, require

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="An access token (JWT) of the gateway.")


def signed_in(*roles: Role) -> Callable[..., Awaitable[Caller]]:
    """The dependency that gives the caller, before parameters and fields are looked at.

    Raises NotSignedIn, KeysMissing, and NotAllowed for one who is in none of the roles, if any are named.
    """

    async def caller(
        request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)] = None
    ) -> Caller:
        verifier: Verifier = request.app.state.verifier
        found = await verifier.caller(request.headers.get("authorization"))
        if roles:
            require(found, *roles)
        return found

    return caller
