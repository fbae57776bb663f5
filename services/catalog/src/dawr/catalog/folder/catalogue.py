"""Rows to the domain's values: the one way in which files become a catalogue."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from dawr.catalog.domain.calendars import Calendar, ClosureScope, SpecialDays, Weekday
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import (
    Agency,
    Eligibility,
    Extra,
    FeeDecision,
    Origin,
    Service,
    ServiceExtra,
)
from dawr.catalog.domain.weeks import Offer, WeekdayPlan, WeekPlan
from dawr.catalog.folder.checks import check, check_setup
from dawr.catalog.folder.csv_files import CsvFolder
from dawr.catalog.folder.problems import Problem, called_as, refuse
from dawr.catalog.folder.reading import Rows, Source
from dawr.catalog.folder.rows import (
    FILES,
    AgencyRow,
    CalendarRow,
    CapacityRow,
    ClosureRow,
    DocumentRow,
    ExtraRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    ServiceExtraRow,
    ServiceRow,
    SpecialDayRow,
    TierRow,
)
from dawr.catalog.folder.time_checks import check_hours, weekday_plan
from dawr.contracts import Money, Text
from dawr.contracts.catalog import Document, Fee, Tier


@dataclass(frozen=True, slots=True)
class SaidClosure:
    """A closure as a folder says it; who decided it and when is not the folder's to say."""

    scope: ClosureScope
    code: str | None
    first_day: date
    last_day: date
    reason: Text

    @property
    def place(self) -> tuple[ClosureScope, str | None, date, date]:
        """What tells it from others."""
        return (self.scope, self.code, self.first_day, self.last_day)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a folder says. Each part is sorted by code; what offices offer follows from the plans."""

    agencies: tuple[Agency, ...]
    regions: tuple[Region, ...]
    tiers: tuple[Tier, ...]
    extras: tuple[Extra, ...]
    calendars: tuple[Calendar, ...]
    offices: tuple[Office, ...]
    services: tuple[Service, ...]
    fees: tuple[FeeDecision, ...]
    plans: tuple[WeekPlan, ...]
    """By offer and the date from which they are in force."""
    closures: tuple[SaidClosure, ...]
    numbers: Mapping[tuple[object, ...], int] = field(default_factory=dict, compare=False)
    """The row that says something: by its file and what tells it from others."""
    outside: Mapping[tuple[Offer, date], tuple[Problem, ...]] = field(default_factory=dict, compare=False)
    """Plans with capacity outside their office's hours, by offer and `valid_from`: such a plan can't be new."""


def shipped() -> Traversable:
    """The folder that comes with the package."""
    return resources.files("dawr.catalog") / "seed"


def read_catalogue(folder: Traversable | Path) -> Catalogue:
    """The catalogue of a folder of CSV files that a platform is set up with.

    Raises CatalogueInvalid with every problem by file, row and column.
    """
    return catalogue_of(read_rows(CsvFolder(folder), sets_up=True))


def read_rows(source: Source, *, sets_up: bool = False) -> Rows:
    """The rows of a source, all of them good; raises CatalogueInvalid with every problem by file, row and column.

    `sets_up`: they are what a platform starts with, so they must be whole.
    """
    with called_as(source.called):
        rows = Rows(source)
        # A row that can't be read is unknown to the others: what they say of it would only mislead.
        refuse(rows.problems)
        refuse(chain(check(rows), check_setup(rows) if sets_up else ()))
    return rows


def catalogue_of(rows: Rows) -> Catalogue:
    """What good rows say."""
    return Catalogue(
        numbers=_numbers(rows),
        outside=_outside(rows),
        agencies=_by_code(Agency(row.code, row.name) for row in rows.of(AgencyRow)),
        regions=_by_code(Region(row.code, row.name, row.abroad) for row in rows.of(RegionRow)),
        tiers=_by_code(Tier(code=row.code, name=Text(ar=row.name_ar, en=row.name_en)) for row in rows.of(TierRow)),
        extras=_by_code(
            Extra(row.code, row.name, Text(ar=row.description_ar, en=row.description_en)) for row in rows.of(ExtraRow)
        ),
        calendars=_calendars(rows),
        offices=_by_code(_office(row) for row in rows.of(OfficeRow)),
        services=_services(rows),
        fees=_fees(rows),
        plans=_plans(rows),
        closures=tuple(
            sorted(
                (
                    SaidClosure(
                        row.scope, row.code, row.first_day, row.last_day, Text(ar=row.reason_ar, en=row.reason_en)
                    )
                    for row in rows.of(ClosureRow)
                ),
                key=lambda each: (each.first_day, each.last_day, each.scope, each.code or ""),
            )
        ),
    )


def _numbers(rows: Rows) -> dict[tuple[object, ...], int]:
    numbers: dict[tuple[object, ...], int] = {}
    for kind in FILES:
        # A plan has a row for each set of its weekdays: the first stands for all.
        columns = [column for column in kind.identity if column != "weekdays"]
        for at, row in rows.numbered(kind):
            numbers.setdefault((kind.file, *(getattr(row, column) for column in columns)), at.number)
    return numbers


def _outside(rows: Rows) -> dict[tuple[Offer, date], tuple[Problem, ...]]:
    plans = {at.number: row for at, row in rows.numbered(CapacityRow)}
    outside: dict[tuple[Offer, date], tuple[Problem, ...]] = {}
    for problem in check_hours(rows):
        row = plans[problem.row]
        key = (Offer(row.office, row.service, row.tier), row.valid_from)
        outside[key] = (*outside.get(key, ()), problem)
    return outside


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


C = TypeVar("C", bound=_Coded)


def _by_code(things: Iterable[C]) -> tuple[C, ...]:
    return tuple(sorted(things, key=lambda each: each.code))


def _calendars(rows: Rows) -> tuple[Calendar, ...]:
    special: dict[str, list[SpecialDays]] = defaultdict(list)
    for each in rows.of(SpecialDayRow):
        name = Text(ar=each.name_ar, en=each.name_en)
        special[each.calendar].append(SpecialDays(each.first_day, each.last_day, each.kind, name, each.hours))
    return _by_code(
        Calendar(
            code=row.code,
            name=row.name,
            weekend=frozenset(row.weekend),
            holidays_of=row.holidays_of.country if row.holidays_of else None,
            holidays_subdivision=row.holidays_of.subdivision if row.holidays_of else None,
            left_out=tuple(sorted(row.left_out)),
            ramadan_hours=row.ramadan_hours,
            special_days=tuple(sorted(special[row.code], key=lambda each: (each.first_day, each.last_day, each.kind))),
        )
        for row in rows.of(CalendarRow)
    )


def _office(row: OfficeRow) -> Office:
    return Office(
        code=row.code,
        kind=row.kind,
        region=row.region,
        name=Text(ar=row.name_ar, en=row.name_en),
        address=Text(ar=row.address_ar, en=row.address_en),
        zone=row.zone,
        currency=row.currency,
        calendar=row.calendar,
        hours=dict(sorted(row.hours.items())),
        latitude=row.latitude,
        longitude=row.longitude,
        counters=row.counters,
        languages=row.languages,
        wheelchair=row.wheelchair,
        retired=row.retired,
    )


def _services(rows: Rows) -> tuple[Service, ...]:
    documents: dict[str, list[Document]] = defaultdict(list)
    for each in rows.of(DocumentRow):
        documents[each.service].append(_document(each))
    extras: dict[str, list[ServiceExtra]] = defaultdict(list)
    for extra in rows.of(ServiceExtraRow):
        fee = Money(minor=extra.minor, currency=extra.currency)
        extras[extra.service].append(ServiceExtra(extra.extra, fee, extra.is_example))
    return _by_code(
        Service(
            code=row.code,
            agency=row.agency,
            family=row.family,
            name=Text(ar=row.name_ar, en=row.name_en),
            description=Text(ar=row.description_ar, en=row.description_en),
            visit=row.visit,
            channels=row.channels,
            tiers=row.tiers,
            documents=tuple(documents[row.code]),
            duration_minutes=row.duration_minutes,
            keywords=row.keywords,
            audiences=row.audiences,
            validity_months=row.validity_months,
            allocation=row.allocation,
            eligibility=Eligibility(row.min_age, row.max_age, row.one_per_family, row.needs_service),
            extras=tuple(extras[row.code]),
            retired=row.retired,
        )
        for row in rows.of(ServiceRow)
    )


def _document(row: DocumentRow) -> Document:
    condition = None
    if row.condition_ar is not None and row.condition_en is not None:
        condition = Text(ar=row.condition_ar, en=row.condition_en)
    name = Text(ar=row.name_ar, en=row.name_en)
    return Document(code=row.code, name=name, tiers=row.tiers, condition=condition)


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
    weeks: dict[tuple[Offer, date], dict[Weekday, WeekdayPlan]] = defaultdict(dict)
    for row in rows.of(CapacityRow):
        plan = weekday_plan(row)
        week = weeks[Offer(row.office, row.service, row.tier), row.valid_from]
        week.update(dict.fromkeys(row.weekdays, plan))
    return tuple(
        WeekPlan(offer, dict(sorted(days.items())), valid_from)
        for (offer, valid_from), days in sorted(weeks.items(), key=lambda each: each[0])
    )
