"""Delivery on a real broker and a real database: each effect once, the bad ones aside, nothing lost."""

from collections.abc import Callable
from uuid import UUID

import pytest
from libs.servicekit.tests.ledger import Ledger, cancel
from prometheus_client import REGISTRY
from sqlalchemy import text

from dawr.contracts import Text, derived_id
from dawr.contracts.catalog import OfficeDescribed
from dawr.contracts.payments import CancelPayment, PaymentExpired
from dawr.contracts.topics import CATALOG_OFFICES, PAYMENTS_EVENTS, PAYMENTS_REQUESTS
from dawr.servicekit.clock import new_id
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Transaction
from dawr.servicekit.dead_letters import DeadLetter, drop, read_dead_letters, replay
from dawr.servicekit.errors import Refusal
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import Stage, headers_of, until


class NoSuchPayment(Refusal):
    code = "no-such-payment"
    title = Text(ar="لا يوجد", en="No such payment")


async def aside(ledger: Ledger, count: int, *, since: int = 0) -> list[DeadLetter]:
    """Wait until so many records of this test are set aside; their letters."""

    async def found() -> list[DeadLetter] | None:
        letters = await read_dead_letters(ledger.stage.platform, group="payments")
        return letters[since:] if len(letters) >= since + count else None

    return await until(found, what=f"{count} dead letters")


async def dead_until_now(ledger: Ledger) -> int:
    return len(await read_dead_letters(ledger.stage.platform, group="payments"))


def counted(name: str, **labels: str) -> float:
    """A counter of the requests' topic as the process exports it."""
    return REGISTRY.get_sample_value(name, {"topic": PAYMENTS_REQUESTS.name, "group": "payments", **labels}) or 0.0


async def test_a_message_that_comes_twice_has_its_effect_once(ledger: Ledger) -> None:
    first, last = cancel(), cancel()
    id = new_id()
    duplicates = counted("dawr_messages_duplicate_total")
    handled = counted("dawr_messages_handled_total", type=CancelPayment.wire_type)
    async with ledger.running():
        await ledger.stage.send(first, id=id)
        await ledger.stage.send(first, id=id)
        await ledger.noted(first.subject.id)
        await ledger.stage.send(first, id=id)
        await ledger.stage.send(last)
        notes = await ledger.noted(last.subject.id)
        await ledger.stage.wait_for(PaymentExpired, 2)
    assert notes.count(str(first.subject.id)) == 1
    told = [each.cause.id for each in await ledger.stage.messages(PAYMENTS_EVENTS) if each.message.key() in notes]
    assert len(told) == 2
    key = str(first.subject.id)
    assert derived_id(id, f"{PaymentExpired.wire_type}/{key}") in told, "it follows from its cause"

    async def every_copy_came() -> bool:
        return counted("dawr_messages_duplicate_total") - duplicates == 2

    await until(every_copy_came, what="both duplicates")
    assert counted("dawr_messages_handled_total", type=CancelPayment.wire_type) - handled == 2


def retyped(message: CancelPayment, wire_type: str) -> list[tuple[str, bytes]]:
    return [(name, wire_type.encode() if name == "ce_type" else value) for name, value in headers_of(message, new_id())]


