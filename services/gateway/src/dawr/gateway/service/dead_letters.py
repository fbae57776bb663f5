"""Looking at dead letters, proposing what becomes of one, and deciding what another one proposed."""

from dataclasses import dataclass
from uuid import UUID

from dawr.contracts.topics import Kind
from dawr.gateway.domain import dead_letters as domain
from dawr.gateway.domain.dead_letters import Action, Decision, DecisionState
from dawr.gateway.errors import AlreadyProposed, DecisionOver, StateNotReplayed
from dawr.gateway.store import dead_letters as store
from dawr.servicekit import dead_letters as letters
from dawr.servicekit import telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.dead_letters import DeadLetter
from dawr.servicekit.problems import NotFound
from dawr.servicekit.producer import Producer
from dawr.servicekit.settings import PlatformSettings

_log = telemetry.get_logger("dawr.gateway.dead_letters")


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of the platform, and who decides about them."""

    platform: PlatformSettings
    producer: Producer
    database: Database

    async def open(self) -> list[DeadLetter]:
        """Those of which nobody has decided yet, oldest first."""
        return [each for each in await letters.read_dead_letters(self.platform) if each.resolution is None]

    async def find(self, id: str) -> DeadLetter:
        """One of them; raises NotFound for one that is not there, or was decided about."""
        found = [each for each in await self.open() if each.id == id]
        if not found:
            raise NotFound
        return found[0]

    async def carry_out(self, decision: Decision) -> None:
        """Do what was approved. Done twice after a crash it has one effect: readers skip what they have applied."""
        found = [each for each in await self.open() if each.id == decision.letter_id]
        for letter in found:
            if decision.action is Action.REPLAY:
                await letters.replay(self.producer, letter)
            else:
                await letters.drop(self.producer, letter)
        async with self.database.transaction() as tx:
            current = await store.lock(tx, decision.id)
            if current is not None and current.state is DecisionState.APPROVED:
                await store.save(tx, domain.carried_out(current))
        _log.info("dead-letter.decided", letter=decision.letter_id, action=decision.action.value,
                  proposed_by=str(decision.proposed_by), decided_by=str(decision.decided_by))  # fmt: skip


async def propose(tx: Transaction, letter: DeadLetter, action: Action, reason: str, by: UUID) -> Decision:
    """Propose what becomes of a letter; raises AlreadyProposed, and StateNotReplayed for one of a state topic."""
    if action is Action.REPLAY and letter.origin.kind is Kind.STATE:
        raise StateNotReplayed
    decision = Decision(
        id=new_id(),
        letter_id=letter.id,
        dead_topic=letter.dead_topic,
        action=action,
        reason=reason,
        state=DecisionState.PROPOSED,
        proposed_by=by,
        proposed_at=tx.now,
    )
    if not await store.add(tx, decision):
        raise AlreadyProposed
    return decision


async def decide(tx: Transaction, id: UUID, to: DecisionState, by: UUID) -> Decision:
    """Approve, reject or withdraw a proposal; raises NotFound, DecisionOver, SameTwoEyes."""
    decision = await store.lock(tx, id)
    if decision is None:
        raise NotFound
    decided = domain.decide(decision, to, by, tx.now)
    await store.save(tx, decided)
    return decided


async def approved(tx: Transaction, id: UUID) -> Decision:
    """A decision that was approved and not carried out, as the broker was away; raises NotFound, DecisionOver."""
    decision = await store.lock(tx, id)
    if decision is None:
        raise NotFound
    if decision.state is not DecisionState.APPROVED:
        raise DecisionOver(state=decision.state.value)
    return decision
