"""Money, rates, pools and derived ids: the arithmetic that every service relies on."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dawr.contracts import FxRate, Money, Pool, derived_id
from dawr.contracts.booking import RequestTurn
from dawr.contracts.catalog import ServiceDescribed
from dawr.contracts.ids import payment_id, refund_id, turn_id
from dawr.contracts.values import Channel, CurrencyMismatch

PERSON = UUID("019cad9d-67a0-71c5-8d0a-6f3b2c9d41e0")
minor = st.integers(min_value=-(10**15), max_value=10**15)
codes = st.from_regex(r"[A-Z][A-Z0-9_-]{1,31}", fullmatch=True)


def syp(minor: int) -> Money:
    return Money(minor=minor, currency="SYP")


@given(minor, minor)
def test_what_is_added_can_be_taken_away(one: int, other: int) -> None:
    assert syp(one) + syp(other) - syp(other) == syp(one)


def test_currencies_do_not_mix() -> None:
    usd = Money(minor=1, currency="USD")
    with pytest.raises(CurrencyMismatch):
        syp(1) + usd
    with pytest.raises(CurrencyMismatch):
        usd - syp(1)


@pytest.mark.parametrize("amount", [1.5, "12.50", None, True])
def test_money_is_whole_minor_units(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate_json(
            f'{{"minor": {amount!r}, "currency": "SYP"}}'.replace("'", '"').replace("None", "null")
        )


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [
        (30000, "0.8625", 25875),
        (1, "0.5", 0),  # half to even
        (3, "0.5", 2),
        (5, "0.5", 2),
        (30000, "13000", 390_000_000),
        (-1, "0.5", 0),
    ],
)
def test_a_rate_rounds_half_to_even(amount: int, rate: str, expected: int) -> None:
    fx = FxRate(base="USD", quote="EUR", rate=Decimal(rate), dated=dt.date(2026, 11, 23))
    assert fx.convert(Money(minor=amount, currency="USD")) == Money(minor=expected, currency="EUR")


def test_a_rate_refuses_another_currency_than_its_base() -> None:
    fx = FxRate(base="USD", quote="SYP", rate=Decimal(13000), dated=dt.date(2026, 11, 23))
    with pytest.raises(CurrencyMismatch):
        fx.convert(syp(1))


@pytest.mark.parametrize("rate", ["0", "-1", "0.123456789", "NaN", "Infinity"])
def test_a_rate_is_positive_with_at_most_eight_decimals(rate: str) -> None:
    with pytest.raises(ValidationError):
        FxRate.model_validate({"base": "USD", "quote": "SYP", "rate": rate, "dated": "2026-11-23"})


@given(codes, codes, st.from_regex(r"[A-Z]", fullmatch=True), st.dates())
def test_the_key_of_a_pool_names_it(office: str, service: str, tier: str, date: dt.date) -> None:
    pool = Pool(office=office, service=service, tier=tier, date=date)
    assert Pool.parse(pool.key) == pool


@pytest.mark.parametrize("key", ["", "DAM-01/PASS_REN/N", "DAM-01/PASS_REN/N/2026-13-01", "dam/PASS_REN/N/2026-12-01"])
def test_what_names_no_pool_is_refused(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the documented type
        Pool.parse(key)


def test_derived_ids_follow_from_their_cause() -> None:
    """Figures computed once by hand with uuid5: a change of the rules would double what was done before it."""
    turn = turn_id(PERSON, "a3f0c2d4-turn")
    assert turn == UUID("3bda1faf-784d-5810-9916-d0f0c9d9146d")
    assert payment_id(turn) == UUID("1211b273-f645-5095-9341-0d2f308419c7")
    assert refund_id(turn) == derived_id(turn, "refund") != payment_id(turn)
    assert turn_id(PERSON, "another") != turn


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        RequestTurn.model_validate({"asked_at": "2026-11-24T07:00:00"})


def service(*fees: tuple[str, Channel, int, str]) -> ServiceDescribed:
    text = {"ar": "خدمة", "en": "Service"}
    return ServiceDescribed.model_validate(
        {
            "code": "PASS_REN", "revision": 1, "agency": "IMMIGRATION", "family": "PASSPORT", "name": text,
            "description": text, "channels": ["online", "mission"], "duration_minutes": 15,
            "tiers": [{"code": "N", "name": text}],
            "fees": [
                {"tier": tier, "channel": channel, "amount": syp(minor).model_dump(), "effective_from": since}
                for tier, channel, minor, since in fees
            ],
        }
    )  # fmt: skip


def test_the_fee_is_the_newest_in_force_for_tier_and_channel() -> None:
    described = service(
        ("N", Channel.ONLINE, 300, "2026-02-01"),
        ("N", Channel.ONLINE, 100, "2025-02-01"),
        ("N", Channel.MISSION, 900, "2025-02-01"),
        ("N", Channel.ONLINE, 500, "2027-01-01"),
    )
    assert described.fee("N", Channel.ONLINE, dt.date(2026, 1, 31)) == syp(100)
    assert described.fee("N", Channel.ONLINE, dt.date(2026, 2, 1)) == syp(300)
    assert described.fee("N", Channel.MISSION, dt.date(2026, 2, 1)) == syp(900)
    assert described.fee("N", Channel.ONLINE, dt.date(2025, 1, 31)) is None
    assert described.fee("U", Channel.ONLINE, dt.date(2026, 2, 1)) is None