async def test_a_bad_record_goes_aside_and_its_neighbours_go_through(ledger: Ledger) -> None:
    since = await dead_until_now(ledger)
    good, bad = [cancel() for _ in range(8)], [cancel() for _ in range(8)]
    bugs, refused, huge = cancel("bug"), cancel("refuse"), cancel("huge")
    bodies = {place: each.model_dump_json().encode() for place, each in enumerate(bad)}
    records: list[tuple[bytes | None, list[tuple[str, bytes]]]] = [
        (bodies[0], [("ce_id", b"\xff\xfe"), ("ce_type", b"\xff")]),
        (bodies[1], []),
        (b'{"payment_id": \xff}', headers_of(bad[2], new_id())),
        (None, headers_of(bad[3], new_id())),
        (bodies[4], retyped(bad[4], "payments.cancel-payment.v9")),
        (bodies[5], retyped(bad[5], "payments.never-heard-of.v1")),
        *((each.model_dump_json().encode(), headers_of(each, new_id())) for each in (bugs, refused, huge)),
    ]
    broken = True

    async def before(message: CancelPayment) -> None:
        if not broken:
            return
        if message.reason == "bug":
            raise RuntimeError("a bug")
        if message.reason == "refuse":
            raise NoSuchPayment

    before_metrics = {
        reason: counted("dawr_dead_letters_total", reason=reason) for reason in ("bug", "undecodable-headers")
    }
    topic = ledger.stage.platform.topic_prefix + PAYMENTS_REQUESTS.name
    async with ledger.stage.raw_producer() as producer:
        for place, (body, headers) in enumerate(records):
            for message in good[place : place + 1]:
                await producer.send(
                    topic, key=b"one", value=message.model_dump_json().encode(), headers=headers_of(message, new_id())
                )
            await producer.send(topic, key=b"one", value=body, headers=headers)
        await producer.flush()
    async with ledger.running(before) as service:
        notes = await ledger.noted(*(each.subject.id for each in good), huge.subject.id)
        assert [each for each in notes if each != str(huge.subject.id)] == [str(each.subject.id) for each in good]
        letters = await aside(ledger, 7, since=since)
        assert sorted(each.reason for each in letters) == [
            "bug", "refused", "undecodable-body", "undecodable-body",
            "undecodable-headers", "undecodable-headers", "unknown-version",
        ]  # fmt: skip
        for reason, already in before_metrics.items():
            counts = counted("dawr_dead_letters_total", reason=reason) - already
            assert counts == sum(each.reason == reason for each in letters), "counted once, however often it was tried"

        broken = False
        mendable = [each for each in letters if each.reason in {"bug", "refused"}]
        for letter in mendable:
            await replay(service.producer, letter)
        await ledger.noted(bugs.subject.id, refused.subject.id)
        await drop(service.producer, next(each for each in letters if each.reason == "unknown-version"))
    resolutions = [each.resolution for each in (await read_dead_letters(ledger.stage.platform))[since:]]
    assert resolutions.count("replayed") == 2
    assert resolutions.count("dropped") == 1
    assert resolutions.count(None) == 4


async def test_a_value_that_the_database_can_not_take_is_no_outage(ledger: Ledger) -> None:
    """asyncpg says InterfaceError of it, as of a closed connection: waiting would hold the partition for ever."""
    since = await dead_until_now(ledger)
    bad, good = cancel("too big"), cancel()
    service = service_with(
        ledger, lambda message: "SELECT CAST($1 AS int)" if message.reason == "too big" else "SELECT CAST($1 AS text)"
    )
    async with service.running(Role.CONSUME):
        await ledger.stage.send(bad, good)
        await ledger.noted(good.subject.id)
        (letter,) = await aside(ledger, 1, since=since)
    assert letter.reason == "bug"
    assert "99999999999" not in letter.detail, "no values in what people read"


def service_with(ledger: Ledger, statement: Callable[[CancelPayment], str]) -> Service:
    """A ledger that runs a statement with a number that fits in no int4."""
    service = Service(name="payments", title="Ledger", version="0", settings=ledger.settings())
    service.consumers = Consumers("payments", service.database, ledger.stage.platform)
    requests = service.consumers.topic(PAYMENTS_REQUESTS)

    @requests(CancelPayment)
    async def on_cancel(message: CancelPayment, tx: Transaction) -> None:
        value = 99_999_999_999 if message.reason == "too big" else "text"
        await tx.connection.exec_driver_sql(statement(message), (value,))
        await tx.connection.execute(
            text("INSERT INTO notes (subject) VALUES (:subject)"), {"subject": str(message.subject.id)}
        )

    return service


