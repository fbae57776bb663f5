"""Topics in. Each handler is an adapter: a batch in, one use case out."""

from collections.abc import Sequence

from dawr.consular.service import follow_case
from dawr.consular.store import catalogue
from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.topics import (
    BOOKING_EVENTS,
    CATALOG_OFFICES,
    CATALOG_SERVICES,
    PAYMENTS_EVENTS,
    PAYMENTS_REFUNDS,
)
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Received
from dawr.servicekit.settings import PlatformSettings


def create_consumers(database: Database, platform: PlatformSettings) -> Consumers:
    """The subscriptions of consular."""
    consumers = Consumers("consular", database, platform)
    booking_events = consumers.topic(BOOKING_EVENTS)
    payments_events = consumers.topic(PAYMENTS_EVENTS)
    payments_refunds = consumers.topic(PAYMENTS_REFUNDS)
    services = consumers.topic(CATALOG_SERVICES, is_copy=True)
    offices = consumers.topic(CATALOG_OFFICES, is_copy=True)

    @booking_events.batch
    async def on_turn_facts(batch: Sequence[Received], tx: Transaction) -> None:
        await follow_case.follow_turns(tx, batch)

    @payments_events.batch
    async def on_payment_facts(batch: Sequence[Received], tx: Transaction) -> None:
        await follow_case.follow_payments(tx, batch)

    @payments_refunds.batch
    async def on_refund_facts(batch: Sequence[Received], tx: Transaction) -> None:
        await follow_case.follow_refunds(tx, batch)

    @services(ServiceDescribed)
    async def on_service_described(described: ServiceDescribed, tx: Transaction) -> None:
        await catalogue.keep_service(tx.connection, described)

    @services.tombstone
    async def on_service_gone(code: str, tx: Transaction) -> None:
        await catalogue.drop_service(tx.connection, code)

    @offices(OfficeDescribed)
    async def on_office_described(described: OfficeDescribed, tx: Transaction) -> None:
        await catalogue.keep_office(tx.connection, described)

    @offices.tombstone
    async def on_office_gone(code: str, tx: Transaction) -> None:
        await catalogue.drop_office(tx.connection, code)

    return consumers
