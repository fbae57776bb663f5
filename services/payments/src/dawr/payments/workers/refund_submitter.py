"""Has refunds made by providers: again after failures, never twice, and by a person when the answer stays no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dawr.payments import metrics
from dawr.payments.domain.facts import RefundOutcome
from dawr.payments.domain.refund import Retries
from dawr.payments.errors import ProviderRefused, ProviderUnavailable
from dawr.payments.providers import Provider, RefundOrder
from dawr.payments.service.refunds import DueRefund, claim_due, note_failure, note_no_answer, record_refund
from dawr.payments.store import refunds
from dawr.payments.workers import Lease, for_each
from dawr.servicekit import telemetry
from dawr.servicekit.database import Database

CALLS = 2
"""Of one try: what became of the last one, and the refund itself."""

_log = telemetry.get_logger("dawr.payments")


async def give_back(provider: Provider, due: DueRefund) -> RefundOutcome:
    """Have a refund made. After an earlier try, of which the answer may be lost, the provider is asked first.

    A refund that the provider called failed is final there: the next one has a new idempotency key.
    """
    refund = due.refund
    if refund.tries > 1:
        made = await provider.refund_of(refund.id)
        if made is not None and (made.succeeded or made.id != refund.last_failed_reference):
            return made
    return await provider.refund(RefundOrder(refund.id, refund.idempotency_key, due.capture_id, refund.amount))


@dataclass
class RefundSubmitter:
    """Claims refunds that are due, asks their provider, and notes what came of it."""

    database: Database
    providers: Mapping[str, Provider]
    retries: Retries
    lease: Lease
    jitter: Callable[[], float]
    """Between 0.5 and 1: spreads retries, so that a provider that comes back is not hit by all at once."""

    async def step(self) -> int:
        """Submit what is due now; how many refunds that was."""
        async with self.database.transaction() as tx:
            due = await claim_due(tx, lease=self.lease.lasts, limit=self.lease.rows(CALLS))
            metrics.REFUNDS_SET_ASIDE.set(await refunds.set_aside_count(tx.connection))
            metrics.REFUNDS_UNANSWERED.set(await refunds.unanswered_count(tx.connection))
        await for_each(due, self._submit)
        return len(due)

    async def _submit(self, due: DueRefund) -> None:
        why, failed_reference = "", None
        try:
            outcome = await give_back(self.providers[due.provider], due)
        except ProviderUnavailable as error:
            _log.warning("refund.unanswered", refund=str(due.refund.id), tries=due.refund.tries, why=str(error))
            async with self.database.transaction() as tx:
                await note_no_answer(tx, due.refund, self.retries, self.jitter(), why="provider-unavailable")
            return
        except ProviderRefused as refusal:
            why = str(refusal.data["provider_code"])
        else:
            if outcome.succeeded:
                async with self.database.transaction() as tx:
                    noted = await record_refund(tx, outcome)
                if noted.flag is None:
                    return
                why = noted.flag.value
            else:
                why, failed_reference = "refund-failed", outcome.id
        _log.warning("refund.try-failed", refund=str(due.refund.id), tries=due.refund.tries, why=why)
        async with self.database.transaction() as tx:
            await note_failure(tx, due.refund, self.retries, self.jitter(), why=why, failed_reference=failed_reference)
