"""Wishes, seats and published days for tests of the pure domain, by hand and by hypothesis."""

import datetime as dt
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from dawr.booking import domain
from dawr.booking.domain import Seats, State, Turn, Wish, published
from dawr.contracts import Channel, FxRate, Money, Place, Pool
from dawr.contracts.booking import Share
from dawr.contracts.catalog import CapacityDay, KeptSeats, Release
from dawr.contracts.values import Window

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOLD = timedelta(minutes=15)
DATE = dt.date(2026, 12, 1)
CLOSES = datetime(2026, 12, 1, 21, tzinfo=UTC)
LONG_OPEN = datetime(2026, 1, 1, tzinfo=UTC)
FEE = Money(minor=31_270_000, currency="SYP")
FREE = Money(minor=0, currency="SYP")
STARTS = ("08:00", "09:00", "10:00")
LATER = NOW + HOLD
"""When a hold that began NOW has run out."""
PEOPLE = [UUID(int=number) for number in range(1, 9)]
POOLS = [Pool(office=office, service="PASS_REN", tier="N", date=DATE) for office in ("DAM-01", "DAM-02")]


def window(start: str, capacity: int) -> Window:
    return Window(start=start, end=start[:3] + "45", capacity=capacity)


def day(capacity: int, windows: tuple[Window, ...] = (), opens_at: datetime = LONG_OPEN) -> CapacityDay:
    return CapacityDay(date=DATE, capacity=capacity, opens_at=opens_at, windows=windows)


def seats(capacity: int, windows: tuple[Window, ...] = (), **more: Any) -> Seats:
    return published(None, day(capacity, windows, **more), CLOSES)


def wish(person: UUID | None = None, pool: Pool = POOLS[0], **more: Any) -> Wish:
    id = person or uuid4()
    values: dict[str, Any] = {
        "turn_id": uuid4(),
        "person_id": id,
        "asked_by": id,
        "pool": pool,
        "family": "PASSPORT",
        "window": None,
        "channel": Channel.ONLINE,
        "fee": FEE,
        "place": Place(partition=0, offset=0),
        "fingerprint": "0" * 32,
    }
    return Wish(**(values | more))


def answer(asked: Wish, there: Seats | None, *, has_live_turn: bool = False, now: datetime = NOW) -> Turn:
    """The turn of one wish."""
    live = {(asked.person_id, asked.family)} if has_live_turn else set()
    pools = {asked.pool.key: there} if there else {}
    ((turn,), _) = domain.allocate(pools, live, [asked], now=now, hold=HOLD)
    return turn


def held(**more: Any) -> Turn:
    """A turn whose hold began NOW."""
    return answer(wish(**more), seats(1))


def in_state(state: State) -> Turn:
    """A turn that got to a state by the moves of the table."""
    turn = held()
    return {
        State.REQUESTED: replace(turn, state=State.REQUESTED, held_until=None, history=()),
        State.HELD: turn,
        State.CONFIRMED: turn.moved(State.CONFIRMED, NOW, "paid", paid=True),
        State.REFUSED: answer(wish(), None),
        State.EXPIRED: domain.expire(turn, LATER),
        State.CANCELLED_BY_CITIZEN: turn.moved(State.CANCELLED_BY_CITIZEN, NOW, "changed-mind"),
        State.CANCELLED_BY_OFFICE: turn.moved(State.CANCELLED_BY_OFFICE, NOW, "storm"),
    }[state]


fees = st.sampled_from([FEE, FEE, FEE, FREE, None])
rates = st.none() | st.builds(
    FxRate,
    base=st.sampled_from(["SYP", "SYP", "USD"]),
    quote=st.just("USD"),
    rate=st.decimals("0.0001", "10", places=4),
    dated=st.just(DATE),
)
wishes = st.builds(
    wish,
    person=st.sampled_from(PEOPLE),
    pool=st.sampled_from(POOLS),
    turn_id=st.uuids(),
    window=st.none() | st.sampled_from([*STARTS, "23:00"]),
    family=st.sampled_from(["PASSPORT", "PASSPORT", "ID"]),
    fee=fees,
    fx=rates,
)
batches = st.lists(wishes, max_size=25, unique_by=lambda each: each.turn_id)
instants = st.sampled_from([NOW, NOW, NOW, LONG_OPEN - timedelta(days=1), CLOSES])


@st.composite
def days(draw: st.DrawFn) -> CapacityDay:
    """A day with windows whose sum is its capacity, or without."""
    starts = draw(st.lists(st.sampled_from(STARTS), unique=True))
    windows = tuple(window(start, draw(st.integers(0, 3))) for start in sorted(starts))
    capacity = sum(each.capacity for each in windows) if windows else draw(st.integers(0, 5))
    return day(capacity, windows)


SHARES: tuple[Share, ...] = ("accessible", "assisted", "urgent")


@st.composite
def parted_days(draw: st.DrawFn) -> CapacityDay:
    """A day of which seats are released in up to three parts, and kept for shares."""
    plain = draw(days())
    cuts = sorted(draw(st.lists(st.integers(0, plain.capacity), max_size=2)))
    parts = [after - before for before, after in pairwise([0, *cuts, plain.capacity])]
    opens_at = NOW - timedelta(hours=2)
    kept: list[KeptSeats] = []
    for share in draw(st.lists(st.sampled_from(SHARES), unique=True)):
        room = plain.capacity - sum(each.seats for each in kept)
        kept.append(KeptSeats(share=share, seats=draw(st.integers(0, room))))
    return plain.model_copy(
        update={
            "opens_at": opens_at,
            "releases": tuple(
                Release(at=opens_at + place * timedelta(hours=2), seats=count) for place, count in enumerate(parts)
            ),
            "kept": tuple(kept),
        }
    )


shared_wishes = st.builds(lambda asked, share: replace(asked, share=share), wishes, st.none() | st.sampled_from(SHARES))
shared_batches = st.lists(shared_wishes, max_size=25, unique_by=lambda each: each.turn_id)

quotas = st.fixed_dictionaries(
    {}, optional={pool.key: days().map(lambda each: published(None, each, CLOSES)) for pool in POOLS}
)
