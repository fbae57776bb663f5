"""Stories: providers that fail, refuse, cut the line or are gone; processes that die in between."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from dawr.contracts import Pool
from dawr.contracts.booking import RefusalCode, TurnRefused
from dawr.contracts.notifications import MessageFailed, MessageSent, SendMessage
from dawr.contracts.topics import NOTIFICATIONS_EVENTS
from dawr.notifications import rules
from dawr.notifications.domain import MessageState, Settled, Way
from dawr.notifications.service import sending
from dawr.notifications.service.sending import CatalogueCopy, Outcome
from dawr.notifications.store import messages
from dawr.servicekit.service import Role
from dawr.servicekit.testing import FakeClock, until

PHONE = "+963991234567"


def refused(person: UUID) -> TurnRefused:
    return TurnRefused(
        turn_id=uuid4(),
        person_id=person,
        asked_by=person,
        pool=Pool(office="DAM-01", service="PASS_REN", tier="N", date=date(2026, 12, 5)),
        at=datetime.now(UTC),
        code=RefusalCode.SOLD_OUT,
    )


async def facts_of(house: Any, person: UUID, count: int, *, timeout: float = 20) -> list[Any]:
    """What the service told of a person's messages."""

    async def told() -> list[Any] | None:
        found = [each.message for each in await house.stage.messages(NOTIFICATIONS_EVENTS)]
        mine = [each for each in found if each.person_id == person]
        return mine if len(mine) >= count else None

    return await until(told, what=f"{count} facts", timeout=timeout)


async def attempts(house: Any, service: Any) -> list[tuple[str, int, str, str]]:
    rows = await house.rows(service, "SELECT way, attempt, outcome, code FROM deliveries ORDER BY id")
    return [tuple(row) for row in rows]


async def test_a_server_that_fails_for_now_is_asked_again_with_the_same_mail(house: Any, person: UUID) -> None:
    house.post.answers += ["451 busy", "421 going down", "452 no room"]
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(refused(person))
    async with house.open() as service:
        await house.post.arrived("sami@example.org")
        [row] = await house.told(service, 1)
        tried = await attempts(house, service)
        [sent] = await facts_of(house, person, 1)
    assert (row.state, row.attempt) == ("SENT", 4)
    assert tried == [
        ("email", 1, "not-now", "smtp-451"),
        ("email", 2, "not-now", "smtp-421"),
        ("email", 3, "not-now", "smtp-452"),
        ("email", 4, "taken", "smtp-250"),
    ]
    assert isinstance(sent, MessageSent)
    assert sent.attempt == 4


async def test_the_pauses_between_tries_grow(house: Any, person: UUID) -> None:
    clock = FakeClock()
    house.post.answers += ["451 busy"] * 3
    await house.describe()
    await house.register(person, email="sami@example.org")
    pauses = []
    async with house.open(clock=clock, retry_seconds=10) as service:
        await house.learned(service)
        await house.stage.send(refused(person))
        for tried in (1, 2, 3):

            async def failed(tried: int = tried) -> Any:
                query = "SELECT due_at FROM messages WHERE attempt = :tried AND lease IS NULL"
                return await house.rows(service, query, tried=tried)

            [row] = await until(failed, what=f"try {tried}")
            pauses.append((row.due_at - clock.now).total_seconds())
            clock.now = row.due_at
        await house.post.arrived("sami@example.org")
    for pause, full in zip(pauses, (10, 40, 160), strict=True):
        assert full / 2 <= pause <= full


async def test_after_six_tries_the_next_channel_has_it(house: Any, person: UUID) -> None:
    house.post.answers += ["451 busy"] * 6
    await house.describe()
    await house.register(person, email="sami@example.org", phone=PHONE, language="en")
    await house.stage.send(refused(person))
    async with house.open(retry_seconds=0.001) as service:
        [text] = await house.phones.arrived(PHONE)
        [row] = await house.told(service, 1)
        tried = await attempts(house, service)
        failed, sent = await facts_of(house, person, 2)
    assert text["text"] == "Dawr: No seat is left on that day. Try another day, or another office."
    assert text["reference"] == str(row.id)
    assert (row.state, row.way) == ("DELIVERED", "sms")
    assert [attempt for _, attempt, *_ in tried] == [1, 2, 3, 4, 5, 6, 1]
    assert isinstance(failed, MessageFailed)
    assert (failed.channel, failed.reason, failed.next_channel) == ("email", "smtp-451", "sms")
    assert isinstance(sent, MessageSent)
    assert (sent.channel, sent.attempt) == ("sms", 1)
    assert house.post.mails == []


