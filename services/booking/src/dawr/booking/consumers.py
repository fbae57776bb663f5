"""What booking takes from topics."""

from collections.abc import Sequence
from datetime import timedelta

from dawr.booking.catalogue import Catalogue
from dawr.booking.service.keep_capacity import drop_capacity, keep_capacity
from dawr.booking.service.settle_payments import note_refund, settle_payments
from dawr.booking.service.take_requests import take_requests
from dawr.booking.settings import BookingSettings
from dawr.booking.store import catalogue as copy
from dawr.contracts.catalog import CapacityPublished, OfficeDescribed, ServiceDescribed
from dawr.contracts.payments import RefundAccepted, RefundFact, RefundFailed, RefundSucceeded
from dawr.contracts.topics import (
    BOOKING_REQUESTS,
    CATALOG_CAPACITY,
    CATALOG_OFFICES,
    CATALOG_SERVICES,
    PAYMENTS_EVENTS,
    PAYMENTS_REFUNDS,
)
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.envelope import Received


def create_consumers(database: Database, settings: BookingSettings, catalogue: Catalogue) -> Consumers:
    """Booking's subscriptions."""
    consumers = Consumers("booking", database, settings.platform)
    requests = consumers.topic(
        BOOKING_REQUESTS, max_records=settings.batch_records, fetch_wait_ms=10, keeps_position=True
    )
    payment_events = consumers.topic(PAYMENTS_EVENTS)
    refunds = consumers.topic(PAYMENTS_REFUNDS)
    services = consumers.topic(CATALOG_SERVICES, is_copy=True)
    offices = consumers.topic(CATALOG_OFFICES, is_copy=True)
    capacity = consumers.topic(CATALOG_CAPACITY, is_copy=True)
    hold = timedelta(seconds=settings.hold_seconds)
    grace = timedelta(seconds=settings.payment_grace_seconds)

    @requests.batch
    async def on_requests(batch: Sequence[Received], tx: Transaction) -> None:
        await take_requests(tx, batch, catalogue, hold=hold, grace=grace, moves_count=settings.moves_count)

    @payment_events.batch
    async def on_payment_events(batch: Sequence[Received], tx: Transaction) -> None:
        await settle_payments(tx, batch)

    @refunds(RefundAccepted, RefundSucceeded, RefundFailed)
    async def on_refund(event: RefundFact, tx: Transaction) -> None:
        await note_refund(tx, event)

    @services(ServiceDescribed)
    async def on_service(service: ServiceDescribed, tx: Transaction) -> None:
        await copy.keep(tx.connection, service)

    @offices(OfficeDescribed)
    async def on_office(office: OfficeDescribed, tx: Transaction) -> None:
        await copy.keep(tx.connection, office)

    @capacity(CapacityPublished)
    async def on_capacity(month: CapacityPublished, tx: Transaction) -> None:
        await keep_capacity(tx, month)

    @services.tombstone
    async def on_service_gone(code: str, tx: Transaction) -> None:
        await copy.drop(tx.connection, "service", code)

    @offices.tombstone
    async def on_office_gone(code: str, tx: Transaction) -> None:
        await copy.drop(tx.connection, "office", code)

    @capacity.tombstone
    async def on_capacity_gone(key: str, tx: Transaction) -> None:
        await drop_capacity(tx, key)

    return consumers
