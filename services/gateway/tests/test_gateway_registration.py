"""Registering, with the sandbox civil registry on a real port: the story of a newcomer, and of those who try to be
somebody else or to learn who is somebody."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.gateway.tests.test_gateway_sign_in import Gateway, gateway_on, opened
from sqlalchemy import text

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.contracts.topics import NOTIFICATIONS_REQUESTS
from dawr.gateway.domain.people import Kinship, Profile
from dawr.gateway.errors_people import RegistryAway
from dawr.gateway.identity import Identity
from dawr.gateway.registry import HttpRegistry
from dawr.gateway.seeding import load_seed
from dawr.gateway.service.people import People, ready_made
from dawr.gateway.settings import DEVELOPMENT_PEPPER, DEVELOPMENT_PROFILE_KEY, GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.auth import Verifier
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage, until
from dawr.tools.registry.app import create_app as create_registry
from dawr.tools.registry.faults import Faults
from dawr.tools.registry.people import Person
from dawr.tools.registry.settings import RegistrySettings

KEY = "sandbox-key"
TODAY = utc_now().date()
IDENTITY = Identity(DEVELOPMENT_PEPPER)
Listening = Callable[[Any], AbstractAsyncContextManager[int]]


@dataclass
class Ministry:
    """The sandbox registry, as tests see into it."""

    app: Any
    url: str

    def __post_init__(self) -> None:
        people: dict[str, Person] = self.app.state.parts.people
        grown = [each for each in people.values() if each.died is None and TODAY.year - each.born.year > 18]
        self._waiting = iter([each for each in grown if each.card and _is_good(each)])
        self._others = grown
        self.samples = [each.person for each in self.app.state.parts.samples]

    def someone(self, is_such: Callable[[Person], bool] = lambda _person: True) -> Person:
        """A grown person with a card and a good passport, whom no test has met."""
        return next(each for each in self._waiting if each not in self.samples and is_such(each))

    def one(self, is_such: Callable[[Person], bool]) -> Person:
        """A grown person of some kind."""
        return next(each for each in self._others if is_such(each) and each not in self.samples)

    def fail(self, **switches: Any) -> None:
        self.app.state.parts.faults = Faults(**switches)


def _is_good(person: Person) -> bool:
    return person.passport is not None and person.passport.until > TODAY


@pytest.fixture(scope="module")
async def ministry(listening: Listening) -> AsyncIterator[Ministry]:
    app = create_registry(RegistrySettings(api_key=KEY))
    async with listening(app) as port:
        yield Ministry(app, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
async def kept(
    the_stage: Stage, ministry: Ministry, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    settings: dict[str, Any] = {"registry_url": ministry.url, "registry_key": KEY, "registration_answer_seconds": 0.0}
    async with gateway_on(the_stage, folder, **settings, address_codes=100_000) as running:
        yield running


@pytest.fixture
def gateway(kept: Gateway, ministry: Ministry) -> Gateway:
    """A gateway at the present moment, and a registry that is well; each test has people of its own."""
    kept.clock.now = utc_now()
    ministry.fail()
    return kept


def claim(person: Person, **changes: Any) -> dict[str, Any]:
    """What the person would type."""
    made = {"identity_number": person.number, "born": person.born.isoformat(), "card": person.card}
    return {**made, "email": f"p{person.number[-6:]}@mail.example", **changes}


async def register(gateway: Gateway, **body: Any) -> httpx.Response:
    return await gateway.client.post("/api/registrations", json={k: v for k, v in body.items() if v is not None})


async def messages_to(gateway: Gateway, person: Person) -> list[SendMessage | RegisterContact]:
    """What notifications was told about the person until now."""
    marker = gateway.number()
    await gateway.ask(marker)
    await gateway.codes(marker)  # the outbox is sent in order: what was staged before is there now
    person_id = IDENTITY.person_id(person.number)
    received = [each.message for each in await gateway.stage.messages(NOTIFICATIONS_REQUESTS)]
    return [
        each for each in received if isinstance(each, (SendMessage, RegisterContact)) and each.person_id == person_id
    ]


async def profile_of(gateway: Gateway, person: Person) -> Profile | None:
    async with gateway.service.database.reading() as connection:
        return await People(DEVELOPMENT_PROFILE_KEY, 18).load_profile(connection, IDENTITY.person_id(person.number))


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


async def test_nobody_learns_whom_the_registry_knows(gateway: Gateway, ministry: Ministry) -> None:
    """Unknown, known, born on another day, with another's document, dead, and registered before: one answer."""
    known, registered, other = ministry.someone(), ministry.someone(), ministry.someone()
    await register(gateway, **claim(registered))
    [code] = await gateway.codes(registered.number)
    await gateway.enter(registered.number, code)
    late = ministry.one(lambda each: each.passport is not None and each.passport.until < TODAY)
    without = ministry.one(lambda each: each.card is None and each.passport is None)
    dead = next(
        each
        for each in ministry.app.state.parts.people.values()
        if each.died and each.card and TODAY.year - each.born.year > 18
    )
    child = next(each for each in ministry.samples[0].children)
    assert other.passport is not None
    assert late.passport is not None
    silent = [
        claim(known, identity_number=gateway.number()),
        claim(known, born=(known.born - timedelta(days=1)).isoformat()),
        claim(known, card=other.card),
        claim(known, card="", passport=other.passport.number),
        claim(known, card="", mrz=list(other.mrz or ()), born=other.born.isoformat()),
        claim(ministry.samples[0], identity_number=child.number),
        claim(late, card="", passport=late.passport.number),
        claim(without, card="123456789"),
        claim(dead),
    ]
    answers = [await register(gateway, **each) for each in silent]
    answers += [await register(gateway, **claim(known)), await register(gateway, **claim(registered))]
    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1
    headers = [{k: v for k, v in each.headers.items() if k != "x-trace-id"} for each in answers]
    assert all(each == headers[0] for each in headers)
    for person in (late, without, dead, child):
        assert await messages_to(gateway, person) == []
    assert [each.template for each in await messages_to(gateway, known) if isinstance(each, SendMessage)] == [
        "sign-up-code"
    ], "of all that were tried for this person, only the right one"

    # Whoever is registered gets a sign-in code where they are, whatever address was typed now.
    last = (await messages_to(gateway, registered))[-1]
    assert isinstance(last, SendMessage)
    assert last.template == "sign-in-code"
    assert set(opened(last.sealed)) == {"code", "minutes"}


