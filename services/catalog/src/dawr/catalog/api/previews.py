"""`/previews`: what a month would look like before anything is published."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from dawr.catalog.api.callers import reader
from dawr.catalog.api.closures import ClosureForm
from dawr.catalog.api.edits import OfOffice, shown, told_in_language
from dawr.catalog.api.forms import Form
from dawr.catalog.api.plan_forms import PlannedWeek
from dawr.catalog.api.shown import Named, Shown, named
from dawr.catalog.domain.previews import PreviewedDay
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import (
    ClosureEndsEarly,
    DateOver,
    DateTooFar,
    NotOffered,
    RulesBroken,
    UnknownOffice,
    UnknownPlan,
    UnknownRegion,
    UnknownService,
)
from dawr.catalog.service.preview import Look, PreviewedOffice, WantedClosure, preview_plan, preview_wanted
from dawr.contracts import Text
from dawr.contracts.catalog import CapacityDay, ClosedDay, KeptSeats, Month, Release
from dawr.contracts.values import Code, Instant, TierCode, Window
from dawr.servicekit.auth import Caller, NotAllowed
from dawr.servicekit.database import Database
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import InvalidRequest, request_language, say


class WhyClosed(Shown):
    """Why nobody is served."""

    kind: str = Field(examples=["holiday"])
    """holiday, weekend, closure, special or no-plan"""
    text: str
    texts: Text


class DayPreview(Shown):
    """What a day can take, or why it is closed."""

    seats: int
    windows: tuple[Window, ...]
    opens_at: Instant | None
    """None: it is closed."""
    releases: tuple[Release, ...]
    kept: tuple[KeptSeats, ...]
    closed: WhyClosed | None


class DatePreview(Shown):
    """A local date of the office, as it would be and as it is published."""

    date: date
    planned: DayPreview
    published: DayPreview | None
    """None: nothing is published of this date."""
    differs: bool


class OfficePreview(Shown):
    """An office's month, from its today on."""

    office: Named
    zone: str
    days: tuple[DatePreview, ...]


class MonthPreview(Shown):
    """A month of a service and tier, office by office."""

    service: str
    tier: str
    month: str
    items: tuple[OfficePreview, ...]


class PreviewForm(Form):
    """A month, and what might become of it: a plan of the office, a closure, or both."""

    office: Annotated[Code | None, Field(examples=["ALP-01"])] = None
    region: Annotated[Code | None, Field(examples=["ALP"])] = None
    service: Annotated[Code, Field(examples=["PASS_REN"])]
    tier: Annotated[TierCode, Field(examples=["N"])]
    month: Annotated[Month, Field(examples=["2026-12"])]
    plan: PlannedWeek | None = None
    """Of the office; with a region it has none."""
    closure: ClosureForm | None = None

    def look(self) -> Look:
        """What is looked at."""
        if self.plan is not None and self.office is None:
            detail = "a plan is of one office"
            raise InvalidRequest(errors=[{"pointer": "#/office", "code": "missing", "detail": detail}])
        return _look("#/office", self.office, self.region, self.service, self.tier, self.month)

    def wanted(self) -> WantedClosure | None:
        """The closure."""
        if self.closure is None:
            return None
        scope, code = self.closure.place()
        return WantedClosure(scope, code, self.closure.first_day, self.closure.last_day, self.closure.reason.text())


_REFUSED = (NotAllowed, UnknownOffice, UnknownRegion, UnknownService, NotOffered, DateOver, DateTooFar)


def create_previews_router(database: Database) -> APIRouter:
    """The resources of previews; they write nothing."""
    router = APIRouter(tags=["staff"])

    @router.get(
        "/previews/months",
        operation_id="preview_month",
        summary="What a month looks like, or would with a plan that is not published",
        response_model=MonthPreview,
        responses=refusals(*_REFUSED, UnknownPlan),
        dependencies=[reader],
    )
    async def preview_month(
        request: Request,
        service: Annotated[Code, Query(examples=["PASS_REN"])],
        tier: Annotated[TierCode, Query(examples=["N"])],
        month: Annotated[Month, Query(examples=["2026-12"])],
        office: OfOffice = None,
        region: Annotated[Code | None, Query(examples=["ALP"], description="Instead of one office.")] = None,
        plan: Annotated[UUID | None, Query(description="A plan, as if it were published.")] = None,
    ) -> Response:
        look = _look("?office", office, region, service, tier, month)
        async with database.reading() as connection:
            found = await preview_plan(connection, look, plan, database.clock())
        return shown(_month(look, found, request_language(request)))

    @router.post(
        "/previews",
        operation_id="preview_wanted",
        summary="What a month would look like with a plan or a closure that nobody keeps",
        description="It changes nothing, so it needs no key.",
        response_model=MonthPreview,
        responses=refusals(*_REFUSED, ClosureEndsEarly, RulesBroken),
    )
    async def preview_with(request: Request, body: PreviewForm, caller: Annotated[Caller, reader]) -> Response:
        look, closure = body.look(), body.wanted()
        rows = []
        if body.plan is not None and look.office is not None:
            rows = body.plan.rows(Offer(look.office, look.service, look.tier), "/plan")
        with told_in_language(request):
            async with database.reading() as connection:
                found = await preview_wanted(
                    connection, look, rows=rows, closure=closure, by=caller.person_id, now=database.clock()
                )
        return shown(_month(look, found, request_language(request)))

    return router


def _look(pointer: str, office: str | None, region: str | None, service: str, tier: str, month: str) -> Look:
    if (office is None) == (region is None):
        detail = "an office or a region, one of both"
        raise InvalidRequest(errors=[{"pointer": pointer, "code": "one_of_both", "detail": detail}])
    return Look(office, region, service, tier, month)


def _month(look: Look, found: list[PreviewedOffice], lang: str) -> MonthPreview:
    return MonthPreview(
        service=look.service,
        tier=look.tier,
        month=look.month,
        items=tuple(
            OfficePreview(
                office=named(each.office.code, each.office.name, lang),
                zone=each.office.zone,
                days=tuple(_date(day, lang) for day in each.days),
            )
            for each in found
        ),
    )


def _date(day: PreviewedDay, lang: str) -> DatePreview:
    published = None if day.published is None else _day(day.published, lang)
    planned = _day(day.planned, lang)
    is_open = planned.opens_at is not None
    # A weekday that is closed by the week is not on its topic: that is no difference.
    differs = planned != published if published is not None else is_open
    return DatePreview(date=day.date, planned=planned, published=published, differs=differs)


def _day(day: CapacityDay | ClosedDay, lang: str) -> DayPreview:
    if isinstance(day, ClosedDay):
        why = WhyClosed(kind=day.kind, text=say(day.reason, lang), texts=day.reason)
        return DayPreview(seats=0, windows=(), opens_at=None, releases=(), kept=(), closed=why)
    return DayPreview(
        seats=day.capacity,
        windows=day.windows,
        opens_at=day.opens_at,
        releases=day.releases,
        kept=day.kept,
        closed=None,
    )
