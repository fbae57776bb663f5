"""Who may call the resources of staff."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dawr.servicekit.auth import Caller, Role, Verifier, require

READERS = (Role.PLANNER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
"""Who may see what planners decided, and who of them did."""

REFUSED = {401: "Not signed in.", 403: "Not in a role that may.", 422: "Not valid; `errors` names the fields."}
"""What every resource of staff can answer."""


def caller_in(verifier: Verifier, *roles: Role) -> Callable[..., Awaitable[Caller]]:
    """The dependency that gives the caller, and refuses one who is in none of the roles."""
    bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An access token (JWT) of the gateway.")

    async def caller(
        request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None
    ) -> Caller:
        found = await verifier.caller(request.headers.get("authorization"))
        require(found, *roles)
        return found

    return caller
