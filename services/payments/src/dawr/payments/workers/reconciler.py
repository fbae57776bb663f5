"""Asks providers about payments whose end nobody told us, so that a lost webhook loses no money."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from dawr.payments.domain.payment import Looks
from dawr.payments.errors import ProviderRefused, ProviderUnavailable
from dawr.payments.providers import Provider
from dawr.payments.service.clocks import note_look
from dawr.payments.store import payments
from dawr.payments.workers import Lease, for_each
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database

CALLS = 1
"""Of one look."""

_log = telemetry.get_logger("dawr.payments")


@dataclass
class Reconciler:
    """Looks at growing distances while a payment waits, right after its end, and for some time from then on."""

    database: Database
    providers: Mapping[str, Provider]
    looks: Looks
    lease: Lease

    async def step(self) -> int:
        """Ask about what is due now; about how many payments that was."""
        async with self.database.transaction() as tx:
            due = await payments.claim_looks(tx.connection, tx.now, self.lease.lasts, self.lease.rows(CALLS))
        await for_each(due, self._look)
        return len(due)

    async def _look(self, due: tuple[UUID, str]) -> None:
        payment_id, provider = due[0], self.providers[due[1]]
        try:
            checkout = await provider.checkout_of(payment_id)
        except (ProviderUnavailable, ProviderRefused) as error:
            # The lease brings it back.
            _log.warning("look.unanswered", payment=str(payment_id), provider=provider.name, why=str(error))
            return
        async with self.database.transaction() as tx:
            await note_look(tx, payment_id, checkout, self.looks)
