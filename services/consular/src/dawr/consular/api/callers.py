"""Who calls. The whole router looks at the token first; each resource then asks for the role that it needs."""

from typing import Annotated, cast

from fastapi import Depends, Request

from dawr.servicekit.auth import Caller, Role, Verifier, require


class SignedIn:
    """Refuses whoever is not signed in, before anything else of the request is looked at."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def __call__(self, request: Request) -> None:
        """Raises NotSignedIn."""
        request.state.caller = await self._verifier.caller(request.headers.get("authorization"))


def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


def _citizen(request: Request) -> Caller:
    caller = _caller(request)
    require(caller, Role.CITIZEN)
    return caller


def _finance(request: Request) -> Caller:
    caller = _caller(request)
    require(caller, Role.FINANCE)
    return caller


def _mission_staff(request: Request) -> Caller:
    caller = _caller(request)
    require(caller, Role.MISSION)
    return caller


Anyone = Annotated[Caller, Depends(_caller)]
Citizen = Annotated[Caller, Depends(_citizen)]
Finance = Annotated[Caller, Depends(_finance)]
MissionStaff = Annotated[Caller, Depends(_mission_staff)]
