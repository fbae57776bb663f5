"""Stories on real servers: the test speaks for booking and payments, and sees what consular makes of it."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from services.consular.tests.conftest import DAY, Consulate, Words
from sqlalchemy import text as sql

from dawr.contracts import Message
from dawr.contracts.booking import CancelTurn, RefusalCode, RequestTurn
from dawr.contracts.consular import CaseAdvanced, CaseOpened
from dawr.contracts.ids import turn_id
from dawr.contracts.payments import RefundReason
from dawr.contracts.topics import BOOKING_EVENTS, PAYMENTS_EVENTS, PAYMENTS_REFUNDS
from dawr.servicekit.dead_letters import read_dead_letters
from dawr.servicekit.testing import until


def plain(case: dict[str, Any]) -> dict[str, Any]:
    """A case without what differs from one case to the next: ids, and the addresses made from them."""
    own = {"id", "turn_id", "person_id", "opened_by", "links"}
    return {name: plain(value) if isinstance(value, dict) else value for name, value in case.items() if name not in own}


async def test_an_expatriate_asks_pays_cancels_and_has_the_money_back(consulate: Consulate) -> None:
    lina = uuid4()
    response = await consulate.open(lina)
    assert response.status_code == 202
    case = response.json()
    assert case["state"] == "OPENED"
    assert response.headers["location"] == case["links"]["self"] == f"/api/consular/cases/{case['id']}"
    assert case["links"]["turn"] == f"/api/booking/turns/{case['turn_id']}"
    assert case["turn_id"] == str(turn_id(lina, f"case/{case['id']}"))

    (request,) = [
        each
        for each in await consulate.stage.wait_for(RequestTurn)
        if isinstance(each, RequestTurn) and str(each.case_id) == case["id"]
    ]
    assert (request.person_id, request.asked_by, str(request.turn_id)) == (lina, lina, case["turn_id"])
    assert (request.channel, request.pool.key, request.fx) == ("mission", f"BER-01/CSL_PASS/N/{DAY}", None)
    opened = [each for each in await consulate.stage.wait_for(CaseOpened) if each.key() == case["id"]]
    assert len(opened) == 1

    words = Words.on(request)
    await consulate.say(words, words.held(), words.opened())
    held = await consulate.case(case["id"], lina)
    assert held["state"] == "HELD"
    assert held["window"] == "09:00"
    assert (held["fee"]["minor"], held["fee"]["currency"]) == (30000, "USD")
    assert "300" in held["fee"]["text"]
    assert held["payment"]["state"] == "OPEN"
    assert held["links"]["payment"] == f"/api/payments/payments/{held['payment']['id']}"

    await consulate.say(words, words.captured(), words.confirmed())
    confirmed = await consulate.case(case["id"], lina)
    assert (confirmed["state"], confirmed["payment"]["paid"]["minor"]) == ("CONFIRMED", 30000)
    await consulate.say(words, words.moved())
    assert (await consulate.case(case["id"], lina))["date"] == str(DAY + dt.timedelta(days=1))
    moved = request.pool.model_copy(update={"date": DAY + dt.timedelta(days=1)})

    asked = await consulate.post(f"/api/consular/cases/{case['id']}/cancellation", lina)
    assert asked.status_code == 202
    assert asked.json()["cancellation_asked_at"] is not None
    (cancel,) = [
        each
        for each in await consulate.stage.wait_for(CancelTurn)
        if isinstance(each, CancelTurn) and each.turn_id == request.turn_id
    ]
    assert (cancel.asked_by, cancel.role, cancel.pool) == (lina, "citizen", moved)

    await consulate.say(words, words.cancelled(), words.refund_accepted())
    back = await consulate.case(case["id"], lina)
    assert (back["state"], back["refund"]["state"]) == ("CANCELLED", "ACCEPTED")
    assert back["refund"]["amount"]["minor"] == 30000
    await consulate.say(words, words.refund_succeeded())
    back = await consulate.case(case["id"], lina)
    assert back["refund"]["state"] == "SUCCEEDED"
    assert [line["state"] for line in back["history"]] == ["OPENED", "HELD", "CONFIRMED", "CONFIRMED", "CANCELLED"]

    told = [
        each
        for each in await consulate.stage.wait_for(CaseAdvanced, 4)
        if isinstance(each, CaseAdvanced) and str(each.case_id) == case["id"]
    ]
    assert [(each.state, each.cause) for each in told] == [
        ("HELD", "booking.turn-held.v1"),
        ("CONFIRMED", "booking.turn-confirmed.v1"),
        ("CONFIRMED", "booking.turn-moved.v1"),
        ("CANCELLED", "booking.turn-cancelled.v1"),
    ]


Order = Callable[[Words], tuple[list[Message], list[Message]]]
"""Booking's facts, and those of payments and refunds."""

