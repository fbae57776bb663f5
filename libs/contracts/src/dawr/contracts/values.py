"""Values that messages share: money, pools, places in the line, bilingual texts, frozen rates."""

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from dawr.contracts.message import Value

Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_-]{1,31}$")]
"""A code of the catalogue: a service (`PASS_REN`), an office (`DAM-01`), a region."""

TierCode = Annotated[str, Field(pattern=r"^[A-Z]$")]
"""N normal, U urgent, I instant, F flat, V variable."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""

WITHOUT_HUNDREDTHS = frozenset({
    # none
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
    "VND", "VUV", "XAF", "XOF", "XPF",
    # thousandths
    "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND",
    # ten-thousandths
    "CLF", "UYW",
    # no money that is paid with
    "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA",
    "XXX",
})  # fmt: skip
"""Whose minor unit is not a hundredth, by ISO 4217, list one. Not by CLDR, which tells how many decimals people write:
for Syrian pounds none, although they have qirsh. Amounts are hundredths on the whole platform, so each service refuses
these where a currency comes in."""

WindowStart = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""The start of a window in the office's local time, `09:00`."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added or compared."""


class Money(Value):
    """An amount in minor units (cents, qirsh) of one currency. Never a float."""

    minor: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    @property
    def is_free(self) -> bool:
        """Whether nothing is to be paid."""
        return self.minor == 0

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")


class FxRate(Value):
    """How many units of `quote` one unit of `base` was on a day; frozen into the payment that used it.

    Both currencies are taken to have two decimals, as every currency of the seed has.
    """

    base: Currency
    quote: Currency
    rate: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=8)]
    dated: dt.date

    def convert(self, amount: Money) -> Money:
        """The amount in `quote`, rounded half to even to a minor unit; refuses another currency than `base`."""
        if amount.currency != self.base:
            raise CurrencyMismatch(f"{amount.currency} and {self.base}")
        minor = (Decimal(amount.minor) * self.rate).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return Money(minor=int(minor), currency=self.quote)


class Text(Value):
    """A text in both languages of the platform."""

    ar: str
    en: str


class Pool(Value):
    """What runs out: one office, service, tier and local date of the office."""

    office: Code
    service: Code
    tier: TierCode
    date: dt.date

    @cached_property
    def key(self) -> str:
        """`DAM-01/PASS_REN/N/2026-12-01`: the partition key of everything that touches the pool's seats."""
        return f"{self.office}/{self.service}/{self.tier}/{self.date.isoformat()}"

    @classmethod
    def parse(cls, key: str) -> "Pool":
        """The pool that a key names; ValueError if it names none."""
        office, service, tier, date = key.split("/")
        return cls(office=office, service=service, tier=tier, date=dt.date.fromisoformat(date))


class Place(Value):
    """A place in the line: where the request stands in the log."""

    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Subject(Value):
    """What a payment is for. Payments knows no more of it than this."""

    kind: Literal["turn"]
    id: UUID


class Channel(StrEnum):
    """By which way a turn was asked for."""

    ONLINE = "online"
    ASSISTED = "assisted"
    MISSION = "mission"


class Window(Value):
    """A part of an office's day with seats of its own, in local time of the office: [start, end)."""

    start: WindowStart
    end: WindowStart
    capacity: Annotated[int, Field(ge=0)]


Instant = AwareDatetime
"""A moment, aware, sent as UTC."""
