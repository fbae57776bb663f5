"""Which seats are in use, by booking's facts seen so far, and what is refused because of them.

Booking itself never lowers a day below its turns, so a fact that is still on its way harms nobody: it only means that
the office is asked later instead of the planner at once.
"""

from collections.abc import Iterable, Sequence

from dawr.catalog.domain.calendars import Closure
from dawr.catalog.domain.capacity import MonthOfCapacity
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.use import check_use, first_date_of_use, joined, keys_of
from dawr.catalog.store import use
from dawr.catalog.store.things import things
from dawr.contracts.booking import TurnFact
from dawr.servicekit.database import Transaction


async def note_turns(tx: Transaction, facts: Iterable[TurnFact]) -> None:
    """Note what facts say of turns; again, late or in another order they change nothing."""
    await use.note(tx.connection, joined(facts, tx.now))


async def forget_past_turns(tx: Transaction) -> int:
    """Forget the turns of days that are over everywhere; how many."""
    return await use.forget(tx.connection, first_date_of_use(tx.now))


async def check_not_below_use(tx: Transaction, changed: Sequence[tuple[MonthOfCapacity, MonthOfCapacity]]) -> None:
    """Refuse a person's change of months, each before and after it, that takes seats which are in use (BelowUse)."""
    check_use(changed, await use.in_use(tx.connection, keys_of(changed)))


async def turns_touched(tx: Transaction, closure: Closure) -> int:
    """How many turns are on the days that a closure closes: booking asks the offices what shall become of them."""
    offices = await things(tx.connection, Office)
    concerned = [code for code, each in offices.items() if closure.concerns(code, each.thing.region)]
    return await use.count_turns(tx.connection, closure.first_day, closure.last_day, concerned)
