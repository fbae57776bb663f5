"""What catalog answers over HTTP: services, offices and regions for everybody; fees, capacity and changes for staff."""

from collections.abc import Sequence

from fastapi import APIRouter

from dawr.catalog.api.capacity import create_capacity_router
from dawr.catalog.api.changes import create_changes_router
from dawr.catalog.api.closures import create_closures_router
from dawr.catalog.api.conditional import PublicAnswers
from dawr.catalog.api.differences import create_differences_router
from dawr.catalog.api.fees import create_fees_router
from dawr.catalog.api.imports import create_imports_router
from dawr.catalog.api.offices import create_offices_router
from dawr.catalog.api.plans import create_plans_router
from dawr.catalog.api.previews import create_previews_router
from dawr.catalog.api.services import create_services_router
from dawr.catalog.api.things import create_things_router
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.editions import Editions
from dawr.servicekit.database import Database


def create_routers(
    database: Database, editions: Editions, *, cache_seconds: int, horizon: Horizon
) -> Sequence[APIRouter]:
    """The resources of catalog; `cache_seconds` is for how long a public answer may be used without asking again,
    `horizon` how far capacity is published."""
    public = PublicAnswers(database, editions, cache_seconds)
    return (
        create_services_router(public),
        create_offices_router(public),
        create_fees_router(database),
        create_capacity_router(database),
        create_things_router(database, horizon),
        create_plans_router(database, horizon),
        create_closures_router(database, horizon),
        create_previews_router(database),
        create_differences_router(database),
        create_imports_router(database, horizon),
        create_changes_router(database),
    )
