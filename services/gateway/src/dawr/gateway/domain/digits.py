"""Numbers as people type them."""

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")


def plain_digits(text: str) -> str:
    """What was typed, in ASCII digits: Arabic-Indic and Persian ones are read too, spaces and dashes fall away."""
    return text.translate(_DIGITS).replace(" ", "").replace("-", "")
