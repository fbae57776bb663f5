"""A consumer whose own work has ended by an error of the client is replaced, and nothing is lost."""

from libs.servicekit.tests.ledger import Ledger, cancel

from dawr.servicekit.testing import until


async def test_a_dead_consumer_is_replaced(ledger: Ledger) -> None:
    first, second = cancel(), cancel()
    async with ledger.running() as service:
        await ledger.stage.send(first)
        await ledger.noted(first.subject.id)
        assert service.consumers is not None
        assert not service.consumers.has_died()
        dead = service.consumers.subscriptions[0].subscriber.consumer
        dead._coordinator._coordination_task.cancel()  # as an error of the client ends it
        await ledger.stage.send(second)

        async def another() -> bool:
            consumers = service.consumers
            return consumers is not None and consumers.subscriptions[0].subscriber.consumer not in {dead, None}

        await until(another, timeout=40, what="another consumer")
        await ledger.noted(second.subject.id)
