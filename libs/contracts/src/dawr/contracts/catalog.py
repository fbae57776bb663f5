"""Messages of catalog: the whole state of a service, an office, a month of capacity, each with its revision.

They travel on compacted topics: a reader that starts with nothing ends with the same copy, and an older
revision never overwrites a newer one. A record without a body (a tombstone) takes the thing away.
"""

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dawr.contracts.message import Message, Value
from dawr.contracts.values import Channel, Code, Currency, Instant, Money, Text, TierCode, Window

Revision = Annotated[int, Field(ge=1)]
"""Counts up with each change of the thing; the higher one is the newer."""

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

MAX_WINDOWS = 96
"""The most windows that a day may have: one for each quarter of an hour. Not in the schema: messages of before may have
more, and whoever reads them decides."""
MAX_RELEASES = 48
"""The most parts in which a day's seats may be released."""


class Fee(Value):
    """What a tier costs through a channel from a day on (local date of the office)."""

    tier: TierCode
    channel: Channel
    amount: Money
    effective_from: dt.date
    is_example: bool = True
    """A plausible figure, to be set by an administrator."""


class Tier(Value):
    """A speed of the same service."""

    code: TierCode
    name: Text


class Document(Value):
    """What the person brings."""

    code: Code
    name: Text
    tiers: tuple[TierCode, ...] = ()
    """For these tiers only; empty: for all."""
    condition: Text | None = None
    """Who has to bring it, or when; none: everybody has to."""


class ServiceDescribed(Message):
    """A service as it is now."""

    wire_type: ClassVar[str] = "catalog.service-described.v1"

    code: Code
    revision: Revision
    agency: Code
    family: Code
    """What `one live turn per person` counts."""
    name: Text
    description: Text
    channels: tuple[Channel, ...]
    tiers: tuple[Tier, ...]
    fees: tuple[Fee, ...]
    documents: tuple[Document, ...] = ()
    duration_minutes: Annotated[int, Field(ge=1)]
    allocation: Literal["first-come"] = "first-come"
    retired: bool = False

    def key(self) -> str:
        return self.code

    def fee(self, tier: str, channel: Channel, on: dt.date) -> Money | None:
        """The fee in force for a tier and channel on a day; none if the service has none to give."""
        known = [fee for fee in self.fees if fee.tier == tier and fee.channel == channel and fee.effective_from <= on]
        return max(known, key=lambda fee: fee.effective_from).amount if known else None


class OfficeDescribed(Message):
    """An office or a mission as it is now."""

    wire_type: ClassVar[str] = "catalog.office-described.v1"

    code: Code
    revision: Revision
    kind: Literal["office", "mission"]
    region: Code
    region_name: Text
    name: Text
    address: Text
    zone: str
    """The IANA name of its time zone: dates of its turns are local dates there."""
    currency: Currency
    services: tuple[Code, ...]
    retired: bool = False
    wheelchair: bool | None = None
    """Whether one gets to its counters in a wheelchair; none: not known."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Degrees north, WGS 84."""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Degrees east, WGS 84."""
    calendar: Code | None = None
    """The calendar whose holidays it keeps."""

    def key(self) -> str:
        return self.code


class Release(Value):
    """A part of a day's seats, and since when it may be asked for."""

    at: Instant
    seats: Annotated[int, Field(ge=0)]


class KeptSeats(Value):
    """Seats of a day that are kept for some people: through licensed assistance, the old and disabled, urgent cases."""

    share: Literal["assisted", "accessible", "urgent"]
    seats: Annotated[int, Field(ge=0)]


class ClosedDay(Value):
    """A day on which nobody is served, and why."""

    date: dt.date
    kind: str
    """`holiday`, `weekend`, `closure`, `special` or `no-plan`; more may come."""
    reason: Text


class CapacityDay(Value):
    """How many a pool can serve on a day, and since when it may be asked for."""

    date: dt.date
    capacity: Annotated[int, Field(ge=0)]
    opens_at: Instant
    windows: tuple[Window, ...] = ()
    """Parts of the day with seats of their own, whose sum is the capacity; empty: one line for the day."""
    hold_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """How long a seat of this day is kept for its payment; none: as long as booking is set to."""
    releases: tuple[Release, ...] = ()
    """By time, the first at `opens_at`; their sum is the capacity. Empty: all seats at `opens_at`."""
    kept: tuple[KeptSeats, ...] = ()
    """Parts of the capacity that others can't take."""


class CapacityPublished(Message):
    """The capacity of an office, service and tier for a month. A day that is not in `days` is closed."""

    wire_type: ClassVar[str] = "catalog.capacity-published.v1"

    office: Code
    service: Code
    tier: TierCode
    month: Month
    revision: Revision
    zone: str
    days: tuple[CapacityDay, ...]
    closed: tuple[ClosedDay, ...] = ()
    """Days on which it would be open by its week and is not."""

    def key(self) -> str:
        return f"{self.office}/{self.service}/{self.tier}/{self.month}"
