"""What was: the state of a thing at a revision, and every fee of a service with its time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.services import FeeDecision
from dawr.catalog.store.fees import decision_of


async def state_at(connection: AsyncConnection, subject: str, revision: int) -> dict[str, Any] | None:
    """The state that `changes` keeps of a thing at a revision, with the fees that were told until then among it, by
    tier, channel and first day; none if nothing is kept of it."""
    rows = await connection.execute(
        text("""
            SELECT revision, CAST(detail -> 'state' AS text) AS state, CAST(detail -> 'fees' AS text) AS fees
            FROM changes WHERE subject = :subject AND revision <= :revision ORDER BY revision, number
        """),
        {"subject": subject, "revision": revision},
    )
    state: dict[str, Any] | None = None
    fees: dict[str, Any] = {}
    for row in rows:
        for fee in orjson.loads(row.fees) if row.fees else ():
            fees.setdefault(fee["tier"], {}).setdefault(fee["channel"], {})[fee["effective_from"]] = fee["amount"]
        state = orjson.loads(row.state) if row.state and row.revision == revision else None
    if state is None:
        return None
    return state | {"fees": fees} if fees else state


@dataclass(frozen=True, slots=True)
class KeptFee:
    """A fee as it was decided."""

    number: int
    """Counts up with each decision about any service."""
    decision: FeeDecision
    decided_at: datetime


async def fee_history(connection: AsyncConnection, service: str, *, before: int | None, limit: int) -> list[KeptFee]:
    """Every fee that was decided for a service, the last decision first; those with a number below `before`."""
    rows = await connection.execute(
        text("""
            SELECT number, service, tier, channel, minor, currency, effective_from, is_example, origin, decided_at
            FROM fees
            WHERE service = :service AND (CAST(:before AS bigint) IS NULL OR number < :before)
            ORDER BY number DESC LIMIT :limit
        """),
        {"service": service, "before": before, "limit": limit},
    )
    return [KeptFee(row.number, decision_of(row), row.decided_at) for row in rows]
