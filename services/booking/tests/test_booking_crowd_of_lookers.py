"""A crowd that looks for a day: answers from an index alone, one query for all at once, holds that nobody swept."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, capacity, has_catalogue, set_catalogue

from dawr.booking.availability import QUERIES_AT_ONCE
from dawr.booking.settings import BookingSettings
from dawr.booking.store.availability import QUERY
from dawr.contracts.catalog import MAX_WINDOWS
from dawr.contracts.values import Window
from dawr.servicekit.testing import FakeClock, Stage, until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM capacity_months%'"


@pytest.fixture(scope="module")
async def keeping(the_stage: Stage) -> AsyncIterator[Booking]:
    """A booking that keeps its answers as long as it does by default, and whose sweeper sleeps."""
    await set_catalogue(the_stage)
    url = await the_stage.database("booking")
    kept = BookingSettings.model_fields["availability_kept_seconds"].default
    async with booking_on(
        the_stage, url, clock=FakeClock(), sweep_seconds=3600, availability_kept_seconds=kept
    ) as running:
        await has_catalogue(running)
        yield running


async def ask(booking: Booking, office: str, **headers: str) -> httpx.Response:
    query = {"service": "PASS_REN", "tier": "N", "office": office, "from": str(DAY), "to": str(DAY)}
    return await booking.http.get("/api/booking/availability", params=query, headers=headers)


async def left(booking: Booking, office: str) -> int:
    return int((await ask(booking, office)).json()["days"][0]["left"])


@asynccontextmanager
async def locked(booking: Booking) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """While nobody can read the months of capacity: how many queries for days wait for them."""
    holder, watcher = await asyncpg.connect(booking.url), await asyncpg.connect(booking.url)

    async def waiting() -> int:
        return int(await watcher.fetchval(WAITING))

    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE capacity_months IN ACCESS EXCLUSIVE MODE")
            yield waiting
    finally:
        await holder.close()
        await watcher.close()


async def test_all_who_ask_at_once_share_one_query(keeping: Booking) -> None:
    office = await keeping.opened(3)
    async with locked(keeping) as waiting:
        crowd = asyncio.gather(*(ask(keeping, office) for _ in range(50)))
        await until(waiting, what="the query")
        impatient = asyncio.create_task(ask(keeping, office))
        await asyncio.sleep(0)
        impatient.cancel()  # whoever gives up takes nothing from the others
        assert await waiting() == 1
    answers = await crowd
    assert {each.status_code for each in answers} == {200}
    assert len({each.headers["etag"] for each in answers}) == 1


async def test_a_crowd_with_different_questions_leaves_the_pool_to_others(keeping: Booking) -> None:
    """Turns are still shown while every query for days waits for the database."""
    offices = [await keeping.opened(1) for _ in range(8)]
    async with locked(keeping) as waiting:
        crowd = asyncio.gather(*(ask(keeping, office) for office in offices))

        async def two() -> bool:
            return await waiting() == QUERIES_AT_ONCE

        await until(two, what="as many queries as there may be")
        assert (await keeping.get("/api/booking/turns", uuid4())).status_code == 200
        assert await waiting() == QUERIES_AT_ONCE
    assert {each.status_code for each in await crowd} == {200}


async def test_an_answer_is_kept_for_a_moment_and_no_longer(keeping: Booking) -> None:
    office = await keeping.opened(3)
    assert await left(keeping, office) == 3
    await keeping.hold(uuid4(), office=office)

    async def seen() -> bool:
        return await left(keeping, office) == 2

    await until(seen, timeout=2, what="the seat that was taken")
    (arabic, english) = [await ask(keeping, office, **{"accept-language": lang}) for lang in ("ar", "en")]
    assert (arabic.headers["content-language"], english.headers["content-language"]) == ("ar", "en")


async def test_a_refusal_is_not_kept(keeping: Booking) -> None:
    async def refused() -> tuple[int, str]:
        answer = await ask(keeping, "NOWHERE-1")
        return answer.status_code, answer.json()["trace_id"]

    (first, one), (again, other) = await refused(), await refused()
    assert (first, again) == (404, 404)
    assert one != other


async def test_a_hold_that_has_run_out_is_free_though_nobody_has_swept_it(keeping: Booking) -> None:
    """Invariant 6: the line would give the seat, so it is shown as free, in its window and in its day."""
    windows = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))
    office, before = await keeping.opened(2, windows=windows), keeping.clock()
    await keeping.hold(uuid4(), office=office, window="09:00")
    query = {"service": "PASS_REN", "tier": "N", "office": office, "from": str(DAY), "to": str(DAY)}

    async def day(at: datetime) -> tuple[int, list[int]]:
        """As an asker sees it who has not asked before."""
        keeping.clock.now = at
        answer = await keeping.http.get("/api/booking/availability", params=query | {"at": at.isoformat()})
        (found,) = answer.json()["days"]
        return found["left"], [each["left"] for each in found["windows"]]

    run_out = before + timedelta(seconds=BookingSettings.model_fields["hold_seconds"].default)
    try:
        assert await day(run_out - timedelta(seconds=1)) == (1, [1, 0])
        assert await day(run_out) == (2, [1, 1])
        ((in_use,),) = await keeping.rows("SELECT in_use FROM quota_days WHERE office = :office", office=office)
        assert in_use == 1
        await keeping.hold(uuid4(), office=office, window="09:00")
        assert await day(run_out + timedelta(milliseconds=1)) == (1, [1, 0])
    finally:
        keeping.clock.now = before


# What the database does for it


@pytest.fixture(scope="module")
async def full(the_stage: Stage) -> AsyncIterator[Any]:
    """A connection to a booking's tables with 15 services of 60 offices for 60 days."""
    connection = await asyncpg.connect(await the_stage.database("booking"))
    packed = str([[f"{hour:02}:00", f"{hour:02}:30", 5, 2, 5] for hour in range(8, 15)]).replace("'", '"')
    await connection.execute(f"""
        INSERT INTO quota_days (pool, service, tier, office, date, capacity, in_use, planned, opens_at, closes_at,
                                windows)
        SELECT format('OFF-%s/SRV_%s/N/%s', o, s, current_date + d), 'SRV_' || s, 'N', 'OFF-' || o, current_date + d,
               35, 14, 35, now(), now() + make_interval(days => d + 1), '{packed}'
        FROM generate_series(1, 60) o, generate_series(1, 15) s, generate_series(0, 59) d
    """)
    await connection.execute("""
        INSERT INTO capacity_months (key, revision)
        SELECT format('OFF-%s/SRV_%s/N/%s', o, s, to_char(current_date + 31 * m, 'YYYY-MM')), 1
        FROM generate_series(1, 60) o, generate_series(1, 15) s, generate_series(0, 2) m
        ON CONFLICT DO NOTHING
    """)
    await connection.execute("VACUUM ANALYZE quota_days, capacity_months, turns, closed_days")
    yield connection
    await connection.close()


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for each in plan.get("Plans", []) for node in nodes(each))]


