"""Lists in pages: an opaque cursor says where the next one begins, `Link: rel="next"` where to ask for it."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
from fastapi import Query, Request
from pydantic import TypeAdapter

from dawr.servicekit.problems import InvalidRequest

T = TypeVar("T")
_PLACE = TypeAdapter(list[str])

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="Where to go on: from the page before.")]


def cursor_after(*place: object) -> str:
    """The cursor of the page that begins after a place in a list; `place_of` reads it."""
    return base64.urlsafe_b64encode(orjson.dumps([str(part) for part in place])).decode().rstrip("=")


def place_of(cursor: str | None, read: Callable[..., T]) -> T | None:
    """The place after which a page begins, made by `read` from the texts in the cursor; none: at the start.

    A cursor that no answer of the list gave is refused; `read` raises ValueError or TypeError for one.
    """
    if cursor is None:
        return None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return read(*_PLACE.validate_json(packed, strict=True))
    except (ValueError, TypeError, OverflowError) as error:
        wrong = {"pointer": "?cursor", "code": "cursor_invalid", "detail": "not a cursor of this list"}
        raise InvalidRequest(errors=[wrong]) from error


def moment_and_id(at: str, id: str) -> tuple[datetime, UUID]:
    """A place in a list that is sorted by time and id; raises ValueError."""
    moment = datetime.fromisoformat(at)
    if moment.utcoffset() is None:
        raise ValueError("a moment without an offset")
    return moment.astimezone(UTC), UUID(id)


def number(text: str) -> int:
    """A place in a list that is sorted by a number; raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("not a number")
    return int(text)


def link_next(request: Request, cursor: str | None) -> dict[str, str]:
    """The `Link` header to the next page of the list that was asked for; empty on the last page."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(cursor=cursor)
    return {"link": f'<{url.path}?{url.query}>; rel="next"'}
