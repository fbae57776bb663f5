"""`/capacity`: how many an office serves, day by day."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from dawr.catalog.api.callers import Planner, reader
from dawr.catalog.api.conditional import IfMatch, entity_tag, seen_revisions
from dawr.catalog.api.forms import CapacityChange, IsoDate
from dawr.catalog.api.shown import Shown
from dawr.catalog.domain.capacity import Decider, MonthOfCapacity
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import (
    BelowUse,
    ChangedMeanwhile,
    DateOver,
    DateTooFar,
    Negative,
    NotOffered,
    OpensTooLate,
    UnknownOffice,
    UnknownService,
    WindowsDontAddUp,
    WindowsOverlap,
)
from dawr.catalog.service.decide import read_month, set_day
from dawr.contracts.catalog import Month
from dawr.contracts.values import Code, Instant, TierCode, Window
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.database import Database
from dawr.servicekit.openapi import refusals


class ShownDay(Shown):
    """A day's capacity. A day that is not listed is closed."""

    date: IsoDate
    capacity: int
    opens_at: Instant
    windows: tuple[Window, ...]
    hold_seconds: int | None
    """How long a seat is kept for its payment; none: as long as everywhere."""
    decided_by: Decider
    """`staff`: a person did, and plans no longer change it."""


class ShownMonth(Shown):
    """The capacity of an office, service and tier in a month, with the revision that `ETag` and `If-Match` carry."""

    office: str
    service: str
    tier: str
    month: str = Field(examples=["2026-12"])
    revision: int
    """0: nothing was decided about it yet."""
    zone: str
    days: tuple[ShownDay, ...]


def _offer(
    office: Annotated[Code, Path(examples=["DAM-01"])],
    service: Annotated[Code, Path(examples=["PASS_REN"])],
    tier: Annotated[TierCode, Path(examples=["N"])],
) -> Offer:
    return Offer(office, service, tier)


Named = Annotated[Offer, Depends(_offer)]
_REFUSED = (NotAllowed, UnknownOffice, UnknownService, NotOffered)


def create_capacity_router(database: Database) -> APIRouter:
    """The resources of capacity."""
    router = APIRouter(tags=["staff"])

    @router.get(
        "/capacity/{office}/{service}/{tier}",
        operation_id="get_capacity",
        summary="A month of capacity",
        response_model=ShownMonth,
        responses=refusals(*_REFUSED),
        dependencies=[reader],
    )
    async def get_capacity(
        offer: Named,
        month: Annotated[Month | None, Query(examples=["2026-12"], description="None: the present one there.")] = None,
    ) -> Response:
        async with database.transaction() as tx:
            return _answer(*await read_month(tx, offer, month))

    @router.put(
        "/capacity/{office}/{service}/{tier}/{date}",
        operation_id="decide_day",
        summary="Decide a day's capacity",
        description="Plans no longer change the day. What is decided already is not decided again: same revision. "
        "Fewer seats than have turns are refused; a day that can't take place is closed by a closure.",
        response_model=ShownMonth,
        responses=refusals(
            *_REFUSED,
            DateOver,
            ChangedMeanwhile,
            Negative,
            WindowsDontAddUp,
            WindowsOverlap,
            OpensTooLate,
            DateTooFar,
            BelowUse,
        ),
    )
    async def decide_day(
        offer: Named,
        date: Annotated[IsoDate, Path(examples=["2026-12-01"])],
        body: CapacityChange,
        caller: Planner,
        if_match: IfMatch = None,
    ) -> Response:
        async with database.transaction() as tx:
            month, office = await set_day(
                tx, offer, body.on(date), seen=seen_revisions(if_match), by=caller.person_id, reason=body.reason
            )
        return _answer(month, office)

    return router


def _answer(month: MonthOfCapacity, office: Office) -> Response:
    shown = ShownMonth(
        office=month.offer.office,
        service=month.offer.service,
        tier=month.offer.tier,
        month=month.month,
        revision=month.revision,
        zone=office.zone,
        days=tuple(ShownDay(**dict(each.day), decided_by=each.by) for each in month.days),
    )
    headers = {"etag": entity_tag(month.revision), "cache-control": "no-store"}
    return Response(shown.model_dump_json(), 200, headers, "application/json")
