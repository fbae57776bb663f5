"""What a month would look like at an office, or at all offices of a region: read, and nothing written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.calendars import Calendar, Closure, ClosureScope, decide_closure
from dawr.catalog.domain.capacity import MonthOfCapacity
from dawr.catalog.domain.offices import Office, earliest_date
from dawr.catalog.domain.plans import PlanState
from dawr.catalog.domain.previews import PreviewedDay, check_month, preview_month, weeks_with
from dawr.catalog.domain.services import Service
from dawr.catalog.domain.weeks import Offer, WeekPlan
from dawr.catalog.errors import NotOffered, UnknownOffice, UnknownPlan, UnknownService
from dawr.catalog.folder.given import Given
from dawr.catalog.service.close_days import offices_within
from dawr.catalog.service.plan_moves import week_of_form
from dawr.catalog.store import capacity as capacity_store
from dawr.catalog.store import plans as plan_store
from dawr.catalog.store.closures import closures
from dawr.catalog.store.things import thing, things
from dawr.contracts import Text
from dawr.servicekit.clock import new_id


@dataclass(frozen=True, slots=True)
class Look:
    """Which months are looked at: those of one office, or of the offices of a region that give the service."""

    office: str | None
    region: str | None
    service: str
    tier: str
    month: str


@dataclass(frozen=True, slots=True)
class WantedClosure:
    """A closure that nobody has decided yet."""

    scope: ClosureScope
    code: str | None
    first_day: date
    last_day: date
    reason: Text


@dataclass(frozen=True, slots=True)
class PreviewedOffice:
    """An office's month."""

    office: Office
    days: tuple[PreviewedDay, ...]


async def preview_plan(
    connection: AsyncConnection, look: Look, plan_id: UUID | None, now: datetime
) -> list[PreviewedOffice]:
    """The months as they would be if a proposed or approved plan were published; none: as they are decided.

    Raises UnknownOffice, UnknownRegion, UnknownService, UnknownPlan, NotOffered, and what `previews.check_month`
    refuses; a plan of another offer is NotOffered too.
    """
    if plan_id is None:
        return await _preview(connection, look, now)
    plan = await plan_store.plan(connection, plan_id)
    if plan is None:
        raise UnknownPlan(plan=plan_id)
    if (plan.offer.service, plan.offer.tier) != (look.service, look.tier):
        raise NotOffered(plan=plan_id, service=plan.offer.service, tier=plan.offer.tier)
    return await _preview(connection, look, now, week=plan.week)


async def preview_wanted(
    connection: AsyncConnection,
    look: Look,
    *,
    rows: Sequence[Given],
    closure: WantedClosure | None,
    by: UUID,
    now: datetime,
) -> list[PreviewedOffice]:
    """The months as they would be with a plan of one office and a closure that are not kept: `rows` are the plan's.

    Raises RulesBroken, what `decide_closure` refuses, and what `preview_plan` raises.
    """
    week = None
    if rows:
        office = await thing(connection, Office, look.office or "")
        if office is None:
            raise UnknownOffice(office=look.office)
        week = await week_of_form(connection, rows, office.thing)
    return await _preview(connection, look, now, week=week, closure=closure, by=by)


async def _preview(
    connection: AsyncConnection,
    look: Look,
    now: datetime,
    *,
    week: WeekPlan | None = None,
    closure: WantedClosure | None = None,
    by: UUID | None = None,
) -> list[PreviewedOffice]:
    offices = await _offices(connection, look)
    service = await thing(connection, Service, look.service)
    if service is None:
        raise UnknownService(service=look.service)
    if look.tier not in service.thing.tiers:
        raise NotOffered(service=look.service, tier=look.tier)
    offers = {code: Offer(code, look.service, look.tier) for code in offices}
    plans = await plan_store.plans_of(connection, offers=offers.values(), states=[PlanState.PUBLISHED])
    today = earliest_date(offices.values(), now)
    check_month(look.month, today)
    closed = await closures(connection, since=today)
    if closure is not None and by is not None:
        closed.append(await _decided(connection, closure, by, today, now))
    calendars = await things(connection, Calendar)
    seen = []
    for code, office in offices.items():
        mine = week if week is not None and week.offer.office == code else None
        if look.office is None and mine is None and offers[code] not in plans:
            continue
        weeks = () if office.retired or service.thing.retired else weeks_with(plans.get(offers[code], ()), mine)
        month = await capacity_store.month(connection, offers[code], look.month)
        days = preview_month(
            month or MonthOfCapacity(offers[code], look.month),
            weeks,
            office,
            calendars[office.calendar].thing,
            closed,
            today=office.today(now),
        )
        seen.append(PreviewedOffice(office, days))
    return seen


async def _offices(connection: AsyncConnection, look: Look) -> Mapping[str, Office]:
    if look.office is not None:
        found = await thing(connection, Office, look.office)
        if found is None:
            raise UnknownOffice(office=look.office)
        return {look.office: found.thing}
    return await offices_within(connection, ClosureScope.REGION, look.region)


async def _decided(connection: AsyncConnection, wanted: WantedClosure, by: UUID, today: date, now: datetime) -> Closure:
    await offices_within(connection, wanted.scope, wanted.code)
    days = (wanted.first_day, wanted.last_day)
    return decide_closure(new_id(), wanted.scope, wanted.code, days, wanted.reason, by=by, today=today, now=now)