async def test_a_wrong_claim_takes_nothing_from_its_person(gateway: Gateway, ministry: Ministry) -> None:
    """A code that waits stays good while others try, by a registration or by asking for a code."""
    person = ministry.someone()
    await register(gateway, **claim(person))
    [code] = await gateway.codes(person.number)
    await register(gateway, **claim(person, card="111111111", email="thief@mail.example"))
    await gateway.ask(person.number, email="thief@mail.example")
    assert (await gateway.enter(person.number, code)).status_code == 200
    assert len(await gateway.rows(f"SELECT 1 FROM people WHERE id = '{IDENTITY.person_id(person.number)}'")) == 1


async def test_the_registry_knows_them_so_asking_for_a_code_registers_nobody(
    gateway: Gateway, ministry: Ministry
) -> None:
    """On a development platform whoever is nobody's number becomes a person by asking; people of the registry don't."""
    person = ministry.someone()
    await gateway.ask(person.number, email="thief@mail.example")
    assert await messages_to(gateway, person) == []
    assert not await gateway.rows(f"SELECT 1 FROM people WHERE id = '{IDENTITY.person_id(person.number)}'")


async def test_two_registrations_at_once_make_one_account(gateway: Gateway, ministry: Ministry) -> None:
    person = ministry.someone()
    addresses = ("one@mail.example", "two@mail.example")
    await asyncio.gather(*(register(gateway, **claim(person, email=each)) for each in addresses))
    codes = await gateway.codes(person.number, count=2)
    entered = await asyncio.gather(*(gateway.enter(person.number, each) for each in codes for _ in range(2)))
    assert sorted(each.status_code for each in entered) == [200, 401, 401, 401]
    told = await messages_to(gateway, person)
    [contact] = [each for each in told if isinstance(each, RegisterContact)]
    last = [each for each in told if isinstance(each, SendMessage)][-1]
    assert opened(contact.sealed)["email"] == opened(last.sealed)["email"], "the code that was good, and its address"


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


