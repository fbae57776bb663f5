"""The forms of what staff send."""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

from dawr.catalog.domain.capacity import WantedDay
from dawr.catalog.domain.weeks import WindowSeats
from dawr.contracts import Channel, Money, Text
from dawr.contracts.catalog import MAX_WINDOWS, Fee
from dawr.contracts.values import Code, Currency, TierCode, WindowStart

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"2\d{3}-\d{2}-\d{2}T.+", re.ASCII)


def _date(value: object) -> object:
    # Pydantic would also take a number of seconds, and a moment at midnight.
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise ValueError("a date such as 2026-12-01 is expected")
    return value


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise ValueError("a moment such as 2026-12-01T09:00:00+03:00 is expected")
    return value


IsoDate = Annotated[date, BeforeValidator(_date)]
IsoMoment = Annotated[AwareDatetime, BeforeValidator(_moment)]

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
"""Why: kept with the change, for those who look later. No names or numbers of people."""


class Form(BaseModel):
    """A body that a caller sends; a field that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line of text."""


class TextForm(Form):
    """A text in both languages."""

    ar: Line
    en: Line

    def text(self) -> Text:
        """Both."""
        return Text(ar=self.ar, en=self.en)


class Amount(Form):
    """An amount in minor units."""

    minor: Annotated[StrictInt, Field(ge=-(10**15), le=10**15, examples=[31270000])]
    """Below zero is refused as `negative`; free is 0."""
    currency: Annotated[Currency, Field(examples=["SYP"])]


class FeeChange(Form):
    """A fee from a day on. It never overwrites one: of two for the same day the later decision stands."""

    service: Annotated[Code, Field(examples=["PASS_REN"])]
    tier: Annotated[TierCode, Field(examples=["N"])]
    channel: Channel
    amount: Amount
    effective_from: IsoDate
    """A local date of the offices."""
    reason: Reason

    def fee(self) -> Fee:
        """The fee as the domain has it; one that a person decided is no example."""
        return Fee(
            tier=self.tier,
            channel=self.channel,
            amount=Money(minor=self.amount.minor, currency=self.amount.currency),
            effective_from=self.effective_from,
            is_example=False,
        )


class WindowForm(Form):
    """A part of the day with seats of its own, in local time of the office: [start, end)."""

    start: Annotated[WindowStart, Field(examples=["09:00"])]
    end: Annotated[WindowStart, Field(examples=["10:00"])]
    capacity: Annotated[StrictInt, Field(ge=-100_000, le=100_000, examples=[10])]


class CapacityChange(Form):
    """How many an office can serve on a day; 0 closes it."""

    capacity: Annotated[StrictInt, Field(ge=-100_000, le=100_000, examples=[20])]
    opens_at: IsoMoment | None = None
    """When it may be booked from; left out: as it was, or at once."""
    windows: Annotated[tuple[WindowForm, ...], Field(max_length=MAX_WINDOWS)] = ()
    """In order, not overlapping, their seats adding up to the capacity; none: the day is one line."""
    hold_seconds: Annotated[StrictInt, Field(ge=1, le=86_400)] | None = None
    """How long a seat of the day is kept for its payment; left out: as long as everywhere."""
    reason: Reason

    def on(self, day: date) -> WantedDay:
        """What is wanted for a date."""
        windows = tuple(WindowSeats(each.start, each.end, each.capacity) for each in self.windows)
        return WantedDay(day, self.capacity, windows, self.opens_at, self.hold_seconds)
