"""Where services are given: regions, offices, missions and licensed assistance offices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from dawr.catalog.domain.calendars import Weekday, WeekHours
from dawr.contracts import Channel, Text
from dawr.contracts.catalog import OfficeDescribed


class OfficeKind(StrEnum):
    """An office at home, a mission abroad, or a licensed office that helps people to ask."""

    OFFICE = "office"
    MISSION = "mission"
    ASSISTANCE = "assistance"

    @property
    def channels(self) -> frozenset[Channel]:
        """The ways by which a turn there is asked for."""
        if self is OfficeKind.MISSION:
            return frozenset({Channel.MISSION})
        if self is OfficeKind.ASSISTANCE:
            return frozenset()
        return frozenset({Channel.ONLINE, Channel.ASSISTED})


@dataclass(frozen=True, slots=True)
class Region:
    """A governorate at home, or a country with missions."""

    code: str
    name: Text
    abroad: bool


@dataclass(frozen=True, slots=True)
class Office:
    """A place where services are given, as the catalogue has it.

    One that only assists has no capacity of its own, and the other services do not hear of it.
    """

    code: str
    kind: OfficeKind
    region: str
    name: Text
    address: Text
    zone: str
    """IANA name; a day of the office is a date there."""
    currency: str
    calendar: str
    """Code of the calendar whose holidays and Ramadan hours it keeps."""
    hours: WeekHours
    """A weekday that is not here is closed."""
    latitude: float | None = None
    """Degrees north, WGS 84."""
    longitude: float | None = None
    """Degrees east, WGS 84."""
    counters: int = 1
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of what is spoken there."""
    wheelchair: bool | None = None
    """Whether one gets to its counters in a wheelchair; none: not known."""
    services: tuple[str, ...] = ()
    """Codes of what it offers, sorted: those that its published plans are for."""
    retired: bool = False

    @property
    def closed_weekdays(self) -> tuple[Weekday, ...]:
        """The weekdays without hours."""
        return tuple(each for each in Weekday if not self.hours.get(each))

    @property
    def told(self) -> bool:
        """Whether the other services hear of it."""
        return self.kind is not OfficeKind.ASSISTANCE

    def today(self, now: datetime) -> date:
        """The office's local date at a moment."""
        return local_date(self.zone, now)


def local_date(zone: str, now: datetime) -> date:
    """The date in a time zone at an aware moment."""
    return now.astimezone(ZoneInfo(zone)).date()


def earliest_date(offices: Iterable[Office], now: datetime) -> date:
    """The date where the day is youngest among some offices: no day before it can still matter to any of them."""
    return min((office.today(now) for office in offices), default=local_date("UTC", now))


def describe_office(office: Office, region: Region, revision: int) -> OfficeDescribed:
    """The office's whole state as the other services get it; it must be `told`."""
    return OfficeDescribed(
        code=office.code,
        revision=revision,
        kind=_WIRE_KINDS[office.kind],
        region=region.code,
        region_name=region.name,
        name=office.name,
        address=office.address,
        zone=office.zone,
        currency=office.currency,
        services=office.services,
        retired=office.retired,
        wheelchair=office.wheelchair,
        latitude=office.latitude,
        longitude=office.longitude,
        calendar=office.calendar,
    )


_WIRE_KINDS: Mapping[OfficeKind, Literal["office", "mission"]] = {
    OfficeKind.OFFICE: "office",
    OfficeKind.MISSION: "mission",
}
