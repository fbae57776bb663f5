"""Cases and their moves."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.consular.domain.case import LIVE, Case, CaseState, PaymentState, RefundState, Wish
from dawr.consular.domain.rate import fx_rate
from dawr.contracts import Money
from dawr.contracts.booking import RefusalCode

_OPENING = (
    "id, turn_id, person_id, opened_by, mandate_id, service, tier, mission, date, wished_window, pay_currency, "
    "fingerprint, fx_base, fx_quote, fx_rate, fx_dated, opened_at"
)
_PROGRESS = (
    "state, revision, moved_at, refusal, opens_at, held_until, given_window, cancel_asked_at, fee_minor, "
    "fee_currency, payable_minor, payable_currency, payment_id, payment, paid_minor, paid_currency, refund, "
    "refunded_minor, refunded_currency"
)
_ALL = f"{_OPENING}, {_PROGRESS}"


def _assigned(columns: str) -> str:
    return ", ".join(f"{name} = :{name}" for name in columns.split(", "))


def _given(columns: str) -> str:
    return ", ".join(f":{name}" for name in columns.split(", "))


_INSERT = text(f"INSERT INTO cases ({_ALL}) VALUES ({_given(_ALL)})")
_UPDATE = text(f"UPDATE cases SET date = :date, {_assigned(_PROGRESS)} WHERE id = :id")
_INSERT_MOVE = text("""
INSERT INTO case_moves (case_id, revision, state, cause, at) VALUES (:case_id, :revision, :state, :cause, :at)
""")
# By ascending id, as every writer locks them.
_LOCK_OF_TURNS = text(f"SELECT {_ALL} FROM cases WHERE turn_id = ANY(CAST(:turns AS uuid[])) ORDER BY id FOR UPDATE")
_FIND = text(f"SELECT {_ALL} FROM cases WHERE id = :id")
_LOCK = text(f"SELECT {_ALL} FROM cases WHERE id = :id FOR UPDATE")
_PAGE_OF_PERSON = text(f"""
SELECT {_ALL} FROM cases
WHERE (opened_by = :person OR person_id = :person)
  AND (CAST(:before AS timestamptz) IS NULL OR (opened_at, id) < (:before, CAST(:before_id AS uuid)))
ORDER BY opened_at DESC, id DESC LIMIT :limit
""")
_PAGE_OF_MISSION = text(f"""
SELECT {_ALL} FROM cases
WHERE mission = :mission AND (CAST(:date AS date) IS NULL OR date = :date)
  AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:before AS timestamptz) IS NULL OR (opened_at, id) < (:before, CAST(:before_id AS uuid)))
ORDER BY opened_at DESC, id DESC LIMIT :limit
""")


@dataclass(frozen=True)
class Move:
    """A line of a case's history."""

    state: CaseState
    cause: str
    """The wire type of the message that moved it."""
    at: dt.datetime


@dataclass(frozen=True)
class After:
    """Where a page of a list begins: behind this case."""

    opened_at: dt.datetime
    id: UUID


async def insert(connection: AsyncConnection, case: Case, cause: str) -> None:
    """A new case and the first line of its history."""
    await connection.execute(_INSERT, _row(case))
    await connection.execute(_INSERT_MOVE, _move_row(case, cause))


async def save(connection: AsyncConnection, cases: Iterable[Case]) -> None:
    """Write cases that were locked before."""
    rows = [_row(case) for case in cases]
    if rows:
        await connection.execute(_UPDATE, rows)


async def note_moves(connection: AsyncConnection, moves: Sequence[tuple[Case, str]]) -> None:
    """Add lines to histories: each case as it was after a move, and the wire type that moved it."""
    if moves:
        await connection.execute(_INSERT_MOVE, [_move_row(case, cause) for case, cause in moves])


async def find(connection: AsyncConnection, id: UUID) -> Case | None:
    """A case, as it is committed."""
    row = (await connection.execute(_FIND, {"id": id})).one_or_none()
    return _case(row) if row else None


async def lock(connection: AsyncConnection, id: UUID) -> Case | None:
    """A case, locked until the commit."""
    row = (await connection.execute(_LOCK, {"id": id})).one_or_none()
    return _case(row) if row else None


async def lock_of_turns(connection: AsyncConnection, turns: Iterable[UUID]) -> dict[UUID, Case]:
    """The cases of turns, by turn id, locked; turns of no case are left out."""
    wanted = list(turns)
    if not wanted:
        return {}
    rows = await connection.execute(_LOCK_OF_TURNS, {"turns": wanted})
    return {row.turn_id: _case(row) for row in rows}


async def states(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, CaseState]:
    """Where cases stand."""
    rows = await connection.execute(
        text("SELECT id, state FROM cases WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": list(ids)}
    )
    return {row.id: CaseState(row.state) for row in rows}


