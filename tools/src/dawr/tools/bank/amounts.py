"""Amounts of money as people read them."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_decimal, get_currency_name

_MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217: digits of the minor unit, where they are not two."""


def amount_text(amount: int, currency: str, locale: Locale) -> tuple[str, str]:
    """Figure and currency's name: `("312,700", "Syrian pounds")`. Decimals are shown only where there are some."""
    digits = _MINOR_DIGITS.get(currency, 2)
    value = Decimal(amount).scaleb(-digits)
    pattern = "#,##0" if value == value.to_integral_value() else "#,##0." + "0" * digits
    return format_decimal(value, pattern, locale=locale), get_currency_name(currency, count=value, locale=locale)
