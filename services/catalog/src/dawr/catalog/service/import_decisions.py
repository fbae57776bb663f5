"""What an import decides beside things: fees, which can't change what is over, and plans, which it only proposes."""

from collections.abc import Iterator, Mapping, Sequence

from dawr.catalog.domain.offices import Office, earliest_date
from dawr.catalog.domain.plans import CapacityPlan, PlanState, propose
from dawr.catalog.domain.services import FeeDecision, Origin, standing_fees
from dawr.catalog.domain.weeks import WeekPlan
from dawr.catalog.errors import DateOver
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.problems import Problem, refuse
from dawr.catalog.service.describe import Author
from dawr.catalog.service.planning import keep_plans
from dawr.catalog.store.plans import plans_of
from dawr.catalog.store.things import things
from dawr.servicekit.clock import new_id
from dawr.servicekit.database import Transaction
from dawr.servicekit.errors import Refusal

_OPEN = (PlanState.PROPOSED, PlanState.APPROVED)


async def imported_fees(
    tx: Transaction, catalogue: Catalogue, decided: Mapping[str, Sequence[FeeDecision]]
) -> list[FeeDecision]:
    """The fees of files that differ from those that stand, as a person's decisions. Raises CatalogueInvalid.

    The fee of a day that is over stays as it was; only a tier and channel that had none yet can begin in the past.
    """
    offices = await things(tx.connection, Office)
    today = earliest_date((each.thing for each in offices.values()), tx.now)
    added: list[FeeDecision] = []
    problems: list[Problem] = []
    for said in catalogue.fees:
        standing = standing_fees(decided.get(said.service, ()))
        if said.fee in standing:
            continue
        begun = any((each.tier, each.channel) == (said.fee.tier, said.fee.channel) for each in standing)
        if begun and said.fee.effective_from < today:
            row = catalogue.numbers["fees.csv", said.service, *said.place]
            title = DateOver.title
            problems.append(Problem("fees.csv", row, "effective_from", DateOver.code, title.en, title.ar))
            continue
        added.append(FeeDecision(said.service, said.fee, Origin.STAFF))
    refuse(problems)
    return added


async def propose_imported(tx: Transaction, catalogue: Catalogue, author: Author) -> int:
    """Propose the weeks of files that are neither published nor proposed yet; how many. Raises CatalogueInvalid."""
    known = await plans_of(tx.connection, offices=[office.code for office in catalogue.offices])
    zones = {office.code: office.zone for office in catalogue.offices}
    proposed: list[CapacityPlan] = []
    problems: list[Problem] = []
    for week in catalogue.plans:
        plans = known.get(week.offer, [])
        if week in _weeks(plans):
            continue
        try:
            proposed.append(_propose(week, plans, zones[week.offer.office], author, tx))
        except Refusal as refusal:
            offer = (week.offer.office, week.offer.service, week.offer.tier)
            row = catalogue.numbers["capacity.csv", *offer, week.valid_from]
            problems.append(
                Problem("capacity.csv", row, "valid_from", refusal.code, refusal.detail.en, refusal.detail.ar)
            )
    refuse(problems)
    await keep_plans(tx, proposed, author)
    return len(proposed)


def _weeks(plans: Sequence[CapacityPlan]) -> Iterator[WeekPlan]:
    return (plan.week for plan in plans if plan.state in (PlanState.PUBLISHED, *_OPEN))


def _propose(week: WeekPlan, plans: Sequence[CapacityPlan], zone: str, author: Author, tx: Transaction) -> CapacityPlan:
    assert author.person is not None  # noqa: S101
    return propose(plans, week, plan_id=new_id(), zone=zone, by=author.person, reason=author.reason, now=tx.now)
