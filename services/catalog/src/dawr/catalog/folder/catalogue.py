"""Rows to the domain's values: the one way in which a folder becomes a catalogue."""

from collections import defaultdict
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dawr.catalog.domain.capacity import Offer, WeekdayPlan, WeekPlan, seats
from dawr.catalog.domain.offices import Office, Region, Weekday
from dawr.catalog.domain.services import Agency, FeeDecision, Origin, Service
from dawr.catalog.folder.checks import check
from dawr.catalog.folder.problems import refuse
from dawr.catalog.folder.reading import Rows
from dawr.catalog.folder.rows import (
    AgencyRow,
    CapacityRow,
    DocumentRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    ServiceRow,
    TierRow,
)
from dawr.contracts import Money, Text
from dawr.contracts.catalog import Document, Fee, Tier


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a folder says. Each part is sorted by code."""

    agencies: tuple[Agency, ...]
    regions: tuple[Region, ...]
    offices: tuple[Office, ...]
    services: tuple[Service, ...]
    fees: tuple[FeeDecision, ...]
    plans: tuple[WeekPlan, ...]


def shipped() -> Traversable:
    """The folder that comes with the package."""
    return resources.files("dawr.catalog") / "seed"


def read_catalogue(folder: Traversable | Path) -> Catalogue:
    """The catalogue of a folder; raises CatalogueInvalid with every problem by file, row and column."""
    rows = Rows(folder)
    # A row that can't be read is unknown to the others: what they say of it would only mislead.
    refuse(rows.problems)
    refuse(list(check(rows)))
    return Catalogue(
        agencies=tuple(sorted((Agency(row.code, row.name) for row in rows.of(AgencyRow)), key=lambda each: each.code)),
        regions=tuple(
            sorted((Region(row.code, row.name, row.abroad) for row in rows.of(RegionRow)), key=lambda each: each.code)
        ),
        offices=_offices(rows),
        services=_services(rows),
        fees=_fees(rows),
        plans=_plans(rows),
    )


def _offices(rows: Rows) -> tuple[Office, ...]:
    offered: dict[str, set[str]] = defaultdict(set)
    for plan in rows.of(CapacityRow):
        offered[plan.office].add(plan.service)
    offices = (
        Office(
            code=row.code,
            kind=row.kind,
            region=row.region,
            name=row.name,
            address=Text(ar=row.address_ar, en=row.address_en),
            zone=row.zone,
            currency=row.currency,
            closed_weekdays=frozenset(row.closed_weekdays),
            services=tuple(sorted(offered[row.code])),
            retired=row.retired,
        )
        for row in rows.of(OfficeRow)
    )
    return tuple(sorted(offices, key=lambda each: each.code))


def _services(rows: Rows) -> tuple[Service, ...]:
    tiers = {row.code: Tier(code=row.code, name=Text(ar=row.name_ar, en=row.name_en)) for row in rows.of(TierRow)}
    documents: dict[str, list[Document]] = defaultdict(list)
    for each in rows.of(DocumentRow):
        documents[each.service].append(Document(code=each.code, name=each.name, tiers=each.tiers))
    services = (
        Service(
            code=row.code,
            agency=row.agency,
            family=row.family,
            name=row.name,
            description=Text(ar=row.description_ar, en=row.description_en),
            visit=row.visit,
            channels=row.channels,
            tiers=tuple(tiers[code] for code in row.tiers),
            documents=tuple(documents[row.code]),
            duration_minutes=row.duration_minutes,
            retired=row.retired,
        )
        for row in rows.of(ServiceRow)
    )
    return tuple(sorted(services, key=lambda each: each.code))


def _fees(rows: Rows) -> tuple[FeeDecision, ...]:
    decisions = (
        FeeDecision(
            row.service,
            Fee(
                tier=row.tier,
                channel=row.channel,
                amount=Money(minor=row.minor, currency=row.currency),
                effective_from=row.effective_from,
                is_example=row.is_example,
            ),
            Origin.SEED,
        )
        for row in rows.of(FeeRow)
    )
    return tuple(sorted(decisions, key=lambda each: (each.service, *each.place)))


def _plans(rows: Rows) -> tuple[WeekPlan, ...]:
    weeks: dict[Offer, dict[Weekday, WeekdayPlan]] = defaultdict(dict)
    for row in rows.of(CapacityRow):
        plan = WeekdayPlan(row.capacity, seats(row.capacity, row.windows), row.opens_days_before)
        for weekday in row.weekdays:
            weeks[Offer(row.office, row.service, row.tier)][weekday] = plan
    return tuple(WeekPlan(offer, weeks[offer]) for offer in sorted(weeks))
