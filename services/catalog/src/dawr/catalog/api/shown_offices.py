"""The forms of public answers about offices, missions and regions."""

from datetime import date
from typing import Literal

from pydantic import Field

from dawr.catalog.api.shown import Named, Shown, named
from dawr.catalog.domain.calendars import Closure, ClosureScope, Weekday
from dawr.catalog.domain.offices import Office, OfficeKind, Region
from dawr.contracts import Text
from dawr.servicekit.problems import say

WeekdayName = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


class ShownSpan(Shown):
    """A part of a day, in local time: [opens, closes)."""

    opens: str = Field(examples=["08:00"])
    closes: str = Field(examples=["15:00"])


class OpenWeekday(Shown):
    """When an office is open on a weekday."""

    weekday: WeekdayName
    hours: tuple[ShownSpan, ...]


class Place(Shown):
    """A place on the map, WGS 84."""

    latitude: float = Field(examples=[33.5074])
    longitude: float = Field(examples=[36.2898])


class ShownClosure(Shown):
    """Days on which nobody is served, first and last included."""

    scope: ClosureScope
    first_day: date
    last_day: date
    reason: str
    reasons: Text


class OfficeSummary(Named):
    """An office or mission in a list."""

    kind: OfficeKind
    region: Named
    address: str
    addresses: Text
    zone: str = Field(examples=["Asia/Damascus"])
    currency: str
    place: Place | None
    wheelchair: bool | None
    """Whether one gets to its counters in a wheelchair; none: not known."""
    closed_weekdays: tuple[WeekdayName, ...]
    services: tuple[str, ...]
    """Codes of what it offers."""


class OfficeDetail(OfficeSummary):
    """An office or mission with what it offers."""

    revision: int
    retired: bool
    as_of: date
    """The local date there from which on closures are listed."""
    calendar: Named
    hours: tuple[OpenWeekday, ...]
    """By weekday, as usual; holidays, special days and Ramadan hours are the calendar's."""
    counters: int
    languages: tuple[str, ...] = Field(examples=[("ar", "en")])
    """ISO 639-1 codes of what is spoken there."""
    closures: tuple[ShownClosure, ...]
    """Of the office, its region, or everything; those to come and the present one."""
    offers: tuple[Named, ...]


class ListedOffice(OfficeSummary):
    """An office or mission in a list that may be sorted by distance."""

    distance_km: float | None = Field(examples=[2.4])
    """As the crow flies from `near`; none without it, or if the office's place is not known."""


class OfficeList(Shown):
    """A page of offices; `next` is the cursor of the next page."""

    items: tuple[ListedOffice, ...]
    next: str | None


class ShownRegion(Named):
    """A governorate, or a country abroad."""

    abroad: bool


class RegionList(Shown):
    """All regions, by code."""

    items: tuple[ShownRegion, ...]


def office_summary(office: Office, region: Region, lang: str) -> OfficeSummary:
    """An office as lists show it."""
    return OfficeSummary(
        **dict(named(office.code, office.name, lang)),
        kind=office.kind,
        region=named(region.code, region.name, lang),
        address=say(office.address, lang),
        addresses=office.address,
        zone=office.zone,
        currency=office.currency,
        place=_place(office),
        wheelchair=office.wheelchair,
        closed_weekdays=tuple(_WEEKDAYS[each] for each in office.closed_weekdays),
        services=office.services,
    )


def listed_office(office: Office, region: Region, metres: int | None, lang: str) -> ListedOffice:
    """An office as a list shows it, so far away."""
    known = metres is not None and office.latitude is not None
    return ListedOffice(
        **dict(office_summary(office, region, lang)),
        distance_km=round(metres / 1000, 1) if metres is not None and known else None,
    )


def _place(office: Office) -> Place | None:
    if office.latitude is None or office.longitude is None:
        return None
    return Place(latitude=office.latitude, longitude=office.longitude)


def shown_week(office: Office) -> tuple[OpenWeekday, ...]:
    """The weekdays on which an office is usually open."""
    return tuple(
        OpenWeekday(
            weekday=_WEEKDAYS[weekday],
            hours=tuple(ShownSpan(opens=each.opens, closes=each.closes) for each in office.hours[weekday]),
        )
        for weekday in sorted(office.hours)
    )


def shown_closure(closure: Closure, lang: str) -> ShownClosure:
    """A closure with its reason for people."""
    return ShownClosure(
        scope=closure.scope,
        first_day=closure.first_day,
        last_day=closure.last_day,
        reason=say(closure.reason, lang),
        reasons=closure.reason,
    )


_WEEKDAYS: dict[Weekday, WeekdayName] = {
    Weekday.MON: "MON",
    Weekday.TUE: "TUE",
    Weekday.WED: "WED",
    Weekday.THU: "THU",
    Weekday.FRI: "FRI",
    Weekday.SAT: "SAT",
    Weekday.SUN: "SUN",
}
