"""The two lines that a machine reads in a passport (ICAO Doc 9303, part 4: TD3)."""

from datetime import date

_VALUES = {sign: value for value, sign in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_WEIGHTS = (7, 3, 1)
LENGTH = 44


def check_digit(text: str) -> str:
    """The check digit of a field (Doc 9303, part 3, 4.9)."""
    return str(sum(_VALUES[sign] * _WEIGHTS[place % 3] for place, sign in enumerate(text)) % 10)


def lines(
    *, state: str, family: str, given: str, number: str, born: date, sex: str, until: date, personal_number: str
) -> tuple[str, str]:
    """Both lines, 44 signs each. Names in Latin letters."""
    names = f"{_plain(family)}<<{_plain(given)}"
    first = f"P<{state}{names}".ljust(LENGTH, "<")[:LENGTH]
    document = _checked(number.ljust(9, "<"))
    days = _checked(f"{born:%y%m%d}"), _checked(f"{until:%y%m%d}")
    personal = _checked(personal_number.ljust(14, "<"))
    composite = check_digit(f"{document}{days[0]}{days[1]}{personal}")
    return first, f"{document}{state}{days[0]}{sex}{days[1]}{personal}{composite}"


def _checked(field: str) -> str:
    return field + check_digit(field)


def _plain(name: str) -> str:
    return name.upper().replace(" ", "<").replace("-", "<").replace("'", "")
