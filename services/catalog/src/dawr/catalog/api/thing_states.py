"""What the catalogue holds, in the forms that change it: what is read can be sent back."""

from collections.abc import Iterable
from functools import singledispatch
from typing import Any

from dawr.catalog.api.thing_forms import (
    AgencyForm,
    CalendarForm,
    ExtraForm,
    OfficeForm,
    RegionForm,
    ServiceForm,
    ThingForm,
    TierForm,
)
from dawr.catalog.domain.calendars import Calendar, Span, Weekday
from dawr.catalog.domain.offices import Office, Region
from dawr.catalog.domain.services import Agency, Extra, Service
from dawr.catalog.folder.cells import HolidaysOf
from dawr.contracts import Money, Text
from dawr.contracts.catalog import Tier


@singledispatch
def form_of(thing: Any) -> ThingForm:
    """The form that a thing would have been sent in."""
    raise TypeError(type(thing))


@form_of.register
def _(agency: Agency) -> ThingForm:
    return AgencyForm.model_validate(_named(agency.code, agency.name))


@form_of.register
def _(region: Region) -> ThingForm:
    return RegionForm.model_validate(_named(region.code, region.name) | {"abroad": region.abroad})


@form_of.register
def _(tier: Tier) -> ThingForm:
    return TierForm.model_validate(_named(tier.code, tier.name))


@form_of.register
def _(extra: Extra) -> ThingForm:
    return ExtraForm.model_validate(_named(extra.code, extra.name) | {"description": _text(extra.description)})


@form_of.register
def _(calendar: Calendar) -> ThingForm:
    holidays = calendar.holidays_of and str(HolidaysOf(calendar.holidays_of, calendar.holidays_subdivision))
    return CalendarForm.model_validate(
        _named(calendar.code, calendar.name)
        | {
            "weekend": _weekdays(calendar.weekend),
            "holidays_of": holidays,
            "left_out": calendar.left_out,
            "ramadan_hours": calendar.ramadan_hours and _span(calendar.ramadan_hours),
            "special_days": [
                {
                    "first_day": each.first_day,
                    "last_day": each.last_day,
                    "kind": each.kind,
                    "hours": [_span(span) for span in each.hours],
                    "name": _text(each.name),
                }
                for each in calendar.special_days
            ],
        }
    )


@form_of.register
def _(service: Service) -> ThingForm:
    rules = service.eligibility
    same = ("agency", "family", "keywords", "audiences", "visit", "channels", "tiers", "duration_minutes")
    return ServiceForm.model_validate(
        _named(service.code, service.name)
        | {field: getattr(service, field) for field in (*same, "validity_months", "allocation")}
        | {field: getattr(rules, field) for field in ("min_age", "max_age", "one_per_family", "needs_service")}
        | {
            "description": _text(service.description),
            "documents": [
                _named(each.code, each.name)
                | {"tiers": each.tiers, "condition": each.condition and _text(each.condition)}
                for each in service.documents
            ],
            "extras": [
                {"extra": each.code, "amount": _money(each.fee), "is_example": each.is_example}
                for each in service.extras
            ],
        }
    )


@form_of.register
def _(office: Office) -> ThingForm:
    same = ("kind", "region", "latitude", "longitude", "zone", "currency", "calendar", "counters", "languages")
    return OfficeForm.model_validate(
        _named(office.code, office.name)
        | {field: getattr(office, field) for field in (*same, "wheelchair")}
        | {
            "address": _text(office.address),
            "hours": [
                {"weekday": weekday.name, "hours": [_span(span) for span in office.hours[weekday]]}
                for weekday in sorted(office.hours)
                if office.hours[weekday]
            ],
        }
    )


def _named(code: str, name: Text) -> dict[str, Any]:
    return {"code": code, "name": _text(name)}


def _text(text: Text) -> dict[str, str]:
    return {"ar": text.ar, "en": text.en}


def _money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency}


def _span(span: Span) -> dict[str, str]:
    return {"opens": span.opens, "closes": span.closes}


def _weekdays(weekdays: Iterable[Weekday]) -> list[str]:
    return [weekday.name for weekday in sorted(weekdays)]
