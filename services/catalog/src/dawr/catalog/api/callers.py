"""Who may call the resources of staff."""

from typing import Annotated

from fastapi import Depends

from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in

Planner = Annotated[Caller, Depends(signed_in(Role.PLANNER))]

Approver = Annotated[Caller, Depends(signed_in(Role.APPROVER))]

Keeper = Annotated[Caller, Depends(signed_in(Role.PLANNER, Role.ADMINISTRATOR))]
"""Whoever may change what the catalogue holds."""

Closer = Annotated[Caller, Depends(signed_in(Role.PLANNER, Role.OFFICE_MANAGER))]
"""Whoever may close days: a planner everywhere, an office's manager there (`check_own_office`)."""

reader = Depends(signed_in(Role.PLANNER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR))
"""Whoever may see what planners decided, and who of them did."""

closure_reader = Depends(signed_in(Role.PLANNER, Role.OFFICE_MANAGER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR))


def check_own_office(caller: Caller, office: str | None) -> None:
    """Refuse one who is no planner anything but their own office (NotAllowed); none is no office."""
    if Role.PLANNER not in caller.roles and (office is None or caller.office != office):
        raise NotAllowed
