"""Load a folder: write what is missing, and what the folder says differently from what it said before.

For each thing the digest of what the folder last said is kept. As long as the folder says the same, what people
changed since stays; a fee that a person decided for a day is never superseded by the folder's. Nothing is deleted:
what a folder no longer has stays as it is, but an office that it has offers what the folder says and no more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import orjson
from pydantic import BaseModel

from dawr.catalog.domain.offices import Office, Region, describe_office
from dawr.catalog.domain.services import FeeDecision, Service, describe_service, new_fees, standing_fees
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.service.tell import tell
from dawr.catalog.store import capacity as capacity_store
from dawr.catalog.store import changes, stored
from dawr.catalog.store import offices as office_store
from dawr.catalog.store import services as service_store
from dawr.servicekit.database import Transaction

_REASON = "as the folder says"


@dataclass(slots=True)
class Loaded:
    """How many things a folder added or changed."""

    agencies: int = 0
    regions: int = 0
    offices: int = 0
    services: int = 0
    fees: int = 0
    week_plans: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def digest(*parts: object) -> str:
    """32 hexadecimal digits: equal for equal values."""
    return hashlib.blake2b(orjson.dumps(parts, default=_plain), digest_size=16).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


async def load_catalogue(tx: Transaction, catalogue: Catalogue) -> Loaded:
    """Bring the database to what a folder says and stage what changed; what there was of it."""
    await stored.hold_loading(tx.connection)
    loaded = Loaded()
    await _load_agencies(tx, catalogue, loaded)
    await _load_regions(tx, catalogue, loaded)
    await _load_offices(tx, catalogue.offices, {each.code: each for each in catalogue.regions}, loaded)
    await _load_services(tx, catalogue.services, catalogue.fees, loaded)
    await _load_week_plans(tx, catalogue, loaded)
    if loaded:
        await stored.count_up(tx.connection)
    return loaded


async def _load_agencies(tx: Transaction, catalogue: Catalogue, loaded: Loaded) -> None:
    known = await service_store.agencies(tx.connection)
    for agency in catalogue.agencies:
        seeded = digest(agency)
        if agency.code not in known or known[agency.code].seeded != seeded:
            await service_store.write_agency(tx.connection, agency, seeded)
            loaded.agencies += 1


async def _load_regions(tx: Transaction, catalogue: Catalogue, loaded: Loaded) -> None:
    known = await office_store.regions(tx.connection)
    for region in catalogue.regions:
        seeded = digest(region)
        if region.code not in known or known[region.code].seeded != seeded:
            await office_store.write_region(tx.connection, region, seeded)
            loaded.regions += 1


async def _load_offices(tx: Transaction, offices: Sequence[Office], regions: dict[str, Region], loaded: Loaded) -> None:
    known = await office_store.offices(tx.connection)
    for office in offices:
        before = known.get(office.code)
        # The region's name travels with the office.
        seeded = digest(office, regions[office.region])
        if before is not None and before.seeded == seeded:
            continue
        revision = before.revision + 1 if before else 1
        await office_store.write_office(tx.connection, office, revision=revision, seeded=seeded, now=tx.now)
        subject = f"office/{office.code}"
        await changes.note(tx, changes.Change(subject, revision, "described", _REASON, _detail(office)))
        tell(tx, describe_office(office, regions[office.region], revision))
        loaded.offices += 1


async def _load_services(
    tx: Transaction, services: Sequence[Service], fees: Sequence[FeeDecision], loaded: Loaded
) -> None:
    codes = [service.code for service in services]
    known = await service_store.services(tx.connection, codes, lock=True)
    decided = await service_store.fee_decisions(tx.connection, codes)
    for service in services:
        before, history = known.get(service.code), decided.get(service.code, [])
        seeded = digest(service)
        added = new_fees(history, [each for each in fees if each.service == service.code])
        described = before is None or before.seeded != seeded
        if not described and not added:
            continue
        revision = before.revision + 1 if before else 1
        await service_store.write_service(tx.connection, service, revision=revision, seeded=seeded, now=tx.now)
        await service_store.add_fees(tx.connection, added, tx.now)
        detail = _detail(service) | {"fees": [each.fee for each in added]}
        subject = f"service/{service.code}"
        await changes.note(tx, changes.Change(subject, revision, "described", _REASON, detail))
        tell(tx, describe_service(service, standing_fees([*history, *added]), revision))
        loaded.services += described
        loaded.fees += len(added)


async def _load_week_plans(tx: Transaction, catalogue: Catalogue, loaded: Loaded) -> None:
    known = await capacity_store.week_plans(tx.connection)
    for plan in catalogue.plans:
        if known.pop(plan.offer, None) != plan:
            await capacity_store.replace_week_plan(tx.connection, plan)
            loaded.week_plans += 1
    offices = {office.code for office in catalogue.offices}
    for offer in known:
        if offer.office in offices:
            await capacity_store.remove_week_plan(tx.connection, offer)
            loaded.week_plans += 1


def _detail(thing: Office | Service) -> dict[str, object]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(thing).items()}
