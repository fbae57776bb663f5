"""What is published and left, for those who look for a seat: one query over one index, without a lock or a join."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.booking.domain import KeptSeats, Release, Seats, WindowSeats
from dawr.contracts import Pool, Text

# Four kinds of rows, told apart by what is null: planned days, from an index that has all of their columns; months with
# their closed days; days that an office closed itself; and holds that have run out and that nobody has swept yet.
# Normally there are none of the last two.
QUERY = """
SELECT office, date, capacity, in_use, planned, opens_at, closes_at, windows::text, releases::text, kept::text,
       NULL::text AS closed, NULL::text AS pool, NULL::text AS taken_window, NULL::text AS taken_seat
FROM quota_days
WHERE service = $1 AND tier = $2 AND office = ANY($3::text[]) AND date BETWEEN $4 AND $5
UNION ALL
SELECT office, to_date(month, 'YYYY-MM'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, closed::text,
       NULL, NULL, NULL
FROM capacity_months
WHERE service = $1 AND tier = $2 AND office = ANY($3::text[])
  AND month BETWEEN to_char($4::date, 'YYYY-MM') AND to_char($5::date, 'YYYY-MM')
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       json_build_array('closure', reason_ar, reason_en)::text, pool, NULL, NULL
FROM closed_days
WHERE split_part(pool, '/', 2) = $1 AND split_part(pool, '/', 3) = $2
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, pool, window_start, seat
FROM turns
WHERE state = 'HELD' AND held_until <= $6 AND split_part(pool, '/', 2) = $1 AND split_part(pool, '/', 3) = $2
"""


@dataclass(frozen=True, slots=True)
class Closure:
    """Why a day is closed; the kind is one of catalog's."""

    kind: str
    reason: Text


@dataclass
class Published:
    """What is known of a service and tier at some offices in a span of days."""

    seats: dict[tuple[str, dt.date], Seats] = field(default_factory=dict)
    """By office and date, without the holds that have run out."""
    closed: dict[tuple[str, dt.date], Closure] = field(default_factory=dict)
    """Days that would be open by their week, and are not."""
    months: set[tuple[str, int, int]] = field(default_factory=set)
    """Offices, years and months of which anything was published."""

    @property
    def offices(self) -> set[str]:
        """The offices of which anything was published."""
        return {office for office, _, _ in self.months}


async def published(
    connection: AsyncConnection,
    service: str,
    tier: str,
    offices: Sequence[str],
    first: dt.date,
    last: dt.date,
    now: datetime,
) -> Published:
    """The days of a service and tier at some offices; `now` decides which holds have run out."""
    raw: Any = (await connection.get_raw_connection()).driver_connection  # for thousands of rows SQLAlchemy's cost most
    known = Published()
    closed_by_office: list[Any] = []
    run_out: list[Any] = []
    for row in await raw.fetch(QUERY, service, tier, list(offices), first, last, now):
        if row["pool"] is not None:
            (run_out if row["closed"] is None else closed_by_office).append(row)
            continue
        office, date = row["office"], row["date"]
        known.months.add((office, date.year, date.month))
        if row["closed"] is None:
            known.seats[office, date] = _seats(row)
        else:
            known.closed.update({(office, on): why for on, why in _closed(row["closed"])})
    for row in closed_by_office:
        pool = Pool.parse(row["pool"])
        known.closed[pool.office, pool.date] = _closure(*orjson.loads(row["closed"]))
    for row in run_out:
        pool = Pool.parse(row["pool"])
        seats = known.seats.get((pool.office, pool.date))
        if seats is not None:
            known.seats[pool.office, pool.date] = seats.taking(row["taken_window"], -1, row["taken_seat"])
    return known


def _seats(row: Any) -> Seats:
    return Seats(
        capacity=row["capacity"],
        in_use=row["in_use"],
        planned=row["planned"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        windows=_windows(row["windows"]),
        releases=_releases(row["releases"]),
        kept=_kept(row["kept"]),
    )


# Days are much alike: most of what is packed in them has been read before.


@lru_cache(maxsize=4096)
def _windows(packed: str) -> tuple[WindowSeats, ...]:
    return tuple(WindowSeats(*each) for each in orjson.loads(packed))


@lru_cache(maxsize=1024)
def _releases(packed: str) -> tuple[Release, ...]:
    return tuple(Release(datetime.fromisoformat(at), seats) for at, seats in orjson.loads(packed))


@lru_cache(maxsize=1024)
def _kept(packed: str) -> tuple[KeptSeats, ...]:
    return tuple(KeptSeats(*each) for each in orjson.loads(packed))


@lru_cache(maxsize=1024)
def _closed(packed: str) -> tuple[tuple[dt.date, Closure], ...]:
    return tuple((dt.date.fromisoformat(on), _closure(*why)) for on, *why in orjson.loads(packed))


def _closure(kind: str, ar: str, en: str) -> Closure:
    return Closure(kind, Text(ar=ar, en=en))