async def test_a_record_as_large_as_the_broker_takes_can_still_be_set_aside(ledger: Ledger) -> None:
    """Its letter is larger than it: the headers that say why come on top."""
    since = await dead_until_now(ledger)
    topic = ledger.stage.platform.topic_prefix + PAYMENTS_REQUESTS.name
    good, bad = cancel(), cancel()
    async with ledger.stage.raw_producer() as producer:
        await producer.send_and_wait(topic, key=b"one", value=b"x" * 1_048_000, headers=headers_of(bad, new_id()))
    async with ledger.running():
        await ledger.stage.send(good)
        await ledger.noted(good.subject.id)
        (letter,) = await aside(ledger, 1, since=since)
    assert len(letter.body or b"") == 1_048_000


async def test_a_type_that_a_reader_does_not_handle_is_passed_over(ledger: Ledger) -> None:
    message = cancel()
    since = await dead_until_now(ledger)
    topic = ledger.stage.platform.topic_prefix + PAYMENTS_REQUESTS.name
    async with ledger.stage.raw_producer() as producer:
        headers = retyped(message, "payments.request-refund.v1")
        await producer.send_and_wait(topic, key=b"one", value=b"{}", headers=headers)
    async with ledger.running():
        await ledger.stage.send(message)
        await ledger.noted(message.subject.id)
    assert await dead_until_now(ledger) == since


@pytest.mark.parametrize("kept", [True, False])
async def test_a_position_follows_what_was_applied(ledger: Ledger, kept: bool) -> None:
    service = Service(name="payments", title="Ledger", version="0", settings=ledger.settings())
    consumers = service.consumers = Consumers("payments", service.database, ledger.stage.platform)
    requests = consumers.topic(PAYMENTS_REQUESTS, keeps_position=kept)
    seen: list[UUID] = []

    @requests.batch
    async def on_batch(batch: object, tx: Transaction) -> None:
        seen.extend(each.message.subject.id for each in batch)  # type: ignore[attr-defined]

    messages = [cancel() for _ in range(20)]
    await ledger.stage.send(*messages)
    async with service.running(Role.CONSUME):

        async def all_seen() -> bool:
            return {each.subject.id for each in messages} <= set(seen)

        await until(all_seen, what="the batch")
    positions = {row["partition"]: row["next_offset"] for row in await ledger.rows("SELECT * FROM consumer_positions")}
    ends: dict[int, int] = {}
    for record in await ledger.stage.records(PAYMENTS_REQUESTS):
        ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
    touched = {
        each.record.partition for each in await ledger.stage.messages(PAYMENTS_REQUESTS) if each.message in messages
    }
    assert positions == ({partition: ends[partition] for partition in touched} if kept else {})


async def test_a_thing_that_is_taken_away_is_told_in_its_order(ledger: Ledger, the_stage: Stage) -> None:
    service = Service(name="booking", title="Reader", version="0", settings=ledger.settings())
    consumers = service.consumers = Consumers("booking", service.database, the_stage.platform)
    offices = consumers.topic(CATALOG_OFFICES)
    told: list[str] = []

    @offices(OfficeDescribed)
    async def on_office(office: OfficeDescribed, _tx: Transaction) -> None:
        told.append(f"{office.code} is")

    @offices.tombstone
    async def on_gone(code: str, _tx: Transaction) -> None:
        told.append(f"{code} is gone")

    name = Text(ar="مكتب", en="Office")
    office = OfficeDescribed(
        code="DAM-01", revision=1, kind="office", region="DAMASCUS", region_name=name, name=name, address=name,
        zone="Asia/Damascus", currency="SYP", services=(),
    )  # fmt: skip
    await the_stage.send(office)
    topic = the_stage.platform.topic_prefix + CATALOG_OFFICES.name
    headers = [("ce_id", str(new_id()).encode())]
    async with the_stage.raw_producer() as producer:
        await producer.send_and_wait(topic, key=b"DAM-01", value=None, headers=headers)
        await the_stage.send(office)
        await producer.send_and_wait(topic, key=b"DAM-01", value=None, headers=headers)  # the relay sent it again
        await producer.send_and_wait(topic, key=b"DAM-02", value=None)
    async with service.running(Role.CONSUME):

        async def all_told() -> bool:
            return "DAM-02 is gone" in told

        await until(all_told, what="the offices")
    assert told == ["DAM-01 is", "DAM-01 is gone", "DAM-01 is", "DAM-02 is gone"]
