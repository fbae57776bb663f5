"""Topics in: facts that people are told of, requests, and the catalogue that the texts name."""

from collections.abc import Callable, Sequence

from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.contracts.topics import (
    BOOKING_EVENTS,
    CATALOG_OFFICES,
    CATALOG_SERVICES,
    CONSULAR_EVENTS,
    NOTIFICATIONS_REQUESTS,
    PAYMENTS_EVENTS,
    PAYMENTS_REFUNDS,
)
from dawr.notifications.sealing import Seals
from dawr.notifications.service import contacts, telling
from dawr.notifications.store import copies
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Received
from dawr.servicekit.settings import PlatformSettings


def create_consumers(
    database: Database, platform: PlatformSettings, seals: Seals, on_queued: Callable[[], None]
) -> Consumers:
    """The subscriptions of notifications. `on_queued` hears of messages that are about to be committed."""
    consumers = Consumers("notifications", database, platform)

    async def on_facts(batch: Sequence[Received], tx: Transaction) -> None:
        await telling.tell(tx, [(each.cause, each.message) for each in batch])
        on_queued()

    for topic in (BOOKING_EVENTS, PAYMENTS_EVENTS, PAYMENTS_REFUNDS, CONSULAR_EVENTS):
        consumers.topic(topic, max_records=200).batch(on_facts)

    requests = consumers.topic(NOTIFICATIONS_REQUESTS)

    @requests(SendMessage)
    async def on_send_message(request: SendMessage, tx: Transaction) -> None:
        await telling.send_message(tx, request, seals)
        on_queued()

    @requests(RegisterContact)
    async def on_register_contact(request: RegisterContact, tx: Transaction) -> None:
        await contacts.register(tx, request, seals)

    services = consumers.topic(CATALOG_SERVICES)

    @services(ServiceDescribed)
    async def on_service_described(state: ServiceDescribed, tx: Transaction) -> None:
        await copies.save_service(tx.connection, state)

    offices = consumers.topic(CATALOG_OFFICES)

    @offices(OfficeDescribed)
    async def on_office_described(state: OfficeDescribed, tx: Transaction) -> None:
        await copies.save_office(tx.connection, state)

    return consumers
