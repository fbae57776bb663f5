"""Days follow what the catalog publishes while people hold seats on them; fees and services change under way."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
from services.booking.tests.conftest import DAY, SYP, Booking, capacity, captured, office_described, service_described

from dawr.booking.store import pools
from dawr.contracts import Money
from dawr.contracts.booking import TurnHeld
from dawr.contracts.catalog import MAX_RELEASES, MAX_WINDOWS, CapacityPublished, Release
from dawr.contracts.topics import CATALOG_CAPACITY, CATALOG_OFFICES, CATALOG_SERVICES, Topic
from dawr.contracts.values import Window
from dawr.servicekit.dead_letters import DeadLetter, read_dead_letters
from dawr.servicekit.testing import until


def has_code(answer: httpx.Response, code: str) -> bool:
    """Whether it was refused with this code."""
    return bool(answer.json().get("code") == code)


async def tombstone(booking: Booking, topic: Topic, key: str) -> None:
    """What the catalog sends when it takes a thing away."""
    async with booking.stage.raw_producer() as producer:
        name = booking.stage.platform.topic_prefix + topic.name
        await producer.send_and_wait(name, key=key.encode(), value=None)


async def test_a_raised_capacity_lets_more_people_in(booking: Booking) -> None:
    office = await booking.opened(1)
    await booking.hold(uuid4(), office=office)
    assert (await booking.take(office=office)).json()["code"] == "sold-out"
    await booking.says(capacity(2, office=office, revision=2))
    await booking.hold_soon(uuid4(), office=office)
    assert await booking.quota(office) == (2, 2)


async def test_a_lowered_capacity_takes_no_seat_and_gives_none_again(booking: Booking) -> None:
    office, people = await booking.opened(4), [uuid4() for _ in range(3)]
    ids = [await booking.hold(person, office=office) for person in people]
    await booking.says(capacity(1, office=office, revision=2))
    assert await booking.quota(office) == (3, 3)
    seen = []
    for id, person in zip(ids, people, strict=True):
        await booking.cancel(id, person)
        seen.append((await booking.quota(office), await booking.left(office)))
    assert seen == [((2, 2), 0), ((1, 1), 0), ((1, 0), 1)]


def of_parts(windows: int, releases: int, *, office: str, revision: int = 1) -> CapacityPublished:
    """A day of so many parts, no two of which are alike: what packs least."""
    minutes = [each * (1440 // MAX_WINDOWS) for each in range(windows)]
    spans = [(each % 1440, (each + 5 + each % 9) % 1440, 100 + each * 37 % 900) for each in minutes]
    parts = tuple(
        Window(start=f"{start // 60:02}:{start % 60:02}", end=f"{end // 60:02}:{end % 60:02}", capacity=capacity)
        for start, end, capacity in spans
    )
    month = capacity(sum(each.capacity for each in parts), office=office, windows=parts, revision=revision)
    released = tuple(
        Release(at=month.days[0].opens_at + timedelta(minutes=each * each * 7), seats=1 + each * 31 % 97)
        for each in range(releases)
    )
    return month.model_copy(update={"days": (month.days[0].model_copy(update={"releases": released}),)})


async def test_a_day_of_as_many_parts_as_may_be_takes_turns_in_all_of_them(booking: Booking) -> None:
    office = str(next(booking._free_offices))
    await booking.says(of_parts(MAX_WINDOWS, MAX_RELEASES, office=office))
    async with booking.service.database.transaction() as tx:
        before = await pools.lock(tx.connection, [f"{office}/PASS_REN/N/{DAY}"])
        taken = {
            key: replace(seats, windows=tuple(each.taking(each.capacity * 7 % 101) for each in seats.windows))
            for key, seats in before.items()
        }
        assert taken != before
        await pools.save(tx.connection, before, taken)


async def test_a_day_of_more_parts_is_refused_before_anybody_waits_for_it(booking: Booking) -> None:
    office = await booking.opened(1)
    more = [of_parts(MAX_WINDOWS + 1, 0, office=office, revision=2)]
    more.append(of_parts(1, MAX_RELEASES + 1, office=office, revision=3))
    await booking.stage.send(*more)

    async def refused() -> list[DeadLetter] | None:
        letters = await read_dead_letters(booking.stage.platform, group="booking")
        ours = [each for each in letters if each.key == more[0].key().encode()]
        return ours if len(ours) == len(more) else None

    for letter in await until(refused, what="the dead letters"):
        assert (letter.reason, "too-many-parts" in letter.detail) == ("refused", True)
    await booking.hold(uuid4(), office=office)


async def test_an_older_revision_changes_nothing(booking: Booking) -> None:
    office = await booking.opened(3, revision=7)
    await booking.says(capacity(9, office=office, revision=6), capacity(8, office=office, revision=7))
    assert await booking.quota(office) == (3, 0)


async def test_a_day_that_is_no_longer_listed_is_closed(booking: Booking) -> None:
    """Whoever holds a seat keeps it; what is given back is not given again, and a late payer gets the money back."""
    office, ada, bob = await booking.opened(3), uuid4(), uuid4()
    kept, given_back = await booking.hold(ada, office=office), await booking.hold(bob, office=office)
    await booking.says(capacity(3, office=office, revision=2, days=0))
    assert await booking.quota(office) == (2, 2)
    assert (await booking.take(office=office)).json()["code"] == "closed"
    await booking.cancel(given_back, bob)
    assert await booking.quota(office) == (1, 1)
    assert (await booking.take(office=office)).json()["code"] == "closed"
    await booking.says(captured(kept, ada))
    assert (await booking.turn(kept, ada))["state"] == "CONFIRMED"
    await booking.says(capacity(3, office=office, revision=3))
    await booking.hold_soon(uuid4(), office=office)
    assert await booking.quota(office) == (3, 2)


async def test_a_month_that_is_taken_away_is_closed(booking: Booking) -> None:
    office, ada = await booking.opened(2), uuid4()
    await booking.hold(ada, office=office)
    await tombstone(booking, CATALOG_CAPACITY, capacity(1, office=office).key())

    async def closed() -> bool:
        return has_code(await booking.take(office=office), "closed")

    await until(closed, what="closed")
    capacity_now, in_use = await booking.quota(office)
    assert capacity_now == in_use
    await booking.says(capacity(5, office=office, revision=1))
    assert (await booking.quota(office))[0] == 5


async def test_windows_come_and_go_under_turns(booking: Booking) -> None:
    def windows(*starts: str) -> tuple[Window, ...]:
        return tuple(Window(start=start, end=start[:3] + "45", capacity=1) for start in starts)

    office, ada = await booking.opened(2, windows=windows("08:00", "09:00")), uuid4()
    id = await booking.hold(ada, office=office, window="08:00")
    await booking.says(capacity(2, office=office, revision=2))
    assert (await booking.take(office=office)).json()["window"] is None
    assert (await booking.take(office=office)).json()["code"] == "sold-out"
    await booking.says(capacity(3, office=office, revision=3, windows=windows("08:00", "10:00", "11:00")))
    ((rows,),) = await booking.rows("SELECT windows FROM quota_days WHERE office = :office", office=office)
    assert [(start, in_use) for start, _, _, in_use, _ in rows] == [("08:00", 1), ("10:00", 0), ("11:00", 0)]
    await booking.cancel(id, ada)

    async def given() -> bool:
        return (await booking.take(office=office, window="08:00")).status_code == 201

    await until(given, what="the window")
    assert await booking.quota(office) == (3, 2)


async def test_only_the_months_own_days_are_touched(booking: Booking) -> None:
    here, other = await booking.opened(2), await booking.opened(2)
    await booking.says(capacity(9, office=here, revision=2, tier="F"), capacity(9, office=here, service="PASS_NEW"))
    assert (await booking.quota(here), await booking.quota(other)) == ((2, 0), (2, 0))


async def test_a_day_may_say_how_long_it_holds(booking: Booking) -> None:
    office, ada = await booking.opened(1), uuid4()
    month = capacity(1, office=office, revision=2)
    (day,) = month.days
    quick = day.model_copy(update={"hold_seconds": 60})
    await booking.says(month.model_copy(update={"days": (quick,)}))
    (held, _) = await booking.told(await booking.hold(ada, office=office))
    assert isinstance(held, TurnHeld)
    assert held.held_until == held.at + timedelta(seconds=60)


async def test_each_turn_has_the_fee_of_its_hold(booking: Booking) -> None:
    """A fee that changes while booking runs: who holds a seat pays what was told, the next one pays the new fee."""
    office, ada, bob = await booking.opened(9, service="PASS_NEW"), uuid4(), uuid4()
    first = await booking.hold(ada, office=office, service="PASS_NEW")
    dearer = Money(minor=43_270_000, currency="SYP")
    await booking.says(
        service_described("PASS_NEW", dearer, revision=2), service_described("PASS_NEW", SYP, revision=1)
    )
    second: list[str] = []

    async def at_the_new_fee() -> bool:
        """Memory is a quarter of a second behind the tables."""
        answer = await booking.take(bob, service="PASS_NEW", office=office)
        turn = answer.json()
        if turn["fee"]["minor"] == dearer.minor:
            second.append(turn["id"])
            return True
        await booking.cancel(turn["id"], bob)
        return False

    await until(at_the_new_fee, what="the new fee")
    assert (await booking.turn(first, ada))["fee"]["minor"] == SYP.minor
    await booking.says(captured(first, ada, SYP))
    assert (await booking.turn(first, ada))["state"] == "CONFIRMED"
    assert (await booking.turn(second[0], bob))["payment"]["amount"]["minor"] == dearer.minor


async def test_what_is_retired_or_gone_is_not_asked_for(booking: Booking) -> None:
    office = await booking.opened(10_000, service="ID_NEW")

    async def refuses(code: str) -> None:
        async def refused() -> bool:
            return has_code(await booking.take(service="ID_NEW", office=office, wait=0), code)

        await until(refused, what=code)

    async def accepted() -> bool:
        return (await booking.take(service="ID_NEW", office=office, wait=0)).status_code == 202

    # A process remembers which pools it has found in the catalogue: it must know this one before it is gone.
    await until(accepted, what="a pool that is offered")
    described = service_described("ID_NEW", family="ID")
    await booking.says(described.model_copy(update={"revision": 2, "retired": True}))
    await refuses("unknown-service")
    await booking.says(described.model_copy(update={"revision": 3}))
    await tombstone(booking, CATALOG_OFFICES, office)
    await refuses("unknown-office")
    await tombstone(booking, CATALOG_SERVICES, "ID_NEW")
    await refuses("unknown-service")
    await booking.says(office_described(office, revision=2), described.model_copy(update={"revision": 4}))

    async def offered_again() -> bool:
        return (await booking.take(service="ID_NEW", office=office)).status_code == 201

    await until(offered_again, what="offered again")


async def test_one_item_that_goes_while_another_comes_is_noticed(booking: Booking) -> None:
    """Neither their number nor the sum of their revisions changes."""
    await booking.says(office_described("OLD-01"))

    async def knows(office: str) -> bool:
        return not has_code(await booking.take(office=office, wait=0), "unknown-office")

    await until(lambda: knows("OLD-01"), what="the old office")
    async with booking.service.database.transaction() as tx:
        await tx.connection.exec_driver_sql(
            "UPDATE catalogue_items SET code = 'NEW-01', state = jsonb_set(state, '{code}', '\"NEW-01\"')"
            " WHERE code = 'OLD-01'"
        )
    await until(lambda: knows("NEW-01"), what="the new office")
    assert not await knows("OLD-01")
