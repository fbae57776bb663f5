"""`/changes`: who decided what, when and why, newest first."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from dawr.catalog.api.callers import reader
from dawr.catalog.api.edits import shown_page
from dawr.catalog.api.pages import Cursor, number
from dawr.catalog.api.shown import Shown
from dawr.catalog.domain.services import Origin
from dawr.catalog.store import changes
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Limit, cursor_after, place_of

Subject = Annotated[
    str | None,
    Query(
        max_length=120,
        pattern=r"^(agency|region|tier|extra|service|office|calendar|capacity|plan|closure)/[A-Za-z0-9_/-]+$",
        examples=["service/PASS_REN"],
        description="One thing: `service/PASS_REN`, `office/DAM-01`, `capacity/DAM-01/PASS_REN/N/2026-12`.",
    ),
]


class ShownChange(Shown):
    """One change of a thing. Entries are never altered; each names the one before it."""

    number: int
    subject: str
    revision: int
    """Of the thing, after it."""
    what: str = Field(examples=["fee-decided"])
    origin: Origin
    by_person: UUID | None
    """None: the seed."""
    reason: str
    at: datetime
    previous: int | None
    detail: dict[str, Any]


class ChangeList(Shown):
    """A page of changes, newest first; `next` is the cursor of the next page."""

    items: tuple[ShownChange, ...]
    next: str | None


def create_changes_router(database: Database) -> APIRouter:
    """The record of changes."""
    router = APIRouter(tags=["staff"])

    @router.get(
        "/changes",
        operation_id="list_changes",
        summary="Changes, newest first",
        response_model=ChangeList,
        responses=refusals(NotAllowed),
        dependencies=[reader],
    )
    async def list_changes(
        request: Request, subject: Subject = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        before = place_of(cursor, number)
        async with database.reading() as connection:
            found = await changes.entries(connection, subject=subject, before=before, limit=limit + 1)
        items = tuple(_shown(entry) for entry in found[:limit])
        page = ChangeList(items=items, next=cursor_after(items[-1].number) if len(found) > limit else None)
        return shown_page(request, page, page.next)

    return router


def _shown(entry: changes.Entry) -> ShownChange:
    change = entry.change
    return ShownChange(
        number=entry.number,
        subject=change.subject,
        revision=change.revision,
        what=change.what,
        origin=Origin.STAFF if change.by_person else Origin.SEED,
        by_person=change.by_person,
        reason=change.reason,
        at=entry.at,
        previous=entry.previous,
        detail=change.detail,
    )
