"""What people, auditors and administrators are answered."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from dawr.contracts import Money, Pool
from dawr.contracts.booking import TurnConfirmed
from dawr.notifications import rules
from dawr.notifications.app import create_service
from dawr.notifications.rules import RULES
from dawr.notifications.store import copies, messages
from dawr.notifications.values import turn_of
from dawr.servicekit.auth import Role
from dawr.servicekit.service import Role as ProcessRole
from dawr.servicekit.service import Service


def confirmed(person: UUID) -> TurnConfirmed:
    return TurnConfirmed(
        turn_id=uuid4(),
        person_id=person,
        asked_by=person,
        pool=Pool(office="DAM-01", service="PASS_REN", tier="N", date=date(2026, 12, 5)),
        at=datetime.now(UTC),
        window="09:00",
        fee=Money(minor=31_270_000, currency="SYP"),
    )


@pytest.fixture
async def service(house: Any) -> AsyncIterator[Service]:
    async with house.open(role=ProcessRole.SERVE) as service:
        yield service


@pytest.fixture
async def client(house: Any, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client(service) as client:
        yield client


async def write(service: Service, person: UUID, count: int) -> None:
    """Messages, one transaction each, as the consumer writes them."""
    for _ in range(count):
        fact = confirmed(person)
        async with service.database.transaction() as tx:
            await copies.save_turns(tx.connection, {fact.turn_id: turn_of(fact)})
            await messages.add(tx.connection, rules.notices(fact, uuid4(), now=tx.now))


async def test_preferences_are_kept_whole_and_sealed(
    house: Any, service: Service, client: httpx.AsyncClient, person: UUID
) -> None:
    me = house.stage.signed_in(person)
    first = (await client.get("/preferences", headers=me)).json()
    assert first == {
        "language": "ar",
        "digits": "latn",
        "email": None,
        "phone": None,
        "channels": ["email", "sms", "inbox"],
    }
    wanted = {
        "language": "en",
        "digits": "arab",
        "email": "Sami.O'Neil+turns@example.co.uk",
        "phone": "+963991234567",
        "channels": ["sms", "sms"],
    }
    put = await client.put("/preferences", json=wanted, headers=me)
    assert put.status_code == 200
    assert put.json() == wanted | {"channels": ["sms", "email", "inbox"]}
    assert (await client.get("/preferences", headers=me)).json() == put.json()
    [row] = await house.rows(service, "SELECT chosen FROM contacts")
    assert house.settings.seals().open(row.chosen)["phone"] == "+963991234567"
    emptied = (await client.put("/preferences", json={}, headers=me)).json()
    assert emptied == first


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "sami"},
        {"email": "sami@localhost"},
        {"email": "sami@example.org\nBcc: all@example.org"},
        {"email": "سامي@example.org"},
        {"email": f"{'a' * 65}@example.org"},
        {"email": f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 60}.org"},
        {"email": "a b@example.org"},
        {"email": "<sami@example.org>"},
        {"phone": "0991234567"},
        {"phone": "+0991234567"},
        {"phone": "+96399123456789012"},
        {"phone": "+٩٦٣٩٩١٢٣٤٥٦٧"},
        {"phone": "+963991234567\n"},
        {"language": "fr"},
        {"digits": "roman"},
        {"channels": ["pigeon"]},
        {"channels": ["email"] * 4},
        {"unknown": 1},
        {"email": 1},
    ],
)
async def test_preferences_that_make_no_sense_are_refused(
    house: Any, client: httpx.AsyncClient, person: UUID, wrong: dict[str, Any]
) -> None:
    answer = await client.put("/preferences", json=wrong, headers=house.stage.signed_in(person))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid-request"
    assert str(next(iter(wrong))) in answer.json()["errors"][0]["pointer"]


async def test_the_inbox_is_read_page_by_page(
    house: Any, service: Service, client: httpx.AsyncClient, person: UUID
) -> None:
    await write(service, person, 5)
    await write(service, uuid4(), 2)
    me = house.stage.signed_in(person) | {"accept-language": "en"}
    seen: list[dict[str, Any]] = []
    url: str | None = "/api/notifications/inbox?limit=2"
    while url:
        answer = await client.get(f"http://test{url}", headers=me)
        seen += answer.json()["items"]
        assert answer.json()["unread"] == 5
        link = answer.headers.get("link")
        assert (link is None) is (answer.json()["next"] is None)
        url = link.split(">")[0].removeprefix("<") if link else None
    assert len({each["id"] for each in seen}) == 5
    moments = [each["created_at"] for each in seen]
    assert moments == sorted(moments, reverse=True)
    assert seen[0]["subject"] == "Your turn is confirmed: Saturday 5 December 2026"


async def test_the_inbox_speaks_the_callers_language_or_the_one_they_chose(
    house: Any, service: Service, client: httpx.AsyncClient, person: UUID
) -> None:
    await write(service, person, 1)
    me = house.stage.signed_in(person)
    await client.put("/preferences", json={"language": "en", "digits": "arab"}, headers=me)
    chosen = (await client.get("/inbox", headers=me)).json()["items"][0]
    asked = (await client.get("/inbox", headers=me | {"accept-language": "ar-SY,en;q=0.5"})).json()["items"][0]
    assert chosen["subject"].startswith("Your turn is confirmed")
    assert asked["subject"] == "تأكد دورك: السبت ٥ ديسمبر ٢٠٢٦"


async def test_reading_is_noted_once_and_only_by_the_person(
    house: Any, service: Service, client: httpx.AsyncClient, person: UUID
) -> None:
    await write(service, person, 2)
    me, somebody = house.stage.signed_in(person), house.stage.signed_in(uuid4())
    [_, oldest] = (await client.get("/inbox", headers=me)).json()["items"]
    path = f"/inbox/{oldest['id']}/read"
    assert (await client.post(path, headers=somebody)).json()["code"] == "message-unknown"
    first = await client.post(path, headers=me)
    again = await client.post(path, headers=me)
    assert first.json() == again.json()
    inbox = (await client.get("/inbox", headers=me)).json()
    assert inbox["unread"] == 1
    assert [each["read_at"] is not None for each in inbox["items"]] == [False, True]
    unknown = await client.post(f"/inbox/{uuid4()}/read", headers=me)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "message-unknown")


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0=", "bnVsbA==", "WyIyMDI2IiwgIngiXQ==", "W1tbW1tbW1tbW10=", "%00"])
async def test_a_cursor_that_no_answer_gave_is_refused(
    house: Any, client: httpx.AsyncClient, person: UUID, cursor: str
) -> None:
    answer = await client.get(f"/inbox?cursor={cursor}", headers=house.stage.signed_in(person))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-request"


async def test_an_auditor_sees_what_was_tried_and_no_address(house: Any, person: UUID) -> None:
    house.post.answers.append("451 busy")
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(confirmed(person))
    auditor = house.stage.signed_in(uuid4(), Role.AUDITOR)
    async with house.open() as service, house.client(service) as client:
        await house.post.arrived("sami@example.org")
        [row] = await house.told(service, 1)
        by_person = await client.get(f"/deliveries?person={person}", headers=auditor)
        by_message = await client.get(f"/deliveries?message={row.id}&limit=1", headers=auditor)
        following = await client.get(
            f"/deliveries?message={row.id}&cursor={by_message.json()['next']}", headers=auditor
        )
        nobody = await client.get(f"/deliveries?person={uuid4()}", headers=auditor)
    seen = [(each["attempt"], each["outcome"], each["code"]) for each in by_person.json()["items"]]
    assert seen == [(2, "taken", "smtp-250"), (1, "not-now", "smtp-451")]
    assert by_message.json()["items"] == by_person.json()["items"][:1]
    assert following.json() == {"items": by_person.json()["items"][1:], "next": None}
    assert nobody.json()["items"] == []
    assert by_person.json()["items"][0]["message_state"] == "SENT"
    assert "example.org" not in by_person.text


async def test_an_administrator_sees_every_template_as_a_reader_would(house: Any, client: httpx.AsyncClient) -> None:
    administrator = house.stage.signed_in(uuid4(), Role.ADMINISTRATOR)
    listed = (await client.get("/templates", headers=administrator)).json()["items"]
    assert {each["code"] for each in listed} >= {rule.template for rules in RULES.values() for rule in rules}
    for each in listed:
        for language in ("ar", "en"):
            answer = await client.post(
                f"/templates/{each['code']}/preview", json={"language": language}, headers=administrator
            )
            assert answer.status_code == 200, each
            assert all(answer.json()[part] for part in ("subject", "text", "html", "sms"))
    unknown = await client.post("/templates/nothing/preview", json={}, headers=administrator)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "template-unknown")


WHO_MAY = {
    ("GET", "/preferences"): set(Role),
    ("PUT", "/preferences"): set(Role),
    ("GET", "/inbox"): set(Role),
    ("GET", "/deliveries"): {Role.AUDITOR},
    ("GET", "/templates"): {Role.ADMINISTRATOR},
    ("POST", "/templates/turn-held/preview"): {Role.ADMINISTRATOR},
}


@pytest.mark.parametrize(("operation", "allowed"), WHO_MAY.items(), ids=[" ".join(each) for each in WHO_MAY])
async def test_only_those_who_may_are_answered(
    house: Any, client: httpx.AsyncClient, operation: tuple[str, str], allowed: set[Role]
) -> None:
    method, path = operation
    body: dict[str, Any] | None = None if method == "GET" else {}
    nobody = await client.request(method, path, json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not-signed-in")
    for role in Role:
        answer = await client.request(method, path, json=body, headers=house.stage.signed_in(uuid4(), role))
        assert answer.status_code == (200 if role in allowed else 403), role


async def test_without_a_key_it_does_not_start_outside_of_development(house: Any) -> None:
    production = house.settings.platform.model_copy(update={"environment": "production"})
    keyless = house.settings.model_copy(update={"sealing_key": SecretStr(""), "platform": production})
    with pytest.raises(SystemExit, match="NOTIFICATIONS_SEALING_KEY is not set: addresses and codes can't be sealed"):
        create_service(keyless)
    with pytest.raises(SystemExit, match="is not a Fernet key"):
        create_service(house.settings.model_copy(update={"sealing_key": SecretStr("short")}))
    create_service(house.settings.model_copy(update={"sealing_key": SecretStr("")}))


async def test_a_key_can_be_changed_without_losing_what_the_old_one_sealed(house: Any, person: UUID) -> None:
    me = house.stage.signed_in(person)
    old = house.settings.sealing_key.get_secret_value()
    both = SecretStr(f"{Fernet.generate_key().decode()},{old}")
    async with house.open(role=ProcessRole.SERVE) as service, house.client(service) as client:
        await client.put("/preferences", json={"email": "sami@example.org"}, headers=me)
    async with house.open(role=ProcessRole.SERVE, sealing_key=both) as service, house.client(service) as client:
        assert (await client.get("/preferences", headers=me)).json()["email"] == "sami@example.org"
