"""The folder that ships: it holds, and says what the platform promises of it."""

from datetime import date

import pytest

from dawr.catalog.domain.offices import OfficeKind
from dawr.catalog.domain.services import fees_in_force
from dawr.catalog.folder.catalogue import Catalogue, read_catalogue, shipped
from dawr.contracts import Channel

GOVERNORATES = 14


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(shipped())


def test_it_has_what_a_country_has(catalogue: Catalogue) -> None:
    assert len(catalogue.services) >= 55
    assert sum(not region.abroad for region in catalogue.regions) == GOVERNORATES
    assert sum(each.kind is OfficeKind.MISSION for each in catalogue.offices) >= 20
    assert sum(each.kind is OfficeKind.ASSISTANCE for each in catalogue.offices) >= 1
    home = {region.code for region in catalogue.regions if not region.abroad}
    assert {each.region for each in catalogue.offices if each.kind is OfficeKind.OFFICE} == home


def test_passport_fees_are_those_that_were_reported_and_all_others_are_examples(catalogue: Catalogue) -> None:
    fees = {(each.service, each.fee.tier, each.fee.channel): each.fee for each in catalogue.fees}
    reported = {"N": 31_270_000, "U": 43_270_000, "I": 201_070_000}
    for service in ("PASS_NEW", "PASS_REN", "PASS_MINOR"):
        for tier, minor in reported.items():
            amount = fees[service, tier, Channel.ONLINE].amount
            assert (amount.minor, amount.currency) == (minor, "SYP")
    abroad = [fees["CSL_PASS", tier, Channel.MISSION].amount for tier in "NU"]
    assert [(each.minor, each.currency) for each in abroad] == [(30_000, "USD"), (80_000, "USD")]
    real = {each.service for each in catalogue.fees if not each.fee.is_example}
    assert real <= {each.code for each in catalogue.services if each.family == "PASSPORT"}


def test_every_tier_and_channel_has_a_fee_by_now(catalogue: Catalogue) -> None:
    for service in catalogue.services:
        fees = fees_in_force([each.fee for each in catalogue.fees if each.service == service.code], date(2026, 1, 1))
        wanted = {(tier, channel) for tier in service.tiers for channel in service.channels}
        assert {(fee.tier, fee.channel) for fee in fees} == wanted, service.code
    assert any(each.fee.amount.is_free for each in catalogue.fees)


def test_services_are_given_by_several_offices_some_with_windows(catalogue: Catalogue) -> None:
    assert len({each.offer.office for each in catalogue.plans if each.offer.service == "PASS_REN"}) >= GOVERNORATES
    assert any(day.windows for each in catalogue.plans for day in each.days.values())
    assert any(day.releases for each in catalogue.plans for day in each.days.values())


def test_every_text_is_there_in_both_scripts(catalogue: Catalogue) -> None:
    texts = [each.name for each in (*catalogue.agencies, *catalogue.regions, *catalogue.calendars)]
    texts += [text for each in catalogue.offices for text in (each.name, each.address)]
    texts += [text for each in catalogue.services for text in (each.name, each.description)]
    texts += [document.name for each in catalogue.services for document in each.documents]
    texts += [each.condition for service in catalogue.services for each in service.documents if each.condition]
    texts += [each.reason for each in catalogue.closures]
    for text in texts:
        assert any("\u0600" <= character <= "\u06ff" for character in text.ar), text
        assert not any("\u0600" <= character <= "\u06ff" for character in text.en), text
