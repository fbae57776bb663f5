"""Plans of capacity: what an offer can take in a week from a date on, proposed by one person and approved by another.

`PROPOSED → APPROVED → PUBLISHED → SUPERSEDED`. A plan that is published takes force on its `valid_from` and gives
way to the next one; the one in force on a date is the published one with the latest `valid_from` that is not after it.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from dawr.catalog.domain.capacity import check_date
from dawr.catalog.domain.services import Origin
from dawr.catalog.domain.weeks import Offer, WeekPlan, check_week
from dawr.catalog.errors import ChangedMeanwhile, NotYourProposal, OwnProposal, PlanMovedOn, PlanOvertaken


class PlanState(StrEnum):
    """Where a plan is."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Act:
    """A step that a person took with a plan."""

    by: UUID
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """A week of an offer from a date on, and who decided it."""

    id: UUID
    week: WeekPlan
    state: PlanState
    revision: int = 1
    origin: Origin = Origin.STAFF
    based_on: UUID | None = None
    """The plan that was in force on `valid_from` when this one was proposed; none: there was none."""
    proposed: Act | None = None
    """None: it came with the seed, and so did the other steps."""
    approved: Act | None = None
    published: Act | None = None
    ended: Act | None = None
    """Who rejected or withdrew it."""
    superseded_at: datetime | None = None

    @property
    def offer(self) -> Offer:
        """What it is for."""
        return self.week.offer

    @property
    def valid_from(self) -> date:
        """Since when it is in force, once published: a local date of the office."""
        return self.week.valid_from

    def moved(self, to: PlanState, **changes: object) -> "CapacityPlan":
        """In a new state, with the next revision; raises PlanMovedOn if the table has no such edge."""
        check_move(self, to)
        return replace(self, state=to, revision=self.revision + 1, **changes)  # type: ignore[arg-type]


class PlanFact:
    """What became of a plan, as `changes` keeps it with who, when and why."""

    change: ClassVar[str]


class PlanApproved(PlanFact):
    """A second person agreed."""

    change = "plan-approved"


class PlanRejected(PlanFact):
    """A second person did not agree."""

    change = "plan-rejected"


class PlanWithdrawn(PlanFact):
    """It was taken back before it was published."""

    change = "plan-withdrawn"


class PlanPublished(PlanFact):
    """It takes force on its date."""

    change = "plan-published"


class PlanSuperseded(PlanFact):
    """Another took its place."""

    change = "plan-superseded"


TRANSITIONS: dict[PlanState, dict[PlanState, type[PlanFact]]] = {
    PlanState.PROPOSED: {
        PlanState.APPROVED: PlanApproved,
        PlanState.REJECTED: PlanRejected,
        PlanState.WITHDRAWN: PlanWithdrawn,
    },
    PlanState.APPROVED: {
        PlanState.PUBLISHED: PlanPublished,
        PlanState.WITHDRAWN: PlanWithdrawn,
        PlanState.SUPERSEDED: PlanSuperseded,
    },
    PlanState.PUBLISHED: {PlanState.SUPERSEDED: PlanSuperseded},
}
"""Every allowed move, and what `changes` calls it."""


@dataclass(frozen=True, slots=True)
class Published:
    """A plan that takes force, and those that give way to it."""

    plan: CapacityPlan
    superseded: tuple[CapacityPlan, ...]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a folder's plans lead to."""

    added: tuple[CapacityPlan, ...] = ()
    superseded: tuple[CapacityPlan, ...] = ()


def published(plans: Iterable[CapacityPlan]) -> list[CapacityPlan]:
    """Of an offer's plans, those that are published, by the date from which they are in force."""
    return sorted((plan for plan in plans if plan.state is PlanState.PUBLISHED), key=lambda plan: plan.valid_from)


def in_force(plans: Iterable[CapacityPlan], on: date) -> CapacityPlan | None:
    """Of an offer's plans, the one in force on a date: the published one with the latest `valid_from` up to then."""
    begun = [plan for plan in published(plans) if plan.valid_from <= on]
    return begun[-1] if begun else None


