"""Registering, with the sandbox civil registry on a real port: a newcomer, and what is known of them after."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.registering import (
    IDENTITY,
    KEY,
    PATIENT,
    Listening,
    Ministry,
    claim,
    is_up,
    messages_to,
    ministry_on,
    profile_of,
    register,
)
from services.gateway.tests.test_gateway_sign_in import Gateway, gateway_on, opened

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.gateway.domain.people import Kinship
from dawr.gateway.errors_people import RegistryAway
from dawr.gateway.registry import HttpRegistry
from dawr.gateway.seeding import load_seed
from dawr.gateway.service.people import ready_made
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit.auth import Verifier
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage, until
from dawr.tools.registry.people import Person


@pytest.fixture(scope="module")
async def ministry(listening: Listening) -> AsyncIterator[Ministry]:
    async with ministry_on(listening) as ministry:
        yield ministry


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, ministry: Ministry, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    settings: dict[str, Any] = {"registry_url": ministry.url, "registry_key": KEY, **PATIENT}
    async with gateway_on(the_stage, folder, **settings, address_codes=100_000) as running:
        await is_up(running)
        yield running


@pytest.fixture
def gateway(kept: Gateway, ministry: Ministry) -> Gateway:
    """A gateway at the present moment, and a registry that is well; each test has people of its own."""
    kept.clock.now = utc_now()
    ministry.fail()
    return kept


async def test_a_mother_registers_and_acts_for_her_children(gateway: Gateway, ministry: Ministry) -> None:
    mother, _, _ = ministry.samples
    asked = await register(gateway, **claim(mother, email="reem@mail.example", phone="+963 991 234 567"))
    assert asked.status_code == 202
    [code] = await gateway.codes(mother.number)
    [message] = [each for each in await messages_to(gateway, mother) if isinstance(each, SendMessage)]
    assert (message.template, message.language) == ("sign-up-code", "en")
    assert opened(message.sealed) == {
        "code": code,
        "minutes": 10,
        "email": "reem@mail.example",
        "phone": "+963991234567",
    }
    assert not await gateway.rows(f"SELECT 1 FROM people WHERE id = '{message.person_id}'"), "not before the code"

    session = (await gateway.enter(mother.number, code)).json()
    contact, *_ = (each for each in await messages_to(gateway, mother) if isinstance(each, RegisterContact))
    assert opened(contact.sealed) == {"email": "reem@mail.example", "phone": "+963991234567"}
    profile = await profile_of(gateway, mother)
    assert profile is not None
    assert (profile.given.en, profile.family.ar, profile.born) == ("Reem", "الشيخ", mother.born)
    assert profile.reached == ("r•••@mail.example", "+963•••567")
    children = {IDENTITY.person_id(each.number) for each in mother.children}
    assert {each.person_id for each in profile.relatives if each.kinship is Kinship.CHILD} == children
    caller = await Verifier(str(gateway.service.settings.keys_path / "jwks.json")).caller(  # type: ignore[attr-defined]
        f"Bearer {session['access_token']}"
    )
    assert caller.acts_for == children
    assert not await gateway.rows("SELECT 1 FROM registrations")


async def test_each_document_will_do_in_arabic_digits_too(gateway: Gateway, ministry: Ministry) -> None:
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    for kind in ("card", "passport", "mrz"):
        person = ministry.someone()
        assert person.passport is not None
        assert person.mrz is not None
        documents: dict[str, dict[str, Any]] = {
            "card": {"card": (person.card or "").translate(arabic)},
            "passport": {"card": "", "passport": person.passport.number.lower()},
            "mrz": {"card": "", "mrz": list(person.mrz)},
        }
        number, born = person.number.translate(arabic), person.born.isoformat().translate(arabic)
        asked = await register(gateway, **claim(person, identity_number=number, born=born, **documents[kind]))
        assert asked.status_code == 202, asked.text
        [code] = await gateway.codes(person.number)
        assert (await gateway.enter(person.number, code)).status_code == 200


async def test_a_code_that_was_not_entered_in_time_registers_nobody(gateway: Gateway, ministry: Ministry) -> None:
    person = ministry.someone()
    await register(gateway, **claim(person))
    [code] = await gateway.codes(person.number)
    gateway.clock.turn(seconds=600)
    assert (await gateway.enter(person.number, code)).status_code == 401
    assert not await gateway.rows(f"SELECT 1 FROM people WHERE id = '{IDENTITY.person_id(person.number)}'")


async def test_what_is_not_in_form_is_told_field_by_field_and_asks_nobody(gateway: Gateway, ministry: Ministry) -> None:
    ministry.fail(fail_times=1000)
    answer = await register(
        gateway, identity_number="1234567890x", born="2020-02-30", email="huda", phone="0991", card="12", passport="N1"
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "registration-not-in-form")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("#/identity_number", "not-an-identity-number"),
        ("#/born", "not-a-birth-date"),
        ("#/document", "document-needed"),
        ("#/card", "not-a-card-number"),
        ("#/passport", "not-a-passport-number"),
        ("#/email", "not-a-mail-address"),
        ("#/phone", "not-a-phone-number"),
    ]
    for typed in ("1234567890x", "2020-02-30", "0991"):
        assert typed not in answer.text
    child = ministry.samples[0].children[0]
    young = await register(gateway, **claim(child, card="123456789"))
    assert [each["code"] for each in young.json()["errors"]] == ["too-young"]
    arabic = await gateway.client.post(
        "/api/registrations", json=claim(child, card="1" * 9), headers={"accept-language": "ar"}
    )
    assert "والديه" in arabic.json()["errors"][0]["detail"]


async def test_while_the_registry_is_away_nothing_is_counted_or_lost(
    the_stage: Stage, ministry: Ministry, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"registry_url": ministry.url, **PATIENT, "person_codes": 1}
    person = ministry.someone()
    async with gateway_on(the_stage, tmp_path, **settings) as gateway:
        await is_up(gateway)
        ministry.fail(fail_times=3)
        for _ in range(3):
            away = await register(gateway, **claim(person))
            assert (away.status_code, away.json()["code"]) == (503, "registry-away")
            assert int(away.headers["retry-after"]) > 0
        assert (await register(gateway, **claim(person))).status_code == 202
        [code] = await gateway.codes(person.number)
        assert (await gateway.enter(person.number, code)).status_code == 200


async def test_a_profile_is_renewed_after_a_day_and_sign_in_never_waits_for_it(
    gateway: Gateway, ministry: Ministry
) -> None:
    person = ministry.someone()
    await register(gateway, **claim(person))
    [code] = await gateway.codes(person.number)
    await gateway.enter(person.number, code)
    before = person.abroad
    person.abroad = "JO" if before != "JO" else "SE"
    try:
        gateway.clock.turn(days=1, seconds=1)
        ministry.fail(fail_times=1)
        await _sign_in(gateway, person, codes=2)

        async def is_refused() -> bool:
            return not ministry.app.state.parts.faults.fail_times

        await until(is_refused, what="the registry was asked")
        profile = await profile_of(gateway, person)
        assert profile is not None
        assert profile.abroad == before, "the old one stays"
        await _sign_in(gateway, person, codes=3)

        async def is_renewed() -> bool:
            renewed = await profile_of(gateway, person)
            return renewed is not None and renewed.abroad == person.abroad and renewed.reached == profile.reached

        await until(is_renewed, what="the profile is as the registry has it")
    finally:
        person.abroad = before


async def _sign_in(gateway: Gateway, person: Person, *, codes: int) -> None:
    await gateway.ask(person.number)
    assert (await gateway.enter(person.number, (await gateway.codes(person.number, codes))[-1])).status_code == 200


async def test_the_ready_made_people_are_seeded_once(the_stage: Stage, ministry: Ministry, tmp_path: Path) -> None:
    ministry.fail(fail_times=2)
    async with gateway_on(the_stage, tmp_path, registry_url=ministry.url, registry_seconds=30) as gateway:
        settings = gateway.service.settings
        assert isinstance(settings, GatewaySettings)
        assert await load_seed(settings, gateway.service.database) == 3, "it waits for a registry that is not up yet"
        assert await load_seed(settings, gateway.service.database) == 0
        for sample, name in zip(ministry.samples, ("reem.alsheikh", "karim.mansour", "yara.darwish"), strict=True):
            await gateway.ask(sample.number)
            told = await messages_to(gateway, sample)
            contact = [each for each in told if isinstance(each, RegisterContact)][-1]
            assert opened(contact.sealed) == {"email": f"{name}@people.example"}
            assert (await gateway.enter(sample.number, opened(told[-1].sealed)["code"])).status_code == 200
    registry = HttpRegistry(ministry.url, KEY, 2.0)
    shown = await ready_made(registry)
    assert [each.identity_number for each in shown] == [each.number for each in ministry.samples]
    gone = HttpRegistry("http://127.0.0.1:9", KEY, 2.0)
    assert await ready_made(gone) == [], "a start page comes without them while the registry is away"
    await registry.close()
    assert [each.identity_number for each in shown] == [each.number for each in ministry.samples]
    assert all(each.label.ar and each.name.ar for each in shown)


async def test_seeding_without_a_registry_says_so_and_does_nothing_in_production(
    gateway: Gateway, unused_port: int
) -> None:
    away = gateway.service.settings.model_copy(update={"registry_url": f"http://127.0.0.1:{unused_port}"})
    assert isinstance(away, GatewaySettings)
    with pytest.raises(RegistryAway):
        await load_seed(away, gateway.service.database, wait_seconds=0.0)
    produced = away.model_copy(update={"platform": away.platform.model_copy(update={"environment": "production"})})
    assert await load_seed(produced, gateway.service.database) == 0
