"""What catalog answers over HTTP: `browse` for everybody, `staff` for planners."""

from collections.abc import Sequence

from fastapi import APIRouter

from dawr.catalog.api.browse import create_browse_router
from dawr.servicekit.auth import Verifier
from dawr.servicekit.database import Database


def create_routers(database: Database, verifier: Verifier, *, cache_seconds: int) -> Sequence[APIRouter]:
    """The resources of catalog; `cache_seconds` is for how long a public answer may be used without asking again."""
    return (create_browse_router(database, cache_seconds=cache_seconds),)
