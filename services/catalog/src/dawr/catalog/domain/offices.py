"""Where services are given: regions, offices and missions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from dawr.contracts import Channel, Text
from dawr.contracts.catalog import OfficeDescribed


class Weekday(IntEnum):
    """The days of a week, numbered as in ISO 8601."""

    MON = 1
    TUE = 2
    WED = 3
    THU = 4
    FRI = 5
    SAT = 6
    SUN = 7


class OfficeKind(StrEnum):
    """An office at home, or a mission abroad."""

    OFFICE = "office"
    MISSION = "mission"

    @property
    def channels(self) -> frozenset[Channel]:
        """The ways by which a turn there is asked for."""
        if self is OfficeKind.MISSION:
            return frozenset({Channel.MISSION})
        return frozenset({Channel.ONLINE, Channel.ASSISTED})


@dataclass(frozen=True, slots=True)
class Region:
    """A governorate at home, or a country with missions."""

    code: str
    name: Text
    abroad: bool


@dataclass(frozen=True, slots=True)
class Office:
    """A place where services are given, as the catalogue has it."""

    code: str
    kind: OfficeKind
    region: str
    name: Text
    address: Text
    zone: str
    """IANA name; a day of the office is a date there."""
    currency: str
    closed_weekdays: frozenset[Weekday]
    services: tuple[str, ...]
    """Codes of what it offers, sorted."""
    retired: bool = False

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
    """The office's whole state as the other services get it."""
    return OfficeDescribed(
        code=office.code,
        revision=revision,
        kind=office.kind.value,
        region=region.code,
        region_name=region.name,
        name=office.name,
        address=office.address,
        zone=office.zone,
        currency=office.currency,
        services=office.services,
        retired=office.retired,
    )
