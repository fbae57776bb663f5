"""Turns at missions: asked for by consular with a case, priced in dollars, paid at a rate that was frozen."""

import datetime as dt
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from services.booking.tests.conftest import DAY, USD, Booking, captured

from dawr.booking.domain import State
from dawr.contracts import Channel, FxRate, Money, Pool
from dawr.contracts.booking import CancelTurn, RequestTurn, TurnCancelled, TurnConfirmed, TurnHeld, TurnRefused
from dawr.contracts.payments import RequestPayment, RequestRefund
from dawr.servicekit.idempotency import fingerprint

EURO = FxRate(base="USD", quote="EUR", rate=Decimal("0.8625"), dated=dt.date(2026, 11, 23))


def case_turn(relative: UUID, agent: UUID, pool: Pool, **more: object) -> RequestTurn:
    """What consular sends: for one person, asked for and paid by another."""
    return RequestTurn(
        turn_id=uuid4(),
        person_id=relative,
        asked_by=agent,
        pool=pool,
        channel=Channel.MISSION,
        fingerprint=fingerprint(pool.key, None),
        asked_at=dt.datetime.now(dt.UTC),
        case_id=uuid4(),
    ).model_copy(update=more)


@pytest.fixture(scope="module")
async def mission(booking: Booking) -> Pool:
    await booking.opened(50, office="BER-01")
    return Pool(office="BER-01", service="PASS_REN", tier="N", date=DAY)


async def test_a_case_turn_is_paid_in_another_currency(booking: Booking, mission: Pool) -> None:
    relative, agent = uuid4(), uuid4()
    request = case_turn(relative, agent, mission, fx=EURO)
    await booking.says(request)
    held, asked = await booking.told(request.turn_id)
    euros = Money(minor=25_875, currency="EUR")
    assert isinstance(held, TurnHeld)
    assert (held.fee, held.payable, held.case_id, held.person_id) == (USD, euros, request.case_id, relative)
    assert isinstance(asked, RequestPayment)
    assert (asked.amount, asked.fx, asked.payer_id, asked.return_key) == (euros, EURO, agent, "case")

    await booking.says(captured(request.turn_id, agent, euros))
    confirmed = (await booking.told(request.turn_id))[-1]
    assert isinstance(confirmed, TurnConfirmed)
    assert (confirmed.case_id, confirmed.fee) == (request.case_id, USD)
    for person in (relative, agent):
        turn = await booking.turn(request.turn_id, person)
        assert (turn["state"], turn["case_id"]) == ("CONFIRMED", str(request.case_id))
        assert turn["payment"]["fx"]["rate"] == "0.8625"
        listed = await booking.get("/api/booking/turns", person)
        assert [each["id"] for each in listed.json()["items"]] == [str(request.turn_id)]


async def test_without_a_rate_it_is_paid_in_the_fee_s_currency(booking: Booking, mission: Pool) -> None:
    request = case_turn(uuid4(), uuid4(), mission)
    await booking.says(request)
    held, asked = await booking.told(request.turn_id)
    assert isinstance(held, TurnHeld)
    assert isinstance(asked, RequestPayment)
    assert (held.payable, asked.amount, asked.fx) == (USD, USD, None)


async def test_a_rate_of_another_currency_is_refused(booking: Booking, mission: Pool) -> None:
    request = case_turn(uuid4(), uuid4(), mission, fx=EURO.model_copy(update={"base": "SYP"}))
    await booking.says(request)
    (refused,) = await booking.told(request.turn_id)
    assert isinstance(refused, TurnRefused)
    assert (refused.code, refused.case_id) == ("fx-mismatch", request.case_id)


async def test_one_live_turn_counts_home_and_abroad(booking: Booking, mission: Pool) -> None:
    office, ada = await booking.opened(1), uuid4()
    await booking.hold(ada, office=office)
    request = case_turn(ada, uuid4(), mission)
    await booking.says(request)
    (refused,) = await booking.told(request.turn_id)
    assert isinstance(refused, TurnRefused)
    assert refused.code == "one-live-turn"


async def test_one_agent_may_ask_for_several_relatives(booking: Booking, mission: Pool) -> None:
    agent, relatives = uuid4(), [uuid4() for _ in range(3)]
    requests = [case_turn(relative, agent, mission) for relative in relatives]
    await booking.says(*requests)
    listed = await booking.get("/api/booking/turns", agent)
    assert {each["state"] for each in listed.json()["items"]} == {"HELD"}
    assert {each["person_id"] for each in listed.json()["items"]} == {str(relative) for relative in relatives}


async def test_consular_gives_it_back_and_the_agent_may_too(booking: Booking, mission: Pool) -> None:
    relative, agent = uuid4(), uuid4()
    by_consular, by_agent = case_turn(relative, agent, mission, fx=EURO), case_turn(uuid4(), agent, mission)
    await booking.says(by_consular, by_agent)
    await booking.says(captured(by_consular.turn_id, agent, Money(minor=25_875, currency="EUR")))
    await booking.says(CancelTurn(turn_id=by_consular.turn_id, pool=mission, asked_by=agent, asked_at=booking.clock()))
    assert (await booking.turn(by_consular.turn_id, relative))["state"] == "CANCELLED_BY_CITIZEN"
    *_, cancelled, refund = await booking.told(by_consular.turn_id)
    assert isinstance(cancelled, TurnCancelled)
    assert isinstance(refund, RequestRefund)
    assert cancelled.refund == refund.amount == Money(minor=25_875, currency="EUR")
    assert (await booking.cancel(by_agent.turn_id, agent)).json()["state"] == State.CANCELLED_BY_CITIZEN


async def test_an_online_fee_is_not_what_a_mission_asks(booking: Booking, mission: Pool) -> None:
    request = case_turn(uuid4(), uuid4(), mission, channel=Channel.ASSISTED)
    await booking.says(request)
    (refused,) = await booking.told(request.turn_id)
    assert isinstance(refused, TurnRefused)
    assert refused.code == "no-fee"
