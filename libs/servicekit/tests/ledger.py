"""A service with one effect, on which delivery is tested: it notes each request, and tells of it.

Run as a process (`python ledger.py`, settings from the environment) it can be killed at a point that is chosen:
in the handler, or after the database's commit and before the broker's.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError
from pydantic_settings import SettingsConfigDict

from dawr.contracts import Money, Subject
from dawr.contracts.payments import CancelPayment, PaymentExpired
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Transaction
from dawr.servicekit.process import main
from dawr.servicekit.service import Role, Service
from dawr.servicekit.settings import ServiceSettings
from dawr.servicekit.testing import Stage, until

NOTES = "CREATE TABLE notes (place bigint GENERATED ALWAYS AS IDENTITY, subject text NOT NULL)"

Before = Callable[[CancelPayment], Awaitable[None]]
"""What a handler does before its effect: wait, fail."""


class LedgerSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LEDGER_", extra="ignore")

    dies: str = ""
    """`in-handler` or `after-commit`: where the process kills itself."""


def cancel(reason: str = "test", subject: UUID | None = None) -> CancelPayment:
    """A request; its subject is what the ledger notes."""
    return CancelPayment(payment_id=uuid4(), subject=Subject(kind="turn", id=subject or uuid4()), reason=reason)


async def _nothing(_message: CancelPayment) -> None:
    pass


def create_ledger(settings: ServiceSettings, before: Before = _nothing, *, max_records: int = 100) -> Service:
    """The service; `before` comes before each effect."""
    service = Service(name="payments", title="Ledger", version="0", settings=settings)
    service.consumers = Consumers("payments", service.database, settings.platform)
    requests = service.consumers.topic(PAYMENTS_REQUESTS, max_records=max_records)

    @requests(CancelPayment)
    async def on_cancel(message: CancelPayment, tx: Transaction) -> None:
        await before(message)
        await tx.connection.exec_driver_sql("INSERT INTO notes (subject) VALUES ($1)", (str(message.subject.id),))
        tx.stage(
            PaymentExpired(
                payment_id=message.payment_id,
                subject=message.subject,
                payer_id=uuid4(),
                amount=Money(minor=0, currency="SYP"),
                at=datetime.now(UTC),
            )
        )

    return service


class Ledger:
    """A database of its own for ledgers on a stage; as many of them run as a test starts."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.stage = stage
        self.url = url

    def settings(self, **settings: object) -> ServiceSettings:
        """Settings of a ledger here."""
        return ServiceSettings.model_validate({"database_url": self.url, "platform": self.stage.platform, **settings})

    @asynccontextmanager
    async def running(
        self, before: Before = _nothing, *, max_records: int = 100, **settings: object
    ) -> AsyncIterator[Service]:
        """A ledger that consumes."""
        service = create_ledger(self.settings(**settings), before, max_records=max_records)
        async with service.running(Role.CONSUME):
            yield service

    async def notes(self) -> list[str]:
        """The subjects that were noted, in their order."""
        return [row["subject"] for row in await self.rows("SELECT subject FROM notes ORDER BY place")]

    async def rows(self, statement: str) -> list[Mapping[str, Any]]:
        """What a query gives."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def noted(self, *subjects: UUID, timeout: float = 20) -> list[str]:
        """Wait until all of these are noted; all notes."""

        async def all_there() -> list[str] | None:
            notes = await self.notes()
            return notes if {str(each) for each in subjects} <= set(notes) else None

        return await until(all_there, what="notes", timeout=timeout)


async def committed(stage: Stage, topic: str, group: str) -> int:
    """How many records of a topic a group has committed, over all partitions; names without the stage's prefix."""
    prefix = stage.platform.topic_prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.platform.kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(prefix + group)
    except GroupCoordinatorNotAvailableError:
        return 0  # a broker on which no group ever committed
    finally:
        await admin.close()
    return sum(max(0, each.offset) for partition, each in offsets.items() if partition.topic == prefix + topic)


async def new_topic(stage: Stage, name: str, partitions: int = 1) -> str:
    """A topic that no contract names; its name with the stage's prefix."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.platform.kafka)
    await admin.start()
    try:
        full = stage.platform.topic_prefix + name
        await admin.create_topics([NewTopic(full, partitions, 1)])
    finally:
        await admin.close()
    return full


def _create() -> Service:
    settings = LedgerSettings()

    async def die(_message: CancelPayment) -> None:
        if settings.dies == "in-handler":
            os.kill(os.getpid(), signal.SIGKILL)

    service = create_ledger(settings, die)
    if settings.dies == "after-commit":
        service.database.on_staged = lambda: os.kill(os.getpid(), signal.SIGKILL)
    return service


if __name__ == "__main__":
    sys.exit(main(_create))
