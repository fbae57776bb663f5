"""Exchange rates by day."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.consular.domain.rate import Rate, fx_rate
from dawr.contracts import FxRate

_COLUMNS = "base, quote, dated, rate, is_example, set_by, set_at, used_at"
_INSERT = f"""
INSERT INTO fx_rates ({_COLUMNS}) VALUES (:base, :quote, :dated, :rate, :is_example, :set_by, :set_at, NULL)
"""
_ADD = text(f"{_INSERT} ON CONFLICT DO NOTHING")
_SAVE = text(f"""
{_INSERT} ON CONFLICT (base, quote, dated) DO UPDATE
SET rate = excluded.rate, is_example = excluded.is_example, set_by = excluded.set_by, set_at = excluded.set_at
WHERE fx_rates.used_at IS NULL
""")
_LOCK = text(f"""
SELECT {_COLUMNS} FROM fx_rates WHERE base = :base AND quote = :quote AND dated = :dated FOR UPDATE
""")
_NEWEST = text(f"""
SELECT {_COLUMNS} FROM fx_rates
WHERE base = :base AND quote = :quote AND dated <= :today ORDER BY dated DESC LIMIT 1
""")
# Used before or not: the row that comes back is frozen, and is the one that is promised.
_FREEZE = text(f"""
UPDATE fx_rates SET used_at = :now WHERE base = :base AND quote = :quote AND dated = :dated AND used_at IS NULL
RETURNING {_COLUMNS}
""")
_PAGE = text(f"""
SELECT {_COLUMNS} FROM fx_rates
WHERE (CAST(:base AS text) IS NULL OR base = :base) AND (CAST(:quote AS text) IS NULL OR quote = :quote)
  AND (CAST(:before AS date) IS NULL
       OR (dated, base, quote) < (:before, CAST(:before_base AS text), CAST(:before_quote AS text)))
ORDER BY dated DESC, base DESC, quote DESC LIMIT :limit
""")


async def add_missing(connection: AsyncConnection, rates: Iterable[Rate]) -> None:
    """Keep rates of days that have none."""
    await connection.execute(_ADD, [_row(rate) for rate in rates])


async def save(connection: AsyncConnection, rate: Rate) -> bool:
    """Write a rate; False if the day has one that was used in the meantime."""
    return bool((await connection.execute(_SAVE, _row(rate))).rowcount)


async def lock(connection: AsyncConnection, base: str, quote: str, dated: dt.date) -> Rate | None:
    """The rate of a day, locked until the commit."""
    row = (await connection.execute(_LOCK, {"base": base, "quote": quote, "dated": dated})).one_or_none()
    return _rate(row) if row else None


async def freeze_newest(
    connection: AsyncConnection, base: str, quote: str, *, today: dt.date, now: dt.datetime
) -> FxRate | None:
    """The newest rate that is not of a later day, never to be changed from now on; none if there is none."""
    pair = {"base": base, "quote": quote}
    newest = (await connection.execute(_NEWEST, {**pair, "today": today})).one_or_none()
    if newest is None:
        return None
    if newest.used_at is None:
        frozen = (await connection.execute(_FREEZE, {**pair, "dated": newest.dated, "now": now})).one_or_none()
        # None came back: another case froze it while we waited, perhaps after a correction. It stays from now on.
        newest = frozen or (await connection.execute(_LOCK, {**pair, "dated": newest.dated})).one()
    return _rate(newest).fx


async def page(
    connection: AsyncConnection,
    *,
    base: str | None,
    quote: str | None,
    before: tuple[dt.date, str, str] | None,
    limit: int,
) -> list[Rate]:
    """Rates, those of the latest days first, from behind `before` (its day, base and quote)."""
    dated, before_base, before_quote = before or (None, None, None)
    rows = await connection.execute(
        _PAGE,
        {
            "base": base,
            "quote": quote,
            "before": dated,
            "before_base": before_base,
            "before_quote": before_quote,
            "limit": limit,
        },
    )
    return [_rate(row) for row in rows]


def _row(rate: Rate) -> dict[str, Any]:
    return {
        "base": rate.fx.base,
        "quote": rate.fx.quote,
        "dated": rate.fx.dated,
        "rate": rate.fx.rate,
        "is_example": rate.is_example,
        "set_by": rate.set_by,
        "set_at": rate.set_at,
    }


def _rate(row: Row[Any]) -> Rate:
    return Rate(
        fx=fx_rate(row.base, row.quote, row.rate, row.dated),
        is_example=row.is_example,
        set_by=row.set_by,
        set_at=row.set_at,
        used_at=row.used_at,
    )
