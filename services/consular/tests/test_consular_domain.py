"""Cases, mandates and rates as pure decisions: every order of arrival ends in the same case and the same messages."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import get_args
from uuid import UUID, uuid4

import pytest
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import given
from hypothesis import strategies as st
from services.consular.tests.conftest import (
    DAY,
    NOON,
    USD_300,
    Words,
    berlin,
    damascus,
    euro,
    passport,
    registration,
    text,
)

from dawr.consular.domain import case as rules
from dawr.consular.domain import mandate as mandates
from dawr.consular.domain.case import TRANSITIONS, Case, CaseState, PaymentState, RefundState, Wish
from dawr.consular.domain.mandate import Mandate, MandateState
from dawr.consular.domain.rate import Rate, set_rate
from dawr.consular.errors import (
    SEAT_REFUSALS,
    CaseOver,
    CurrencyNotSupported,
    IllegalMove,
    MandateInUse,
    MandateNotActive,
    NoFee,
    NotOffered,
    RateUsed,
    StrangeFact,
    TooLateToCancel,
    UnknownMission,
    UnknownService,
)
from dawr.consular.seed import example_rates
from dawr.contracts import Channel, FxRate, Message, Money
from dawr.contracts.booking import BookingFact, RefusalCode
from dawr.contracts.catalog import Tier
from dawr.contracts.consular import CaseAdvanced, Kinship
from dawr.contracts.payments import PaymentEvent, RefundEvent
from dawr.contracts.values import WITHOUT_HUNDREDTHS
from dawr.servicekit.errors import Refusal

Told = Sequence[Message]
Facts = tuple[Told, Told, Told]
"""Of booking, of payments, of refunds: each in its topic's order."""

WISH = Wish(service="CSL_PASS", tier="N", mission="BER-01", date=DAY)


def opened(wish: Wish = WISH) -> tuple[Case, Words]:
    person = uuid4()
    case, request, _ = rules.open_case(
        rules.case_id(person, "key"), wish, person=person, caller=person, fingerprint="0" * 32, fx=None, now=NOON
    )
    return case, Words.on(request)


def follow(case: Case, facts: Told) -> tuple[Case, list[Message]]:
    told: list[Message] = []
    for fact in facts:
        if isinstance(fact, BookingFact):
            case, advanced = rules.after_turn_fact(case, fact)
            told.append(advanced)
        elif isinstance(fact, PaymentEvent):
            case = rules.after_payment_fact(case, fact)
        elif isinstance(fact, RefundEvent):
            case = rules.after_refund_fact(case, fact)
    return case, told


def interleavings(streams: Sequence[Told]) -> Iterator[list[Message]]:
    """Every order in which the streams can arrive, each keeping its own."""
    if not any(streams):
        yield []
    for place, stream in enumerate(streams):
        if stream:
            rest = [*streams[:place], stream[1:], *streams[place + 1 :]]
            for following in interleavings(rest):
                yield [stream[0], *following]


