"""What an import changes, thing by thing, for the person who is to say yes to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dawr.catalog.domain.calendars import Closure
from dawr.catalog.domain.differences import Difference, differences
from dawr.catalog.domain.plans import CapacityPlan
from dawr.catalog.domain.services import FeeDecision
from dawr.catalog.service.describe import Draft
from dawr.catalog.store.plans import plan_document
from dawr.catalog.store.things import KINDS, document
from dawr.contracts.catalog import Fee


class What(StrEnum):
    """What becomes of a thing."""

    ADDED = "added"
    CHANGED = "changed"
    RETIRED = "retired"
    REINSTATED = "reinstated"
    PROPOSED = "proposed"
    """A plan that a second person has to approve."""


@dataclass(frozen=True, slots=True)
class Altered:
    """One thing that files have otherwise than the catalogue."""

    kind: str
    """`agency`, `region`, `tier`, `extra`, `calendar`, `service`, `office`, `fee`, `plan`, `closure`"""
    code: str
    """`PASS_REN`; of a fee `PASS_REN/N/online/2026-12-01`; of a plan `DAM-01/PASS_REN/N/2026-12-01`."""
    what: What
    differences: tuple[Difference, ...] = ()
    """Of what was there before; none for what is new."""


def altered_things(drafts: Iterable[Draft]) -> list[Altered]:
    """What drafts change."""
    return [_thing(draft) for draft in drafts]


def _thing(draft: Draft) -> Altered:
    kind, code = KINDS[type(draft.thing)], draft.thing.code
    if draft.before is None:
        return Altered(kind, code, What.ADDED)
    after = document(draft.thing)
    found = differences(document(draft.before.thing), after)
    what = What.CHANGED
    if any(each.path == "/retired" for each in found):
        what = What.RETIRED if after["retired"] else What.REINSTATED
    return Altered(kind, code, what, found)


def altered_fee(decision: FeeDecision, before: Fee | None) -> Altered:
    """What a decision about a fee changes; `before` is the one that stood for the same tier, channel and day."""
    fee = decision.fee
    code = f"{decision.service}/{fee.tier}/{fee.channel.value}/{fee.effective_from.isoformat()}"
    if before is None:
        return Altered("fee", code, What.ADDED)
    return Altered("fee", code, What.CHANGED, differences(before.model_dump(mode="json"), fee.model_dump(mode="json")))


def altered_plan(plan: CapacityPlan, before: CapacityPlan | None) -> Altered:
    """What a proposal would change; `before` is the plan in force on its first day."""
    offer = plan.offer
    code = f"{offer.office}/{offer.service}/{offer.tier}/{plan.valid_from.isoformat()}"
    found = () if before is None else differences(_week(before), _week(plan))
    return Altered("plan", code, What.PROPOSED, found)


def _week(plan: CapacityPlan) -> Any:
    return plan_document(plan)["week"]


def altered_closure(closure: Closure) -> Altered:
    """A closure that is decided."""
    days = f"{closure.first_day.isoformat()}/{closure.last_day.isoformat()}"
    return Altered("closure", f"{closure.scope.value}/{closure.code or '*'}/{days}", What.ADDED)
