"""Payments, put together."""

import random
from datetime import timedelta
from functools import partial

from dawr.payments.api import Parts, create_router
from dawr.payments.consumers import create_consumers
from dawr.payments.domain.payment import Looks
from dawr.payments.domain.refund import Retries
from dawr.payments.providers import Provider, SandboxBank
from dawr.payments.settings import PaymentsSettings
from dawr.payments.webhooks import WebhookVerifier
from dawr.payments.workers import Lease, poll
from dawr.payments.workers.closer import CheckoutCloser
from dawr.payments.workers.expirer import Expirer
from dawr.payments.workers.reconciler import Reconciler
from dawr.payments.workers.refund_submitter import RefundSubmitter
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.service import Service

LONGEST_BETWEEN_LOOKS = timedelta(minutes=5)


def create_service(settings: PaymentsSettings | None = None, *, clock: Clock = utc_now) -> Service:
    """The service with its parts; nothing connects before it runs."""
    settings = settings or PaymentsSettings()
    service = Service(name="payments", title="Dawr payments", version="0.1.0", settings=settings, clock=clock)
    bank = SandboxBank(settings.bank_url, settings.bank_key, timeout_seconds=settings.bank_timeout_seconds)
    providers: dict[str, Provider] = {bank.name: bank}
    webhooks = WebhookVerifier(
        settings.signing_secrets, tolerance=timedelta(seconds=settings.webhook_tolerance_seconds)
    )
    looks = Looks(
        every=timedelta(seconds=settings.reconcile_after_seconds),
        longest=LONGEST_BETWEEN_LOOKS,
        stop_after=timedelta(hours=settings.reconcile_until_hours),
    )
    retries = Retries(
        failures=settings.refund_failures,
        first=timedelta(seconds=settings.refund_retry_seconds),
        longest=timedelta(seconds=settings.refund_retry_longest_seconds),
    )
    lease = Lease(timedelta(seconds=settings.lease_seconds), timedelta(seconds=settings.bank_timeout_seconds))
    database = service.database
    steps = {
        "expirer": Expirer(database).step,
        "reconciler": Reconciler(database, providers, looks, lease).step,
        "checkout-closer": CheckoutCloser(database, providers, lease).step,
        "refund-submitter": RefundSubmitter(
            database,
            providers,
            retries,
            lease,
            jitter=lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads retries, guards nothing
        ).step,
    }

    async def has_keys() -> bool:
        return bool(settings.bank_key) and webhooks.has_secrets

    service.consumers = create_consumers(database, settings)
    parts = Parts(database, providers, webhooks, looks, settings.return_urls, settings.refund_working_days)
    service.routers = (create_router(parts),)
    service.background = {name: partial(poll, step, settings.worker_poll_seconds) for name, step in steps.items()}
    service.closers = [bank.aclose]
    service.ready = {"provider-keys": has_keys}
    return service
