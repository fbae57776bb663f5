"""Those who try to register as somebody else, or to learn who is somebody."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.registering import (
    IDENTITY,
    KEY,
    PATIENT,
    TODAY,
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
from sqlalchemy import text

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.contracts.topics import NOTIFICATIONS_REQUESTS
from dawr.gateway.service.people import People
from dawr.gateway.settings import DEVELOPMENT_PROFILE_KEY
from dawr.servicekit import telemetry
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import Stage


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


@pytest.mark.parametrize("limit", ["person", "address"])
async def test_registrations_are_limited_alike_for_those_who_are_known(
    the_stage: Stage, ministry: Ministry, tmp_path: Path, limit: str
) -> None:
    ministry.fail()
    figures: dict[str, Any] = {"person_codes": 3} if limit == "person" else {"address_codes": 3}
    settings: dict[str, Any] = {"registry_url": ministry.url, **PATIENT, **figures}
    known = ministry.someone()
    people = [known.number, f"{9 * 10**10 + 1}"]
    refusals = []
    async with gateway_on(the_stage, tmp_path, **settings) as gateway:
        await is_up(gateway)
        for each in people:
            answers = [await register(gateway, **claim(known, identity_number=each)) for _ in range(5)]
            assert [each.status_code for each in answers] == [202] * 3 + [429] * 2
            refusals += [answers[-1]]
            gateway.clock.turn(seconds=900)
    assert {each.json()["code"] for each in refusals} == {"too-many-registrations"}
    assert all(0 < int(each.headers["retry-after"]) <= 900 for each in refusals)


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
