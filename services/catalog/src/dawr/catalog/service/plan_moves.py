"""Plans of capacity, moved by people: proposed by one, approved by another, published at once."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.plans import (
    CapacityPlan,
    approve,
    check_plan_revision,
    in_force,
    propose,
    publish,
    reject,
    revise,
    withdraw,
)
from dawr.catalog.domain.services import Origin
from dawr.catalog.domain.weeks import Offer, WeekPlan
from dawr.catalog.errors import UnknownPlan
from dawr.catalog.folder.given import Given
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.decide import not_offered, places_in_use
from dawr.catalog.service.describe import Author
from dawr.catalog.service.planning import keep_plans
from dawr.catalog.service.publish import publish_ahead
from dawr.catalog.service.rules import catalogue_of_form
from dawr.catalog.store import plans as plan_store
from dawr.catalog.store import stored
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction


async def propose_plan(tx: Transaction, offer: Offer, rows: Sequence[Given], *, by: UUID, reason: str) -> CapacityPlan:
    """Propose the week of a form for an offer.

    Raises UnknownOffice, UnknownService, NotOffered for what is retired, RulesBroken, and what `plans.propose` refuses.
    """
    await stored.hold_loading(tx.connection)
    office = await _place(tx, offer)
    week = await week_of_form(tx.connection, rows, office)
    others = await _others(tx, offer)
    plan = propose(others, week, plan_id=new_id(), zone=office.zone, by=by, reason=reason, now=tx.now)
    await keep_plans(tx, [plan], Author(reason, by))
    return plan


async def revise_plan(
    tx: Transaction,
    plan_id: UUID,
    rows_for: Callable[[Offer], Sequence[Given]],
    *,
    seen: Collection[int],
    by: UUID,
    reason: str,
) -> CapacityPlan:
    """Put another week in the place of a proposal's; `rows_for` gives the rows of the form for the plan's offer.

    Raises what `propose_plan` and `plans.revise` refuse, and ChangedMeanwhile for a plan that is not as the caller saw
    it.
    """
    plan = await _held(tx, plan_id, seen)
    office = await _place(tx, plan.offer)
    week = await week_of_form(tx.connection, rows_for(plan.offer), office)
    others = await _others(tx, plan.offer)
    revised = revise(plan, others, week, zone=office.zone, by=by, reason=reason, now=tx.now)
    await keep_plans(tx, [revised], Author(reason, by))
    return revised


async def approve_plan(tx: Transaction, plan_id: UUID, *, seen: Collection[int], by: UUID, reason: str) -> CapacityPlan:
    """Agree to a proposal as a second person; what `plans.approve` refuses, ChangedMeanwhile, and NotOffered for what
    can't be offered any more."""
    plan = await _held(tx, plan_id, seen)
    approved = approve(plan, await _others(tx, plan.offer), by=by, reason=reason, now=tx.now)
    await _place(tx, plan.offer)
    await keep_plans(tx, [approved], Author(reason, by))
    return approved


async def reject_plan(tx: Transaction, plan_id: UUID, *, seen: Collection[int], by: UUID, reason: str) -> CapacityPlan:
    """Turn a proposal down as a second person; what `plans.reject` refuses, and ChangedMeanwhile."""
    return await _ended(tx, plan_id, reject, seen=seen, by=by, reason=reason)


async def withdraw_plan(
    tx: Transaction, plan_id: UUID, *, seen: Collection[int], by: UUID, reason: str
) -> CapacityPlan:
    """Take back one's own plan; what `plans.withdraw` refuses, and ChangedMeanwhile."""
    return await _ended(tx, plan_id, withdraw, seen=seen, by=by, reason=reason)


async def publish_plan(
    tx: Transaction, plan_id: UUID, *, seen: Collection[int], by: UUID, reason: str, horizon: Horizon
) -> CapacityPlan:
    """Put an approved plan in force, and publish the months that it changes in the same transaction.

    Raises what `plans.publish` refuses, ChangedMeanwhile, NotOffered for what can't be offered any more, and BelowUse
    if a day would have fewer seats than have turns.
    """
    plan = await _held(tx, plan_id, seen)
    published = publish(plan, await _others(tx, plan.offer), by=by, reason=reason, now=tx.now)
    await _place(tx, plan.offer)
    await keep_plans(tx, [*published.superseded, published.plan], Author(reason, by))
    await publish_ahead(tx, days=horizon.days, keep_days=horizon.keep_days, offices=[plan.offer.office], keeps_use=True)
    return published.plan


async def week_of_form(connection: AsyncConnection, rows: Sequence[Given], office: Office) -> WeekPlan:
    """The week that the rows of a form give an offer; raises RulesBroken."""
    catalogue = await catalogue_of_form(connection, rows, offices=[office])
    return catalogue.plans[0]


async def _ended(
    tx: Transaction,
    plan_id: UUID,
    end: Callable[..., CapacityPlan],
    *,
    seen: Collection[int],
    by: UUID,
    reason: str,
) -> CapacityPlan:
    plan = await _held(tx, plan_id, seen)
    ended = end(plan, by=by, reason=reason, now=tx.now)
    await keep_plans(tx, [ended], Author(reason, by))
    return ended


async def _held(tx: Transaction, plan_id: UUID, seen: Collection[int]) -> CapacityPlan:
    await stored.hold_loading(tx.connection)
    plan = await plan_store.plan(tx.connection, plan_id)
    if plan is None:
        raise UnknownPlan(plan=plan_id)
    check_plan_revision(plan, seen)
    return plan


async def _others(tx: Transaction, offer: Offer) -> list[CapacityPlan]:
    return (await plan_store.plans_of(tx.connection, offers=[offer])).get(offer, [])


async def _place(tx: Transaction, offer: Offer) -> Office:
    """The office of an offer, if that can be given there."""
    office, service = await places_in_use(tx, offer)
    if offer.tier not in service.tiers:
        raise not_offered(offer)
    return office


async def replaced_by(connection: AsyncConnection, plan: CapacityPlan) -> CapacityPlan | None:
    """The plan whose place another takes, or took: what is in force on its first date, or what it was based on."""
    if plan.published is not None or plan.origin is Origin.SEED:
        return None if plan.based_on is None else await plan_store.plan(connection, plan.based_on)
    others = (await plan_store.plans_of(connection, offers=[plan.offer])).get(plan.offer, [])
    return in_force(others, plan.valid_from)
