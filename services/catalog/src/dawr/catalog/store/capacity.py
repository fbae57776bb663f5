"""Week plans, and the months of capacity that were published."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.domain.capacity import DecidedDay, MonthOfCapacity
from dawr.catalog.domain.weeks import Offer, WeekdayPlan, WeekPlan
from dawr.contracts.values import Window

_DAYS = TypeAdapter(tuple[DecidedDay, ...])
_WINDOWS = TypeAdapter(tuple[Window, ...])

_MONTH = "office, service, tier, month, revision, CAST(days AS text) AS days, taken_away"

_SAVE_MONTHS = text("""
UPDATE capacity_months AS m
SET revision = n.revision, days = n.days, taken_away = n.taken_away, changed_at = :now
FROM unnest(CAST(:offices AS text[]), CAST(:services AS text[]), CAST(:tiers AS text[]), CAST(:months AS text[]),
            CAST(:revisions AS int[]), CAST(:days AS jsonb[]), CAST(:taken_away AS boolean[]))
     AS n(office, service, tier, month, revision, days, taken_away)
WHERE m.office = n.office AND m.service = n.service AND m.tier = n.tier AND m.month = n.month
""")


async def week_plans(connection: AsyncConnection) -> dict[Offer, WeekPlan]:
    """All week plans by offer, in order."""
    rows = await connection.execute(
        text("""
            SELECT office, service, tier, weekday, capacity, CAST(windows AS text) AS windows, opens_days_before
            FROM week_plans ORDER BY office, service, tier, weekday
        """)
    )
    days: dict[Offer, dict[Weekday, WeekdayPlan]] = defaultdict(dict)
    for row in rows:
        plan = WeekdayPlan(row.capacity, _WINDOWS.validate_json(row.windows), row.opens_days_before)
        days[Offer(row.office, row.service, row.tier)][Weekday(row.weekday)] = plan
    return {offer: WeekPlan(offer, week) for offer, week in days.items()}


async def is_offered(connection: AsyncConnection, offer: Offer) -> bool:
    """Whether an office gives a tier of a service."""
    found = await connection.execute(
        text("SELECT 1 FROM week_plans WHERE office = :office AND service = :service AND tier = :tier LIMIT 1"),
        _named(offer),
    )
    return found.scalar() is not None


async def replace_week_plan(connection: AsyncConnection, plan: WeekPlan) -> None:
    """Have an offer's weekdays be as planned, and no others."""
    await remove_week_plan(connection, plan.offer)
    await connection.execute(
        text("""
            INSERT INTO week_plans (office, service, tier, weekday, capacity, windows, opens_days_before)
            VALUES (:office, :service, :tier, :weekday, :capacity, CAST(:windows AS jsonb), :opens_days_before)
        """),
        [
            _named(plan.offer)
            | {
                "weekday": int(weekday),
                "capacity": each.capacity,
                "windows": _WINDOWS.dump_json(each.windows).decode(),
                "opens_days_before": each.opens_days_before,
            }
            for weekday, each in sorted(plan.days.items())
        ],
    )


async def remove_week_plan(connection: AsyncConnection, offer: Offer) -> None:
    """Have an offer be withdrawn: no weekday is planned any more."""
    await connection.execute(
        text("DELETE FROM week_plans WHERE office = :office AND service = :service AND tier = :tier"), _named(offer)
    )


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


async def published_keys(connection: AsyncConnection, *, since: str) -> list[tuple[Offer, str]]:
    """Offers and months, from a month on, that the topic holds."""
    rows = await connection.execute(
        text("""
            SELECT office, service, tier, month FROM capacity_months
            WHERE revision > 0 AND NOT taken_away AND month >= :since
        """),
        {"since": since},
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
        taken_away=row.taken_away,
    )