@pytest.mark.parametrize("limit", ["person", "address"])
async def test_registrations_are_limited_alike_for_those_who_are_known(
    the_stage: Stage, ministry: Ministry, tmp_path: Path, limit: str
) -> None:
    ministry.fail()
    figures: dict[str, Any] = {"person_codes": 3} if limit == "person" else {"address_codes": 3}
    settings: dict[str, Any] = {"registry_url": ministry.url, "registration_answer_seconds": 0.0, **figures}
    known = ministry.someone()
    people = [known.number, f"{9 * 10**10 + 1}"]
    refusals = []
    async with gateway_on(the_stage, tmp_path, **settings) as gateway:
        for each in people:
            answers = [await register(gateway, **claim(known, identity_number=each)) for _ in range(5)]
            assert [each.status_code for each in answers] == [202] * 3 + [429] * 2
            refusals += [answers[-1]]
            gateway.clock.turn(seconds=900)
    assert {each.json()["code"] for each in refusals} == {"too-many-registrations"}
    assert all(0 < int(each.headers["retry-after"]) <= 900 for each in refusals)


async def test_while_the_registry_is_away_nothing_is_counted_or_lost(
    the_stage: Stage, ministry: Ministry, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"registry_url": ministry.url, "registration_answer_seconds": 0.0, "person_codes": 1}
    person = ministry.someone()
    async with gateway_on(the_stage, tmp_path, **settings) as gateway:
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


async def test_a_profile_opens_in_its_persons_row_alone(gateway: Gateway, ministry: Ministry) -> None:
    one, two = ministry.someone(), ministry.someone()
    for person in (one, two):
        await register(gateway, **claim(person))
        [code] = await gateway.codes(person.number)
        await gateway.enter(person.number, code)
    ids = [IDENTITY.person_id(each.number) for each in (one, two)]
    async with gateway.service.database.transaction() as tx:
        await tx.connection.execute(
            text("UPDATE people SET profile = (SELECT profile FROM people WHERE id = :one) WHERE id = :two"),
            {"one": ids[0], "two": ids[1]},
        )
    assert await profile_of(gateway, one) is not None
    assert await profile_of(gateway, two) is None
    async with gateway.service.database.reading() as connection:
        other_keys = People("b3RoZXItcHJvZmlsZS1rZXktZm9yLXRlc3RzLTMyLWI=", 18)
        assert await other_keys.load_profile(connection, ids[0]) is None


async def test_the_ready_made_people_are_seeded_once(the_stage: Stage, ministry: Ministry, tmp_path: Path) -> None:
    ministry.fail(fail_times=2)
    async with gateway_on(the_stage, tmp_path, registry_url=ministry.url) as gateway:
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
    ministry.fail(fail_times=1)
    assert await ready_made(registry) == shown, "asked once"
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


async def test_nothing_of_a_person_is_kept_sent_or_logged_in_clear(
    gateway: Gateway, ministry: Ministry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logging("gateway", log_format="json", level="debug")
    try:
        with capsys.disabled():
            person = ministry.someone(lambda each: bool(each.children and each.spouse))
            address = {"email": "canary@mail.example", "phone": "+963999888777"}
            await register(gateway, **claim(person, **address))
            waiting = await gateway.rows("SELECT * FROM registrations")
            assert waiting
            [code] = await gateway.codes(person.number)
            await register(gateway, **claim(person, card="", passport="N00000000", **address))
            await register(gateway, **claim(person, card="", mrz=["P" * 44, "X" * 44], **address))
            ministry.fail(fail_times=1)
            await register(gateway, **claim(person, **address))
            await gateway.enter(person.number, code)
            tables = await gateway.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            rows = [row for each in tables for row in await gateway.rows(f'SELECT * FROM "{each["tablename"]}"')]
            stored = "".join(repr(dict(row)) for row in (*rows, *waiting))
            sent = "".join(
                repr((each.key, each.value, each.headers))
                for each in await gateway.stage.records(NOTIFICATIONS_REQUESTS)
            )
    finally:
        logging.getLogger().handlers.clear()
    logged = capsys.readouterr().out
    assert "person.registered" in logged
    assert "registry.away" in logged
    assert person.passport is not None
    assert person.spouse is not None
    family = {name.en for each in (person, person.spouse, *person.children) for name in (each.given, each.family)}
    family |= {name.ar for each in (person, *person.children) for name in (each.given, each.family)}
    numbers = {person.number, person.card or "", person.passport.number, *(each.number for each in person.children)}
    for place, content in {"tables": stored, "topics": sent, "logs": logged}.items():
        for secret in (*family, *numbers, *address.values(), person.born.isoformat(), DEVELOPMENT_PROFILE_KEY):
            assert f'"{secret}"' not in content, f"{secret} in {place}"
            if len(secret) > 6:
                assert secret not in content, f"{secret} in {place}"
