"""What the log itself says happened to turns: the facts that booking sent, each counted once."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnExpired, TurnFact, TurnHeld, TurnMoved, TurnRefused
from dawr.contracts.topics import BOOKING_EVENTS
from dawr.servicekit.dead_letters import read_all
from dawr.servicekit.envelope import Received, open_record
from dawr.servicekit.settings import PlatformSettings

_ANSWERS = {"HELD", "REFUSED"}


@dataclass
class TurnsInTheLog:
    """By turn: the states that the facts tell, in their order."""

    states: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    """Records that were sent again under the same id, by a relay that was killed before it noted the first time."""

    def ends(self) -> dict[str, str]:
        """The last state of each turn."""
        return {turn: states[-1] for turn, states in self.states.items()}

    def with_two_outcomes(self) -> list[str]:
        """Turns that were answered twice, or reached a state twice."""
        return [
            f"{turn}: {states}"
            for turn, states in self.states.items()
            if sum(state in _ANSWERS for state in states) > 1 or max(Counter(states).values()) > 1
        ]


async def turns_in_the_log(platform: PlatformSettings) -> TurnsInTheLog:
    """Read the topic of turn facts from its beginning to its end."""
    log, seen = TurnsInTheLog(), set()
    for record in await read_all(platform.kafka, [platform.topic_prefix + BOOKING_EVENTS.name]):
        opened = open_record(record, BOOKING_EVENTS.messages)
        if not isinstance(opened, Received) or not isinstance(opened.message, TurnFact):
            raise TypeError(f"not a fact: {opened}")
        if opened.cause.id in seen:
            log.repeated += 1
            continue
        seen.add(opened.cause.id)
        if not isinstance(opened.message, TurnMoved):  # another day, the same state
            log.states[str(opened.message.turn_id)].append(_state_told_by(opened.message))
    return log


def _state_told_by(fact: TurnFact) -> str:
    match fact:
        case TurnHeld():
            return "HELD"
        case TurnConfirmed():
            return "CONFIRMED"
        case TurnRefused():
            return "REFUSED"
        case TurnExpired():
            return "EXPIRED"
        case TurnCancelled():
            return f"CANCELLED_BY_{fact.by.upper()}"
    raise TypeError(f"no state is told by {type(fact).__name__}")
