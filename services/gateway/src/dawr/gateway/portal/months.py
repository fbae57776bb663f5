"""A month of an office's free days, as a calendar shows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

AHEAD_DAYS = 120
"""How many days ahead months are shown. Booking says how far a turn may be asked for."""
FEW = 5
"""So many seats or fewer are few."""


class Mark(StrEnum):
    """What a day looks like."""

    MANY = "many"
    FEW = "few"
    NONE = "none"
    """All seats are taken."""
    LATER = "later"
    """It is not open for booking yet."""
    CLOSED = "closed"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a calendar."""

    day: date
    mark: Mark
    left: int = 0
    href: str | None = None
    """Where a day with seats leads."""
    reason: str = ""
    """Why it is closed, where it would be open by its week."""
    opens_at: str | None = None
    """When it opens for booking, if that is known."""
    is_today: bool = False


Week = tuple[Cell | None, ...]
"""Seven days; none for those of another month."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month as a calendar shows it."""

    first: date
    weeks: tuple[Week, ...]
    """Those that are not over."""
    previous: date | None
    """The first day of the month before, if it can still be chosen from."""
    next: date | None

    @property
    def cells(self) -> Iterable[Cell]:
        """Its days in order."""
        return (cell for week in self.weeks for cell in week if cell is not None)

    @property
    def is_free(self) -> bool:
        """Whether any of its days has seats."""
        return any(cell.left for cell in self.cells)

    @property
    def is_over(self) -> bool:
        """Whether none of its days is to come."""
        return all(cell.mark is Mark.OVER for cell in self.cells)

    @property
    def holidays(self) -> tuple[Cell, ...]:
        """Closed days with a reason, for the list below."""
        return tuple(cell for cell in self.cells if cell.reason)

    @property
    def opens_next(self) -> Cell | None:
        """The first of its days that opens for booking later, at a moment that is known."""
        return next((cell for cell in self.cells if cell.mark is Mark.LATER and cell.opens_at), None)


def first_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def last_of(first: date) -> date:
    """The last day of the month that begins so."""
    return _after(first) - timedelta(days=1)


def month_of(
    first: date,
    days: Iterable[Mapping[str, Any]],
    *,
    today: date,
    first_weekday: int,
    link: Callable[[str], str],
) -> Month:
    """The month that begins on `first`, of the days that booking told; one of which it told nothing is closed.

    `today` is the office's, `first_weekday` 0 for Monday; `link` leads on from a date with seats.
    """
    told = {each["date"]: each for each in days}
    cells = [
        _cell(first + timedelta(days=each), told, today, link) for each in range((last_of(first) - first).days + 1)
    ]
    before = (first.weekday() - first_weekday) % 7
    padded: list[Cell | None] = [*([None] * before), *cells]
    padded += [None] * (-len(padded) % 7)
    following, earlier = _after(first), first_of(first - timedelta(days=1))
    weeks = tuple(tuple(padded[at : at + 7]) for at in range(0, len(padded), 7))
    return Month(
        first=first,
        weeks=tuple(week for week in weeks if not _is_over(week)) or weeks[-1:],
        previous=earlier if earlier >= first_of(today) else None,
        next=following if following <= today + timedelta(days=AHEAD_DAYS) else None,
    )


def _is_over(week: Week) -> bool:
    """Whether a week has only days that are over: it is not shown, so that those to come are on the screen."""
    return all(cell is None or cell.mark is Mark.OVER for cell in week)


def _cell(day: date, told: Mapping[str, Mapping[str, Any]], today: date, link: Callable[[str], str]) -> Cell:
    known = told.get(day.isoformat())
    is_today = day == today
    if day < today:
        return Cell(day, Mark.OVER)
    if known is None:
        return Cell(day, Mark.CLOSED, is_today=is_today)
    left = known["left"]
    if left > 0:
        mark = Mark.FEW if left <= FEW else Mark.MANY
        return Cell(day, mark, left, link(known["date"]), is_today=is_today)
    reason = known["reason"]["text"] if known["reason"] else ""
    return Cell(day, _MARKS[known["state"]], reason=reason, opens_at=known["opens_at"], is_today=is_today)


_MARKS = {
    "open": Mark.NONE,
    "sold-out": Mark.NONE,
    "not-open-yet": Mark.LATER,
    "closed": Mark.CLOSED,
    "over": Mark.OVER,
}


def _after(first: date) -> date:
    """The first day of the next month."""
    return first_of(first + timedelta(days=31))
