"""What is told of a turn: each fact happens once in its life, so its id follows from the turn (a move counts)."""

from collections.abc import Sequence
from datetime import timedelta

from dawr.booking import domain
from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import State, Turn
from dawr.contracts import Message, Subject, Text, derived_id
from dawr.contracts.payments import RequestPayment
from dawr.servicekit.database import Transaction
from dawr.servicekit.envelope import Cause


def tell_allocated(tx: Transaction, turn: Turn, catalogue: Catalogue, *, cause: Cause, grace: timedelta) -> None:
    """Tell that a seat is held, given or refused; ask for the payment of a held one."""
    _tell(tx, turn, domain.fact_of(turn, tx.now), cause)
    if turn.state is State.HELD and turn.payable is not None and turn.held_until is not None:
        request = RequestPayment(
            payment_id=turn.payment_id,
            subject=Subject(kind="turn", id=turn.id),
            payer_id=turn.asked_by,
            amount=turn.payable,
            fx=turn.fx,
            pay_before=turn.held_until + grace,
            description=catalogue.description(turn.pool),
            return_key="case" if turn.case_id else "turn",
        )
        _tell(tx, turn, request, cause)


def tell_confirmed(tx: Transaction, turn: Turn, *, late: bool, cause: Cause | None) -> None:
    """Tell that a turn was paid for."""
    _tell(tx, turn, domain.fact_of(turn, tx.now, late=late), cause)


def tell_expired(tx: Transaction, turn: Turn) -> None:
    """Tell that a hold ran out."""
    _tell(tx, turn, domain.fact_of(turn, tx.now), None)


def tell_cancelled(
    tx: Transaction,
    turn: Turn,
    asks: Sequence[Message],
    *,
    by_office: bool,
    reason: str,
    reason_text: Text | None = None,
    cause: Cause | None,
) -> None:
    """Tell that a turn was given back, and ask payments for what follows."""
    by = "office" if by_office else "citizen"
    _tell(tx, turn, domain.fact_of(turn, tx.now, by=by, reason=reason, reason_text=reason_text), cause)
    for ask in asks:
        _tell(tx, turn, ask, cause)


def tell_moved(tx: Transaction, turn: Turn, reason: Text, *, cause: Cause) -> None:
    """Tell of a turn's new day. That can happen several times in its life: the id counts them."""
    fact = domain.moved_fact(turn, tx.now, reason)
    tx.stage(fact, id=derived_id(turn.id, f"{fact.wire_type}/{len(turn.moves)}"), cause=cause)


def ask_refund(tx: Transaction, turn: Turn, request: Message, cause: Cause | None) -> None:
    """Ask for the money of a turn to go back."""
    _tell(tx, turn, request, cause)


def _tell(tx: Transaction, turn: Turn, message: Message, cause: Cause | None) -> None:
    tx.stage(message, id=derived_id(turn.id, message.wire_type), cause=cause)
