"""What the benchmark asks of the portal, and how it counts who was told when."""

import asyncio
from datetime import UTC, datetime

import pytest

from dawr.tools.bench.portal import LOOKED_AT, visits
from dawr.tools.bench.waiting import Stream, Waits, waits_of

HELD = datetime(2026, 11, 30, 8, tzinfo=UTC)


def test_visits_go_round_offices_and_languages() -> None:
    offices = [f"OFF-{number:02}" for number in range(24)]
    asked = visits(offices, 4 * LOOKED_AT)
    assert len(asked) == 4 * LOOKED_AT
    assert len(set(asked)) == 2 * LOOKED_AT
    assert sum(b"accept-language: ar\r\n" in each for each in asked) == 2 * LOOKED_AT
    assert not any(b"cookie" in each for each in asked)
    assert all(b"cookie: dawr-access=token\r\n" in each for each in visits(offices, 3, ["token"]))


def test_waits_count_from_each_ones_own_seat() -> None:
    told = {"early": HELD.timestamp() + 0.25, "late": HELD.timestamp() + 1.5}
    later = datetime(2026, 11, 30, 8, 0, 1, tzinfo=UTC)
    assert waits_of({"early": HELD, "late": later, "nobody's": HELD}, told).milliseconds == pytest.approx([250, 500])
    with pytest.raises(KeyError):
        waits_of({"early": HELD}, told)


def test_shares_of_waits() -> None:
    waits = Waits([float(each) for each in range(1, 101)])
    assert (waits.at(0.5), waits.at(0.99), waits.at(1)) == (51, 100, 100)


async def test_a_stream_knows_an_event_that_comes_in_two_pieces() -> None:
    stream = Stream(b"")
    for piece in (b"HTTP/1.1 200 OK\r\n\r\nevent: pl", b"ace\nid: 1\ndata: 7\n\nevent: tu", b"rn\ndata: \n\n"):
        assert not stream.told_at.done()
        stream.data_received(piece)
    assert (stream.is_in_line.done(), stream.told_at.done()) == (True, True)


async def test_a_stream_that_ends_before_is_an_error() -> None:
    stream = Stream(b"")
    stream.data_received(b"HTTP/1.1 429 Too Many Requests")
    stream.connection_lost(None)
    outcomes = await asyncio.gather(stream.is_in_line, stream.told_at, return_exceptions=True)
    assert [type(each) for each in outcomes] == [ConnectionError] * 2
    assert "429" in str(outcomes[0])
