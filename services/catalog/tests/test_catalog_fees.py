"""Fees, decided by themselves: what stands, what is in force, what a folder adds."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawr.catalog.domain.offices import Office, OfficeKind, earliest_date
from dawr.catalog.domain.services import (
    FeeDecision,
    Origin,
    Service,
    Visit,
    decide_fee,
    describe_service,
    fees_in_force,
    fees_to_come,
    new_fees,
    standing_fees,
)
from dawr.catalog.errors import (
    CurrencyNotSupported,
    DateOver,
    DateTooFar,
    Negative,
    NotOffered,
    WrongCurrency,
)
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import Fee, Tier
from dawr.servicekit.errors import Refusal

ZONE = "Asia/Damascus"
TIERS = {code: Tier(code=code, name=Text(ar=code, en=code)) for code in "NU"}
NOON = datetime(2026, 12, 1, 9, tzinfo=UTC)


def text(word: str) -> Text:
    return Text(ar=word, en=word)


def office(
    code: str = "DAM-01", kind: OfficeKind = OfficeKind.OFFICE, zone: str = ZONE, currency: str = "SYP"
) -> Office:
    return Office(
        code=code,
        kind=kind,
        region="DAM",
        name=text(code),
        address=text("street"),
        zone=zone,
        currency=currency,
        calendar="SY",
        hours={},
        services=("PASS_REN",),
    )


def service(*channels: Channel) -> Service:
    return Service(
        code="PASS_REN",
        agency="IMM",
        family="PASSPORT",
        name=text("renewal"),
        description=text("renewal"),
        visit=Visit.REQUIRED,
        channels=channels or (Channel.ONLINE,),
        tiers=("N", "U"),
        documents=(),
        duration_minutes=10,
    )


def fee(minor: int, on: date, *, tier: str = "N", channel: Channel = Channel.ONLINE, currency: str = "SYP") -> Fee:
    return Fee(
        tier=tier,
        channel=channel,
        amount=Money(minor=minor, currency=currency),
        effective_from=on,
        is_example=False,
    )


places = st.tuples(st.sampled_from("NU"), st.sampled_from(Channel), st.integers(1, 5))
decisions = st.lists(st.tuples(places, st.integers(0, 9), st.sampled_from(Origin)), max_size=12).map(
    lambda drawn: [
        FeeDecision("PASS_REN", fee(minor, date(2026, 1, on), tier=tier, channel=channel), origin)
        for (tier, channel, on), minor, origin in drawn
    ]
)


class TestFees:
    @given(decisions, st.sampled_from("NU"), st.sampled_from(Channel), st.integers(1, 6))
    def test_readers_of_the_message_find_the_fee_that_was_decided_last(
        self, decided: list[FeeDecision], tier: str, channel: Channel, on: int
    ) -> None:
        today = date(2026, 1, on)
        expected = None
        for _, decision in sorted(enumerate(decided), key=lambda each: (each[1].fee.effective_from, each[0])):
            if (decision.fee.tier, decision.fee.channel) == (tier, channel) and decision.fee.effective_from <= today:
                expected = decision.fee
        standing = standing_fees(decided)
        told = describe_service(service(), standing, TIERS, 1)
        assert told.fee(tier, channel, today) == (expected.amount if expected else None)
        in_force = {(each.tier, each.channel): each for each in fees_in_force(standing, today)}
        assert in_force.get((tier, channel)) == expected
        assert len(fees_to_come(standing, today)) == sum(each.effective_from > today for each in standing)

    @given(decisions, decisions)
    def test_a_folder_adds_what_it_says_once_and_never_over_a_person(
        self, decided: list[FeeDecision], folder: list[FeeDecision]
    ) -> None:
        seeded = list({each.place: replace(each, origin=Origin.SEED) for each in folder}.values())
        added = new_fees(decided, seeded)
        assert new_fees([*decided, *added], seeded) == []
        last = {each.place: each.origin for each in decided}
        assert all(last.get(each.place) is not Origin.STAFF for each in added)

    def test_a_person_decides_a_fee_that_is_no_example(self) -> None:
        decision = decide_fee(service(), [], [office()], fee(100, date(2026, 12, 1)), now=NOON)
        assert (decision.origin, decision.fee.amount.minor) == (Origin.STAFF, 100)

    def test_free_is_a_fee_of_nothing(self) -> None:
        assert decide_fee(service(), [], [office()], fee(0, date(2026, 12, 1)), now=NOON).fee.amount.is_free

    @pytest.mark.parametrize(
        ("wanted", "refusal"),
        [
            (fee(1, date(2026, 12, 1), tier="I"), NotOffered),
            (fee(1, date(2026, 12, 1), channel=Channel.ASSISTED), NotOffered),
            (fee(-1, date(2026, 12, 1)), Negative),
            (fee(1, date(2026, 12, 1), currency="USD"), WrongCurrency),
            (fee(1, date(2026, 12, 1), currency="JPY"), CurrencyNotSupported),
            (fee(1, date(2026, 11, 30)), DateOver),
            (fee(1, date(2036, 12, 1)), DateTooFar),
        ],
    )
    def test_fees_that_cannot_be_are_refused(self, wanted: Fee, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            decide_fee(service(), [], [office()], wanted, now=NOON)

    def test_a_retired_service_gets_no_fee(self) -> None:
        with pytest.raises(NotOffered):
            decide_fee(replace(service(), retired=True), [], [office()], fee(1, date(2026, 12, 1)), now=NOON)

    def test_each_channel_has_the_currency_of_its_offices(self) -> None:
        both = service(Channel.ONLINE, Channel.MISSION)
        offices = [office(), office("BER-01", OfficeKind.MISSION, "Europe/Berlin", "USD")]
        abroad = fee(1, date(2026, 12, 1), channel=Channel.MISSION, currency="USD")
        decide_fee(both, [], offices, abroad, now=NOON)
        with pytest.raises(WrongCurrency):
            decide_fee(both, [], offices, fee(1, date(2026, 12, 1), channel=Channel.MISSION), now=NOON)

    def test_a_service_that_no_office_gives_keeps_the_currency_that_it_has(self) -> None:
        known = [FeeDecision("PASS_REN", fee(1, date(2026, 1, 1)), Origin.SEED)]
        decide_fee(service(), known, [], fee(2, date(2026, 12, 1)), now=NOON)
        with pytest.raises(WrongCurrency):
            decide_fee(service(), known, [], fee(2, date(2026, 12, 1), currency="EUR"), now=NOON)

    @pytest.mark.parametrize("currency", ["JPY", "KWD", "CLF"])
    def test_a_currency_without_hundredths_is_refused_even_where_offices_take_it(self, currency: str) -> None:
        with pytest.raises(CurrencyNotSupported) as refused:
            decide_fee(
                service(), [], [office(currency=currency)], fee(1, date(2026, 12, 1), currency=currency), now=NOON
            )
        assert refused.value.data == {"currency": currency}

    def test_a_fee_can_begin_as_long_as_the_day_lasts_at_one_office(self) -> None:
        late = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)  # the 2nd in Damascus, the 1st in Berlin
        offices = [office(), office("BER-01", OfficeKind.MISSION, "Europe/Berlin", "USD")]
        assert earliest_date(offices, late) == date(2026, 12, 1)
        decide_fee(service(), [], offices, fee(1, date(2026, 12, 1)), now=late)
