"""Closes checkouts of withdrawn payments at their provider, so that nobody pays for what nobody waits for."""

from collections.abc import Mapping
from dataclasses import dataclass

from dawr.payments.domain.attempt import Attempt
from dawr.payments.errors import ProviderRefused, ProviderUnavailable
from dawr.payments.providers import Checkout, Provider
from dawr.payments.service.clocks import note_closed
from dawr.payments.store import attempts
from dawr.payments.workers import Lease, for_each
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database

CALLS = 3
"""Of one closing: how the checkout stands, its end, how it stands now."""

_log = telemetry.get_logger("dawr.payments")


@dataclass
class CheckoutCloser:
    """If the payer was faster, the capture is recorded."""

    database: Database
    providers: Mapping[str, Provider]
    lease: Lease
    """After which an unanswered closing is tried again."""

    async def step(self) -> int:
        """Close what is due now; how many attempts that was."""
        async with self.database.transaction() as tx:
            due = await attempts.claim_closings(tx.connection, tx.now, self.lease.lasts, self.lease.rows(CALLS))
        await for_each(due, self._close)
        return len(due)

    async def _close(self, attempt: Attempt) -> None:
        provider = self.providers[attempt.provider]
        try:
            checkout = await self._close_at(provider, attempt)
        except (ProviderUnavailable, ProviderRefused) as error:
            # The lease brings it back.
            _log.warning("close.unanswered", attempt=str(attempt.id), provider=provider.name, why=str(error))
            return
        async with self.database.transaction() as tx:
            await note_closed(tx, attempt.id, attempt.payment_id, checkout)

    async def _close_at(self, provider: Provider, attempt: Attempt) -> Checkout | None:
        """The checkout as it stands after closing; the answer to its opening may have been lost, so it is asked for."""
        checkout = await provider.checkout_of(attempt.payment_id)
        if checkout is None or not checkout.can_be_paid:
            return checkout
        try:
            await provider.close_checkout(checkout.id)
        except ProviderRefused as refusal:
            _log.info("close.too-late", attempt=str(attempt.id), code=refusal.data["provider_code"])
        return await provider.checkout_of(attempt.payment_id)
