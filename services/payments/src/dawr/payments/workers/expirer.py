"""Ends payments whose time is over. It asks nobody: money that comes later is recorded all the same."""

from dataclasses import dataclass

from dawr.payments.service.clocks import expire_due
from dawr.servicekit.database import Database

_BATCH = 200


@dataclass
class Expirer:
    """At `pay_before`, PaymentExpired."""

    database: Database

    async def step(self) -> int:
        """Expire what is due now; how many payments that was."""
        async with self.database.transaction() as tx:
            return await expire_due(tx, limit=_BATCH)
