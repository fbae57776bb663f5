"""How values are shown to people: amounts and dates, in Arabic and English."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from dawr.contracts import Money


def shown_money(money: Money, lang: str) -> dict[str, object]:
    """An amount as answers give it: minor units, currency, and a `text` for people."""
    return {"minor": money.minor, "currency": money.currency, "text": money_text(money, lang)}


def money_text(money: Money, lang: str) -> str:
    """`SYP 312,700.00`, with the currency's own number of decimals as minor units have them."""
    major = Decimal(money.minor) / 100
    whole = money.minor % 100 == 0
    return format_currency(
        major,
        money.currency,
        format="¤ #,##0" if whole else "¤ #,##0.00",
        locale=lang,
        currency_digits=False,
    )


def date_text(day: date, lang: str) -> str:
    """A day in full, with its weekday."""
    return format_date(day, format="full", locale=lang)


def moment_text(moment: datetime, zone: str, lang: str) -> str:
    """A moment in an office's local time."""
    return format_datetime(moment, format="d MMMM y HH:mm", tzinfo=ZoneInfo(zone), locale=lang)
