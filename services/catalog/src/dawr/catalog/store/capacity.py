"""The months of capacity that were published."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.capacity import DecidedDay, MonthOfCapacity
from dawr.catalog.domain.weeks import Offer
from dawr.contracts.catalog import ClosedDay

_DAYS = TypeAdapter(tuple[DecidedDay, ...])
_CLOSED = TypeAdapter(tuple[ClosedDay, ...])

_MONTH = """office, service, tier, month, revision, CAST(days AS text) AS days, CAST(closed AS text) AS closed,
taken_away"""

_SAVE_MONTHS = text("""
UPDATE capacity_months AS m
SET revision = n.revision, days = CAST(n.days AS jsonb), closed = CAST(n.closed AS jsonb), taken_away = n.taken_away,
    changed_at = :now
FROM unnest(CAST(:offices AS text[]), CAST(:services AS text[]), CAST(:tiers AS text[]), CAST(:months AS text[]),
            CAST(:revisions AS int[]), CAST(:days AS text[]), CAST(:closed AS text[]), CAST(:taken_away AS boolean[]))
     AS n(office, service, tier, month, revision, days, closed, taken_away)
WHERE m.office = n.office AND m.service = n.service AND m.tier = n.tier AND m.month = n.month
""")


async def lock_months(
    connection: AsyncConnection, wanted: Iterable[tuple[Offer, str]], now: datetime
) -> dict[tuple[Offer, str], MonthOfCapacity]:
    """The months of some offers, locked in their order to be changed; those that are new have the revision 0."""
    keys = sorted(set(wanted))
    columns = {
        "offices": [offer.office for offer, _ in keys],
        "services": [offer.service for offer, _ in keys],
        "tiers": [offer.tier for offer, _ in keys],
        "months": [month for _, month in keys],
    }
    spread = """unnest(CAST(:offices AS text[]), CAST(:services AS text[]), CAST(:tiers AS text[]),
        CAST(:months AS text[])) AS w(office, service, tier, month)"""
    await connection.execute(
        text(f"""
            INSERT INTO capacity_months (office, service, tier, month, revision, days, taken_away, changed_at)
            SELECT office, service, tier, month, 0, '[]', false, :now FROM {spread}
            ORDER BY office, service, tier, month ON CONFLICT DO NOTHING
        """),
        columns | {"now": now},
    )
    rows = await connection.execute(
        text(f"""
            SELECT {_MONTH} FROM capacity_months JOIN {spread} USING (office, service, tier, month)
            ORDER BY office, service, tier, month FOR NO KEY UPDATE OF capacity_months
        """),
        columns,
    )
    return {(month.offer, month.month): month for month in map(_month, rows)}


async def month(connection: AsyncConnection, offer: Offer, name: str) -> MonthOfCapacity | None:
    """One month of an offer; none if nothing was ever decided about it."""
    rows = await connection.execute(
        text(f"""
            SELECT {_MONTH} FROM capacity_months
            WHERE office = :office AND service = :service AND tier = :tier AND month = :month
        """),
        _named(offer) | {"month": name},
    )
    row = rows.one_or_none()
    return None if row is None else _month(row)


async def published_keys(
    connection: AsyncConnection, *, since: str, offices: Collection[str] | None = None
) -> list[tuple[Offer, str]]:
    """Offers and months, from a month on, that the topic holds: of all offices, or of some."""
    rows = await connection.execute(
        text("""
            SELECT office, service, tier, month FROM capacity_months
            WHERE revision > 0 AND NOT taken_away AND month >= :since
              AND (CAST(:offices AS text[]) IS NULL OR office = ANY(CAST(:offices AS text[])))
        """),
        {"since": since, "offices": None if offices is None else sorted(offices)},
    )
    return [(Offer(row.office, row.service, row.tier), row.month) for row in rows]


async def published_months(
    connection: AsyncConnection, *, before: str | None = None, lock: bool = False
) -> list[MonthOfCapacity]:
    """The months that the topic holds, in order: all, or those before a month; locked if they are to be changed."""
    rows = await connection.execute(
        text(f"""
            SELECT {_MONTH} FROM capacity_months
            WHERE revision > 0 AND NOT taken_away AND (CAST(:before AS text) IS NULL OR month < :before)
            ORDER BY office, service, tier, month {"FOR NO KEY UPDATE" if lock else ""}
        """),
        {"before": before},
    )
    return [_month(row) for row in rows]


async def save_months(connection: AsyncConnection, months: Sequence[MonthOfCapacity], now: datetime) -> None:
    """Keep months that `lock_months` or `published_months` locked."""
    if not months:
        return
    await connection.execute(
        _SAVE_MONTHS,
        {
            "offices": [each.offer.office for each in months],
            "services": [each.offer.service for each in months],
            "tiers": [each.offer.tier for each in months],
            "months": [each.month for each in months],
            "revisions": [each.revision for each in months],
            "days": [_DAYS.dump_json(each.days).decode() for each in months],
            "closed": [_CLOSED.dump_json(each.closed).decode() for each in months],
            "taken_away": [each.taken_away for each in months],
            "now": now,
        },
    )


def _named(offer: Offer) -> dict[str, Any]:
    return {"office": offer.office, "service": offer.service, "tier": offer.tier}


def _month(row: Any) -> MonthOfCapacity:
    return MonthOfCapacity(
        offer=Offer(row.office, row.service, row.tier),
        month=row.month,
        revision=row.revision,
        days=_DAYS.validate_json(row.days),
        closed=_CLOSED.validate_json(row.closed),
        taken_away=row.taken_away,
    )
