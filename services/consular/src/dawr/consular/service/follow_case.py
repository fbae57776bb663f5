"""Following a case by what booking and payments say.

A batch of facts is applied in one go: its cases are locked by ascending id, whatever the order of the facts, so
that the three topics, each read on its own, never wait for each other in a circle.
"""

from collections.abc import Sequence
from uuid import UUID

from dawr.consular.domain import case as rules
from dawr.consular.domain.case import Case, CaseState
from dawr.consular.domain.mandate import use
from dawr.consular.errors import StrangeFact
from dawr.consular.store import cases, catalogue, mandates
from dawr.contracts.booking import BookingFact
from dawr.contracts.payments import PaymentEvent, RefundEvent
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Received


async def follow_turns(tx: Transaction, facts: Sequence[Received]) -> None:
    """Move the cases of these facts and tell of each move; turns that belong to no case are nothing to us.

    Raises StrangeFact for a case that is not here, IllegalMove for what no rule allows.
    """
    ours = [(each.cause, each.message) for each in facts if isinstance(each.message, BookingFact)]
    ours = [(cause, fact) for cause, fact in ours if fact.case_id is not None]
    followed = await cases.lock_of_turns(tx.connection, {fact.turn_id for _, fact in ours})
    moves: list[tuple[Case, str]] = []
    for cause, fact in ours:
        case = followed.get(fact.turn_id)
        if case is None or case.id != fact.case_id:
            raise StrangeFact(case=str(fact.case_id))
        moved, advanced = rules.after_turn_fact(case, fact)
        followed[fact.turn_id] = moved
        moves.append((moved, fact.wire_type))
        tx.stage(advanced, cause=cause)
    await cases.save(tx.connection, followed.values())
    await cases.note_moves(tx.connection, moves)
    await _use_mandates(tx, [case for case, _ in moves if case.state is CaseState.CONFIRMED])


async def _use_mandates(tx: Transaction, confirmed: Sequence[Case]) -> None:
    """A mandate under which a case was confirmed has served its purpose."""
    ids = {case.wish.mandate_id for case in confirmed if case.wish.mandate_id is not None}
    locked = await mandates.lock(tx.connection, ids)
    await mandates.save(tx.connection, [use(mandate, tx.now) for mandate in locked])


async def follow_payments(tx: Transaction, facts: Sequence[Received]) -> None:
    """Note what was said of the payments of our cases; those of other turns are nothing to us."""
    payments = [each.message for each in facts if isinstance(each.message, PaymentEvent)]
    followed = await cases.lock_of_turns(tx.connection, {fact.subject.id for fact in payments})
    for fact in payments:
        if (case := followed.get(fact.subject.id)) is not None:
            followed[fact.subject.id] = rules.after_payment_fact(case, fact)
    await cases.save(tx.connection, followed.values())


async def follow_refunds(tx: Transaction, facts: Sequence[Received]) -> None:
    """Note what was said of the refunds of our cases; those of other turns are nothing to us."""
    refunds = [each.message for each in facts if isinstance(each.message, RefundEvent)]
    followed = await cases.lock_of_turns(tx.connection, {fact.subject.id for fact in refunds})
    for fact in refunds:
        if (case := followed.get(fact.subject.id)) is not None:
            followed[fact.subject.id] = rules.after_refund_fact(case, fact)
    await cases.save(tx.connection, followed.values())


async def ask_to_cancel(tx: Transaction, id: UUID, *, caller: UUID) -> Case | None:
    """Ask booking to take the turn of a case back; the case, or None if the caller has no such case.

    Who opened the case may, since the money goes back to them, and the person it is for.
    Raises CaseOver, TooLateToCancel.
    """
    case = await cases.lock(tx.connection, id)
    if case is None or caller not in {case.opened_by, case.person_id}:
        return None
    mission = await catalogue.office(tx.connection, case.wish.mission)
    zone = mission.zone if mission else "UTC"
    asked, request = rules.ask_to_cancel(case, caller, tx.now, zone=zone)
    if request is not None:
        await cases.save(tx.connection, [asked])
        tx.stage(request)
    return asked
