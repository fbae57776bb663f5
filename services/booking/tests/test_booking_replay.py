"""The same messages doubled, in another order, and delivered again: the same rows, and the same messages by id."""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest
from services.booking.tests.stories import Act, acts
from services.booking.tests.theatre import Outcome, Theatre

from dawr.servicekit.testing import FakeClock, stage

Performance = Callable[["Theatre", Act], Awaitable[None]]


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    """Every performance begins at the same moment."""
    return FakeClock()


@pytest.fixture
async def perform(
    kafka_address: str, postgres_address: str, tmp_path: Path, clock: FakeClock
) -> Callable[..., Awaitable[Outcome]]:
    """Play all stories on a stage of their own, each act in some way."""

    async def play(way: Performance, *, again_after: Iterable[int] = ()) -> Outcome:
        name = f"t{secrets.token_hex(4)}"
        async with stage(name, kafka=kafka_address, postgres=postgres_address, folder=tmp_path) as set_up:
            theatre = Theatre(set_up, await set_up.database("booking"), FakeClock(clock.now))
            all_acts, interruptions = list(acts()), [*again_after, None]
            place = 0
            for stop in interruptions:
                async with theatre.playing():
                    await theatre.has_played()
                    for act in all_acts[place:stop]:
                        theatre.clock.turn(seconds=act.turn_clock_seconds)
                        await way(theatre, act)
                        await theatre.has_played()
                    if stop is None:
                        return await theatre.outcome()
                place = stop
                await theatre.forget_what_was_read()
            raise AssertionError

    return play


async def as_it_is(theatre: Theatre, act: Act) -> None:
    await theatre.send(act.messages)


@pytest.fixture(scope="module")
def told_once() -> dict[str, Outcome]:
    """The outcome that all others are held against, once it is known."""
    return {}


async def test_the_stories_reach_every_end(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome]
) -> None:
    outcome = told_once["plain"] = await perform(as_it_is)
    turns = outcome.rows["turns"]
    ends = Counter((turn["state"], turn["refusal"], turn["refund"]) for turn in turns)
    assert set(ends) == {
        ("HELD", None, "NONE"),
        ("CONFIRMED", None, "NONE"),
        ("EXPIRED", None, "NONE"),
        ("EXPIRED", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "SUCCEEDED"),
        ("CANCELLED_BY_CITIZEN", None, "DUE"),
        ("CANCELLED_BY_CITIZEN", None, "NONE"),
        ("CANCELLED_BY_OFFICE", None, "NONE"),
        ("REFUSED", "sold-out", "NONE"),
        ("REFUSED", "window-full", "NONE"),
        ("REFUSED", "one-live-turn", "NONE"),
        ("REFUSED", "closed", "NONE"),
    }
    assert outcome.dead == Counter()
    assert set(outcome.sent.values()) == {1}
    for day in outcome.rows["quota_days"]:
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
async def test_doubled_and_in_another_order(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome], way: Performance
) -> None:
    same(await perform(way), told_once["plain"])


async def test_delivered_again_from_the_beginning(
    perform: Callable[..., Awaitable[Outcome]], told_once: dict[str, Outcome]
) -> None:
    """Twice all acknowledgements are lost, once in the middle: whatever was read comes again."""
    same(await perform(as_it_is, again_after=[5, 12]), told_once["plain"])


def same(outcome: Outcome, plain: Outcome) -> None:
    for table, rows in plain.rows.items():
        assert outcome.rows[table] == rows, table
    assert outcome.messages == plain.messages
    assert outcome.dead == plain.dead
    assert set(outcome.sent.values()) == {1}
