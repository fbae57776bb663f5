"""What can't change of a thing while published plans build on it, and which offices feel a change."""

from collections.abc import Iterable

from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.services import Allocation, Service, Visit
from dawr.catalog.domain.weeks import Offer
from dawr.catalog.errors import FixedWhileOffered

_OF_OFFICES = ("kind", "zone", "currency")


def check_office(before: Office, after: Office, offers: Iterable[Offer]) -> None:
    """Refuse another kind, zone or currency of an office with published plans (FixedWhileOffered): its days, fees and
    channels follow from them."""
    if any(offer.office == before.code for offer in offers):
        for field in _OF_OFFICES:
            if getattr(before, field) != getattr(after, field):
                raise FixedWhileOffered(field=field, office=before.code)


def check_service(before: Service, after: Service, offers: Iterable[Offer], offices: Iterable[Office]) -> None:
    """Refuse to take from a service what published plans are for: a tier, the channels of an office that gives it, the
    visit, the seats (FixedWhileOffered). `offices` are those that give it."""
    tiers = {offer.tier for offer in offers if offer.service == before.code}
    if not tiers:
        return
    if not tiers <= set(after.tiers):
        raise FixedWhileOffered(field="tiers", tiers=sorted(tiers - set(after.tiers)))
    if any(office.kind.channels.isdisjoint(after.channels) for office in offices):
        raise FixedWhileOffered(field="channels")
    if after.visit is Visit.NONE:
        raise FixedWhileOffered(field="visit")
    if after.allocation is Allocation.OPEN:
        raise FixedWhileOffered(field="allocation")
