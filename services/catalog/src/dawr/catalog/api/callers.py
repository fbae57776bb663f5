"""Who may call the resources of staff."""

from typing import Annotated

from fastapi import Depends

from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import signed_in

Planner = Annotated[Caller, Depends(signed_in(Role.PLANNER))]

reader = Depends(signed_in(Role.PLANNER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR))
"""Whoever may see what planners decided, and who of them did."""
