"""Pages of lists: `limit`, an opaque `cursor`, and `Link: rel="next"`."""

import base64
import binascii
import re
from typing import Annotated

from fastapi import Query, Request

from dawr.servicekit.problems import InvalidRequest

LARGEST_PAGE = 100

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="The size of the page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]

CODE = re.compile(r"[A-Z][A-Z0-9_-]{1,31}")
NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def cursor_after(place: object) -> str:
    """The cursor of the page that begins after a place in a list."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def place_of(cursor: str | None, form: re.Pattern[str]) -> str | None:
    """The place after which a page begins; none: at the start. Refuses a cursor that no answer of the list gave."""
    if cursor is None:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        place = ""
    if form.fullmatch(place) is None:
        raise InvalidRequest(errors=[{"pointer": "?cursor", "code": "cursor_invalid", "detail": "not of this list"}])
    return place


def link_to_next(request: Request, cursor: str | None) -> str | None:
    """The `Link` header to the next page of a list, if there is one."""
    if cursor is None:
        return None
    url = request.url.include_query_params(cursor=cursor)
    return f'<{url.path}?{url.query}>; rel="next"'
