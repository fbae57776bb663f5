"""A catalogue as rows again: what reading them gives is the same catalogue."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from dawr.catalog.domain.calendars import Span, Weekday
from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.services import Service
from dawr.catalog.domain.weeks import ReleasePart, WeekdayPlan, WeekPlan
from dawr.catalog.folder.catalogue import Catalogue
from dawr.catalog.folder.cells import HolidaysOf
from dawr.catalog.folder.rows import (
    AgencyRow,
    CalendarRow,
    CapacityRow,
    ClosureRow,
    DocumentRow,
    ExtraRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    Row,
    ServiceExtraRow,
    ServiceRow,
    SpecialDayRow,
    TierRow,
)
from dawr.contracts import Money, Text
from dawr.contracts.values import Window

Plain = str | int | float | date | None
"""What a cell holds: a spreadsheet shows each its way, CSV has all as text."""

Values = dict[str, Any]
"""A row by column, in the domain's types."""


def tables(catalogue: Catalogue) -> dict[type[Row], list[list[Plain]]]:
    """The rows of every file, in its columns' order, without headers."""
    rows: dict[type[Row], Iterator[Values]] = {
        AgencyRow: (_named(each.code, each.name) for each in catalogue.agencies),
        RegionRow: (_named(each.code, each.name) | {"abroad": each.abroad} for each in catalogue.regions),
        TierRow: (_named(each.code, each.name) for each in catalogue.tiers),
        ExtraRow: (_named(each.code, each.name) | _both("description", each.description) for each in catalogue.extras),
        CalendarRow: _calendars(catalogue),
        SpecialDayRow: _special_days(catalogue),
        ServiceRow: (_service(each) for each in catalogue.services),
        DocumentRow: _documents(catalogue),
        ServiceExtraRow: (
            {"service": service.code, "extra": each.code, "is_example": each.is_example} | _amount(each.fee)
            for service in catalogue.services
            for each in service.extras
        ),
        FeeRow: _fees(catalogue),
        OfficeRow: (_office(each) for each in catalogue.offices),
        CapacityRow: (row for plan in catalogue.plans for row in _capacity(plan)),
        ClosureRow: _closures(catalogue),
    }
    return {kind: [[_plain(each[column]) for column in kind.model_fields] for each in rows[kind]] for kind in rows}


def _both(column: str, text: Text | None) -> Values:
    return {f"{column}_ar": text and text.ar, f"{column}_en": text and text.en}


def _named(code: str, name: Text) -> Values:
    return {"code": code, **_both("name", name)}


def _amount(amount: Money) -> Values:
    return {"minor": amount.minor, "currency": amount.currency}


def _calendars(catalogue: Catalogue) -> Iterator[Values]:
    for each in catalogue.calendars:
        yield _named(each.code, each.name) | {
            "weekend": sorted(each.weekend),
            "holidays_of": each.holidays_of and str(HolidaysOf(each.holidays_of, each.holidays_subdivision)),
            "left_out": each.left_out,
            "ramadan_hours": each.ramadan_hours,
        }


def _special_days(catalogue: Catalogue) -> Iterator[Values]:
    for calendar in catalogue.calendars:
        for each in calendar.special_days:
            yield {
                "calendar": calendar.code,
                "first_day": each.first_day,
                "last_day": each.last_day,
                "kind": each.kind,
                "hours": each.hours,
                **_both("name", each.name),
            }


def _service(service: Service) -> Values:
    return {
        **_named(service.code, service.name),
        **_both("description", service.description),
        **{
            column: getattr(service, column)
            for column in (
                "agency",
                "family",
                "keywords",
                "audiences",
                "visit",
                "channels",
                "tiers",
                "duration_minutes",
                "validity_months",
                "allocation",
                "retired",
            )
        },
        **{
            column: getattr(service.eligibility, column)
            for column in ("min_age", "max_age", "one_per_family", "needs_service")
        },
    }


def _documents(catalogue: Catalogue) -> Iterator[Values]:
    for service in catalogue.services:
        for each in service.documents:
            named = _named(each.code, each.name) | _both("condition", each.condition)
            yield named | {"service": service.code, "tiers": each.tiers}


def _fees(catalogue: Catalogue) -> Iterator[Values]:
    for each in catalogue.fees:
        fee = each.fee
        yield _amount(fee.amount) | {
            "service": each.service,
            "tier": fee.tier,
            "channel": fee.channel,
            "effective_from": fee.effective_from,
            "is_example": fee.is_example,
        }


def _office(office: Office) -> Values:
    columns = [column for column in OfficeRow.model_fields if not column.endswith(("_ar", "_en"))]
    values = {column: getattr(office, column) for column in columns}
    return values | _both("name", office.name) | _both("address", office.address)


def _capacity(plan: WeekPlan) -> Iterator[Values]:
    """A row for each set of weekdays that are alike; one without weekdays if nothing is given."""
    alike: dict[WeekdayPlan, list[Weekday]] = defaultdict(list)
    for weekday, day in sorted(plan.days.items()):
        alike[day].append(weekday)
    for day, weekdays in alike.items() or [(WeekdayPlan(0, (), 0), [])]:
        yield {
            "office": plan.offer.office,
            "service": plan.offer.service,
            "tier": plan.offer.tier,
            "valid_from": plan.valid_from,
            "weekdays": weekdays,
            **{
                column: getattr(day, column)
                for column in (
                    "capacity",
                    "windows",
                    "opens_days_before",
                    "opens_time",
                    "releases",
                    "kept_assisted",
                    "kept_accessible",
                    "kept_urgent",
                )
            },
        }


def _closures(catalogue: Catalogue) -> Iterator[Values]:
    for each in catalogue.closures:
        yield {
            "scope": each.scope,
            "code": each.code,
            "first_day": each.first_day,
            "last_day": each.last_day,
            **_both("reason", each.reason),
        }


def _plain(value: object) -> Plain:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return " ".join(f"{weekday.name}={_list(spans)}" for weekday, spans in sorted(value.items()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value)
    if value is None or isinstance(value, str | int | float | date):
        return value
    return _word(value)


def _list(values: Sequence[object]) -> str:
    # Spans of one day are apart by commas, as days are by spaces.
    apart = "," if values and isinstance(values[0], Span) else " "
    return apart.join(_word(value) for value in values)


def _word(value: object) -> str:
    match value:
        case Span():
            return f"{value.opens}-{value.closes}"
        case Window():
            return f"{value.start}-{value.end}={value.capacity}"
        case ReleasePart():
            return f"{value.at}={value.percent}%"
        case Weekday():
            return value.name
        case _:
            return str(value)
