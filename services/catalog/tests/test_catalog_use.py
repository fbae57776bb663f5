"""Seats in use as booking's facts tell of them, and what is refused because of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql

from dawr.catalog.domain.calendars import ClosureScope
from dawr.catalog.domain.capacity import DecidedDay, Decider, MonthOfCapacity
from dawr.catalog.domain.plans import approve, propose, publish
from dawr.catalog.domain.use import SEATED, USE_FACTS, DayInUse, check_use, joined
from dawr.catalog.domain.weeks import Offer, WeekdayPlan
from dawr.catalog.errors import BelowUse, DateOver, UnknownClosure, UnknownOffice, UnknownRegion
from dawr.catalog.service.close_days import Horizon, close_days, open_again
from dawr.catalog.service.describe import Author
from dawr.catalog.service.planning import keep_plans
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.service.use import forget_past_turns, note_turns
from dawr.catalog.store import use
from dawr.catalog.store.plans import plans_of
from dawr.contracts import Text
from dawr.contracts.booking import TurnFact
from dawr.contracts.catalog import CapacityDay, ClosedDay
from dawr.contracts.topics import BOOKING_EVENTS
from dawr.servicekit.database import Transaction
from dawr.servicekit.testing import until

from .conftest import NOW, PLANNER, Desk, problem
from .lives import Told, a_life, turn

HORIZON = Horizon(days=30, keep_days=62)
REASON = Text(ar="عاصفة رملية", en="A sandstorm")
ZONE = "Asia/Damascus"

Seats = Counter[tuple[date, str | None]]
OFFICES = ("DAM-01", "DAM-02")


def truth(lives: list[tuple[list[TurnFact], Told | None]], office: str) -> Seats:
    """Where turns have seats of an office at the end of their lives."""
    return Counter((at.date, at.window) for _, at in lives if at is not None and at.office == office)


def mixed(lives: list[tuple[list[TurnFact], Told | None]], dice: Random) -> list[TurnFact]:
    """All facts in any order, some of them twice."""
    facts = [fact for told, _ in lives for fact in told]
    facts += dice.sample(facts, len(facts) // 3)
    dice.shuffle(facts)
    return facts


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_facts_in_any_order_and_again_say_the_same(seed: int, count: int) -> None:
    dice = Random(seed)  # noqa: S311 - chance for tests
    lives = [a_life(dice) for _ in range(count)]
    known = joined(mixed(lives, dice), NOW)
    for office in OFFICES:
        here = [each for each in known if each.standing in SEATED and each.offer.office == office]
        assert Counter((each.date, each.window) for each in here) == truth(lives, office)
    assert [each.turn_id.int for each in known] == sorted(each.turn_id.int for each in known)


def test_what_is_over_everywhere_is_not_noted() -> None:
    evening = datetime(2026, 12, 2, 1, tzinfo=UTC)  # the 1st, still, on the other side of the earth
    days = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]
    known = joined([turn(date=on).held() for on in days], evening)
    assert {each.date for each in known} == set(days[1:])


def test_a_move_to_a_day_that_is_over_by_now_is_noted_so_that_the_turn_is_not_where_it_was() -> None:
    here = turn(date=date(2026, 12, 20))
    there, moved = here.moved(days=-18)
    [known] = joined([here.held(), moved], datetime(2026, 12, 10, tzinfo=UTC))
    assert (known.date, known.moves) == (there.date, 1)


async def seats_of(desk: Desk, office: str, first: date, last: date) -> Seats:
    """Seats in use by the day and window, as the table has them."""
    rows = await _rows(
        desk,
        "SELECT date, window_start, count(*) FROM seen_turns "
        "WHERE office = :office AND date BETWEEN :first AND :last AND standing IN (1, 3) GROUP BY 1, 2",
        office=office,
        first=first,
        last=last,
    )
    return Counter({(row[0], row[1]): row[2] for row in rows})


async def _rows(desk: Desk, query: str, **values: object) -> list[Any]:
    async with desk.service.database.reading() as connection:
        return list(await connection.execute(sql(query), values))


async def told(desk: Desk, *facts: TurnFact) -> None:
    """Have booking tell facts, and wait until catalog has applied them."""
    ids = await desk.stage.send(*facts)

    async def applied() -> bool:
        query = "SELECT count(*) FROM inbox_messages WHERE message_id = ANY(CAST(:ids AS uuid[]))"
        return bool((await _rows(desk, query, ids=ids))[0][0] == len(ids))

    await until(applied, what="facts applied")


async def test_the_table_joins_facts_as_the_domain_does(desk: Desk) -> None:
    dice = Random(4)  # noqa: S311 - chance for tests
    lives = [a_life(dice) for _ in range(200)]
    waiting = mixed(lives, dice)
    while waiting:
        size = dice.randint(1, 12)
        async with desk.service.database.transaction() as tx:
            await note_turns(tx, waiting[:size])
        del waiting[:size]
    for office in OFFICES:
        assert await seats_of(desk, office, date(2026, 12, 1), date(2026, 12, 31)) == truth(lives, office)
    at = [each for _, each in lives if each is not None and each.office == "DAM-01"]
    offer = Offer("DAM-01", "PASS_REN", "N")
    async with desk.service.database.reading() as connection:
        days = await use.in_use(connection, [(offer, on) for on in {each.date for each in at}])
    for (_, on), day in days.items():
        assert day.seats == sum(each.date == on for each in at)
        assert sum(day.windows.values()) == day.seats
    async with desk.service.database.transaction() as tx:
        await tx.connection.execute(sql("DELETE FROM seen_turns"))


async def test_facts_come_from_the_topic_and_those_that_are_refused_are_not_opened(desk: Desk) -> None:
    where = {"office": "ALP-01", "date": date(2026, 12, 2)}
    first, second, third = (turn(**where) for _ in range(3))
    (refused,) = await desk.stage.send(third.refused())
    await told(desk, first.held(), second.held(), first.confirmed(), second.cancelled())
    there, moved = first.moved(days=1, window="09:00")
    await told(desk, moved, first.held())
    assert await seats_of(desk, "ALP-01", date(2026, 12, 1), date(2026, 12, 9)) == {(there.date, "09:00"): 1}
    inbox = "SELECT 1 FROM inbox_messages WHERE message_id = :id"
    assert await _rows(desk, inbox, id=refused) == []
    assert set(USE_FACTS) < set(BOOKING_EVENTS.messages.values())


async def test_a_day_is_not_lowered_below_its_turns_and_the_answer_says_how_many_these_are(desk: Desk) -> None:
    on = date(2026, 12, 3)
    path = f"HMS-01/PASS_LOST/N/{on.isoformat()}"
    turns = [turn(office="HMS-01", service="PASS_LOST", date=on) for _ in range(3)]
    await told(desk, *(each.held() for each in turns))
    before = await desk.get("/capacity/HMS-01/PASS_LOST/N?month=2026-12", **desk.planner())
    for wanted in (2, 0):
        answer = await desk.day(path, capacity=wanted)
        assert problem(answer) == (409, "below-use")
        body = answer.json()
        assert (body["date"], body["in_use"], body["wanted"], body.get("window")) == ("2026-12-03", 3, wanted, None)
        assert (body["count"], len(body["days"])) == (1, 1)
    after = await desk.get("/capacity/HMS-01/PASS_LOST/N?month=2026-12", **desk.planner())
    assert after.headers["etag"] == before.headers["etag"]
    assert (await desk.day(path, capacity=3)).status_code == 200
    await told(desk, turns[0].cancelled())
    assert (await desk.day(path, capacity=2)).status_code == 200


async def test_the_seats_of_a_window_are_not_lowered_below_its_turns(desk: Desk) -> None:
    on = date(2026, 12, 7)
    path = f"HMS-01/PASS_REN/N/{on.isoformat()}"

    def windows(**seats: int) -> list[dict[str, object]]:
        return [
            {"start": f"{hour[1:]}:00", "end": f"{int(hour[1:]) + 1:02}:00", "capacity": count}
            for hour, count in seats.items()
        ]

    await told(desk, *(turn(office="HMS-01", date=on, window="10:00").held() for _ in range(4)))
    answer = await desk.day(path, capacity=20, windows=windows(h09=17, h10=3))
    body = answer.json()
    assert problem(answer) == (409, "below-use")
    assert (body["window"], body["in_use"], body["wanted"]) == ("10:00", 4, 3)
    answer = await desk.day(path, capacity=20, windows=windows(h09=20))
    assert (problem(answer)[1], answer.json()["wanted"]) == ("below-use", 0)
    assert (await desk.day(path, capacity=20, windows=windows(h09=16, h10=4))).status_code == 200
    # One line for the whole day takes no window from anybody: the day's seats are what counts.
    assert (await desk.day(path, capacity=4)).status_code == 200


async def test_what_is_below_already_may_be_raised_by_less_than_it_takes(desk: Desk) -> None:
    on = date(2026, 12, 8)
    path = f"HMS-01/PASS_LOST/U/{on.isoformat()}"
    assert (await desk.day(path, capacity=1)).status_code == 200
    await told(desk, *(turn(office="HMS-01", service="PASS_LOST", tier="U", date=on).held() for _ in range(3)))
    assert (await desk.day(path, capacity=2)).status_code == 200
    assert problem(await desk.day(path, capacity=1)) == (409, "below-use")


async def published(desk: Desk, week: Callable[[WeekdayPlan], WeekdayPlan | None], offer: Offer) -> None:
    """Two people agree on a plan from the day on after tomorrow, and it is published."""
    async with desk.service.database.transaction() as tx:
        plans = (await plans_of(tx.connection, offers=[offer]))[offer]
        (standing,) = (each for each in plans if each.state.value == "PUBLISHED")
        days = {on: after for on, day in standing.week.days.items() if (after := week(day)) is not None}
        wanted = type(standing.week)(offer, days, NOW.date() + timedelta(days=2))
        plan = propose(plans, wanted, plan_id=uuid4(), zone=ZONE, by=PLANNER, reason="less", now=tx.now)
        await keep_plans(tx, [plan], Author("less", PLANNER))
        plan = approve(plan, plans, by=uuid4(), reason="agreed", now=tx.now)
        await keep_plans(tx, [plan], Author("agreed", PLANNER))
        done = publish(plan, plans, by=PLANNER, reason="now", now=tx.now)
        await keep_plans(tx, [*done.superseded, done.plan], Author("now", PLANNER))
        await publish_ahead(tx, days=HORIZON.days, keep_days=HORIZON.keep_days, offices=[offer.office], keeps_use=True)


async def test_a_plan_that_leaves_days_below_their_turns_is_not_published(desk: Desk) -> None:
    offer = Offer("ALP-01", "DL_NEW", "U")  # four each day
    busy, also_busy, quiet = date(2026, 12, 9), date(2026, 12, 10), date(2026, 12, 13)
    for on, count in ((busy, 3), (also_busy, 2), (quiet, 1)):
        turns = [turn(office="ALP-01", service="DL_NEW", tier="U", date=on) for _ in range(count)]
        await told(desk, *(each.confirmed() for each in turns))
    month = "/capacity/ALP-01/DL_NEW/U?month=2026-12"
    before = (await desk.get(month, **desk.planner())).json()
    with pytest.raises(BelowUse) as refused:
        await published(desk, lambda day: WeekdayPlan(1, (), day.opens_days_before), offer)
    data = refused.value.data
    assert (data["date"], data["in_use"], data["wanted"], data["count"]) == (busy, 3, 1, 2)
    assert [(each["date"], each["tier"]) for each in data["days"]] == [(busy, "U"), (also_busy, "U")]  # type: ignore[attr-defined]
    with pytest.raises(BelowUse) as refused:
        await published(desk, lambda _: None, offer)
    assert (refused.value.data["wanted"], refused.value.data["count"]) == (0, 3)
    assert (await desk.get(month, **desk.planner())).json() == before
    await published(desk, lambda day: WeekdayPlan(3, (), day.opens_days_before), offer)
    after = await desk.month_told("ALP-01/DL_NEW/U/2026-12", before["revision"] + 1)
    assert {each.capacity for each in after.days} == {3}


class TestClosingDays:
    async def test_turns_are_no_hindrance_and_the_answer_says_how_many_it_touches(self, desk: Desk) -> None:
        days = (date(2026, 12, 14), date(2026, 12, 15))
        here = [turn(office="DAM-02", service="ID_NEW", date=on) for on in days for _ in range(2)]
        away = [turn(office="DAM-01", date=days[0]), turn(office="DAM-02", service="ID_NEW", date=date(2026, 12, 16))]
        await told(desk, *(each.held() for each in [*here, *away]), here[0].cancelled())
        assert await self._touches(desk, ClosureScope.OFFICE, "DAM-02", days) == 3
        assert await self._touches(desk, ClosureScope.REGION, "DAM", days) == 4
        assert await self._touches(desk, ClosureScope.REGION, "ALP", days) == 0
        assert await self._touches(desk, ClosureScope.EVERYTHING, None, (days[0], date(2026, 12, 16))) == 5

    async def _touches(self, desk: Desk, scope: ClosureScope, code: str | None, days: tuple[date, date]) -> int:
        """What a closure says that it touches; it is withdrawn again."""
        key = "DAM-02/ID_NEW/N/2026-12"
        before = await desk.get("/capacity/DAM-02/ID_NEW/N?month=2026-12", **desk.planner())
        revision = before.json()["revision"]
        concerned = code != "ALP"
        async with desk.service.database.transaction() as tx:
            closed = await close_days(tx, scope, code, days, REASON, by=PLANNER, horizon=HORIZON)
        if concerned:
            shut = await desk.month_told(key, revision + 1)
            assert set(days) <= {each.date for each in shut.closed if each.kind == "closure"}
            assert days[0] not in {each.date for each in shut.days}
        async with desk.service.database.transaction() as tx:
            again = await open_again(tx, closed.closure.id, seen=[1], by=PLANNER, reason="calm", horizon=HORIZON)
        assert again.touches == closed.touches
        if concerned:
            open_days = await desk.month_told(key, revision + 2)
            assert days[0] in {each.date for each in open_days.days}
        return closed.touches

    async def test_what_is_closed_has_to_be_there(self, desk: Desk) -> None:
        days = (date(2026, 12, 14), date(2026, 12, 14))
        over = (date(2026, 11, 1), date(2026, 11, 1))
        for scope, code, span, refusal in (
            (ClosureScope.OFFICE, "NOPE", days, UnknownOffice),
            (ClosureScope.REGION, "NOPE", days, UnknownRegion),
            (ClosureScope.OFFICE, "DAM-02", over, DateOver),
        ):
            with pytest.raises(refusal):
                async with desk.service.database.transaction() as tx:
                    await close_days(tx, scope, code, span, REASON, by=PLANNER, horizon=HORIZON)
        with pytest.raises(UnknownClosure):
            async with desk.service.database.transaction() as tx:
                await open_again(tx, uuid4(), seen=None, by=PLANNER, reason="calm", horizon=HORIZON)


async def test_turns_of_past_days_are_forgotten(desk: Desk) -> None:
    early, late = turn(office="BER-01", date=NOW.date()), turn(office="BER-01", date=NOW.date() + timedelta(days=3))
    await told(desk, early.held(), late.held())
    later = NOW + timedelta(days=2)

    async def kept() -> set[UUID]:
        return {row[0] for row in await _rows(desk, "SELECT turn_id FROM seen_turns WHERE office = 'BER-01'")}

    async with desk.service.database.transaction() as tx:
        assert await forget_past_turns(tx) == 0
    assert await kept() == {early.id, late.id}
    async with desk.service.database.transaction() as tx:
        assert await forget_past_turns(Transaction(tx.connection, later, "test")) == 1
    assert await kept() == {late.id}


def test_a_day_that_is_closed_is_not_lowered_and_one_that_is_not_planned_any_more_is() -> None:
    offer, on = Offer("DAM-01", "PASS_REN", "N"), date(2026, 12, 1)
    day = DecidedDay(CapacityDay(date=on, capacity=5, opens_at=NOW), Decider.PLAN)
    before = MonthOfCapacity(offer, "2026-12", 1, (day,))
    in_use = {(offer, on): DayInUse(3, {})}
    closed = (ClosedDay(date=on, kind="closure", reason=REASON),)
    for after in (replace(before, closed=closed), replace(before, days=(), closed=closed)):
        check_use([(before, after)], in_use)
    with pytest.raises(BelowUse):
        check_use([(before, replace(before, days=()))], in_use)
