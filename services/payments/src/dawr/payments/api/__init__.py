"""HTTP in: payers, providers and the finance desk."""

from fastapi import APIRouter

from dawr.payments.api.finance import create_flagged_router, create_ledger_router
from dawr.payments.api.parts import Parts
from dawr.payments.api.payments import create_attempts_router, create_payments_router
from dawr.payments.api.refunds import create_approvals_router, create_refunds_router
from dawr.payments.api.webhooks import create_webhooks_router

__all__ = ["Parts", "create_router"]


def create_router(parts: Parts) -> APIRouter:
    """All resources of payments."""
    router = APIRouter()
    for create in (
        create_payments_router,
        create_attempts_router,
        create_refunds_router,
        create_approvals_router,
        create_ledger_router,
        create_flagged_router,
        create_webhooks_router,
    ):
        router.include_router(create(parts))
    return router
