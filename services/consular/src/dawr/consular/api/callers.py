"""Who calls, by the role that a resource asks for."""

from typing import Annotated

from fastapi import Depends

from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import signed_in

Anyone = Annotated[Caller, Depends(signed_in())]
Citizen = Annotated[Caller, Depends(signed_in(Role.CITIZEN))]
Finance = Annotated[Caller, Depends(signed_in(Role.FINANCE))]
MissionStaff = Annotated[Caller, Depends(signed_in(Role.MISSION))]