def standing(plans: Iterable[CapacityPlan], today: date) -> list[CapacityPlan]:
    """Of an offer's plans, those in force on a date from `today` on, by the date from which they are."""
    ordered = published(plans)
    ends = [*(after.valid_from for after in ordered[1:]), date.max]
    return [plan for plan, end in zip(ordered, ends, strict=False) if end > today]


def weeks(plans: Iterable[CapacityPlan]) -> tuple[WeekPlan, ...]:
    """The weeks of an offer's published plans, as `capacity.follow_plans` takes them."""
    return tuple(plan.week for plan in published(plans))


def propose(
    plans: Iterable[CapacityPlan], week: WeekPlan, *, plan_id: UUID, zone: str, by: UUID, reason: str, now: datetime
) -> CapacityPlan:
    """A plan as a person proposes it, beside the other `plans` of the offer.

    Refuses what `weeks.check_week` refuses, and a `valid_from` that is over at the office (DateOver) or too far
    ahead (DateTooFar).
    """
    check_week(week.days)
    check_date(week.valid_from, zone=zone, now=now)
    return CapacityPlan(
        id=plan_id,
        week=week,
        state=PlanState.PROPOSED,
        based_on=_id(in_force(plans, week.valid_from)),
        proposed=Act(by, now, reason),
    )


def revise(
    plan: CapacityPlan,
    plans: Iterable[CapacityPlan],
    week: WeekPlan,
    *,
    zone: str,
    by: UUID,
    reason: str,
    now: datetime,
) -> CapacityPlan:
    """The proposal with another week, by its proposer; `plans` are all of the offer.

    Refuses a plan of somebody else (NotYourProposal) or that is no longer a proposal (PlanMovedOn), and what `propose`
    refuses. It is based on what is in force now: whoever revises has seen it.
    """
    if plan.state is not PlanState.PROPOSED:
        raise PlanMovedOn(state=plan.state.value, to=PlanState.PROPOSED.value)
    _check_proposer(plan, by)
    offer_week = replace(week, offer=plan.offer)
    again = propose(plans, offer_week, plan_id=plan.id, zone=zone, by=by, reason=reason, now=now)
    return replace(again, revision=plan.revision + 1)


def approve(plan: CapacityPlan, plans: Iterable[CapacityPlan], *, by: UUID, reason: str, now: datetime) -> CapacityPlan:
    """The plan as a second person approved it; `plans` are all of the offer.

    Refuses a plan that is no proposal (PlanMovedOn), its proposer (OwnProposal), and a plan that another one that was
    published meanwhile has overtaken (PlanOvertaken).
    """
    approved = plan.moved(PlanState.APPROVED, approved=Act(by, now, reason))
    check_second_person(approved)
    check_not_overtaken(plan, plans)
    return approved


def reject(plan: CapacityPlan, *, by: UUID, reason: str, now: datetime) -> CapacityPlan:
    """The plan as a second person rejected it. Refuses what is no proposal (PlanMovedOn) and its proposer, who may
    withdraw it (OwnProposal)."""
    rejected = plan.moved(PlanState.REJECTED, ended=Act(by, now, reason))
    if plan.proposed is None or plan.proposed.by == by:
        raise OwnProposal(plan=plan.id)
    return rejected


def withdraw(plan: CapacityPlan, *, by: UUID, reason: str, now: datetime) -> CapacityPlan:
    """The plan taken back by who proposed it, before it is published.

    Refuses a plan that is published or at an end (PlanMovedOn), and a plan of somebody else (NotYourProposal).
    """
    withdrawn = plan.moved(PlanState.WITHDRAWN, ended=Act(by, now, reason))
    _check_proposer(plan, by)
    return withdrawn


