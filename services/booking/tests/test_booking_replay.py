"""The same messages doubled, in another order, and delivered again: the same rows, and the same messages by id."""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

import pytest
from services.booking.tests.stories import Act, acts
from services.booking.tests.theatre import Theatre

from dawr.servicekit.replays import Outcome
from dawr.servicekit.testing import FakeClock, stage

Performance = Callable[["Theatre", Act], Awaitable[None]]


Play = Callable[..., Awaitable[Outcome]]


@pytest.fixture(scope="module")
def play(kafka_address: str, postgres_address: str, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Plays all stories on a stage of their own, each act in some way, and from the same moment on."""
    begins = FakeClock().now

    async def play(way: Performance, *, again_after: Iterable[int] = ()) -> Outcome:
        name = f"t{secrets.token_hex(4)}"
        folder = tmp_path_factory.mktemp(name)
        async with stage(name, kafka=kafka_address, postgres=postgres_address, folder=folder) as set_up:
            theatre = Theatre(set_up, await set_up.database("booking"), FakeClock(begins))
            all_acts, place = list(acts()), 0
            for stop in again_after:
                async with theatre.playing():
                    await perform(theatre, all_acts[place:stop], way)
                await theatre.reader.forget()
                place = stop
            async with theatre.playing():
                await perform(theatre, all_acts[place:], way)
                return await theatre.outcome()

    return play


async def perform(theatre: Theatre, some: Iterable[Act], way: Performance) -> None:
    await theatre.has_played()
    for act in some:
        theatre.clock.turn(seconds=act.turn_clock_seconds)
        await way(theatre, act)
        await theatre.has_played()


async def as_it_is(theatre: Theatre, act: Act) -> None:
    await theatre.send(act.messages)


@pytest.fixture(scope="module")
async def plain(play: Play) -> Outcome:
    """The outcome that all others are held against."""
    return await play(as_it_is)


async def test_the_stories_reach_every_end(plain: Outcome) -> None:
    turns = plain.rows["turns"]
    ends = {(turn["state"], turn["refusal"], turn["refund"]) for turn in turns}
    assert ends == {
        ("HELD", None, "NONE"),
        ("CONFIRMED", None, "NONE"),
        ("EXPIRED", None, "NONE"),
        ("EXPIRED", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "DUE"),
        ("CANCELLED_BY_CITIZEN", None, "NONE"),
        ("CANCELLED_BY_OFFICE", None, "NONE"),
        ("CANCELLED_BY_OFFICE", None, "SUCCEEDED"),
        ("REFUSED", "sold-out", "NONE"),
        ("REFUSED", "window-full", "NONE"),
        ("REFUSED", "one-live-turn", "NONE"),
        ("REFUSED", "closed", "NONE"),
    }
    moved = {turn["state"] for turn in turns if "from" in str(turn["history"])}
    assert moved == {"CONFIRMED", "CANCELLED_BY_CITIZEN"}
    assert {each["refusal"] for each in plain.rows["reschedules"]} == {None, "sold-out", "move-at-mission"}
    assert {day["state"] for day in plain.rows["day_cancellations"]} == {"completed"}
    assert plain.dead == Counter()
    assert set(plain.sent.values()) == {1}
    for day in plain.rows["quota_days"]:
        live = [turn for turn in turns if turn["pool"] == day["pool"] and turn["state"] in {"HELD", "CONFIRMED"}]
        assert len(live) == day["in_use"] <= day["capacity"]


async def doubled(theatre: Theatre, act: Act) -> None:
    """Each message twice in a row, and the whole act once more when it was played."""
    await theatre.send(act.messages, times=2)
    await theatre.has_played()
    await theatre.send(act.messages)


async def shuffled_and_doubled(theatre: Theatre, act: Act) -> None:
    await theatre.send(act.shuffled(seed=7), times=2)


@pytest.mark.parametrize("way", [doubled, shuffled_and_doubled])
async def test_doubled_and_in_another_order(play: Play, plain: Outcome, way: Performance) -> None:
    same(await play(way), plain)


async def test_delivered_again_from_the_beginning(play: Play, plain: Outcome) -> None:
    """Three times all acknowledgements are lost, also in the middle: whatever was read comes again."""
    same(await play(as_it_is, again_after=[5, 8, 14]), plain)


def same(outcome: Outcome, plain: Outcome) -> None:
    for table, rows in plain.rows.items():
        assert outcome.rows[table] == rows, table
    assert outcome.messages == plain.messages
    assert outcome.dead == plain.dead
    assert set(outcome.sent.values()) == {1}
