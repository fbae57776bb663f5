"""Keeping plans: each step in its row and in `changes`."""

from collections.abc import Sequence

from dawr.catalog.domain.plans import CapacityPlan, PlanState
from dawr.catalog.service.describe import Author
from dawr.catalog.store import changes
from dawr.catalog.store.plans import plan_document, save_plans
from dawr.servicekit.database import Transaction

_CHANGES = {
    PlanState.PROPOSED: "plan-proposed",
    PlanState.APPROVED: "plan-approved",
    PlanState.PUBLISHED: "plan-published",
    PlanState.SUPERSEDED: "plan-superseded",
    PlanState.REJECTED: "plan-rejected",
    PlanState.WITHDRAWN: "plan-withdrawn",
}


async def keep_plans(tx: Transaction, plans: Sequence[CapacityPlan], author: Author) -> None:
    """Keep plans as they were moved, those that give way among them, and note each step.

    The caller holds `stored.hold_loading`, and publishes and tells what follows from it.
    """
    await save_plans(tx.connection, plans)
    await changes.note(
        tx,
        *(
            changes.Change(
                f"plan/{plan.id}",
                plan.revision,
                _CHANGES[plan.state],
                author.reason,
                {"state": plan_document(plan)},
                by_person=author.person,
            )
            for plan in plans
        ),
    )
