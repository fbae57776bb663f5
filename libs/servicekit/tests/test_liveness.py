"""Health that sees a consumer which is stuck, though its process answers and its broker does too."""

import asyncio
from typing import Any

import httpx
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from libs.servicekit.tests.ledger import Ledger, cancel, create_ledger, new_topic
from prometheus_client import REGISTRY

from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit.service import Role, Service
from dawr.servicekit.testing import Stage, until


class Stuck:
    """A handler that does not come to its end by itself."""

    def __init__(self) -> None:
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()

    async def __call__(self, _message: Any) -> None:
        self.reached.set()
        await self.let_go.wait()


def client(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(service.app(Role.CONSUME)), base_url="http://test")


async def test_trap_a_ping_does_not_see_a_stuck_consumer(the_stage: Stage) -> None:
    topic = await new_topic(the_stage, "bare.stuck")
    broker = KafkaBroker(the_stage.platform.kafka, logger=None, graceful_timeout=None)
    stuck = Stuck()
    broker.subscriber(topic, group_id=f"{topic}.group", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK)(
        stuck.__call__
    )
    async with the_stage.raw_producer() as producer:
        await producer.send_and_wait(topic, b"work")
    await broker.start()
    try:
        await asyncio.wait_for(stuck.reached.wait(), 20)
        assert await broker.ping(timeout=5) is True
    finally:
        stuck.let_go.set()
        await broker.stop()


async def test_a_batch_that_is_worked_on_for_too_long_is_seen(ledger: Ledger) -> None:
    stuck, message = Stuck(), cancel()
    async with ledger.running(stuck, stuck_seconds=0.3) as service, client(service) as http:
        assert (await http.get("/healthz")).json() == {"status": "alive"}
        await ledger.stage.send(message)
        await asyncio.wait_for(stuck.reached.wait(), 20)

        async def is_seen() -> httpx.Response | None:
            answer = await http.get("/healthz")
            return answer if answer.status_code == 503 else None

        answer = await until(is_seen, what="the stuck batch")
        assert answer.json() == {"status": "stuck"}
        stuck.let_go.set()
        await ledger.noted(message.subject.id)

        async def is_alive_again() -> bool:
            return (await http.get("/healthz")).status_code == 200

        await until(is_alive_again, what="health")


async def test_partitions_that_nobody_polls_are_seen(ledger: Ledger) -> None:
    """The loop that polls is gone, and what came since waits in the client."""
    async with ledger.running(stuck_seconds=1.0) as service, client(service) as http:
        first = cancel()
        await ledger.stage.send(first)
        await ledger.noted(first.subject.id)
        assert service.consumers is not None
        (subscription,) = service.consumers.subscriptions
        for task in subscription.subscriber.tasks:
            task.cancel()
        later = [cancel() for _ in range(30)]
        await ledger.stage.send(*later)

        async def is_seen() -> bool:
            return (await http.get("/healthz")).status_code == 503

        await until(is_seen, what="the silence")
    async with ledger.running():
        await ledger.noted(*(each.subject.id for each in later))


async def test_readiness_tells_which_part_is_missing(ledger: Ledger) -> None:
    service = create_ledger(ledger.settings())
    async with client(service) as http:
        assert (await http.get("/readyz")).json()["checks"] == {"database": True, "broker": False, "consumers": False}
        async with service.running(Role.CONSUME):

            async def is_ready() -> httpx.Response | None:
                answer = await http.get("/readyz")
                return answer if answer.status_code == 200 else None

            answer = await until(is_ready, what="readiness")
            assert answer.json() == {
                "ready": True,
                "role": "consume",
                "checks": {"database": True, "broker": True, "consumers": True},
            }
            service.ready["caught up"] = _no
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["checks"]["caught up"] is False


async def _no() -> bool:
    return False


async def test_lag_is_what_waits_in_the_topic(ledger: Ledger) -> None:
    def lag() -> float | None:
        return REGISTRY.get_sample_value(
            "dawr_consumer_lag_records", {"topic": PAYMENTS_REQUESTS.name, "group": "payments"}
        )

    stuck = Stuck()
    async with ledger.running(stuck, max_records=1) as service, client(service) as http:
        messages = [cancel() for _ in range(9)]
        await ledger.stage.send(*messages)
        await asyncio.wait_for(stuck.reached.wait(), 20)

        async def eight_wait() -> bool:
            assert "dawr_consumer_lag_records" in (await http.get("/metrics")).text
            return lag() == 8

        await until(eight_wait, what="the lag")
        stuck.let_go.set()
        await ledger.noted(*(each.subject.id for each in messages))

        async def none_waits() -> bool:
            await http.get("/metrics")
            return lag() == 0

        await until(none_waits, what="no lag")
