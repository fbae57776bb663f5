"""What becomes of a dead letter, decided by two people: one proposes, another one approves or turns it down."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from dawr.gateway.errors import DecisionOver, SameTwoEyes

REASON_CHARACTERS = (5, 500)


class Action(StrEnum):
    """What may be done with a dead letter."""

    REPLAY = "replay"
    """Put it back on its topic as it came; who has applied it skips it."""
    DROP = "drop"
    """Let it go: it stays on its topic of dead letters, marked."""


class DecisionState(StrEnum):
    """Where a decision stands."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    """By a second person; what was decided is being done."""
    CARRIED_OUT = "CARRIED_OUT"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    """By who had proposed it."""


TRANSITIONS: dict[DecisionState, frozenset[DecisionState]] = {
    DecisionState.PROPOSED: frozenset({DecisionState.APPROVED, DecisionState.REJECTED, DecisionState.WITHDRAWN}),
    DecisionState.APPROVED: frozenset({DecisionState.CARRIED_OUT}),
    DecisionState.CARRIED_OUT: frozenset(),
    DecisionState.REJECTED: frozenset(),
    DecisionState.WITHDRAWN: frozenset(),
}
"""The moves of a decision. What is carried out is told on the topic of dead letters itself."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody proposes about one letter, and what another one said."""

    id: UUID
    letter_id: str
    dead_topic: str
    action: Action
    reason: str
    state: DecisionState
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None


def decide(decision: Decision, to: DecisionState, by: UUID, now: datetime) -> Decision:
    """Approve, reject or withdraw; raises DecisionOver, and SameTwoEyes where two people are needed."""
    if to not in TRANSITIONS[decision.state]:
        raise DecisionOver(state=decision.state.value)
    if (to is DecisionState.WITHDRAWN) != (by == decision.proposed_by):
        raise SameTwoEyes
    return replace(decision, state=to, decided_by=by, decided_at=now)


def carried_out(decision: Decision) -> Decision:
    """Once it was done; raises DecisionOver for one that nobody approved."""
    if DecisionState.CARRIED_OUT not in TRANSITIONS[decision.state]:
        raise DecisionOver(state=decision.state.value)
    return replace(decision, state=DecisionState.CARRIED_OUT)
