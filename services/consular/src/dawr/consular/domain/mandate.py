"""Mandates: a person's word that a relative or legal agent may ask for something on their behalf.

A mandate serves one errand. It is used up when a case under it is confirmed; a case that was refused, ran out or
was given back before leaves it active, so that the agent can try another day without asking again. While a case
under it goes on, no second one is opened.
"""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from dawr.consular.errors import IllegalMove, MandateInUse, MandateNotActive
from dawr.contracts import Message
from dawr.contracts.consular import Kinship, MandateActivated, MandateDrafted


class MandateState(StrEnum):
    """Where a mandate stands."""

    DRAFT = "DRAFT"
    CONSENTED = "CONSENTED"
    ACTIVE = "ACTIVE"
    USED = "USED"
    """It served its purpose: a case under it was confirmed."""
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


TRANSITIONS: dict[MandateState, dict[MandateState, type[Message] | None]] = {
    MandateState.DRAFT: {
        MandateState.CONSENTED: None,
        MandateState.REVOKED: None,
        MandateState.EXPIRED: None,
    },
    MandateState.CONSENTED: {MandateState.ACTIVE: MandateActivated},
    MandateState.ACTIVE: {
        MandateState.USED: None,
        MandateState.REVOKED: None,
        MandateState.EXPIRED: None,
    },
    MandateState.USED: {},
    MandateState.REVOKED: {},
    MandateState.EXPIRED: {},
}
"""The moves of a mandate, each with the event that tells of it; none where nobody else needs to know."""


@dataclass(frozen=True)
class Mandate:
    """A person's word that a relative or legal agent may ask for something on their behalf."""

    id: UUID
    person_id: UUID
    agent_id: UUID
    kinship: Kinship
    state: MandateState
    created_at: dt.datetime
    expires_at: dt.datetime
    moved_at: dt.datetime
    consented_at: dt.datetime | None = None


def advance(mandate: Mandate, to: MandateState, at: dt.datetime) -> Mandate:
    """Move a mandate; raises IllegalMove if the table has no such move."""
    if to not in TRANSITIONS[mandate.state]:
        raise IllegalMove(origin=mandate.state, to=to)
    return replace(mandate, state=to, moved_at=at)


def draft(
    id: UUID, *, person: UUID, agent: UUID, kinship: Kinship, now: dt.datetime, days: int
) -> tuple[Mandate, MandateDrafted]:
    """A mandate that waits for the person's consent, for `days`, and the fact that tells them."""
    mandate = Mandate(
        id=id,
        person_id=person,
        agent_id=agent,
        kinship=kinship,
        state=MandateState.DRAFT,
        created_at=now,
        expires_at=now + dt.timedelta(days=days),
        moved_at=now,
    )
    return mandate, MandateDrafted(
        mandate_id=id, person_id=person, agent_id=agent, kinship=kinship, expires_at=mandate.expires_at, at=now
    )


def as_of(mandate: Mandate, now: dt.datetime) -> Mandate:
    """The mandate as it is at a moment: one that ran out is expired, whoever did or did not write that down."""
    if mandate.expires_at > now or MandateState.EXPIRED not in TRANSITIONS[mandate.state]:
        return mandate
    return advance(mandate, MandateState.EXPIRED, mandate.expires_at)


def consent(mandate: Mandate, now: dt.datetime, *, days: int) -> tuple[Mandate, MandateActivated]:
    """The mandate with its person's consent, active from now on for `days`, and the fact; raises MandateNotActive."""
    mandate = as_of(mandate, now)
    if mandate.state is not MandateState.DRAFT:
        raise MandateNotActive(state=mandate.state)
    consented = advance(mandate, MandateState.CONSENTED, now)
    active = replace(
        advance(consented, MandateState.ACTIVE, now),
        consented_at=now,
        expires_at=now + dt.timedelta(days=days),
    )
    return active, MandateActivated(
        mandate_id=active.id, person_id=active.person_id, agent_id=active.agent_id, kinship=active.kinship, at=now
    )


def revoke(mandate: Mandate, now: dt.datetime) -> Mandate:
    """The mandate taken back by either side; raises MandateNotActive if it had ended before."""
    mandate = as_of(mandate, now)
    if MandateState.REVOKED not in TRANSITIONS[mandate.state]:
        raise MandateNotActive(state=mandate.state)
    return advance(mandate, MandateState.REVOKED, now)


def use(mandate: Mandate, at: dt.datetime) -> Mandate:
    """The mandate once a case under it was confirmed; one that had ended before stays as it ended."""
    mandate = as_of(mandate, at)
    if mandate.state is not MandateState.ACTIVE:
        return mandate
    return advance(mandate, MandateState.USED, at)


def person_of(mandate: Mandate, caller: UUID, now: dt.datetime, *, has_live_case: bool) -> UUID:
    """Whom the caller may open a case for; raises MandateNotActive or MandateInUse."""
    state = as_of(mandate, now).state
    if mandate.agent_id != caller or state is not MandateState.ACTIVE:
        raise MandateNotActive(state=state)
    if has_live_case:
        raise MandateInUse
    return mandate.person_id
