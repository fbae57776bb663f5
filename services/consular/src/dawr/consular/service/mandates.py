"""Mandates: an agent drafts one, the person consents, either side takes it back."""

from uuid import UUID

from dawr.consular.domain import mandate as rules
from dawr.consular.domain.mandate import Mandate
from dawr.consular.errors import MandateForOneself
from dawr.consular.store import mandates
from dawr.contracts import derived_id
from dawr.contracts.consular import Kinship
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction
from dawr.servicekit.problems import NotFound


async def draft_mandate(tx: Transaction, *, agent: UUID, person: UUID, kinship: Kinship, days: int) -> Mandate:
    """A mandate that waits for its person's consent, who is told that it does; raises MandateForOneself."""
    if agent == person:
        raise MandateForOneself
    mandate, drafted = rules.draft(new_id(), person=person, agent=agent, kinship=kinship, now=tx.now, days=days)
    await mandates.insert(tx.connection, mandate)
    tx.stage(drafted, id=derived_id(mandate.id, drafted.wire_type))
    return mandate


async def consent_to_mandate(tx: Transaction, id: UUID, *, caller: UUID, days: int) -> Mandate:
    """The person's consent: the mandate is active from now on, for `days`.

    Raises NotFound for a stranger, NotAllowed for the agent, MandateNotActive if it waits for no consent.
    """
    mandate = await _of_party(tx, id, caller)
    if mandate.person_id != caller:
        raise NotAllowed
    active, activated = rules.consent(mandate, tx.now, days=days)
    await mandates.save(tx.connection, [active])
    tx.stage(activated, id=derived_id(id, activated.wire_type))
    return active


async def revoke_mandate(tx: Transaction, id: UUID, *, caller: UUID) -> Mandate:
    """Either side takes the mandate back; cases that were opened under it go on.

    Raises NotFound for a stranger, MandateNotActive if it had ended before.
    """
    revoked = rules.revoke(await _of_party(tx, id, caller), tx.now)
    await mandates.save(tx.connection, [revoked])
    return revoked


async def _of_party(tx: Transaction, id: UUID, caller: UUID) -> Mandate:
    found = await mandates.lock(tx.connection, [id])
    if not found or caller not in {found[0].agent_id, found[0].person_id}:
        raise NotFound
    return found[0]
