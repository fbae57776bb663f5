"""A day that can't take place: its office decides, and everybody's turn is moved or refunded. Real servers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from services.booking.tests.conftest import DAY, Booking, booking_on, capacity, captured, has_catalogue, set_catalogue

from dawr.booking.service import clear_days
from dawr.booking.service.keep_capacity import drop_capacity
from dawr.booking.store import questions as store
from dawr.contracts import Pool, Text
from dawr.contracts.booking import CancelDay, CancelTurn, TurnCancelled, TurnConfirmed, TurnHeld, TurnMoved
from dawr.contracts.catalog import CapacityPublished, ClosedDay, KeptSeats
from dawr.contracts.payments import CancelPayment, RequestPayment, RequestRefund
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import FakeClock, Stage, until

STORM = {"ar": "عاصفة رملية", "en": "A sandstorm"}
MANAGER = uuid4()
NEXT = DAY + timedelta(days=1)


def months(
    seats: int, *, office: str, revision: int = 1, days: int = 2, first: int = 0, **kept: int
) -> list[CapacityPublished]:
    """DAY and the days after it, from the `first` on: a message for each month that they are in."""
    plain = capacity(seats, office=office, revision=revision)
    shares = tuple(KeptSeats.model_validate({"share": share, "seats": count}) for share, count in kept.items())
    dates = [DAY + timedelta(days=each) for each in range(first, days)]
    return [
        plain.model_copy(
            update={
                "month": of,
                "days": tuple(
                    plain.days[0].model_copy(update={"date": date, "kept": shares})
                    for date in dates
                    if f"{date:%Y-%m}" == of
                ),
            }
        )
        for of in sorted({f"{date:%Y-%m}" for date in [DAY, *dates]})
    ]


async def opened(booking: Booking, seats: int, *, days: int = 2, **kept: int) -> str:
    """An office with so many seats on DAY and the days after it; the office."""
    office = str(next(booking._free_offices))
    await booking.says(*months(seats, office=office, days=days, **kept))
    return office


async def cancel_day(
    booking: Booking,
    office: str,
    *,
    instead: str = "move",
    by: UUID = MANAGER,
    key: str | None = None,
    roles: tuple[Role, ...] = (Role.OFFICE_MANAGER,),
    of: str | None = None,
    **more: object,
) -> httpx.Response:
    headers = booking.stage.signed_in(by, *roles, office=of or office) | {"accept-language": "en"}
    headers["idempotency-key"] = key or str(uuid4())
    body = {"reason": STORM, "instead": instead} | more
    return await booking.http.post(
        f"/api/booking/offices/{office}/days/{DAY.isoformat()}/cancellation", json=body, headers=headers
    )


async def seen(booking: Booking, path: str, office: str, *roles: Role) -> dict[str, Any]:
    headers = booking.stage.signed_in(MANAGER, *(roles or (Role.OFFICE_MANAGER,)), office=office)
    answer = await booking.http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def completed(booking: Booking, answer: httpx.Response, office: str) -> dict[str, Any]:
    """Wait until a cancellation has come to its end; how it did."""
    assert answer.status_code == 202, answer.text

    async def over() -> dict[str, Any] | None:
        shown = await seen(booking, answer.headers["location"], office)
        return shown if shown["state"] == "completed" else None

    shown = await until(over, what="the day is cleared")
    await until(lambda: nothing_unsent(booking), what="all told")
    return shown


def command(office: str, id: UUID) -> CancelDay:
    """The command for DAY at an office, as if it came by itself."""
    return CancelDay(
        cancellation_id=id,
        pool=Pool(office=office, service="PASS_REN", tier="N", date=DAY),
        instead="move",
        reason=Text(**STORM),
        asked_by=MANAGER,
        role="approver",
        at=datetime.now(UTC),
    )


async def nothing_unsent(booking: Booking) -> bool:
    return not (await booking.rows("SELECT id FROM outbox_messages WHERE sent_at IS NULL"))


async def in_use(booking: Booking, office: str) -> dict[str, tuple[int, int]]:
    """By date: seats in use, and the live turns that are there."""
    rows = await booking.rows(
        "SELECT date, in_use, (SELECT count(*) FROM turns t WHERE t.pool = q.pool AND state IN ('HELD', 'CONFIRMED'))"
        " AS live FROM quota_days q WHERE office = :office ORDER BY date",
        office=office,
    )
    return {row.date.isoformat(): (row.in_use, row.live) for row in rows}


async def test_turns_move_to_the_next_day_with_their_payment(booking: Booking) -> None:
    office, ada, bob = await opened(booking, 2), uuid4(), uuid4()
    paid, held = await booking.hold(ada, office=office), await booking.hold(bob, office=office)
    await booking.says(captured(paid, ada))
    until_when = (await booking.turn(held, bob))["held_until"]
    shown = await completed(booking, await cancel_day(booking, office), office)
    assert {name: shown[name] for name in ("moved", "cancelled", "refunded", "left")} == {
        "moved": 2, "cancelled": 0, "refunded": 0, "left": 0,
    }  # fmt: skip
    assert await in_use(booking, office) == {DAY.isoformat(): (0, 0), NEXT.isoformat(): (2, 2)}
    moved = await booking.turn(paid, ada)
    assert (moved["date"], moved["state"], moved["payment"]["paid"]) == (NEXT.isoformat(), "CONFIRMED", True)
    assert moved["history"][-1] | {"at": ""} == {
        "state": "CONFIRMED",
        "at": "",
        "cause": "moved-by-office",
        "from": f"{office}/PASS_REN/N/{DAY.isoformat()}",
        "by": str(MANAGER),
    }
    assert await booking.kinds_told(paid) == [TurnHeld, RequestPayment, TurnConfirmed, TurnMoved]
    fact = (await booking.told(paid))[-1]
    assert isinstance(fact, TurnMoved)
    assert (fact.reason, fact.pool.date, fact.from_pool.date) == (Text(**STORM), NEXT, DAY)
    waiting = await booking.turn(held, bob)
    assert (waiting["state"], waiting["held_until"], waiting["date"]) == ("HELD", until_when, NEXT.isoformat())
    await booking.says(captured(held, bob))
    assert (await booking.turn(held, bob))["state"] == "CONFIRMED"


async def test_the_day_is_closed_at_once_and_only_another_plan_opens_it(booking: Booking) -> None:
    office = await opened(booking, 2)
    await completed(booking, await cancel_day(booking, office), office)
    assert (await booking.take(office=office)).json()["code"] == "closed"
    await booking.says(*months(2, office=office, revision=2, days=3))
    assert (await booking.take(office=office)).json()["code"] == "closed"
    await booking.says(*months(3, office=office, revision=3))
    await booking.hold_soon(uuid4(), office=office)


async def test_without_a_free_day_the_money_goes_back(booking: Booking) -> None:
    office, ada, bob = await opened(booking, 1), uuid4(), uuid4()
    paid = await booking.hold(ada, office=office)
    await booking.says(captured(paid, ada))
    await booking.hold(bob, office=office, date=NEXT.isoformat())
    shown = await completed(booking, await cancel_day(booking, office), office)
    assert (shown["moved"], shown["cancelled"], shown["refunded"], shown["left"]) == (0, 1, 1, 0)
    cancelled, refund = (await booking.told(paid))[-2:]
    assert isinstance(cancelled, TurnCancelled)
    assert (cancelled.by, cancelled.reason, cancelled.reason_text) == ("office", "day-cancelled", Text(**STORM))
    assert isinstance(refund, RequestRefund)
    assert refund.amount == cancelled.refund
    assert (await booking.turn(paid, ada))["state"] == "CANCELLED_BY_OFFICE"
    await booking.refused_soon("closed", office=office)


async def test_refunded_when_the_office_says_so_though_another_day_is_free(booking: Booking) -> None:
    office, ada = await opened(booking, 1), uuid4()
    id = await booking.hold(ada, office=office)
    shown = await completed(booking, await cancel_day(booking, office, instead="refund"), office)
    assert (shown["moved"], shown["cancelled"], shown["refunded"]) == (0, 1, 0)
    assert await booking.kinds_told(id) == [TurnHeld, RequestPayment, TurnCancelled, CancelPayment]


async def test_a_day_of_many_turns_is_cleared_in_slices(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction touches a few turns, and the first in line have the first day."""
    monkeypatch.setattr(clear_days, "TURNS_AT_ONCE", 3)
    office = await opened(booking, 4, days=3)
    people = [uuid4() for _ in range(4)]
    ids = [await booking.hold(person, office=office) for person in people]
    await booking.hold(uuid4(), office=office, date=NEXT.isoformat())
    shown = await completed(booking, await cancel_day(booking, office), office)
    assert (shown["moved"], shown["left"]) == (4, 0)
    days = [(await booking.turn(id, person))["date"] for id, person in zip(ids, people, strict=True)]
    assert days == [NEXT.isoformat()] * 3 + [(NEXT + timedelta(days=1)).isoformat()]
    ((slices,),) = await booking.rows(
        "SELECT slices FROM day_cancellation_pools WHERE cancellation_id = :id", id=UUID(shown["id"])
    )
    assert slices == 2


