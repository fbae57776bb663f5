"""What is known of turns, a row each, until their day is over."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.use import SEATED, DayInUse, SeenTurn
from dawr.catalog.domain.weeks import Offer

# As `domain.use.join` does it. A fact that says nothing new writes nothing: most turns are written once or twice.
_JOIN = text("""
INSERT INTO seen_turns AS t (turn_id, office, service, tier, date, window_start, standing, moves)
SELECT * FROM unnest(CAST(:turns AS uuid[]), CAST(:offices AS text[]), CAST(:services AS text[]),
                     CAST(:tiers AS text[]), CAST(:dates AS date[]), CAST(:windows AS text[]),
                     CAST(:standings AS smallint[]), CAST(:moves AS smallint[]))
ON CONFLICT (turn_id) DO UPDATE SET
    office = CASE WHEN (excluded.moves, excluded.date) > (t.moves, t.date) THEN excluded.office ELSE t.office END,
    date = CASE WHEN (excluded.moves, excluded.date) > (t.moves, t.date) THEN excluded.date ELSE t.date END,
    window_start = CASE WHEN (excluded.moves, excluded.date) > (t.moves, t.date) THEN excluded.window_start
                        WHEN (excluded.moves, excluded.date) < (t.moves, t.date) THEN t.window_start
                        ELSE greatest(t.window_start, excluded.window_start) END,
    moves = greatest(t.moves, excluded.moves),
    standing = greatest(t.standing, excluded.standing)
WHERE (excluded.moves, excluded.date) > (t.moves, t.date) OR excluded.standing > t.standing
   OR ((excluded.moves, excluded.date) = (t.moves, t.date)
       AND greatest(t.window_start, excluded.window_start) IS DISTINCT FROM t.window_start)
""")

_IN_USE = text("""
SELECT office, service, tier, date, window_start, count(*) AS seats
FROM seen_turns
JOIN unnest(CAST(:offices AS text[]), CAST(:services AS text[]), CAST(:tiers AS text[]), CAST(:dates AS date[]))
     AS w(office, service, tier, date) USING (office, service, tier, date)
WHERE standing = ANY(:seated)
GROUP BY office, service, tier, date, window_start
""")

_COUNT = text("""
SELECT count(*) FROM seen_turns
WHERE date BETWEEN :first AND :last AND standing = ANY(:seated)
  AND (CAST(:offices AS text[]) IS NULL OR office = ANY(CAST(:offices AS text[])))
""")


async def note(connection: AsyncConnection, turns: Sequence[SeenTurn]) -> None:
    """Join what is told with what is known; each turn once, in the order of ids."""
    if not turns:
        return
    await connection.execute(
        _JOIN,
        {
            "turns": [each.turn_id for each in turns],
            "offices": [each.offer.office for each in turns],
            "services": [each.offer.service for each in turns],
            "tiers": [each.offer.tier for each in turns],
            "dates": [each.date for each in turns],
            "windows": [each.window for each in turns],
            "standings": [each.standing.value for each in turns],
            "moves": [each.moves for each in turns],
        },
    )


async def in_use(
    connection: AsyncConnection, days: Collection[tuple[Offer, date]]
) -> dict[tuple[Offer, date], DayInUse]:
    """How many seats of days of offers are in use; a day with none is left out."""
    if not days:
        return {}
    wanted = sorted(set(days))
    rows = await connection.execute(
        _IN_USE,
        {
            "offices": [offer.office for offer, _ in wanted],
            "services": [offer.service for offer, _ in wanted],
            "tiers": [offer.tier for offer, _ in wanted],
            "dates": [on for _, on in wanted],
            "seated": [each.value for each in SEATED],
        },
    )
    seats: dict[tuple[Offer, date], int] = defaultdict(int)
    windows: dict[tuple[Offer, date], dict[str, int]] = defaultdict(dict)
    for row in rows:
        key = (Offer(row.office, row.service, row.tier), row.date)
        seats[key] += row.seats
        if row.window_start is not None:
            windows[key][row.window_start] = row.seats
    return {key: DayInUse(count, windows[key]) for key, count in seats.items()}


async def count_turns(connection: AsyncConnection, first: date, last: date, offices: Collection[str] | None) -> int:
    """How many turns have a seat on dates from the first to the last: of some offices, or (None) of all."""
    found = await connection.execute(
        _COUNT,
        {
            "first": first,
            "last": last,
            "seated": [each.value for each in SEATED],
            "offices": None if offices is None else sorted(offices),
        },
    )
    return int(found.scalar_one())


async def forget(connection: AsyncConnection, before: date) -> int:
    """Forget the turns of dates before one; how many."""
    gone = await connection.execute(text("DELETE FROM seen_turns WHERE date < :before"), {"before": before})
    return gone.rowcount
