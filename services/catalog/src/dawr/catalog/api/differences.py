"""What a change changed: between two revisions of a thing, and between a plan and the one whose place it takes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from dawr.catalog.api.callers import reader
from dawr.catalog.api.edits import shown
from dawr.catalog.api.shown import Shown
from dawr.catalog.domain.differences import Difference, differences
from dawr.catalog.errors import UnknownPlan, UnknownRevision
from dawr.catalog.service.plan_moves import replaced_by
from dawr.catalog.store import plans as plan_store
from dawr.catalog.store.history import state_at
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database
from dawr.servicekit.openapi import refusals

Revision = Annotated[int, Field(ge=1, le=2**31 - 1)]

Subject = Annotated[
    str,
    Query(
        max_length=120,
        pattern=r"^(agency|region|tier|extra|service|office|calendar|plan|closure)/[A-Za-z0-9_-]+$",
        examples=["service/PASS_REN"],
    ),
]


class ShownDifference(Shown):
    """A place that is not the same; null where nothing is there."""

    path: str = Field(examples=["/documents/ID_CARD/name/en"])
    """A JSON pointer. An entry of a list goes by its code, a fee by tier, channel and first day."""
    before: Any
    after: Any


class Differences(Shown):
    """Every place that is not the same, in the order of paths."""

    items: tuple[ShownDifference, ...]


class PlanDifferences(Differences):
    """What a plan changes."""

    based_on: UUID | None
    """The plan that it is compared with; none: nothing was in force."""


def create_differences_router(database: Database) -> APIRouter:
    """The resources that compare."""
    router = APIRouter(tags=["staff"], dependencies=[reader])

    @router.get(
        "/changes/differences",
        operation_id="compare_revisions",
        summary="What differs between two revisions",
        response_model=Differences,
        responses=refusals(NotAllowed, UnknownRevision),
    )
    async def compare_revisions(
        subject: Subject,
        earlier: Annotated[Revision, Query(alias="from")],
        later: Annotated[Revision, Query(alias="to")],
    ) -> Response:
        states = []
        async with database.reading() as connection:
            for revision in (earlier, later):
                state = await state_at(connection, subject, revision)
                if state is None:
                    raise UnknownRevision(subject=subject, revision=revision)
                states.append(state)
        return shown(Differences(items=_shown(differences(*states))))

    @router.get(
        "/plans/{plan_id}/differences",
        operation_id="compare_plan",
        summary="What a plan changes of the one in force",
        description="The one that is in force on its first date now; once it is published itself, the one it was based "
        "on.",
        response_model=PlanDifferences,
        responses=refusals(NotAllowed, UnknownPlan),
    )
    async def compare_plan(plan_id: Annotated[UUID, Path()]) -> Response:
        async with database.reading() as connection:
            plan = await plan_store.plan(connection, plan_id)
            if plan is None:
                raise UnknownPlan(plan=plan_id)
            before = await replaced_by(connection, plan)
        documents = [{} if each is None else plan_store.plan_document(each) for each in (before, plan)]
        found = differences(
            *({name: each.get(name) for name in ("valid_from", "week") if name in each} for each in documents)
        )
        return shown(PlanDifferences(items=_shown(found), based_on=None if before is None else before.id))

    return router


def _shown(found: tuple[Difference, ...]) -> tuple[ShownDifference, ...]:
    return tuple(ShownDifference(path=each.path, before=each.before, after=each.after) for each in found)
