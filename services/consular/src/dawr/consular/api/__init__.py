"""HTTP in: what consular answers under `/api/consular`."""

from fastapi import APIRouter

from dawr.consular.api.cases import CaseResource
from dawr.consular.api.mandates import MandateResource
from dawr.consular.api.rates import RateResource
from dawr.consular.watch import Watch
from dawr.servicekit.database import Database


def create_router(database: Database, watch: Watch, *, mandate_days: int) -> APIRouter:
    """Consular's resources. Every one of them wants a signed-in caller."""
    router = APIRouter()
    router.include_router(CaseResource(database, watch).router())
    router.include_router(MandateResource(database, mandate_days=mandate_days).router())
    router.include_router(RateResource(database).router())
    return router
