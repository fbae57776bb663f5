"""The forms of capacity plans: as planners send them, and as they are shown."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictInt

from dawr.catalog.api.forms import Form, IsoDate, Reason
from dawr.catalog.api.shown import Shown
from dawr.catalog.api.shown_offices import WeekdayName
from dawr.catalog.domain.plans import Act, CapacityPlan, PlanState
from dawr.catalog.domain.services import Origin
from dawr.catalog.domain.weeks import Offer, WeekdayPlan
from dawr.catalog.folder.cells import LARGEST_SEATS
from dawr.catalog.folder.given import Given
from dawr.catalog.folder.rows import CapacityRow
from dawr.contracts.catalog import MAX_RELEASES, MAX_WINDOWS
from dawr.contracts.values import Code, TierCode, Window, WindowStart

Seats = Annotated[StrictInt, Field(ge=0, le=LARGEST_SEATS, examples=[40])]
Percent = Annotated[StrictInt, Field(ge=0, le=100)]


class PlannedWindow(Form):
    """A part of the day with seats of its own, in local time of the office: [start, end)."""

    start: Annotated[WindowStart, Field(examples=["09:00"])]
    end: Annotated[WindowStart, Field(examples=["10:00"])]
    capacity: Seats


class PlannedRelease(Form):
    """A part of the seats that can be asked for from a local time of the opening day on."""

    at: Annotated[WindowStart, Field(examples=["08:00"])]
    percent: Percent


class PlannedWeekdays(Form):
    """What some weekdays can take."""

    weekdays: Annotated[tuple[WeekdayName, ...], Field(min_length=1, max_length=7, examples=[["SUN", "MON"]])]
    capacity: Seats
    windows: Annotated[tuple[PlannedWindow, ...], Field(max_length=MAX_WINDOWS)] = ()
    """In order, not overlapping, their seats adding up to the capacity; none: the day is one line."""
    opens_days_before: Annotated[StrictInt, Field(ge=0, le=365, examples=[30])]
    opens_time: Annotated[WindowStart, Field(examples=["08:00"])] = "00:00"
    """The local time at which booking opens, so many days before."""
    releases: Annotated[tuple[PlannedRelease, ...], Field(max_length=MAX_RELEASES)] = ()
    """By time, the first at `opens_time`, 100 % together; none: all seats at once."""
    kept_assisted: Percent = 0
    """Percent of the seats that are kept for people who come through licensed assistance."""
    kept_accessible: Percent = 0
    """Percent that are kept for the old and the disabled."""
    kept_urgent: Percent = 0
    """Percent that are kept for urgent cases."""


class PlannedWeek(Form):
    """A week from a date on."""

    valid_from: IsoDate
    """The first local date of the office that follows it."""
    days: Annotated[tuple[PlannedWeekdays, ...], Field(max_length=7)]
    """A weekday that is not here is closed; none: from then on it is not given."""

    def rows(self, offer: Offer, pointer: str = "") -> list[Given]:
        """The rows that a folder would have of it."""
        if not self.days:
            cells = dict.fromkeys(CapacityRow.model_fields, "") | {"capacity": "0", "opens_days_before": "0"}
            return [Given(CapacityRow, pointer, cells | self._place(offer))]
        return [
            Given(CapacityRow, f"{pointer}/days/{number}", self._place(offer) | _cells(each))
            for number, each in enumerate(self.days)
        ]

    def _place(self, offer: Offer) -> dict[str, str]:
        return {
            "office": offer.office,
            "service": offer.service,
            "tier": offer.tier,
            "valid_from": self.valid_from.isoformat(),
        }


class PlanProposal(PlannedWeek):
    """A week of an office, service and tier from a date on, as one person proposes it."""

    office: Annotated[Code, Field(examples=["DAM-01"])]
    service: Annotated[Code, Field(examples=["PASS_REN"])]
    tier: Annotated[TierCode, Field(examples=["N"])]
    reason: Reason

    @property
    def offer(self) -> Offer:
        """What it is for."""
        return Offer(self.office, self.service, self.tier)


class PlanRevision(PlannedWeek):
    """Another week in the place of a proposal's."""

    reason: Reason