async def test_a_command_that_comes_twice_and_a_twin_of_the_request_change_nothing_more(booking: Booking) -> None:
    office, ada, key = await opened(booking, 1), uuid4(), str(uuid4())
    id = await booking.hold(ada, office=office)
    first, second = await asyncio.gather(*(cancel_day(booking, office, key=key) for _ in range(2)))
    codes = sorted([first.status_code, second.status_code])
    assert codes in ([202, 202], [202, 409])
    shown = await completed(booking, first if first.status_code == 202 else second, office)
    again = await cancel_day(booking, office, key=key)
    assert (again.status_code, again.json()["id"]) == (202, shown["id"])
    await booking.says(command(office, UUID(shown["id"])))
    assert (await booking.kinds_told(id)).count(TurnMoved) == 1
    assert await in_use(booking, office) == {DAY.isoformat(): (0, 0), NEXT.isoformat(): (1, 1)}


async def test_a_cancellation_that_was_asked_for_before_the_move_finds_its_turn(booking: Booking) -> None:
    office, ada = await opened(booking, 1), uuid4()
    id = await booking.hold(ada, office=office)
    asked = CancelTurn.model_validate(
        {"turn_id": id, "pool": {"office": office, "service": "PASS_REN", "tier": "N", "date": DAY},
         "asked_by": ada, "asked_at": booking.clock()}
    )  # fmt: skip
    await completed(booking, await cancel_day(booking, office), office)
    await booking.says(asked)
    assert (await booking.turn(id, ada))["state"] == "CANCELLED_BY_CITIZEN"
    assert await in_use(booking, office) == {DAY.isoformat(): (0, 0), NEXT.isoformat(): (0, 0)}


