"""How many seats of a day are in use, as far as booking's facts tell; and what must not be lowered below it.

Facts about a turn are joined so that it does not matter in which order they come, or how often: of two, the standing
that is further on counts, and the place of the one that knows of more moves. Those of before moves were counted say
none: among them the later day counts, since only offices moved turns then, and to later days.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

from dawr.catalog.domain.capacity import MonthOfCapacity
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import BelowUse
from dawr.contracts.booking import TurnCancelled, TurnConfirmed, TurnExpired, TurnFact, TurnHeld, TurnMoved
from dawr.contracts.catalog import CapacityDay

USE_FACTS: tuple[type[TurnFact], ...] = (TurnHeld, TurnConfirmed, TurnMoved, TurnExpired, TurnCancelled)
"""The facts that say whether a turn has a seat, and where. One that was refused never had any."""

MOST_DAYS_TOLD = 50


class Standing(IntEnum):
    """How far a turn is known to be; each outweighs those before it."""

    SEATED = 1
    """Held, confirmed or moved."""
    EXPIRED = 2
    SEATED_AGAIN = 3
    """Paid after its hold had run out, while the seat was still free."""
    CANCELLED = 4


SEATED = frozenset({Standing.SEATED, Standing.SEATED_AGAIN})
"""Standings in which a turn has a seat."""


@dataclass(frozen=True, slots=True)
class SeenTurn:
    """What is known of a turn."""

    turn_id: UUID
    offer: Offer
    date: date
    standing: Standing
    window: str | None = None
    """The start of its part of the day; none: the day has none, or no fact that says it has come yet."""
    moves: int = 0
    """How often it had been moved."""


def seen(fact: TurnFact) -> SeenTurn:
    """What one fact of USE_FACTS says."""
    offer = Offer(fact.pool.office, fact.pool.service, fact.pool.tier)
    if isinstance(fact, TurnExpired | TurnCancelled):
        over = Standing.EXPIRED if isinstance(fact, TurnExpired) else Standing.CANCELLED
        return SeenTurn(fact.turn_id, offer, fact.pool.date, over, moves=fact.moves)
    assert isinstance(fact, TurnHeld | TurnConfirmed | TurnMoved)  # noqa: S101
    again = isinstance(fact, TurnConfirmed) and fact.after_expiry
    standing = Standing.SEATED_AGAIN if again else Standing.SEATED
    return SeenTurn(fact.turn_id, offer, fact.pool.date, standing, fact.window, fact.moves)


def join(one: SeenTurn, other: SeenTurn) -> SeenTurn:
    """What two facts about a turn say together; in any order the same."""
    # Among facts about one place, those with a window say the same of it.
    newer = max(one, other, key=lambda each: (each.moves, each.date, each.window or ""))
    return replace(newer, standing=max(one.standing, other.standing))


def joined(facts: Iterable[TurnFact], now: datetime) -> list[SeenTurn]:
    """What facts say together, a turn once, in the order of ids; those about days that are over everywhere are left
    out, so that facts that are read again after years do not come back. Only a move is noted all the same: else the
    turn would seem to be still where it was before."""
    turns: dict[UUID, SeenTurn] = {}
    for fact in facts:
        if fact.pool.date >= first_date_of_use(now) or fact.moves:
            told = seen(fact)
            turns[told.turn_id] = join(turns[told.turn_id], told) if told.turn_id in turns else told
    return sorted(turns.values(), key=lambda each: each.turn_id.int)


def first_date_of_use(now: datetime) -> date:
    """The first date that is not over everywhere."""
    return now.date() - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayInUse:
    """How many seats of a day of an offer have turns, as far as facts tell."""

    seats: int
    windows: Mapping[str, int]
    """By the start of the part of the day."""


NOBODY = DayInUse(0, {})


def lowered_days(before: MonthOfCapacity, after: MonthOfCapacity) -> list[date]:
    """The days of which a change takes seats, or seats of a window, and which nothing closes."""
    old = {each.date: each for each in before.open_days}
    new = {each.date: each for each in after.open_days}
    closed = {each.date for each in after.closed}
    return [
        on
        for on, day in old.items()
        if on not in closed and (on not in new or _is_lower(day, new[on])) and day.capacity
    ]


def _is_lower(before: CapacityDay, after: CapacityDay) -> bool:
    offered = {each.start: each.capacity for each in after.windows}
    fewer = any(each.capacity > offered.get(each.start, 0) for each in before.windows) if offered else False
    return after.capacity < before.capacity or fewer


def check_use(
    changes: Sequence[tuple[MonthOfCapacity, MonthOfCapacity]], in_use: Mapping[tuple[Offer, date], DayInUse]
) -> None:
    """Refuse months, each before and after a change, that take seats below those that are in use (BelowUse).

    What is below already may be raised, also by less than it takes; a day that is closed is not lowered: of its turns
    the office decides. `wanted` is 0 for a day or window that is no longer there.
    """
    below: list[dict[str, Any]] = []
    for before, after in changes:
        offered = {each.date: each for each in after.open_days}
        for on in lowered_days(before, after):
            old = next(each for each in before.open_days if each.date == on)
            below += _below(old, offered.get(on), after.offer, in_use.get((after.offer, on), NOBODY))
    if below:
        raise BelowUse(**below[0], days=below[:MOST_DAYS_TOLD], count=len(below))


def _below(old: CapacityDay, new: CapacityDay | None, offer: Offer, used: DayInUse) -> Iterable[dict[str, Any]]:
    place: dict[str, Any] = {"date": old.date, "office": offer.office, "service": offer.service, "tier": offer.tier}
    wanted = new.capacity if new is not None else 0
    if wanted < min(used.seats, old.capacity):
        yield place | {"in_use": used.seats, "wanted": wanted}
    elif new is not None and new.windows:
        offered = {each.start: each.capacity for each in new.windows}
        for each in old.windows:
            seats, left = used.windows.get(each.start, 0), offered.get(each.start, 0)
            if left < min(seats, each.capacity):
                yield place | {"window": each.start, "in_use": seats, "wanted": left}


def keys_of(changes: Collection[tuple[MonthOfCapacity, MonthOfCapacity]]) -> list[tuple[Offer, date]]:
    """The days whose use has to be known to check changes."""
    return [(after.offer, on) for before, after in changes for on in lowered_days(before, after)]