def _cells(days: PlannedWeekdays) -> dict[str, str]:
    return {
        "weekdays": " ".join(days.weekdays),
        "capacity": str(days.capacity),
        "windows": " ".join(f"{each.start}-{each.end}={each.capacity}" for each in days.windows),
        "opens_days_before": str(days.opens_days_before),
        "opens_time": days.opens_time,
        "releases": " ".join(f"{each.at}={each.percent}%" for each in days.releases),
        "kept_assisted": str(days.kept_assisted),
        "kept_accessible": str(days.kept_accessible),
        "kept_urgent": str(days.kept_urgent),
    }


class ShownRelease(Shown):
    """A part of the seats, and the local time of the opening day from which on it can be asked for."""

    at: str
    percent: int


class ShownWeekdays(Shown):
    """What some weekdays can take."""

    weekdays: tuple[WeekdayName, ...]
    capacity: int
    windows: tuple[Window, ...]
    opens_days_before: int
    opens_time: str
    releases: tuple[ShownRelease, ...]
    kept_assisted: int
    kept_accessible: int
    kept_urgent: int


class ShownAct(Shown):
    """A step that a person took."""

    by: UUID
    at: datetime
    reason: str


class ShownPlan(Shown):
    """A plan: what it is for, where it is, and who brought it there."""

    id: UUID
    office: str
    service: str
    tier: str
    valid_from: date
    days: tuple[ShownWeekdays, ...]
    state: PlanState
    revision: int
    origin: Origin
    based_on: UUID | None
    """The plan that was in force on its first date when it was proposed."""
    proposed: ShownAct | None
    """None: it came with the seed."""
    approved: ShownAct | None
    published: ShownAct | None
    ended: ShownAct | None
    """Who rejected or withdrew it."""
    superseded_at: datetime | None


class PlanList(Shown):
    """A page of plans, newest first; `next` is the cursor of the next page."""

    items: tuple[ShownPlan, ...]
    next: str | None


def shown_plan(plan: CapacityPlan) -> ShownPlan:
    """A plan as it is shown."""
    return ShownPlan(
        id=plan.id,
        office=plan.offer.office,
        service=plan.offer.service,
        tier=plan.offer.tier,
        valid_from=plan.valid_from,
        days=tuple(_shown_days(plan)),
        state=plan.state,
        revision=plan.revision,
        origin=plan.origin,
        based_on=plan.based_on,
        proposed=_act(plan.proposed),
        approved=_act(plan.approved),
        published=_act(plan.published),
        ended=_act(plan.ended),
        superseded_at=plan.superseded_at,
    )


def _shown_days(plan: CapacityPlan) -> Iterable[ShownWeekdays]:
    """The week with weekdays that are the same told together, in the order of the week."""
    same: dict[WeekdayPlan, list[WeekdayName]] = defaultdict(list)
    for weekday in sorted(plan.week.days):
        same[plan.week.days[weekday]].append(weekday.name)  # type: ignore[arg-type]
    for day, weekdays in same.items():
        yield ShownWeekdays(
            weekdays=tuple(weekdays),
            capacity=day.capacity,
            windows=day.windows,
            opens_days_before=day.opens_days_before,
            opens_time=day.opens_time,
            releases=tuple(ShownRelease(at=each.at, percent=each.percent) for each in day.releases),
            kept_assisted=day.kept_assisted,
            kept_accessible=day.kept_accessible,
            kept_urgent=day.kept_urgent,
        )


def _act(act: Act | None) -> ShownAct | None:
    return None if act is None else ShownAct(by=act.by, at=act.at, reason=act.reason)