async def test_a_command_for_a_day_that_is_open_leaves_its_turns_alone(booking: Booking) -> None:
    office, ada = await opened(booking, 1), uuid4()
    id = await booking.hold(ada, office=office)
    await booking.says(command(office, uuid4()))
    assert (await booking.turn(id, ada))["state"] == "HELD"


@pytest.mark.parametrize(
    ("roles", "of", "status"),
    [
        ((Role.OFFICE_MANAGER,), "DAM-02", 403),
        ((Role.DESK,), None, 403),
        ((Role.CITIZEN,), None, 403),
        ((Role.APPROVER,), "DAM-02", 202),
    ],
)
async def test_only_the_manager_of_the_office_and_an_approver_may(
    booking: Booking, roles: tuple[Role, ...], of: str | None, status: int
) -> None:
    office = await opened(booking, 1)
    assert (await cancel_day(booking, office, roles=roles, of=of)).status_code == status


async def test_a_reason_a_key_and_something_to_cancel_are_needed(booking: Booking) -> None:
    office = await opened(booking, 1)
    for reason in ({"ar": "عاصفة"}, {"ar": "عاصفة", "en": "  "}, None):
        assert (await cancel_day(booking, office, reason=reason)).status_code == 422
    headers = booking.stage.signed_in(MANAGER, Role.OFFICE_MANAGER, office=office)
    path = f"/api/booking/offices/{office}/days/{DAY.isoformat()}/cancellation"
    answer = await booking.http.post(path, json={"reason": STORM, "instead": "move"}, headers=headers)
    assert answer.json()["code"] == "idempotency-key-missing"
    assert (await cancel_day(booking, office, service="ID_NEW")).json()["code"] == "nothing-to-cancel"
    assert (await cancel_day(booking, "NOWHERE-01")).json()["code"] == "unknown-office"


