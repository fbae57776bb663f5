"""Fees as they were decided. They are only ever added: the database refuses to change one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.services import FeeDecision, Origin
from dawr.contracts import Channel, Money
from dawr.contracts.catalog import Fee


async def fee_decisions(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, list[FeeDecision]]:
    """Every fee that was ever decided for some services, by service, in the order of the decisions."""
    rows = await connection.execute(
        text("""
            SELECT service, tier, channel, minor, currency, effective_from, is_example, origin FROM fees
            WHERE service = ANY(CAST(:codes AS text[])) ORDER BY service, number
        """),
        {"codes": sorted(codes)},
    )
    decisions: dict[str, list[FeeDecision]] = defaultdict(list)
    for row in rows:
        decisions[row.service].append(decision_of(row))
    return decisions


def decision_of(row: Any) -> FeeDecision:
    """The decision that a row of `fees` keeps."""
    fee = Fee(
        tier=row.tier,
        channel=Channel(row.channel),
        amount=Money(minor=row.minor, currency=row.currency),
        effective_from=row.effective_from,
        is_example=row.is_example,
    )
    return FeeDecision(row.service, fee, Origin(row.origin))


async def add_fees(connection: AsyncConnection, decisions: Sequence[FeeDecision], now: datetime) -> None:
    """Keep decisions about fees, in their order."""
    if not decisions:
        return
    await connection.execute(
        text("""
            INSERT INTO fees
                (service, tier, channel, minor, currency, effective_from, is_example, origin, decided_at)
            SELECT n.service, n.tier, n.channel, n.minor, n.currency, n.effective_from, n.is_example, n.origin, :now
            FROM unnest(CAST(:services AS text[]), CAST(:tiers AS text[]), CAST(:channels AS text[]),
                        CAST(:minors AS bigint[]), CAST(:currencies AS text[]), CAST(:since AS date[]),
                        CAST(:examples AS boolean[]), CAST(:origins AS text[])) WITH ORDINALITY
                 AS n(service, tier, channel, minor, currency, effective_from, is_example, origin, place)
            ORDER BY n.place
        """),
        {
            "services": [each.service for each in decisions],
            "tiers": [each.fee.tier for each in decisions],
            "channels": [each.fee.channel.value for each in decisions],
            "minors": [each.fee.amount.minor for each in decisions],
            "currencies": [each.fee.amount.currency for each in decisions],
            "since": [each.fee.effective_from for each in decisions],
            "examples": [each.fee.is_example for each in decisions],
            "origins": [each.origin.value for each in decisions],
            "now": now,
        },
    )
