"""Days with more turns than seats: nothing of them is deleted, their office is asked what shall become of them."""

from collections.abc import Mapping

from prometheus_client import Gauge

from dawr.booking import domain
from dawr.booking.domain import Seats
from dawr.booking.store import questions
from dawr.booking.store.questions import Question
from dawr.contracts import Pool, Text, derived_id
from dawr.contracts.ids import DAWR
from dawr.servicekit.database import Database, Transaction

OPEN_QUESTIONS = Gauge("dawr_booking_open_questions", "Days with more turns than seats, of which no office decided yet")
REOPENED = "reopened"


async def ask_offices(
    tx: Transaction, after: Mapping[str, Seats], reasons: Mapping[str, Text], *, revision: int
) -> None:
    """Ask about each pool that was published with fewer seats than turns have; take back what is no question any more.

    `after` are pools as they are now, locked; `reasons`, by pool, are why some of them are closed. The question about
    a pool follows from the revision that raised it, so that it is one however often that comes.
    """
    overfull = {key: seats for key, seats in after.items() if seats.in_use and domain.is_overfull(seats)}
    raised = [
        Question(
            id=derived_id(DAWR, f"question/{key}/{revision}"),
            pool=Pool.parse(key),
            turns=seats.in_use,
            planned=seats.planned,
            reason=reasons.get(key),
            raised_at=tx.now,
        )
        for key, seats in overfull.items()
    ]
    await questions.raise_all(tx.connection, raised)
    await questions.answer(tx.connection, after.keys() - overfull.keys(), answer=REOPENED, by=None, now=tx.now)


async def count_questions(database: Database) -> None:
    """Tell the metric how many questions wait."""
    async with database.reading() as connection:
        OPEN_QUESTIONS.set(await questions.count_open(connection))
