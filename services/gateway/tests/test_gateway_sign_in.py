"""Signing in, on a real broker and a real database: the story of a code, and of those who guess it."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.contracts.topics import NOTIFICATIONS_REQUESTS
from dawr.gateway.app import create_service
from dawr.gateway.identity import Identity
from dawr.gateway.service.sign_in import KEEP
from dawr.gateway.settings import DEVELOPMENT_PEPPER, DEVELOPMENT_SEALING_KEY, GatewaySettings
from dawr.gateway.store.sign_in import forget
from dawr.servicekit import telemetry
from dawr.servicekit.auth import Verifier
from dawr.servicekit.clock import utc_now
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import FakeClock, Stage, until

WRONG = "000000"


@dataclass
class Gateway:
    """A running gateway with an open door, and what a newcomer does at it."""

    stage: Stage
    service: Service
    client: httpx.AsyncClient
    clock: FakeClock
    url: str
    numbers: list[str] = field(default_factory=list)

    def number(self) -> str:
        """An identity number that nobody has used yet."""
        number = f"{10**10 + time.time_ns() % 10**10}"
        self.numbers.append(number)
        return number

    async def ask(self, number: str, **more: str) -> httpx.Response:
        return await self.client.post("/api/session/codes", json={"identity_number": number, **more})

    async def enter(self, number: str, code: str) -> httpx.Response:
        return await self.client.post("/api/session", json={"identity_number": number, "code": code})

    async def codes(self, number: str, count: int = 1) -> list[str]:
        """The codes that were sent to the person, oldest first, once there are so many."""
        person = Identity(DEVELOPMENT_PEPPER).person_id(number)

        async def arrived() -> list[SendMessage] | None:
            messages = [each.message for each in await self.stage.messages(NOTIFICATIONS_REQUESTS)]
            mine = [each for each in messages if isinstance(each, SendMessage) and each.person_id == person]
            return mine if len(mine) >= count else None

        return [str(opened(each.sealed)["code"]) for each in await until(arrived, every=0.1, what="codes")]

    async def rows(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()


def opened(sealed: str | None) -> dict[str, Any]:
    assert sealed is not None
    content: dict[str, Any] = json.loads(Fernet(DEVELOPMENT_SEALING_KEY).decrypt(sealed.encode()))
    return content


@asynccontextmanager
async def gateway_on(stage: Stage, folder: Path, **settings: object) -> AsyncIterator[Gateway]:
    url = await stage.database("gateway")
    clock = FakeClock()
    made = GatewaySettings(
        database_url=url,
        platform=stage.platform,
        keys_path=folder / "keys",
        **{"code_answer_seconds": 0.0, **settings},  # type: ignore[arg-type]
    )
    service = create_service(made, clock=clock)
    transport = httpx.ASGITransport(service.app(), client=("192.0.2.7", 1234))
    async with (
        service.running(Role.RUN),
        httpx.AsyncClient(transport=transport, base_url="http://test", headers={"accept-language": "en"}) as client,
    ):
        yield Gateway(stage, service, client, clock, url)


@pytest.fixture(scope="module")
async def kept_gateway(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway_on(the_stage, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def gateway(kept_gateway: Gateway) -> Gateway:
    """A running gateway at the present moment; its tests each have people of their own."""
    kept_gateway.clock.now = utc_now()
    return kept_gateway


async def test_a_newcomer_signs_in_with_the_code_that_was_sent(gateway: Gateway) -> None:
    number = gateway.number()
    asked = await gateway.ask(number)
    assert asked.status_code == 202
    [code] = await gateway.codes(number)
    entered = await gateway.enter(number, code)
    assert entered.status_code == 200
    session = entered.json()
    assert session["expires_in"] == 600
    assert session["roles"] == ["citizen"]
    assert set(entered.cookies) == {"dawr-access", "dawr-session"}
    assert entered.cookies["dawr-session"] == session["refresh_token"]

    # Any service that reads the public keys believes the token.
    jwks = (await gateway.client.get("/.well-known/jwks.json")).json()
    published = json.loads((gateway.service.settings.keys_path / "jwks.json").read_text())  # type: ignore[attr-defined]
    assert jwks == published
    elsewhere = Verifier(str(gateway.service.settings.keys_path / "jwks.json"))  # type: ignore[attr-defined]
    bearer = f"Bearer {session['access_token']}"
    assert (await elsewhere.caller(bearer)).person_id == UUID(session["person_id"])

    me = await gateway.client.get("/api/me", headers={"authorization": bearer})
    assert me.json()["person_id"] == session["person_id"]
    assert (await gateway.client.delete("/api/session", headers={"authorization": bearer})).status_code == 204
    assert (await gateway.client.get("/api/me", headers={"authorization": bearer})).json()["code"] == "not-signed-in"
    assert not gateway.client.cookies
    assert (await gateway.client.get("/api/me")).json()["code"] == "not-signed-in"


async def test_the_person_is_told_where_they_registered_once_and_the_code_carries_its_terms(gateway: Gateway) -> None:
    number = gateway.number()
    await gateway.ask(number, email="huda@mail.example", phone="+963911234567")
    await gateway.ask(number, email="thief@mail.example")
    await gateway.codes(number, count=2)
    person = Identity(DEVELOPMENT_PEPPER).person_id(number)
    received = await gateway.stage.messages(NOTIFICATIONS_REQUESTS)
    mine = [each for each in received if each.message.key() == str(person)]
    assert [type(each.message) for each in mine] == [RegisterContact, SendMessage, SendMessage]
    contact, message, _ = (each.message for each in mine)
    assert isinstance(contact, RegisterContact)
    assert isinstance(message, SendMessage)
    assert opened(contact.sealed) == {"email": "huda@mail.example", "phone": "+963911234567"}
    assert opened(message.sealed)["minutes"] == 10
    assert (message.template, message.language) == ("sign-in-code", "en")
    assert message.send_before == gateway.clock.now + timedelta(minutes=10)


async def test_a_number_is_one_person_however_its_digits_are_written(gateway: Gateway) -> None:
    number = gateway.number()
    arabic = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    await gateway.ask(f"{number[:3]} {number[3:]}")
    [code] = await gateway.codes(number)
    entered = await gateway.enter(arabic, code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))
    assert entered.status_code == 200
    for bad in ("1234567890", "123456789012", "1234567890x", "²2345678901"):
        refused = await gateway.ask(bad)
        assert refused.status_code == 422
        assert bad not in refused.text


async def test_a_code_is_good_once(gateway: Gateway) -> None:
    number = gateway.number()
    await gateway.ask(number)
    [code] = await gateway.codes(number)
    answers = await asyncio.gather(*(gateway.enter(number, code) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]


async def test_a_code_is_good_for_ten_minutes_and_until_the_next_one(gateway: Gateway) -> None:
    number = gateway.number()
    await gateway.ask(number)
    gateway.clock.turn(seconds=600)
    [late] = await gateway.codes(number)
    assert (await gateway.enter(number, late)).json()["code"] == "wrong-code"
    await gateway.ask(number)
    await gateway.ask(number)
    _, replaced, newest = await gateway.codes(number, count=3)
    gateway.clock.turn(seconds=599)
    if replaced != newest:
        assert (await gateway.enter(number, replaced)).status_code == 401
    assert (await gateway.enter(number, newest)).status_code == 200


async def test_five_wrong_codes_burn_the_right_one_and_pauses_grow(gateway: Gateway) -> None:
    number = gateway.number()
    await gateway.ask(number)
    [code] = await gateway.codes(number)
    wrong = "111111" if code != "111111" else "222222"
    guesses = await asyncio.gather(*(gateway.enter(number, wrong) for _ in range(20)))
    assert sorted(each.status_code for each in guesses) == [401] * 5 + [429] * 15
    tries = [each.json()["tries_left"] for each in guesses if each.status_code == 401]
    assert sorted(tries) == [0, 1, 2, 3, 4]

    paused = await gateway.enter(number, code)
    assert paused.status_code == 429
    assert paused.json()["code"] == "sign-in-paused"
    assert paused.headers["retry-after"] == "60"
    assert (await gateway.ask(number)).headers["retry-after"] == "60"
    gateway.clock.turn(seconds=60)
    assert (await gateway.enter(number, code)).json()["tries_left"] == 4, "the burnt code is worth nothing"

    for _ in range(4):
        last = await gateway.enter(number, wrong)
    assert last.headers["retry-after"] == "120"
    gateway.clock.turn(seconds=120)
    await gateway.ask(number)
    *_, fresh = await gateway.codes(number, count=2)
    assert (await gateway.enter(number, fresh)).status_code == 200
    for _ in range(5):
        last = await gateway.enter(number, wrong)
    assert last.headers["retry-after"] == "60", "a right code forgives what was before"


async def test_codes_for_one_person_are_limited(gateway: Gateway) -> None:
    number = gateway.number()
    answers = [await gateway.ask(number) for _ in range(6)]
    assert [each.status_code for each in answers] == [202] * 5 + [429]
    assert answers[-1].json()["code"] == "too-many-codes"
    wait = int(answers[-1].headers["retry-after"])
    assert 0 < wait <= 900
    gateway.clock.turn(seconds=wait)
    assert (await gateway.ask(number)).status_code == 202


async def test_one_address_is_limited_across_people_and_replicas(the_stage: Stage, tmp_path: Path) -> None:
    async with gateway_on(the_stage, tmp_path, address_codes=3, address_tries=3) as one:
        settings = one.service.settings
        assert isinstance(settings, GatewaySettings)
        replica = create_service(settings, clock=one.clock)
        elsewhere = httpx.ASGITransport(replica.app(), client=("192.0.2.7", 99))
        async with replica.running(Role.SERVE), httpx.AsyncClient(transport=elsewhere, base_url="http://test") as two:
            asked = [await one.ask(one.number()) for _ in range(2)]
            for claim in ({}, {"x-forwarded-for": "203.0.113.9"}):
                body = {"identity_number": one.number()}
                asked.append(await two.post("/api/session/codes", json=body, headers=claim))
            assert [each.status_code for each in asked] == [202, 202, 202, 429]
            tried = [await one.enter(one.number(), WRONG) for _ in range(4)]
            assert [each.status_code for each in tried] == [401, 401, 401, 429]
            assert tried[-1].json()["code"] == "too-many-tries"


async def test_known_and_unknown_numbers_are_answered_alike(the_stage: Stage, tmp_path: Path) -> None:
    pad = 0.15
    async with gateway_on(the_stage, tmp_path, open_registration=False, code_answer_seconds=pad) as gateway:
        known, unknown = gateway.number(), gateway.number()
        person = Identity(DEVELOPMENT_PEPPER).person_id(known)
        async with gateway.service.database.transaction() as tx:
            await tx.connection.execute(text("INSERT INTO people VALUES (:id, now())"), {"id": person})

        async def story(number: str) -> list[tuple[int, dict[str, object], str | None]]:
            answers = [await gateway.ask(number), *[await gateway.enter(number, WRONG) for _ in range(6)]]
            answers.append(await gateway.ask(number))
            gateway.clock.turn(seconds=60)
            answers += [await gateway.ask(number) for _ in range(5)]
            gateway.clock.turn(seconds=-60)
            told = []
            for each in answers:
                body = {name: value for name, value in each.json().items() if name != "trace_id"}
                told.append((each.status_code, body, each.headers.get("retry-after")))
            return told

        assert await story(known) == await story(unknown)
        sent = [each.message for each in await gateway.stage.messages(NOTIFICATIONS_REQUESTS)]
        stranger = Identity(DEVELOPMENT_PEPPER).person_id(unknown)
        assert all(each.key() != str(stranger) for each in sent)

        # Whether their times can be told apart is asked of many pairs, in test_gateway_attacks.py.
        gateway.clock.turn(days=1)
        for number in (known, unknown):
            begun = time.perf_counter()
            assert (await gateway.ask(number)).status_code == 202
            assert time.perf_counter() - begun >= pad


async def test_nothing_personal_is_in_topics_tables_or_logs(
    the_stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logging("gateway", log_format="json", level="debug")
    try:
        async with gateway_on(the_stage, tmp_path) as gateway:
            number, email, phone = gateway.number(), "canary@mail.example", "+963998877665"
            await gateway.ask(number, email=email, phone=phone)
            [code] = await gateway.codes(number)
            await gateway.enter(number, f"{(int(code) + 1) % 10**6:06}")
            entered = await gateway.enter(number, code)
            await gateway.client.post("/api/session", json={"identity_number": number, "code": code, "x": number})
            async with gateway.service.database.transaction() as tx:
                await tx.connection.execute(text("ALTER TABLE sign_ins RENAME TO broken"))
            assert (await gateway.ask(number)).status_code == 500
            async with gateway.service.database.transaction() as tx:
                await tx.connection.execute(text("ALTER TABLE broken RENAME TO sign_ins"))

            tables = [
                row["tablename"]
                for row in await gateway.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            rows = [row for table in tables for row in await gateway.rows(f'SELECT * FROM "{table}"')]
            stored = "".join(repr(dict(row)) for row in rows)
            sent = "".join(
                repr((each.key, each.value, each.headers))
                for each in await gateway.stage.records(NOTIFICATIONS_REQUESTS)
            )
    finally:
        logging.getLogger().handlers.clear()
    logged = capsys.readouterr().out
    assert "request.failed" in logged
    secrets = (number, number[1:], email, phone, DEVELOPMENT_PEPPER, DEVELOPMENT_SEALING_KEY)
    for place, content in {"tables": stored, "topics": sent, "logs": logged}.items():
        assert content
        for secret in (*secrets, entered.json()["access_token"]):
            assert secret not in content, f"{secret} in {place}"
        # Six digits may stand in an id or a fraction of a second by chance.
        assert not re.search(rf"(?<![0-9a-f.]){code}(?![0-9a-f])", content), f"the code in {place}"


async def test_what_rests_for_a_week_is_forgotten_and_what_waits_is_not(the_stage: Stage, tmp_path: Path) -> None:
    async with gateway_on(the_stage, tmp_path) as gateway:
        old, new = gateway.number(), gateway.number()
        await gateway.ask(old)
        gateway.clock.turn(days=6)
        await gateway.ask(new)
        gateway.clock.turn(days=1, seconds=901)
        async with gateway.service.database.transaction() as tx:
            assert await forget(tx, KEEP) == 4, "a sign-in, its count, its address's and everybody's"
        [left] = await gateway.rows("SELECT person_id FROM sign_ins")
        assert left["person_id"] == Identity(DEVELOPMENT_PEPPER).person_id(new)
        assert len(await gateway.rows("SELECT 1 FROM people")) == 2, "people stay"


async def test_each_role_of_a_process_becomes_ready(the_stage: Stage, tmp_path: Path) -> None:
    settings = GatewaySettings(
        database_url=await the_stage.database("gateway"), platform=the_stage.platform, keys_path=tmp_path / "keys"
    )
    for role in Role:
        service = create_service(settings)
        transport = httpx.ASGITransport(service.app(role))
        async with service.running(role), httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def ready(client: httpx.AsyncClient = client) -> bool:
                return (await client.get("/readyz")).status_code == 200

            await until(ready, what=f"{role} is ready")
            expected = 404 if role is Role.CONSUME else 401
            assert (await client.get("/api/me")).status_code == expected


BROKEN = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"{}",
    b'{"identity_number": null}',
    b'{"identity_number": 10000000001}',
    b'{"identity_number": {"$gt": ""}}',
    b'{"identity_number": "10000000001", "code": null}',
    b'{"identity_number": "10000000001", "code": ["123456"]}',
    b'{"identity_number": "10000000001", "code": "\\ud800\\ud800\\ud800"}',
    b'{"identity_number": "\\ud800\\u0000aaaaaaaaaaaaa", "code": "123456"}',
    b'{"identity_number": "10000000001", "code": "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"}',
    b'{"identity_number": "10000000001", "code": "123456", "roles": ["administrator"]}',
    b'{"identity_number": "10000000001", "email": "a@b\\r\\nBcc: c@d", "phone": "+1"}',
    b'{"identity_number": "\xff"}',
    b"[" * 5000 + b"]" * 5000,
    b'{"identity_number": ' + b"1" * 5000 + b"}",
    b'{"identity_number": NaN}',
]


async def test_nothing_that_is_sent_breaks_sign_in(gateway: Gateway) -> None:
    for body in BROKEN:
        for path in ("/api/session", "/api/session/codes"):
            for kind in ("application/json", "text/plain"):
                answer = await gateway.client.post(path, content=body, headers={"content-type": kind})
                assert 400 <= answer.status_code < 500, (body, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"]
