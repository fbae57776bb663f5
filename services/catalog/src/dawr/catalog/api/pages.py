"""What the catalogue's lists are sorted by, beside what all lists share."""

import re
from typing import Annotated

from fastapi import Query

Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]

_CODE = re.compile(r"[A-Z][A-Z0-9_-]{1,31}")
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def code(text: str) -> str:
    """A place in a list that is sorted by code; raises ValueError."""
    if _CODE.fullmatch(text) is None:
        raise ValueError("not a code")
    return text


def number(text: str) -> int:
    """A place in a list that is sorted by number, from 1; raises ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    return int(text)
