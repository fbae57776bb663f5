"""Mail addresses and phone numbers as people type them, in the form in which they are kept."""

import re

from dawr.gateway.domain.digits import plain_digits

_MAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""As HTML's `input type=email` takes it, with a dot in its domain (WHATWG HTML, 4.10.5.1.5)."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""
_LONGEST_MAIL = 254


def mail_address(typed: str) -> str | None:
    """The address; empty for nothing typed, None for what is none."""
    return typed if not typed or (len(typed) <= _LONGEST_MAIL and _MAIL.fullmatch(typed)) else None


def phone_number(typed: str) -> str | None:
    """The number with its country's code; empty for nothing typed, None for what is none. `00` is read as `+`."""
    digits = plain_digits(typed).replace("(", "").replace(")", "")
    number = f"+{digits[2:]}" if digits.startswith("00") else digits
    return number if not number or _PHONE.fullmatch(number) else None
