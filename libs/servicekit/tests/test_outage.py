"""The broker or the database is killed and comes back: nothing is lost, and callers are told at once."""

import asyncio
import struct
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.protocol.produce import ProduceRequest
from libs.servicekit.tests.ledger import NOTES, Ledger, cancel, create_ledger
from prometheus_client import REGISTRY

from dawr.contracts.payments import PaymentExpired
from dawr.contracts.topics import PAYMENTS_EVENTS, PAYMENTS_REFUNDS, PAYMENTS_REQUESTS
from dawr.servicekit.producer import MAX_RECORD_BYTES, BrokerGone, Producer
from dawr.servicekit.service import Role
from dawr.servicekit.testing import Stage, stage, until
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("own servers")


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[tuple[Kafka, Postgres]]:
    """A broker and a database server that tests may kill."""
    with tempfile.TemporaryDirectory(prefix="dawr-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another account when root starts it
        kafka, postgres = Kafka(folder / "kafka"), Postgres(folder / "postgres")
        await asyncio.gather(asyncio.to_thread(kafka.start), asyncio.to_thread(postgres.start))
        yield kafka, postgres
        kafka.kill()
        postgres.kill()


@pytest.fixture
def kafka(servers: tuple[Kafka, Postgres]) -> Kafka:
    return servers[0]


@pytest.fixture
def postgres(servers: tuple[Kafka, Postgres]) -> Postgres:
    return servers[1]


@pytest.fixture(scope="module")
async def own_stage(servers: tuple[Kafka, Postgres], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    kafka, postgres = servers
    folder = tmp_path_factory.mktemp("stage")
    async with stage("own", kafka=kafka.bootstrap, postgres=postgres.url("postgres"), folder=folder) as set_up:
        yield set_up


@pytest.fixture
async def own_ledger(own_stage: Stage) -> Ledger:
    url = await own_stage.bare_database()
    connection = await asyncpg.connect(url)
    await connection.execute(NOTES)
    await connection.close()
    return Ledger(own_stage, url)


async def produced(producer: AIOKafkaProducer, topic: str) -> tuple[int, int]:
    """Of a record that is sent: the acknowledgement that is asked for, and the id of its producer, as on the wire."""
    wire: list[ProduceRequest] = []
    send = producer.client.send

    async def seen(node: int, request: object, **options: object) -> object:
        if isinstance(request, ProduceRequest):
            wire.append(request)
        return await send(node, request, **options)

    producer.client.send = seen
    await producer.send_and_wait(topic, b"{}", key=b"wire")
    producer.client.send = send
    ((_, ((_, batch),)),) = wire[0]._topics
    # KIP-98: a record batch has its producer's id after 43 bytes; -1: none.
    return wire[0].required_acks, struct.unpack_from(">q", batch, 43)[0]


async def test_a_producer_waits_for_all_replicas_and_numbers_its_records(own_stage: Stage) -> None:
    topic = own_stage.platform.topic_prefix + PAYMENTS_REFUNDS.name
    bare = AIOKafkaProducer(bootstrap_servers=own_stage.platform.kafka)
    await bare.start()
    try:
        assert await produced(bare, topic) == (1, -1), "the trap: the leader's word is enough, retries may double"
    finally:
        await bare.stop()
    producer = Producer(own_stage.platform, client_id="test")
    producer.start()
    await producer.wait_ready(10)
    acks, producer_id = await produced(producer._producer, topic)
    await producer.stop()
    assert acks == -1
    assert producer_id >= 0


def retries() -> float:
    """How often batches were tried again, for whatever reason."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "dawr_batch_retries"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


async def test_a_producer_says_no_at_once_while_the_broker_is_gone_and_recovers(own_stage: Stage, kafka: Kafka) -> None:
    producer = Producer(own_stage.platform, client_id="test", timeout=1.0)
    producer.start()
    await producer.wait_ready(10)

    async def send(body: bytes = b"{}") -> None:
        await producer.send(PAYMENTS_EVENTS.name, b"key", body, [])

    async def is_ready() -> bool:
        try:
            await send(b"first")
        except BrokerGone:
            return False
        return True

    await until(is_ready, what="a leader of the new topic's partition")
    await send()
    await asyncio.to_thread(kafka.kill)
    start = time.monotonic()
    refusals = await asyncio.gather(*(send() for _ in range(50)), return_exceptions=True)
    assert time.monotonic() - start < 3, "the time-out of one, for all that waited"
    assert all(isinstance(each, BrokerGone) for each in refusals)
    assert not producer.is_ready
    start = time.monotonic()
    with pytest.raises(BrokerGone):
        await send()
    assert time.monotonic() - start < 0.1, "it does not wait for a broker that is known to be gone"
    await asyncio.to_thread(kafka.start)
    await producer.wait_ready(20)
    await send()
    await producer.stop()
    bodies = Counter(each.value for each in await own_stage.records(PAYMENTS_EVENTS))
    assert bodies[b"{}"] == 2, "what was refused is not sent later"


async def test_a_record_that_the_broker_never_takes_is_no_outage(own_stage: Stage) -> None:
    producer = Producer(own_stage.platform, client_id="test")
    producer.start()
    await producer.wait_ready(10)
    with pytest.raises(MessageSizeTooLargeError):
        await producer.send(PAYMENTS_EVENTS.name, b"key", b"x" * (MAX_RECORD_BYTES + 1), [])
    assert producer.is_ready, "the others go on"
    await producer.stop()


async def test_the_outbox_waits_for_the_broker_and_consumers_go_on(own_ledger: Ledger, kafka: Kafka) -> None:
    first, later = cancel(), [cancel() for _ in range(20)]
    async with own_ledger.running() as service:
        await own_ledger.stage.send(first)
        await own_ledger.noted(first.subject.id)
        await own_ledger.stage.wait_for(PaymentExpired)
        await asyncio.to_thread(kafka.kill)
        async with service.database.transaction() as tx:
            for message in later:
                tx.stage(message)

        async def is_known() -> bool:
            return not (await service.checks())["broker"]

        await until(is_known, what="the outage")
        await asyncio.to_thread(kafka.start)
        await own_ledger.noted(*(each.subject.id for each in later), timeout=40)
    subjects = {str(each.subject.id) for each in [first, *later]}
    assert sorted(await own_ledger.notes()) == sorted(subjects)
    told = {each.message.key(): each.cause.id for each in await own_ledger.stage.messages(PAYMENTS_EVENTS)}
    assert told.keys() == subjects, "the events were sent before the service ended"


@pytest.mark.parametrize("hold_batch_seconds", [60.0, 0.2], ids=["held", "asked for anew"])
async def test_while_the_database_is_away_consumers_hold_their_batch_and_go_on(
    own_ledger: Ledger, postgres: Postgres, hold_batch_seconds: float
) -> None:
    first, during = cancel(), [cancel() for _ in range(30)]
    service = create_ledger(own_ledger.settings())
    assert service.consumers is not None
    service.consumers.hold_batch_seconds = hold_batch_seconds
    async with service.running(Role.CONSUME):
        await own_ledger.stage.send(first)
        await own_ledger.noted(first.subject.id)
        await asyncio.to_thread(postgres.kill)
        await own_ledger.stage.send(*during)

        tried = retries()

        async def tries_again() -> bool:
            return retries() >= tried + 8

        await until(tries_again, what="a batch that is tried again and again")
        assert (await service.checks())["database"] is False
        await asyncio.to_thread(postgres.start)
        notes = await own_ledger.noted(*(each.subject.id for each in during))
    assert sorted(notes) == sorted(str(each.subject.id) for each in [first, *during])
    letters = await own_ledger.stage.records(PAYMENTS_REQUESTS.dead("payments"))
    assert letters == [], "an outage costs nobody their turn"
