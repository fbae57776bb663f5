"""Who calls, as a dependency of FastAPI: the OpenAPI document then says which operations need a token, and whose."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dawr.servicekit.auth import Caller, Role, Verifier, require

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="An access token (JWT) of the gateway.")

Statement = dict[str, Any]
"""What an operation of an OpenAPI document says of its callers: `x-roles` (sorted; `*` is whoever has signed in), or
`x-public: true`."""

ANYBODY_SIGNED_IN = "*"
PUBLIC: Statement = {"x-public": True}
"""Says that nobody needs a token: `openapi_extra=PUBLIC`."""


@dataclass(frozen=True)
class SignedIn:
    """The dependency that gives the caller, before parameters and fields are looked at."""

    roles: frozenset[Role]
    """One of them is needed; with none named, whoever has signed in may."""

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)] = None
    ) -> Caller:
        """Raises NotSignedIn, KeysMissing, and NotAllowed for one who is in none of the roles."""
        verifier: Verifier = request.app.state.verifier
        found = await verifier.caller(request.headers.get("authorization"))
        if self.roles:
            require(found, *self.roles)
        return found


def signed_in(*roles: Role) -> SignedIn:
    """The dependency for callers in one of the roles, or for all who have signed in."""
    return SignedIn(frozenset(roles))


def for_roles(*roles: Role) -> Statement:
    """What an operation says that only these may ask, or all who have signed in: for one that is described by hand."""
    return {"x-roles": sorted(role.value for role in roles) or [ANYBODY_SIGNED_IN]}


def statement_of(route: RouteContext) -> Statement:
    """What a route of FastAPI says of its callers, by its one `signed_in` dependency or by PUBLIC.

    Raises ValueError, which names it, for one that says nothing, or two things: nobody may call by an oversight.
    """
    said = [for_roles(*each.roles) for each in {*_found(route.dependant)}]
    if PUBLIC.items() <= (route.openapi_extra or {}).items():
        said.append(PUBLIC)
    if len(said) != 1:
        name = f"{' '.join(sorted(route.methods or ()))} {route.path}"
        raise ValueError(
            f"{name} must say once who may call it: by signed_in(...) or openapi_extra=PUBLIC; it says {said}"
        )
    return said[0]


def _found(dependant: Dependant) -> Iterator[SignedIn]:
    for each in dependant.dependencies:
        if isinstance(each.call, SignedIn):
            yield each.call
        yield from _found(each)
