"""How many turns there are in each state, for operators."""

from prometheus_client import Gauge

from dawr.booking.domain import State
from dawr.booking.store import turns
from dawr.servicekit.database import Database

TURNS = Gauge("dawr_booking_turns", "Turns by state", ["state"])


async def count_turns(database: Database) -> None:
    """Tell the metric. States that no turn is in are zero, not absent."""
    async with database.reading() as connection:
        found = await turns.count_by_state(connection)
    for state in State:
        if state is not State.REQUESTED:  # no row has it: the line is the log
            TURNS.labels(state.value).set(found.get(state, 0))