STORIES: dict[str, tuple[Callable[[Words], Facts], CaseState, PaymentState, RefundState]] = {
    "paid": (
        lambda say: ([say.held(), say.confirmed()], [say.opened(), say.declined(), say.captured()], []),
        CaseState.CONFIRMED,
        PaymentState.CAPTURED,
        RefundState.NONE,
    ),
    "free": (
        lambda say: ([say.confirmed(free=True)], [], []),
        CaseState.CONFIRMED,
        PaymentState.NONE,
        RefundState.NONE,
    ),
    "refused": (
        lambda say: ([say.refused()], [], []),
        CaseState.REFUSED,
        PaymentState.NONE,
        RefundState.NONE,
    ),
    "never paid": (
        lambda say: ([say.held(), say.expired()], [say.opened(), say.declined(), say.ran_out()], []),
        CaseState.EXPIRED,
        PaymentState.EXPIRED,
        RefundState.NONE,
    ),
    "paid late, the seat was still free": (
        lambda say: ([say.held(), say.expired(), say.confirmed(late=True)], [say.opened(), say.captured()], []),
        CaseState.CONFIRMED,
        PaymentState.CAPTURED,
        RefundState.NONE,
    ),
    "paid late, the seat was gone": (
        lambda say: (
            [say.held(), say.expired()],
            [say.opened(), say.ran_out(), say.captured()],
            [say.refund_accepted(), say.refund_succeeded()],
        ),
        CaseState.EXPIRED,
        PaymentState.CAPTURED,
        RefundState.SUCCEEDED,
    ),
    "cancelled before paying": (
        lambda say: ([say.held(), say.cancelled(paid=False)], [say.opened(), say.ran_out()], []),
        CaseState.CANCELLED,
        PaymentState.EXPIRED,
        RefundState.NONE,
    ),
    "cancelled after paying": (
        lambda say: (
            [say.held(), say.confirmed(), say.cancelled()],
            [say.opened(), say.captured()],
            [say.refund_accepted(), say.refund_succeeded()],
        ),
        CaseState.CANCELLED,
        PaymentState.CAPTURED,
        RefundState.SUCCEEDED,
    ),
    "moved to another day": (
        lambda say: ([say.held(), say.moved(), say.confirmed()], [say.opened(), say.captured()], []),
        CaseState.CONFIRMED,
        PaymentState.CAPTURED,
        RefundState.NONE,
    ),
    "the bank won't give it back": (
        lambda say: (
            [say.held(), say.confirmed(), say.cancelled()],
            [say.captured()],
            [say.refund_accepted(), say.refund_failed()],
        ),
        CaseState.CANCELLED,
        PaymentState.CAPTURED,
        RefundState.FAILED,
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_every_order_across_topics_ends_in_the_same_case_and_tells_the_same(name: str) -> None:
    facts, state, payment, refund = STORIES[name]
    case, words = opened()
    streams = facts(words)
    expected, told = follow(case, [fact for stream in streams for fact in stream])
    assert (expected.state, expected.payment, expected.refund) == (state, payment, refund)
    for order in interleavings(streams):
        assert follow(case, order) == (expected, told)


@pytest.mark.parametrize("name", STORIES)
def test_what_payments_says_may_come_doubled_and_in_any_order(name: str) -> None:
    facts, *_ = STORIES[name]
    case, words = opened()
    of_turn, of_payment, of_refund = facts(words)
    expected, _ = follow(case, [*of_turn, *of_payment, *of_refund])
    money = [*of_payment, *of_refund]
    assert follow(case, [*reversed(money), *of_turn])[0] == expected
    assert follow(case, [*money, *money, *of_turn, *money])[0] == expected


def test_a_late_payment_brings_the_seat_back_and_it_can_be_cancelled_anew() -> None:
    case, words = opened()
    held, _ = follow(case, [words.held()])
    asked, request = rules.ask_to_cancel(held, held.opened_by, NOON, zone="Europe/Berlin")
    assert request is not None
    back, _ = follow(asked, [words.expired(), words.confirmed(late=True)])
    assert back.state is CaseState.CONFIRMED
    _, again = rules.ask_to_cancel(back, back.opened_by, NOON, zone="Europe/Berlin")
    assert again is not None


def test_a_case_that_is_moved_has_its_new_day_and_is_given_back_until_then() -> None:
    case, words = opened()
    moved, _ = follow(case, [words.held(), words.confirmed(free=True), words.moved()])
    assert (moved.wish.date - case.wish.date, moved.window) == (dt.timedelta(days=1), "11:00")
    on_the_old_day = dt.datetime.combine(case.wish.date, dt.time(12), dt.UTC)
    assert rules.ask_to_cancel(moved, moved.opened_by, on_the_old_day, zone="Europe/Berlin")[1] is not None


def test_the_money_of_a_case() -> None:
    person = uuid4()
    fx = euro("0.92")
    case, request, _ = rules.open_case(
        uuid4(), WISH, person=person, caller=person, fingerprint="0" * 32, fx=fx, now=NOON
    )
    assert request.fx == fx
    words = Words.on(request)
    paid, _ = follow(case, [words.held(), words.captured(), words.confirmed(), words.cancelled()])
    eur = Money(minor=27_600, currency="EUR")
    assert (paid.fee, paid.payable, paid.paid, paid.refunded) == (USD_300, eur, eur, eur)
    assert paid.refund is RefundState.DUE


@given(st.lists(st.sampled_from(list(CaseState)), max_size=6))
def test_only_moves_of_the_table_are_made(path: list[CaseState]) -> None:
    case, _ = opened()
    for to in path:
        if to in TRANSITIONS[case.state]:
            moved = rules.advance(case, to, NOON)
            assert (moved.state, moved.revision) == (to, case.revision + 1)
            case = moved
        else:
            with pytest.raises(IllegalMove):
                rules.advance(case, to, NOON)


def test_every_move_is_told_and_every_state_is_reached() -> None:
    assert set(TRANSITIONS) == set(CaseState)
    reached = {to for moves in TRANSITIONS.values() for to in moves}
    assert reached == set(CaseState) - {CaseState.OPENED}
    assert all(event is CaseAdvanced for moves in TRANSITIONS.values() for event in moves.values())
    assert set(mandates.TRANSITIONS) == set(MandateState)
    assert {to for moves in mandates.TRANSITIONS.values() for to in moves} == set(MandateState) - {MandateState.DRAFT}


def test_a_fact_that_no_rule_allows_is_refused() -> None:
    case, words = opened()
    refused, _ = follow(case, [words.refused()])
    with pytest.raises(IllegalMove):
        rules.after_turn_fact(refused, words.held())
    with pytest.raises(StrangeFact):
        rules.after_turn_fact(case, opened()[1].held())


def test_booking_s_refusals_all_have_words() -> None:
    assert set(SEAT_REFUSALS) == set(RefusalCode)
    for code, refusal in SEAT_REFUSALS.items():
        assert (refusal.code, refusal.status) == (code.value, 404 if code is RefusalCode.UNKNOWN_SERVICE else 409)
        assert refusal.title.ar
        assert refusal.title.en


def test_the_stories_tell_of_everything_that_booking_and_payments_can_say() -> None:
    _, words = opened()
    told = {type(fact) for facts, *_ in STORIES.values() for stream in facts(words) for fact in stream}
    assert told == {*get_args(BookingFact), *get_args(PaymentEvent), *get_args(RefundEvent)}


@pytest.mark.parametrize(
    ("service", "mission", "refusal"),
    [
        (passport(), None, UnknownMission),
        (passport(), damascus(), UnknownMission),
        (passport(), berlin(retired=True), UnknownMission),
        (None, berlin(), UnknownService),
        (passport(retired=True), berlin(), UnknownService),
        (passport(), berlin(services=("CSL_REG",)), NotOffered),
        (passport(channels=(Channel.ONLINE,)), berlin(), NotOffered),
        (passport(tiers=(Tier(code="U", name=text("urgent")),)), berlin(), NotOffered),
        (passport(fees=()), berlin(), NoFee),
    ],
)
def test_what_a_mission_does_not_offer_is_refused(service: object, mission: object, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        rules.fee_for(WISH, service, mission)  # type: ignore[arg-type]


def test_a_rate_is_needed_only_for_a_fee_in_another_currency() -> None:
    fee = rules.fee_for(WISH, passport(), berlin())
    assert fee == USD_300

    def in_currency(currency: str | None, fee: Money = fee) -> tuple[str, str] | None:
        return rules.exchange_needed(Wish("CSL_PASS", "N", "BER-01", DAY, pay_currency=currency), fee)

    assert in_currency(None) is None
    assert in_currency("USD") is None
    assert in_currency("EUR") == ("USD", "EUR")
    assert in_currency("EUR", rules.fee_for(WISH, registration(), berlin(services=("CSL_REG",)))) is None


def test_a_turn_can_be_given_back_until_its_day_begins_at_the_mission() -> None:
    case, words = opened()
    case, _ = follow(case, [words.held(), words.confirmed()])
    midnight_in_berlin = dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)
    just_before = midnight_in_berlin - dt.timedelta(seconds=1)
    asked, request = rules.ask_to_cancel(case, case.opened_by, just_before, zone="Europe/Berlin")
    assert request is not None
    assert (request.turn_id, request.pool, request.role) == (case.turn_id, WISH.pool, "citizen")
    assert rules.ask_to_cancel(asked, case.opened_by, just_before, zone="Europe/Berlin") == (asked, None)
    with pytest.raises(TooLateToCancel):
        rules.ask_to_cancel(case, case.opened_by, midnight_in_berlin, zone="Europe/Berlin")
    over, _ = follow(asked, [words.cancelled()])
    assert rules.ask_to_cancel(over, case.opened_by, midnight_in_berlin, zone="Europe/Berlin") == (over, None)
    fresh, words = opened()
    with pytest.raises(CaseOver):
        rules.ask_to_cancel(follow(fresh, [words.refused()])[0], case.opened_by, NOON, zone="Europe/Berlin")


def test_twins_of_a_request_open_one_case() -> None:
    someone, other = uuid4(), uuid4()
    assert rules.case_id(someone, "a") == rules.case_id(someone, "a")
    assert len({rules.case_id(who, key) for who in (someone, other) for key in ("a", "b")}) == 4


def drafted(days: int = 90) -> tuple[Mandate, UUID, UUID]:
    person, agent = uuid4(), uuid4()
    mandate, _ = mandates.draft(uuid4(), person=person, agent=agent, kinship=Kinship.SPOUSE, now=NOON, days=days)
    return mandate, person, agent


def test_a_mandate_is_active_from_its_consent_until_it_runs_out() -> None:
    mandate, person, agent = drafted()
    later = NOON + dt.timedelta(days=89)
    active, told = mandates.consent(mandate, later, days=90)
    assert active.state is MandateState.ACTIVE
    assert (told.person_id, told.agent_id, told.at) == (person, agent, later)
    last = later + dt.timedelta(days=90)
    just_before = last - dt.timedelta(seconds=1)
    assert mandates.person_of(active, agent, just_before, has_live_case=False) == person
    assert mandates.as_of(active, last).state is MandateState.EXPIRED
    with pytest.raises(MandateNotActive):
        mandates.person_of(active, agent, last, has_live_case=False)
    with pytest.raises(MandateNotActive):
        mandates.consent(mandate, NOON + dt.timedelta(days=90), days=90)


def test_a_mandate_serves_its_agent_alone_and_one_case_at_a_time() -> None:
    mandate, person, agent = drafted()
    with pytest.raises(MandateNotActive):
        mandates.person_of(mandate, agent, NOON, has_live_case=False)
    active, _ = mandates.consent(mandate, NOON, days=90)
    for stranger in (person, uuid4()):
        with pytest.raises(MandateNotActive):
            mandates.person_of(active, stranger, NOON, has_live_case=False)
    with pytest.raises(MandateInUse):
        mandates.person_of(active, agent, NOON, has_live_case=True)


def test_a_mandate_that_ended_stays_as_it_ended() -> None:
    mandate, _, agent = drafted()
    active, _ = mandates.consent(mandate, NOON, days=90)
    used, revoked = mandates.use(active, NOON), mandates.revoke(active, NOON)
    assert (used.state, revoked.state) == (MandateState.USED, MandateState.REVOKED)
    assert mandates.use(revoked, NOON) == revoked
    assert mandates.as_of(used, NOON + dt.timedelta(days=400)) == used
    for over in (used, revoked):
        with pytest.raises(MandateNotActive):
            mandates.revoke(over, NOON)
        with pytest.raises(MandateNotActive):
            mandates.person_of(over, agent, NOON, has_live_case=False)
    assert mandates.revoke(mandate, NOON).state is MandateState.REVOKED


def test_a_rate_can_be_corrected_until_it_was_used() -> None:
    first = Rate(euro("0.92"), is_example=True, set_by=None, set_at=NOON)
    better = Rate(euro("0.93"), is_example=False, set_by=uuid4(), set_at=NOON)
    assert set_rate(None, first) is first
    assert set_rate(first, better) is better
    used = Rate(euro("0.92"), is_example=True, set_by=None, set_at=NOON, used_at=NOON)
    same = Rate(euro("0.9200"), is_example=False, set_by=uuid4(), set_at=NOON)
    assert set_rate(used, same) is used
    with pytest.raises(RateUsed):
        set_rate(used, better)


@pytest.mark.parametrize("currency", ["JPY", "KRW", "KWD", "IQD", "CLF", "XAU"])
def test_a_rate_needs_two_currencies_with_hundredths(currency: str) -> None:
    for base, quote in (("USD", currency), (currency, "USD")):
        fx = FxRate(base=base, quote=quote, rate="1.5", dated=NOON.date())
        with pytest.raises(CurrencyNotSupported) as refused:
            set_rate(None, Rate(fx, is_example=False, set_by=uuid4(), set_at=NOON))
        assert refused.value.data == {"currency": currency}


def test_the_currencies_without_hundredths_are_those_of_iso_4217() -> None:
    """CLDR agrees where people write more than two decimals; where it writes none, ISO may still have two."""
    assert {each for each in list_currencies() if get_currency_precision(each) > 2} <= WITHOUT_HUNDREDTHS
    assert {"SYP", "LBP", "USD", "EUR", "SEK", "TRY", "SAR", "AED"}.isdisjoint(WITHOUT_HUNDREDTHS)
    assert all({fx.base, fx.quote}.isdisjoint(WITHOUT_HUNDREDTHS) for fx in example_rates())
