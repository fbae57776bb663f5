"""Exchange rates: one per pair of currencies and day, frozen once it was promised to somebody."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from dawr.consular.errors import CurrencyNotSupported, RateUsed
from dawr.contracts import FxRate
from dawr.contracts.values import WITHOUT_HUNDREDTHS


def fx_rate(base: str, quote: str, rate: Decimal, dated: dt.date) -> FxRate:
    """A rate as it is kept and shown: without zeros at its end, and never as a power of ten."""
    plain = rate.quantize(Decimal(1)) if rate == rate.to_integral_value() else rate.normalize()
    return FxRate(base=base, quote=quote, rate=plain, dated=dated)


@dataclass(frozen=True)
class Rate:
    """The exchange rate of a day, as somebody of finance set it."""

    fx: FxRate
    is_example: bool
    set_by: UUID | None
    set_at: dt.datetime
    used_at: dt.datetime | None = None
    """Since when it is frozen: somebody was promised it."""


def set_rate(old: Rate | None, new: Rate) -> Rate:
    """The rate of a day after it is set: the old one if it is the same.

    Raises RateUsed if that one is frozen, CurrencyNotSupported (with the `currency`) if a minor unit is no hundredth.
    """
    for currency in (new.fx.base, new.fx.quote):
        if currency in WITHOUT_HUNDREDTHS:
            raise CurrencyNotSupported(currency=currency)
    if old is None or old.fx.rate != new.fx.rate:
        if old is not None and old.used_at is not None:
            raise RateUsed(rate=f"{old.fx.rate:f}", used_at=old.used_at.isoformat())
        return new
    return old
