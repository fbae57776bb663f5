"""For whom somebody may ask, and for the seats of which share."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from dawr.booking.errors import NotYourRelative, ReasonNeeded, ShareNotAllowed
from dawr.contracts import Channel
from dawr.contracts.booking import Share
from dawr.servicekit.auth import Caller, Role, require

DESKS = (Role.DESK, Role.OFFICE_MANAGER)
"""Those of an office who may ask on behalf of somebody else."""
ASKERS = (Role.CITIZEN, *DESKS)
"""Whoever may ask for a turn."""


class Wanted(Protocol):
    """What `POST /turns` asks for, as far as it matters here."""

    office: str
    share: Share | None
    person_id: UUID | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a turn is asked, and by which way."""

    person_id: UUID
    asked_by: UUID
    """Who pays, and sees what becomes of it: the person, or one who acts for them."""
    channel: Channel = Channel.ONLINE
    entered_by: UUID | None = None
    """Who of the staff asks, if anybody does."""
    more: tuple[str, ...] = ()
    """What tells this request from another for the same seat; nothing for one of no share for oneself."""


def asked_for(wanted: Wanted, caller: Caller) -> Asked:
    """For whom a caller asks; raises NotAllowed, NotYourRelative, ShareNotAllowed, ReasonNeeded.

    - No share, and `accessible`: citizens for themselves, or for those whom their token lets them act for (a parent for
      their minor children), and who asked will pay. Whether somebody is old or disabled no system here knows; the desk
      sees it when they come, as it sees their documents.
    - `urgent`: a desk or the manager of that very office, for another person and with a reason; both stay in the
      turn's history.
    - `assisted`: the same by a desk of any office. There is no role of licensed assistance offices of their own: who
      works there has the role of a desk, with their own office in the token. The turn goes by the assisted channel,
      so that the service must offer it and its fee counts.
    """
    if wanted.share is None or wanted.share == "accessible":
        require(caller, Role.CITIZEN)
        if wanted.reason is not None:
            raise ShareNotAllowed
        more = (wanted.share,) if wanted.share else ()
        if wanted.person_id is None or wanted.person_id == caller.person_id:
            return Asked(caller.person_id, caller.person_id, more=more)
        if wanted.person_id not in caller.acts_for:
            raise NotYourRelative
        return Asked(wanted.person_id, caller.person_id, more=(*more, str(wanted.person_id)))
    is_urgent = wanted.share == "urgent"
    if caller.roles.isdisjoint(DESKS if is_urgent else (Role.DESK,)) or (is_urgent and caller.office != wanted.office):
        raise ShareNotAllowed(share=wanted.share)
    if wanted.person_id is None or wanted.person_id == caller.person_id or wanted.reason is None:
        raise ReasonNeeded
    return Asked(
        wanted.person_id,
        wanted.person_id,
        channel=Channel.ONLINE if is_urgent else Channel.ASSISTED,
        entered_by=caller.person_id,
        more=(wanted.share, str(wanted.person_id), wanted.reason),
    )