async def has_live_case(connection: AsyncConnection, mandate_id: UUID) -> bool:
    """Whether a case under the mandate still has, or may get, a seat."""
    found = await connection.execute(
        text("SELECT EXISTS (SELECT FROM cases WHERE mandate_id = :mandate AND state = ANY(CAST(:live AS text[])))"),
        {"mandate": mandate_id, "live": sorted(LIVE)},
    )
    return bool(found.scalar())


async def page_of_person(connection: AsyncConnection, person: UUID, *, after: After | None, limit: int) -> list[Case]:
    """Cases that a person opened or that are for them, newest first."""
    rows = await connection.execute(
        _PAGE_OF_PERSON,
        {
            "person": person,
            "before": after and after.opened_at,
            "before_id": after and after.id,
            "limit": limit,
        },
    )
    return [_case(row) for row in rows]


async def page_of_mission(
    connection: AsyncConnection,
    mission: str,
    *,
    date: dt.date | None,
    state: CaseState | None,
    after: After | None,
    limit: int,
) -> list[Case]:
    """Cases of a mission, newest first."""
    rows = await connection.execute(
        _PAGE_OF_MISSION,
        {
            "mission": mission,
            "date": date,
            "state": state,
            "before": after and after.opened_at,
            "before_id": after and after.id,
            "limit": limit,
        },
    )
    return [_case(row) for row in rows]


async def history(connection: AsyncConnection, id: UUID) -> list[Move]:
    """The moves of a case, oldest first."""
    rows = await connection.execute(
        text("SELECT state, cause, at FROM case_moves WHERE case_id = :id ORDER BY revision"), {"id": id}
    )
    return [Move(CaseState(row.state), row.cause, row.at) for row in rows]


def _row(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "turn_id": case.turn_id,
        "person_id": case.person_id,
        "opened_by": case.opened_by,
        "mandate_id": case.wish.mandate_id,
        "service": case.wish.service,
        "tier": case.wish.tier,
        "mission": case.wish.mission,
        "date": case.wish.date,
        "wished_window": case.wish.window,
        "pay_currency": case.wish.pay_currency,
        "fingerprint": case.fingerprint,
        "fx_base": case.fx and case.fx.base,
        "fx_quote": case.fx and case.fx.quote,
        "fx_rate": case.fx and case.fx.rate,
        "fx_dated": case.fx and case.fx.dated,
        "opened_at": case.opened_at,
        "state": case.state.value,
        "revision": case.revision,
        "moved_at": case.moved_at,
        "refusal": case.refusal and case.refusal.value,
        "opens_at": case.opens_at,
        "held_until": case.held_until,
        "given_window": case.window,
        "fee_minor": case.fee and case.fee.minor,
        "fee_currency": case.fee and case.fee.currency,
        "payable_minor": case.payable and case.payable.minor,
        "payable_currency": case.payable and case.payable.currency,
        "payment_id": case.payment_id,
        "payment": case.payment.value,
        "paid_minor": case.paid and case.paid.minor,
        "paid_currency": case.paid and case.paid.currency,
        "refund": case.refund.value,
        "refunded_minor": case.refunded and case.refunded.minor,
        "refunded_currency": case.refunded and case.refunded.currency,
        "cancel_asked_at": case.cancel_asked_at,
    }


def _move_row(case: Case, cause: str) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "revision": case.revision,
        "state": case.state.value,
        "cause": cause,
        "at": case.moved_at,
    }


def _case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        turn_id=row.turn_id,
        person_id=row.person_id,
        opened_by=row.opened_by,
        wish=Wish(
            service=row.service,
            tier=row.tier,
            mission=row.mission,
            date=row.date,
            window=row.wished_window,
            mandate_id=row.mandate_id,
            pay_currency=row.pay_currency,
        ),
        fingerprint=row.fingerprint,
        opened_at=row.opened_at,
        moved_at=row.moved_at,
        fx=fx_rate(row.fx_base, row.fx_quote, row.fx_rate, row.fx_dated) if row.fx_base else None,
        state=CaseState(row.state),
        revision=row.revision,
        refusal=RefusalCode(row.refusal) if row.refusal else None,
        opens_at=row.opens_at,
        held_until=row.held_until,
        window=row.given_window,
        fee=_money(row.fee_minor, row.fee_currency),
        payable=_money(row.payable_minor, row.payable_currency),
        payment_id=row.payment_id,
        payment=PaymentState(row.payment),
        paid=_money(row.paid_minor, row.paid_currency),
        refund=RefundState(row.refund),
        refunded=_money(row.refunded_minor, row.refunded_currency),
        cancel_asked_at=row.cancel_asked_at,
    )


def _money(minor: int | None, currency: str | None) -> Money | None:
    return Money(minor=minor, currency=currency) if minor is not None and currency is not None else None
