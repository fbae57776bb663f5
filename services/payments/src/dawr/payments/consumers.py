"""Topics in: what other services ask of payments."""

from dawr.contracts.payments import CancelPayment, RequestPayment, RequestRefund
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.payments.service import requests
from dawr.payments.settings import PaymentsSettings
from dawr.servicekit.consumers import Consumers
from dawr.servicekit.database import Database, Transaction


def create_consumers(database: Database, settings: PaymentsSettings) -> Consumers:
    """The subscriptions of payments."""
    consumers = Consumers("payments", database, settings.platform)
    payments_requests = consumers.topic(PAYMENTS_REQUESTS)

    @payments_requests(RequestPayment)
    async def on_request_payment(command: RequestPayment, tx: Transaction) -> None:
        await requests.open_requested(tx, command)

    @payments_requests(CancelPayment)
    async def on_cancel_payment(command: CancelPayment, tx: Transaction) -> None:
        await requests.withdraw(tx, command)

    @payments_requests(RequestRefund)
    async def on_request_refund(command: RequestRefund, tx: Transaction) -> None:
        await requests.refund_requested(tx, command)

    return consumers