STORIES: dict[str, Order] = {
    "paid": lambda say: ([say.held(), say.confirmed()], [say.opened(), say.declined(), say.captured()]),
    "paid late, the seat was still free": lambda say: (
        [say.held(), say.expired(), say.confirmed(late=True)],
        [say.opened(), say.ran_out(), say.captured()],
    ),
    "paid late, the seat was gone": lambda say: (
        [say.held(), say.expired()],
        [say.opened(), say.captured(), say.refund_accepted(RefundReason.PAID_TOO_LATE), say.refund_succeeded()],
    ),
    "cancelled after paying": lambda say: (
        [say.held(), say.confirmed(), say.cancelled()],
        [say.opened(), say.captured(), say.refund_accepted(), say.refund_succeeded()],
    ),
    "refused": lambda say: ([say.refused(RefusalCode.ONE_LIVE_TURN)], []),
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_ends_the_same_doubled_and_in_another_order(consulate: Consulate, name: str) -> None:
    endings = []
    for money_after in (0, 1, 9):  # of booking's facts
        for times in (1, 2):
            person = uuid4()
            case, words = await consulate.opened(person)
            booking, money = STORIES[name](words)
            order = [*booking[:money_after], *money, *booking[money_after:]]
            await consulate.say(words, *order, times=times)
            endings.append(plain(await consulate.case(case["id"], person)))
            told = await consulate.staged(CaseAdvanced, of_case=case["id"])
            assert set(told) == words.advanced_by(*booking)
            assert [each.cause for each in told.values()] == [fact.wire_type for fact in booking]
    assert all(ending == endings[0] for ending in endings)


async def test_whole_topics_read_once_more_change_nothing(consulate: Consulate) -> None:
    """What a crash between the commit of a batch and that of its offsets brings: all of it again, in one batch."""
    person = uuid4()
    case, words = await consulate.opened(person)
    await consulate.say(words, words.held(), words.captured(), words.confirmed(), words.cancelled())
    await consulate.say(words, words.refund_accepted())
    before = await consulate.case(case["id"], person), await consulate.staged(CaseAdvanced)
    consumers = consulate.service.consumers
    assert consumers is not None
    for subscription in consumers.subscriptions:
        if subscription.topic in (BOOKING_EVENTS, PAYMENTS_EVENTS, PAYMENTS_REFUNDS):
            records = await consulate.stage.records(subscription.topic)
            assert records
            await consumers.apply(subscription, records)
    assert (await consulate.case(case["id"], person), await consulate.staged(CaseAdvanced)) == before


async def test_many_cases_move_while_their_payments_come_in_another_order(consulate: Consulate) -> None:
    person = uuid4()
    cases = [await consulate.opened(person) for _ in range(12)]
    held = [(words, words.held()) for _, words in cases]
    paid = [(words, words.captured()) for _, words in reversed(cases)]
    await asyncio.gather(
        *(consulate.stage.send(fact, id=words.id_of(fact)) for words, fact in [*held, *paid]),
    )
    for words, fact in [*held, *paid]:
        await consulate.applied(words.id_of(fact))
    shown = [await consulate.case(case["id"], person) for case, _ in cases]
    assert {(each["state"], each["payment"]["state"]) for each in shown} == {("HELD", "CAPTURED")}


async def test_facts_about_turns_of_no_case_are_nothing_to_us(consulate: Consulate, words: Words) -> None:
    stranger = Words(words.turn_id, words.person_id, words.asked_by, words.pool, case_id=None)
    facts = (stranger.held(), stranger.captured(), stranger.confirmed(), stranger.refund_accepted())
    await consulate.say(stranger, *facts)
    async with consulate.service.database.reading() as connection:
        query = sql("SELECT count(*) FROM cases WHERE turn_id = :turn")
        assert (await connection.execute(query, {"turn": words.turn_id})).scalar() == 0
    dead = await read_dead_letters(consulate.stage.platform, group="consular")
    assert str(words.turn_id).encode() not in {letter.key for letter in dead}


async def test_a_fact_that_no_rule_allows_goes_aside_and_its_neighbours_go_through(
    consulate: Consulate, words: Words
) -> None:
    person = uuid4()
    case, known = await consulate.opened(person)
    await consulate.say(known, known.held())
    await consulate.stage.send(words.held())  # a case that is not here
    await consulate.stage.send(known.held())  # told again under another id: HELD is behind it
    await consulate.say(known, known.confirmed())
    assert (await consulate.case(case["id"], person))["state"] == "CONFIRMED"

    async def both_aside() -> bool:
        dead = await read_dead_letters(consulate.stage.platform, group="consular")
        keys = {letter.key.decode(): letter for letter in dead}
        strange, illegal = keys.get(str(words.turn_id)), keys.get(str(known.turn_id))
        return bool(strange and illegal and {strange.reason, illegal.reason} == {"refused"})

    await until(both_aside, what="dead letters")


async def test_a_cancellation_is_asked_for_once_and_by_those_it_concerns(consulate: Consulate) -> None:
    person, stranger = uuid4(), uuid4()
    case, words = await consulate.opened(person)
    path = f"/api/consular/cases/{case['id']}/cancellation"
    assert (await consulate.post(path, stranger)).status_code == 404
    assert (await consulate.http.post(path, headers=consulate.stage.signed_in(person))).status_code == 400
    for _ in range(2):
        assert (await consulate.post(path, person)).status_code == 202
    asked = [each for each in (await consulate.staged(CancelTurn)).values() if each.turn_id == words.turn_id]
    assert len(asked) == 1

    waiting = asyncio.create_task(consulate.post(path, person, prefer="wait=10"))
    await consulate.say(words, words.held(), words.cancelled(paid=False))
    answer = await waiting
    assert (answer.status_code, answer.json()["state"], answer.json()["refund"]) == (200, "CANCELLED", None)


@pytest.mark.parametrize("ending", ["refused", "expired"])
async def test_what_is_over_can_t_be_cancelled(consulate: Consulate, ending: str) -> None:
    person = uuid4()
    case, words = await consulate.opened(person)
    facts = [words.refused()] if ending == "refused" else [words.held(), words.expired()]
    await consulate.say(words, *facts)
    answer = await consulate.post(f"/api/consular/cases/{case['id']}/cancellation", person)
    assert (answer.status_code, answer.json()["code"]) == (409, "case-over")


async def test_a_case_is_seen_by_its_two_sides_and_its_mission(consulate: Consulate) -> None:
    person = uuid4()
    case, _ = await consulate.opened(person)
    path = f"/api/consular/cases/{case['id']}"
    assert (await consulate.get(path, person)).status_code == 200
    unseen = await consulate.get(path, uuid4())
    missing = await consulate.get(f"/api/consular/cases/{uuid4()}", person)
    assert unseen.status_code == missing.status_code == 404
    assert unseen.json()["code"] == missing.json()["code"] == "not-found"
    assert (await consulate.http.get(path)).status_code == 401


async def test_a_list_is_read_page_by_page(consulate: Consulate) -> None:
    person = uuid4()
    ids = set()
    for minute in range(5):
        consulate.clock.turn(seconds=60 * (minute > 0))
        ids.add((await consulate.opened(person))[0]["id"])
    seen: list[str] = []
    address: str | None = "/api/consular/cases?limit=2"
    pages = 0
    while address:
        answer = await consulate.get(address, person)
        items = answer.json()["items"]
        assert len(items) <= 2
        seen += [each["id"] for each in items]
        address = answer.links["next"]["url"] if "next" in answer.links else None
        pages += 1
    assert (pages, len(seen), set(seen)) == (3, 5, ids)
    bad = await consulate.get("/api/consular/cases?cursor=bm9uc2Vuc2U", person)
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid-request")
