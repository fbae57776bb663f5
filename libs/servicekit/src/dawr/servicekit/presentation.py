"""How amounts are shown to people, in Arabic and English."""

from decimal import Decimal

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