# Questions


async def questions(booking: Booking, office: str, state: str = "open") -> list[dict[str, Any]]:
    shown = await seen(booking, f"/api/booking/offices/{office}/questions?state={state}", office)
    items: list[dict[str, Any]] = shown["items"]
    return items


async def test_a_day_that_the_catalog_closes_asks_the_office(booking: Booking) -> None:
    office, ada = await opened(booking, 2), uuid4()
    id = await booking.hold(ada, office=office)
    closed = ClosedDay(date=DAY, kind="closure", reason=Text(**STORM))
    shut = [each.model_copy(update={"closed": (closed,)}) for each in months(2, office=office, revision=2, first=1)]
    await booking.says(*shut)
    (question,) = await questions(booking, office)
    assert (question["turns"], question["planned"], question["reason"]) == (1, 0, STORM)
    assert (await booking.turn(id, ada))["state"] == "HELD"
    await booking.says(*(each.model_copy(update={"revision": 3}) for each in shut))
    assert [each["id"] for each in await questions(booking, office)] == [question["id"]]

    await completed(booking, await cancel_day(booking, office), office)
    assert await questions(booking, office) == []
    (answered,) = await questions(booking, office, "answered")
    assert (answered["answer"], answered["answered_by"]) == ("move", str(MANAGER))
    assert (await booking.turn(id, ada))["date"] == NEXT.isoformat()


async def test_a_question_closes_itself_when_the_day_opens_again_or_nobody_has_a_turn(booking: Booking) -> None:
    office, people = await opened(booking, 2), [uuid4(), uuid4()]
    ids = [await booking.hold(person, office=office) for person in people]
    await booking.says(*months(1, office=office, revision=2))
    (question,) = await questions(booking, office)
    assert (question["turns"], question["planned"], question["reason"]) == (2, 1, None)
    await booking.says(*months(2, office=office, revision=3))
    assert await questions(booking, office) == []
    (answered,) = await questions(booking, office, "answered")
    assert (answered["answer"], answered["answered_by"]) == ("reopened", None)
    await booking.says(*months(1, office=office, revision=4))
    assert len(await questions(booking, office)) == 1
    await booking.cancel(ids[0], people[0])
    assert await questions(booking, office) == []


async def test_what_was_answered_is_not_asked_again_when_the_month_goes(booking: Booking) -> None:
    """The office has decided, the allocator has not come to it yet, and the catalog takes the month away."""
    office = await opened(booking, 1)
    await booking.hold(uuid4(), office=office)
    await booking.says(*months(1, office=office, revision=2, first=1))
    (asked,) = await questions(booking, office)
    async with booking.service.database.transaction() as tx:
        await store.answer(tx.connection, [f"{office}/PASS_REN/N/{DAY}"], answer="move", by=MANAGER, now=tx.now)
    async with booking.service.database.transaction() as tx:
        await drop_capacity(tx, f"{office}/PASS_REN/N/{DAY:%Y-%m}")
    assert await questions(booking, office) == []
    assert [each["id"] for each in await questions(booking, office, "answered")] == [asked["id"]]


