"""From what happened to what is told: messages are written here, and sent elsewhere."""

from collections.abc import Sequence
from uuid import UUID

from dawr.contracts import Message
from dawr.contracts.booking import TurnFact
from dawr.contracts.notifications import SendMessage
from dawr.notifications import rules
from dawr.notifications.domain import Notice
from dawr.notifications.errors import TemplateUnknown
from dawr.notifications.sealing import Seals
from dawr.notifications.service import contacts
from dawr.notifications.service.contacts import SIGN_UP
from dawr.notifications.store import copies, messages
from dawr.notifications.values import KnownTurn, turn_of
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause

ASKED_FOR = frozenset({"sign-in-code", SIGN_UP})
"""Templates that another service may ask for: what no fact says. They are not kept in the inbox."""


async def tell(tx: Transaction, facts: Sequence[tuple[Cause, Message]]) -> None:
    """Write the messages of some facts, and remember their turns for the facts that name a turn by its id alone."""
    turns: dict[UUID, KnownTurn] = {}
    notices: list[Notice] = []
    for cause, fact in facts:
        if isinstance(fact, TurnFact):
            told = turn_of(fact)
            known = turns.get(fact.turn_id)
            turns[fact.turn_id] = known.joined(told) if known else told
        notices += rules.notices(fact, cause.id, now=tx.now, traceparent=cause.traceparent)
    await copies.save_turns(tx.connection, turns)
    await messages.add(tx.connection, notices)


async def send_message(tx: Transaction, request: SendMessage, seals: Seals) -> None:
    """Write a message that another service asks for; refuses unknown templates and seals that are not ours."""
    if request.template not in ASKED_FOR:
        raise TemplateUnknown
    content = {} if request.sealed is None else seals.open(request.sealed)
    if request.template == SIGN_UP:
        contacts.sealed_within(content)
    assert tx.cause is not None  # noqa: S101
    notice = Notice(
        id=rules.notice_id(tx.cause.id, request.template, request.person_id),
        person_id=request.person_id,
        template=request.template,
        fact_type=request.wire_type,
        fact="{}",
        language=request.language,
        sealed=request.sealed,
        in_inbox=False,
        send_before=request.send_before,
        traceparent=tx.cause.traceparent,
        created_at=tx.now,
        due_at=tx.now,
    )
    await messages.add(tx.connection, [notice])
