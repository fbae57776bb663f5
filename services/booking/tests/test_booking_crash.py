"""kill -9 between the database's commit and the broker's: the next process repeats no effect and loses none."""

from collections import Counter
from pathlib import Path
from uuid import uuid4

from services.booking.tests.conftest import CATALOGUE, capacity, captured
from services.booking.tests.stories import asks, cancels_day, days_after, of, person, pool
from services.booking.tests.theatre import Theatre

from dawr.contracts.ids import turn_id
from dawr.contracts.topics import BOOKING_REQUESTS, PAYMENTS_EVENTS, Topic
from dawr.servicekit.clock import new_id
from dawr.servicekit.mortal import Moment
from dawr.servicekit.replays import is_killed
from dawr.servicekit.settings import PlatformSettings
from dawr.servicekit.testing import FakeClock, Stage
from dawr.tools.embedded.ports import free_port

SESSION_SECONDS = 1.5
"""After which the broker gives a dead process's partitions away."""


async def dies_on(topic: Topic, theatre: Theatre, quick: PlatformSettings, log: Path) -> None:
    """Run a process until it has committed a batch of a topic, and is gone before it says so."""
    environment = {"BOOKING_DATABASE_URL": theatre.url, "BOOKING_HTTP_PORT": str(free_port())}
    await is_killed("booking", Moment.BEFORE_ACKNOWLEDGEMENT, topic, platform=quick, environment=environment, log=log)


async def test_killed_between_commit_and_acknowledgement(the_stage: Stage, tmp_path: Path) -> None:
    theatre = Theatre(the_stage, await the_stage.database("booking"), FakeClock())
    quick = theatre.stage.platform.model_copy(update={"kafka_session_seconds": SESSION_SECONDS})
    here, names, log = pool("OFF-00"), ["ada", "bob", "cem", "dua", "eve"], tmp_path / "booking.log"
    prelude = [(new_id(), each) for each in (*CATALOGUE, capacity(3, office=here.office))]
    async with theatre.playing(platform=quick):
        await theatre.send(prelude)
        await theatre.has_played()

    await theatre.send([(uuid4(), asks(name, here)) for name in names])
    await dies_on(BOOKING_REQUESTS, theatre, quick, log)
    await theatre.send([(uuid4(), captured(of("ada"), person("ada")))])
    await dies_on(PAYMENTS_EVENTS, theatre, quick, log)

    async with theatre.playing(platform=quick) as booking:
        before = await states(theatre)
        assert before == {"ada": "CONFIRMED", "bob": "HELD", "cem": "HELD", "dua": "sold-out", "eve": "sold-out"}
        await theatre.has_played()
        assert await states(theatre) == before
        assert await booking.quota(here.office) == (3, 3)
        staged = await booking.rows("SELECT message_id FROM outbox_messages")
        assert len({row[0] for row in staged}) == len(staged) == 3 * 2 + 2 + 1
        outcome = await theatre.outcome()
    # What went out twice, where the kill fell between the broker's yes and our note of it, has one id and one body.
    assert set(outcome.messages) == {str(row[0]) for row in staged}
    assert Counter(message.split(b"{")[0].decode() for message in outcome.messages.values()) == {
        "booking.turn-held.v1": 3,
        "payments.request-payment.v1": 3,
        "booking.turn-refused.v1": 2,
        "booking.turn-confirmed.v1": 1,
    }
    assert outcome.dead == Counter()


async def states(theatre: Theatre) -> dict[str, str]:
    assert theatre.booking is not None
    rows = await theatre.booking.rows("SELECT id, coalesce(refusal, state) AS answer FROM turns")
    answers = {row.id: row.answer for row in rows}
    return {
        name: answers[turn_id(person(name), "k")]
        for name in ("ada", "bob", "cem", "dua", "eve")
        if turn_id(person(name), "k") in answers
    }


async def test_killed_while_a_cancelled_day_is_cleared(the_stage: Stage, tmp_path: Path) -> None:
    """Between the commit and its acknowledgement: the command comes again, and nobody is moved or told twice."""
    theatre = Theatre(the_stage, await the_stage.database("booking"), FakeClock())
    quick = theatre.stage.platform.model_copy(update={"kafka_session_seconds": SESSION_SECONDS})
    here, names, log = pool("OFF-01"), ["fay", "gil"], tmp_path / "booking.log"
    async with theatre.playing(platform=quick):
        await theatre.send((new_id(), each) for each in (*CATALOGUE, *days_after(2, here, 1, later=2)))
        await theatre.has_played()
        await theatre.send([(uuid4(), asks(name, here)) for name in names])
        await theatre.has_played()
        await theatre.send((new_id(), each) for each in days_after(0, here, 2, later=2))
        await theatre.has_played()
    await theatre.send([(uuid4(), cancels_day(here))])
    await dies_on(BOOKING_REQUESTS, theatre, quick, log)
    async with theatre.playing(platform=quick) as booking:
        await theatre.has_played()
        rows = await booking.rows(
            "SELECT date, in_use, (SELECT count(*) FROM turns t WHERE t.pool = q.pool AND state = 'HELD') AS live"
            " FROM quota_days q WHERE office = :office ORDER BY date",
            office=here.office,
        )
        assert [(row.in_use, row.live) for row in rows] == [(0, 0), (2, 2)]
        told = await booking.rows("SELECT key FROM outbox_messages WHERE wire_type = 'booking.turn-moved.v1'")
        assert len(told) == len({row.key for row in told}) == 2
        ((moved,),) = await booking.rows("SELECT moved FROM day_cancellation_pools")
        assert moved == 2