def publish(plan: CapacityPlan, plans: Iterable[CapacityPlan], *, by: UUID, reason: str, now: datetime) -> Published:
    """The plan in force from its date on, and the published ones of the offer that begin no earlier: they give way.

    Who proposed it may publish it: by then two have agreed. Refuses a plan that is not approved (PlanMovedOn), by a
    second person (OwnProposal), and one that was overtaken since (PlanOvertaken).
    """
    others = [other for other in plans if other.id != plan.id]
    now_published = plan.moved(PlanState.PUBLISHED, published=Act(by, now, reason))
    check_second_person(plan)
    check_not_overtaken(plan, others)
    given_way = [other for other in published(others) if other.valid_from >= plan.valid_from]
    return Published(now_published, tuple(supersede(other, now) for other in given_way))


def supersede(plan: CapacityPlan, now: datetime) -> CapacityPlan:
    """The plan without force: another took its place, or it is offered no more. Raises PlanMovedOn."""
    return plan.moved(PlanState.SUPERSEDED, superseded_at=now)


def check_move(plan: CapacityPlan, to: PlanState) -> None:
    """Refuse a move that TRANSITIONS does not have (PlanMovedOn)."""
    if to not in TRANSITIONS.get(plan.state, {}):
        raise PlanMovedOn(state=plan.state.value, to=to.value)


def check_second_person(plan: CapacityPlan) -> None:
    """Refuse a plan that staff proposed and nobody else approved (OwnProposal).

    The person counts, whatever the role, session or name, and by whatever way the plan came in.
    """
    if plan.proposed is None or plan.approved is None or plan.proposed.by == plan.approved.by:
        raise OwnProposal(plan=plan.id)


def check_not_overtaken(plan: CapacityPlan, plans: Iterable[CapacityPlan]) -> None:
    """Refuse a plan whose proposer could not see what it would change (PlanOvertaken).

    So it is if the plan in force on its date is another than then, or if one that it would supersede was published
    after it was proposed; `in_force` in the answer is the other plan.
    """
    others = published(other for other in plans if other.id != plan.id)
    current = in_force(others, plan.valid_from)
    if _id(current) != plan.based_on:
        raise PlanOvertaken(plan=plan.id, based_on=plan.based_on, in_force=_id(current))
    for other in others:
        unseen = plan.proposed and other.published and other.published.at > plan.proposed.at
        if other.valid_from >= plan.valid_from and unseen and other.id != plan.based_on:
            raise PlanOvertaken(plan=plan.id, based_on=plan.based_on, in_force=other.id)


def check_plan_revision(plan: CapacityPlan, seen: Collection[int] | None) -> None:
    """Refuse a change to a plan whose revision is none of those that the caller saw (ChangedMeanwhile).

    None: the caller does not mind.
    """
    if seen is not None and plan.revision not in seen:
        raise ChangedMeanwhile(revision=plan.revision)


def follow_seed(
    plans: Iterable[CapacityPlan], seeded: Iterable[WeekPlan], *, plan_id: Callable[[], UUID], now: datetime
) -> Seeded:
    """What a folder's weeks of one offer change of its plans.

    The seed's plans come published, by no person. A week that the folder has otherwise than before, or no more, gives
    way. Once staff published a plan for the offer, the seed changes nothing of it again, also not when that plan was
    superseded by another of theirs.
    """
    plans = list(plans)
    if any(plan.origin is Origin.STAFF and plan.published is not None for plan in plans):
        return Seeded()
    standing = {plan.valid_from: plan for plan in published(plans)}
    wanted = {week.valid_from: week for week in seeded}
    given_way = [plan for valid_from, plan in standing.items() if wanted.get(valid_from) != plan.week]
    added = [
        CapacityPlan(id=plan_id(), week=week, state=PlanState.PUBLISHED, origin=Origin.SEED)
        for valid_from, week in sorted(wanted.items())
        if valid_from not in standing or standing[valid_from].week != week
    ]
    return Seeded(tuple(added), tuple(supersede(plan, now) for plan in given_way))


def _check_proposer(plan: CapacityPlan, by: UUID) -> None:
    if plan.proposed is None or plan.proposed.by != by:
        raise NotYourProposal(plan=plan.id)


def _id(plan: CapacityPlan | None) -> UUID | None:
    return None if plan is None else plan.id
