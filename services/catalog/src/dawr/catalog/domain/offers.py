"""What an office offers: it follows from its plans."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from dawr.catalog.domain.plans import CapacityPlan, standing
from dawr.catalog.domain.weeks import Offer


def offered_services(plans: Mapping[Offer, Sequence[CapacityPlan]], office: str, today: date) -> tuple[str, ...]:
    """The codes of the services for which an office is planned to be open on some weekday, today or later; sorted."""
    return tuple(
        sorted({offer.service for offer in plans if offer.office == office and _is_given(plans[offer], today)})
    )


def _is_given(plans: Iterable[CapacityPlan], today: date) -> bool:
    return any(plan.week.days for plan in standing(plans, today))