async def test_an_address_that_is_refused_for_good_is_asked_once(house: Any, person: UUID) -> None:
    house.post.refused.add("gone@example.org")
    await house.describe()
    await house.register(person, email="gone@example.org", phone=PHONE)
    await house.stage.send(refused(person))
    async with house.open() as service:
        await house.phones.arrived(PHONE)
        await house.told(service, 1)
        tried = await attempts(house, service)
    assert tried == [("email", 1, "never", "smtp-550"), ("sms", 1, "taken", "http-202")]


async def test_when_every_channel_refuses_the_inbox_has_it(house: Any, person: UUID) -> None:
    house.post.refused.add("gone@example.org")
    await house.phones.fail(fail_times=1, status=400)
    await house.describe()
    await house.register(person, email="gone@example.org", phone=PHONE)
    await house.stage.send(refused(person))
    async with house.open() as service:
        [row] = await house.told(service, 1)
        first, last = await facts_of(house, person, 2)
        async with house.client(service) as client:
            inbox = (await client.get("/inbox", headers=house.stage.signed_in(person))).json()
    assert (row.state, row.reason) == ("PERMANENT_FAILURE", "http-400")
    assert (first.next_channel, last.next_channel) == ("sms", "inbox")
    assert inbox["unread"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_sms_provider_that_fails_for_now_is_asked_again_under_the_same_key(
    house: Any, person: UUID, status: int
) -> None:
    await house.phones.fail(fail_times=1, status=status)
    await house.describe()
    await house.register(person, phone=PHONE)
    await house.stage.send(refused(person))
    async with house.open() as service:
        [row] = await house.told(service, 1)
        tried = await attempts(house, service)
    [text] = await house.phones.shown(PHONE)
    assert text["reference"] == str(row.id)
    assert row.state == "DELIVERED"
    assert tried == [("sms", 1, "not-now", f"http-{status}"), ("sms", 2, "taken", "http-202")]


async def test_an_answer_that_comes_too_late_makes_no_second_text(house: Any, person: UUID) -> None:
    await house.phones.fail(timeout_after_doing=1, timeout_seconds=2)
    await house.describe()
    await house.register(person, phone=PHONE)
    await house.stage.send(refused(person))
    async with house.open(send_seconds=0.3, lease_seconds=2) as service:
        [row] = await house.told(service, 1)
        tried = await attempts(house, service)
    [text] = await house.phones.shown(PHONE)
    assert text["count"] == 2, "asked twice, taken once"
    assert row.state == "DELIVERED"
    assert tried == [("sms", 1, "not-now", "timed-out"), ("sms", 2, "taken", "http-202")]


async def test_a_line_cut_after_the_yes_gives_the_same_mail_again(house: Any, person: UUID) -> None:
    house.post.cut = 1
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(refused(person))
    async with house.open() as service:
        first, second = await house.post.arrived("sami@example.org", 2)
        await house.told(service, 1)
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


async def test_a_mail_server_that_is_away_and_comes_back_has_them_all(house: Any, person: UUID) -> None:
    async with house.post.open() as elsewhere:
        port = elsewhere.port
    await house.describe()
    await house.register(person, email="sami@example.org")
    clock = FakeClock()
    async with house.open(clock=clock, smtp_port=port) as service:
        await house.learned(service)
        await house.stage.send(*[refused(person) for _ in range(5)])

        async def failing() -> bool:
            return len(await house.rows(service, "SELECT 1 FROM deliveries WHERE code = 'unreachable'")) == 5

        await until(failing, what="a try that fails")
        async with house.post.open(port):
            clock.turn(seconds=5)
            await house.post.arrived("sami@example.org", 5)
            await house.told(service, 5)
    assert len({mail["Message-ID"] for mail in house.post.to("sami@example.org")}) == 5


async def test_connections_to_the_mail_server_are_kept(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(*[refused(person) for _ in range(40)])
    async with house.open():
        await house.post.arrived("sami@example.org", 40)
    assert house.post.connections <= house.settings.senders_count


async def test_a_text_that_can_not_be_made_ends_and_holds_nobody_up(
    house: Any, person: UUID, seal: Callable[..., str]
) -> None:
    await house.register(person, email="sami@example.org")
    await house.stage.send(
        SendMessage(person_id=person, template="sign-in-code", sealed=seal(cipher="no code here")),
        SendMessage(person_id=person, template="sign-in-code", sealed=seal(code="482915")),
    )
    async with house.open() as service:
        await house.post.arrived("sami@example.org")
        rows = await house.told(service, 2)
        [broken] = [each for each in await facts_of(house, person, 2) if isinstance(each, MessageFailed)]
    assert {row.state for row in rows} == {"SENT", "PERMANENT_FAILURE"}
    assert broken.reason == "not-rendered-UndefinedError"
    assert broken.next_channel is None


async def test_a_message_under_a_lease_is_left_alone_until_it_runs_out(house: Any, person: UUID) -> None:
    clock = FakeClock()
    await house.describe()
    await house.register(person, email="sami@example.org")
    async with house.open(clock=clock, role=Role.SERVE) as writer, house.open(clock=clock) as service:
        await house.learned(service)
        await house.stage.send(refused(person))
        await house.post.arrived("sami@example.org")
        await house.told(service, 1)
        # As if another process had taken it and died.
        async with writer.database.transaction() as tx:
            lease = clock.now + timedelta(seconds=30)
            await tx.connection.exec_driver_sql(
                "UPDATE messages SET state = 'QUEUED', lease = $1, due_at = $2", (uuid4(), lease)
            )
        await house.stage.send(refused(person))
        await house.post.arrived("sami@example.org", 2)

        async def other_is_recorded() -> bool:
            return len(await house.rows(service, "SELECT 1 FROM messages WHERE state = 'SENT'")) == 1

        await until(other_is_recorded, what="the record of the other")
        assert len(house.post.mails) == 2
        clock.turn(seconds=31)
        mails = await house.post.arrived("sami@example.org", 3)
        await house.told(service, 2)
    assert mails[0]["Message-ID"] == mails[2]["Message-ID"]


async def test_a_lease_that_ran_out_moves_nothing_any_more(house: Any, person: UUID) -> None:
    """Two senders hold the same message, as after a long pause of the first: the attempt counts, the move does not."""
    clock, first, second = FakeClock(), uuid4(), uuid4()
    await house.describe()
    await house.stage.send(refused(person))
    async with house.open(clock=clock, role=Role.SERVE) as service:
        database, seals, lasts = service.database, house.settings.seals(), timedelta(seconds=30)
        async with database.transaction() as tx:
            await messages.add(tx.connection, rules.notices(refused(person), uuid4(), now=clock.now))
        taken = []
        for lease in (first, second):
            async with database.transaction() as tx:
                taken += await sending.take(tx, seals, CatalogueCopy(), lease=lease, lasts=lasts, limit=5)
            clock.turn(seconds=31)
        assert taken[0].notice.id == taken[1].notice.id
        for lease, state in ((first, MessageState.SENT), (second, MessageState.TEMPORARY_FAILURE)):
            notice = replace(taken[0].notice, state=state, way=Way.EMAIL, attempt=1, due_at=None)
            async with database.transaction() as tx:
                await sending.record(tx, lease, [Outcome(Settled(notice))])
        [row] = await house.rows(service, "SELECT state FROM messages")
    assert row.state == "TEMPORARY_FAILURE"


async def test_at_stop_what_is_on_its_way_ends_and_the_rest_is_given_back(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(*[refused(person) for _ in range(30)])
    async with house.open() as service:
        await house.post.arrived("sami@example.org", 3)
    # The service has stopped: nothing is half done, and nobody has to wait for a lease.
    async with house.open(role=Role.SERVE) as service:
        rows = await house.rows(service, "SELECT state, lease FROM messages")
        sent = {row.state for row in rows if row.lease is not None}
        assert sent == set(), "no lease is left"
        recorded = sum(row.state == "SENT" for row in rows)
    assert recorded == len(house.post.to("sami@example.org"))
    async with house.open():
        await house.post.arrived("sami@example.org", 30)
    assert len({mail["Message-ID"] for mail in house.post.to("sami@example.org")}) == 30
    assert len(house.post.to("sami@example.org")) == 30


async def test_two_processes_share_the_messages_and_send_each_once(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(*[refused(person) for _ in range(60)])
    async with house.open() as service, house.open():
        await house.post.arrived("sami@example.org", 60)
        await house.told(service, 60)
    assert len(house.post.to("sami@example.org")) == 60
    assert len({mail["Message-ID"] for mail in house.post.to("sami@example.org")}) == 60


async def test_the_database_may_go_while_a_mail_is_on_its_way(house: Any, person: UUID) -> None:
    """The yes is kept in memory, and saved once the database is back: no second mail."""
    await house.describe()
    await house.register(person, email="sami@example.org")
    await house.stage.send(refused(person))
    async with house.open() as service, house.open(role=Role.SERVE) as other:
        async with service.database.transaction() as tx:
            await tx.connection.exec_driver_sql("SELECT 1")
        cut: list[asyncio.Task[None]] = []

        async def cut_connections() -> None:
            async with other.database.transaction() as tx:
                await tx.connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        house.post.on_mail = lambda: cut.append(asyncio.create_task(cut_connections()))
        await house.post.arrived("sami@example.org")
        await asyncio.gather(*cut)
        house.post.on_mail = lambda: None

        async def told() -> bool:  # this test's own look may get a connection that was cut
            with suppress(DBAPIError):
                await house.told(service, 1)
                return True
            return False

        await until(told, what="the mail is recorded")
    assert len(house.post.to("sami@example.org")) == 1


@asynccontextmanager
async def process(house: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process of its own."""
    settings = house.settings
    environment = os.environ | {
        "DAWR_KAFKA": settings.platform.kafka,
        "DAWR_ENVIRONMENT": "development",  # the SMS provider is the sandbox
        "DAWR_KAFKA_SESSION_SECONDS": "2",  # how long a killed process keeps its partitions
        "DAWR_TOPIC_PREFIX": settings.platform.topic_prefix,
        "DAWR_JWKS": settings.platform.jwks,
        "NOTIFICATIONS_DATABASE_URL": settings.database_url,
        "NOTIFICATIONS_HTTP_PORT": "0",
        "NOTIFICATIONS_SEALING_KEY": settings.sealing_key.get_secret_value(),
        "NOTIFICATIONS_SMTP_PORT": str(settings.smtp_port),
        "NOTIFICATIONS_SMS_URL": settings.sms_url,
        "NOTIFICATIONS_SEND_SECONDS": "0.5",
        "NOTIFICATIONS_LEASE_SECONDS": "1.5",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dawr.notifications", "run", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await child.wait()


async def test_killed_between_the_yes_and_the_record_it_sends_the_same_mail_again(house: Any, person: UUID) -> None:
    await house.describe()
    await house.register(person, email="sami@example.org")
    async with process(house) as first:
        house.post.on_mail = lambda: first.send_signal(signal.SIGKILL)
        await house.stage.send(refused(person))
        await house.post.arrived("sami@example.org", timeout=60)
        await first.wait()
    house.post.on_mail = lambda: None
    async with process(house):
        before, after = await house.post.arrived("sami@example.org", 2, timeout=60)
        [sent] = await facts_of(house, person, 1, timeout=60)
    assert before["Message-ID"] == after["Message-ID"] == f"<{sent.message_id}@dawr.example>"
    assert before.as_bytes() == after.as_bytes()