@pytest.mark.parametrize("offices", [1, 12, 60])
async def test_days_come_from_the_index_alone_and_nothing_is_joined(full: Any, offices: int) -> None:
    today = datetime.now(UTC).date()
    explained = await full.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {QUERY}",
        "SRV_7",
        "N",
        [f"OFF-{each}" for each in range(1, offices + 1)],
        today + timedelta(days=1),
        today + timedelta(days=59),
        datetime.now(UTC),
    )
    found = nodes(json.loads(explained)[0]["Plan"])
    assert not [each for each in found if "Join" in each["Node Type"] or each["Node Type"] in {"Nested Loop", "Sort"}]
    (days,) = (each for each in found if each.get("Index Name") == "quota_days_availability")
    assert (days["Node Type"], days["Heap Fetches"]) == ("Index Only Scan", 0)
    assert days["Actual Rows"] * days["Actual Loops"] >= offices * 59
    assert "quota_days" not in {each.get("Relation Name") for each in found if each is not days}


async def test_a_day_of_many_windows_fits_into_the_index(keeping: Booking) -> None:
    """As many as a day may have: every five minutes from eight to four."""
    starts = [f"{hour:02}:{minute:02}" for hour in range(8, 16) for minute in range(0, 60, 5)]
    ends = [*starts[1:], "16:00"]
    assert len(starts) == MAX_WINDOWS
    windows = tuple(
        Window(start=start, end=end, capacity=1 + number % 17)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    total = sum(each.capacity for each in windows)
    office = await keeping.opened(1)
    await keeping.says(capacity(total, office=office, revision=2, windows=windows))

    async def shown() -> bool:
        return await left(keeping, office) == total

    await until(shown, what="a day of many windows")