async def test_questions_are_for_the_office_they_are_about(booking: Booking) -> None:
    office = await opened(booking, 1)
    headers = booking.stage.signed_in(MANAGER, Role.OFFICE_MANAGER, office="DAM-02")
    assert (await booking.http.get(f"/api/booking/offices/{office}/questions", headers=headers)).status_code == 403
    assert await seen(booking, f"/api/booking/offices/{office}/questions", "DAM-02", Role.APPROVER)


# Shares


async def asks_for(
    booking: Booking, office: str, share: str, *roles: Role, of: str | None = None, **more: Any
) -> httpx.Response:
    headers = booking.stage.signed_in(MANAGER, *roles, office=of or office) | {"accept-language": "en"}
    headers |= {"idempotency-key": str(uuid4()), "prefer": "wait=10"}
    body = {"service": "PASS_REN", "tier": "N", "office": office, "date": DAY.isoformat(), "share": share}
    return await booking.http.post("/api/booking/turns", json=body | more, headers=headers)


async def test_kept_seats_are_given_to_their_share_and_go_back_to_it(booking: Booking) -> None:
    office, ada = await opened(booking, 2, accessible=1), uuid4()
    await booking.hold(uuid4(), office=office)
    assert (await booking.take(office=office)).json()["code"] == "sold-out"
    id = await booking.hold(ada, office=office, share="accessible")
    query = "SELECT kept, kept_free FROM quota_days WHERE office = :office AND date = :day"
    assert await booking.rows(query, office=office, day=DAY) == [([["accessible", 1, 1]], 0)]
    await booking.cancel(id, ada)
    assert await booking.rows(query, office=office, day=DAY) == [([["accessible", 1, 0]], 1)]
    assert (await booking.take(office=office)).json()["code"] == "sold-out"
    await booking.hold_soon(uuid4(), office=office, share="accessible")
    assert await booking.quota(office) == (2, 2)


async def test_who_may_ask_for_which_share(booking: Booking) -> None:
    office, person = await opened(booking, 3, urgent=1), str(uuid4())
    desk, manager, somebody = Role.DESK, Role.OFFICE_MANAGER, {"person_id": person, "reason": "medical"}
    for share, role, more, code in (
        ("urgent", Role.CITIZEN, {}, "share-not-allowed"),
        ("urgent", desk, somebody | {"of": "DAM-02"}, "share-not-allowed"),
        ("urgent", desk, {"person_id": person}, "reason-needed"),
        ("urgent", manager, {"reason": "medical"}, "reason-needed"),
        ("urgent", desk, somebody | {"person_id": str(MANAGER)}, "reason-needed"),
        ("assisted", manager, somebody, "share-not-allowed"),
        ("assisted", desk, somebody, "not-offered"),
        ("accessible", Role.CITIZEN, {"person_id": person}, "not-your-relative"),
        ("accessible", Role.CITIZEN, somebody, "share-not-allowed"),
        ("accessible", desk, {}, "not-allowed"),
    ):
        answer = await asks_for(booking, office, share, role, **more)
        assert answer.json()["code"] == code, (share, role, more)
    taken = await asks_for(booking, office, "urgent", Role.DESK, person_id=person, reason="medical")
    assert taken.status_code == 201, taken.text
    turn = taken.json()
    assert (turn["person_id"], turn["asked_by"]) == (person, person)
    assert (turn["history"][0]["by"], turn["history"][0]["reason"]) == (str(MANAGER), "medical")


@pytest.fixture(scope="module")
async def booking(the_stage: Stage) -> AsyncIterator[Booking]:
    url = await the_stage.database("booking")
    await set_catalogue(the_stage)
    async with booking_on(
        the_stage, url, clock=FakeClock(), sweep_seconds=0.05, person_requests_per_minute=500
    ) as running:
        await has_catalogue(running)
        yield running
