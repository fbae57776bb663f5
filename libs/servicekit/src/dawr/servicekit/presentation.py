"""How amounts are shown to people, in Arabic and English."""

from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

from dawr.contracts import Money


def shown_money(money: Money, lang: str) -> dict[str, object]:
    """An amount as answers give it: minor units, currency, and a `text` for people."""
    return {"minor": money.minor, "currency": money.currency, "text": money_text(money, lang)}


@lru_cache(maxsize=4096)
def money_text(money: Money, lang: str) -> str:
    """`SYP 312,700`, or `SYP 312,700.50`: minor units are taken for hundredths, as they are of every rate's currencies.

    CLDR's own decimals are left aside: it writes Syrian pounds without any, and would round what is to be paid.
    """
    major = Decimal(money.minor) / 100
    whole = money.minor % 100 == 0
    return format_currency(
        major,
        money.currency,
        format="¤ #,##0" if whole else "¤ #,##0.00",
        locale=lang,
        currency_digits=False,
    )
