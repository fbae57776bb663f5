"""What an import decides beside things: fees and closures, which can't change what is over, and plans, which it only
proposes. All of it is decided before anything is written, so that every problem is told at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dawr.catalog.domain.calendars import Closure, decide_closure
from dawr.catalog.domain.offices import Office, earliest_date
from dawr.catalog.domain.plans import CapacityPlan, PlanState, in_force, propose
from dawr.catalog.domain.services import FeeDecision, Origin, Service, standing_fees
from dawr.catalog.domain.standing import check_office, check_service
from dawr.catalog.domain.weeks import WeekPlan
from dawr.catalog.errors import DateOver, FixedWhileOffered
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.problems import Problem, refuse
from dawr.catalog.service.alterations import Altered, altered_closure, altered_fee, altered_plan
from dawr.catalog.service.describe import Author, Draft
from dawr.catalog.store.closures import closures
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.things import things
from dawr.contracts import Channel
from dawr.contracts.catalog import Fee
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction
from dawr.servicekit.errors import Refusal

_STANDING = (PlanState.PUBLISHED, PlanState.PROPOSED, PlanState.APPROVED)


@dataclass(slots=True)
class Decisions:
    """What an import decides, to be written, and what of it is wrong."""

    fees: list[FeeDecision] = field(default_factory=list)
    plans: list[CapacityPlan] = field(default_factory=list)
    closures: list[Closure] = field(default_factory=list)
    altered: list[Altered] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


async def decide_imported(
    tx: Transaction,
    catalogue: Catalogue,
    decided: Mapping[str, Sequence[FeeDecision]],
    drafts: Sequence[Draft],
    author: Author,
) -> Decisions:
    """What files have otherwise than the catalogue, decided in a person's name; `decided` are the fees by service,
    `drafts` the things that it changes.

    Raises CatalogueInvalid with every place that decides about what is over or too far ahead, plans outside hours,
    or changes what published plans build on.
    """
    decisions = Decisions()
    offices = {code: each.thing for code, each in (await things(tx.connection, Office)).items()}
    today = earliest_date(offices.values(), tx.now)
    await _fixed(tx, catalogue, drafts, offices, decisions)
    _fees(catalogue, decided, today, decisions)
    await _plans(tx, catalogue, author, decisions)
    await _closures(tx, catalogue, author, today, decisions)
    refuse(decisions.problems)
    return decisions


async def _fixed(
    tx: Transaction,
    catalogue: Catalogue,
    drafts: Sequence[Draft],
    offices: Mapping[str, Office],
    decisions: Decisions,
) -> None:
    """What stays of offices and services while they have published plans, as it does over HTTP."""
    offers = await plans_of(tx.connection, states=[PlanState.PUBLISHED])
    for draft in drafts:
        before, after = draft.before and draft.before.thing, draft.thing
        try:
            if isinstance(before, Office) and isinstance(after, Office):
                check_office(before, after, offers)
            elif isinstance(before, Service) and isinstance(after, Service):
                giving = {offer.office for offer in offers if offer.service == before.code}
                check_service(before, after, offers, [offices[code] for code in giving])
        except FixedWhileOffered as refusal:
            file = "offices.csv" if isinstance(after, Office) else "services.csv"
            decisions.problems.append(_problem(catalogue, (file, after.code), str(refusal.data["field"]), refusal))


def _fees(
    catalogue: Catalogue, decided: Mapping[str, Sequence[FeeDecision]], today: date, decisions: Decisions
) -> None:
    """The fee of a day that is over stays as it was; only a tier and channel that had none can begin in the past."""
    standing = {code: standing_fees(each) for code, each in decided.items()}
    for said in catalogue.fees:
        fees = standing.get(said.service, ())
        if said.fee in fees:
            continue
        alike = {each.effective_from: each for each in fees if _way(each) == _way(said.fee)}
        if alike and said.fee.effective_from < today:
            place = ("fees.csv", said.service, *said.place)
            decisions.problems.append(_problem(catalogue, place, "effective_from", DateOver()))
            continue
        decision = FeeDecision(said.service, said.fee, Origin.STAFF)
        decisions.fees.append(decision)
        decisions.altered.append(altered_fee(decision, alike.get(said.fee.effective_from)))


def _way(fee: Fee) -> tuple[str, Channel]:
    return (fee.tier, fee.channel)


async def _plans(tx: Transaction, catalogue: Catalogue, author: Author, decisions: Decisions) -> None:
    """Weeks that are neither published nor on their way to it are proposed; they keep to their office's hours."""
    known = await plans_of(tx.connection, offices=[office.code for office in catalogue.offices])
    zones = {office.code: office.zone for office in catalogue.offices}
    for week in catalogue.plans:
        plans = known.get(week.offer, [])
        if any(plan.week == week for plan in plans if plan.state in _STANDING):
            continue
        outside = catalogue.outside.get((week.offer, week.valid_from), ())
        if outside:
            decisions.problems += outside
            continue
        try:
            plan = _propose(week, plans, zones[week.offer.office], author, tx)
        except Refusal as refusal:
            offer = (week.offer.office, week.offer.service, week.offer.tier)
            place = ("capacity.csv", *offer, week.valid_from)
            decisions.problems.append(_problem(catalogue, place, "valid_from", refusal))
            continue
        decisions.plans.append(plan)
        decisions.altered.append(altered_plan(plan, in_force(plans, plan.valid_from)))


def _propose(week: WeekPlan, plans: Sequence[CapacityPlan], zone: str, author: Author, tx: Transaction) -> CapacityPlan:
    assert author.person is not None  # noqa: S101
    return propose(plans, week, plan_id=new_id(), zone=zone, by=author.person, reason=author.reason, now=tx.now)


async def _closures(tx: Transaction, catalogue: Catalogue, author: Author, today: date, decisions: Decisions) -> None:
    """Closures of the same place and days are the same, whatever their reason."""
    assert author.person is not None  # noqa: S101
    known = {(each.scope, each.code, each.first_day, each.last_day) for each in await closures(tx.connection)}
    for said in catalogue.closures:
        if said.place in known:
            continue
        days = (said.first_day, said.last_day)
        try:
            closure = decide_closure(
                new_id(), said.scope, said.code, days, said.reason, by=author.person, today=today, now=tx.now
            )
        except Refusal as refusal:
            place = ("closures.csv", *said.place)
            decisions.problems.append(_problem(catalogue, place, "first_day", refusal))
            continue
        decisions.closures.append(closure)
        decisions.altered.append(altered_closure(closure))


def _problem(catalogue: Catalogue, place: tuple[object, ...], column: str, refusal: Refusal) -> Problem:
    file, row, text = str(place[0]), catalogue.numbers[place], refusal.detail
    return Problem(file, row, column, refusal.code, text.en, text.ar)
