"""Lists in pages: an opaque cursor says where the next one begins, `Link: rel="next"` where to ask for it."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Query, Request
from starlette.responses import Response

from dawr.servicekit.problems import InvalidRequest, request_language

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="From `next` of the page before.")]


def unpack(cursor: str | None, read: Callable[[Any], T]) -> T | None:
    """Where a page begins, read from the list that the cursor holds; raises InvalidRequest if it is not one of ours."""
    if cursor is None:
        return None
    try:
        return read(orjson.loads(base64.urlsafe_b64decode(cursor.encode())))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, binascii.Error) as error:
        raise InvalidRequest(errors=[{"pointer": "?cursor", "code": "cursor", "detail": "not a cursor"}]) from error


def page(
    request: Request,
    found: Sequence[T],
    limit: int,
    *,
    shown: Callable[[T, str], dict[str, Any]],
    place: Callable[[T], list[str]],
) -> Response:
    """The answer with up to `limit` of what was found; one more was asked for, to know whether there is a next page."""
    lang = request_language(request)
    headers = {"content-language": lang, "cache-control": "no-store"}
    cursor = None
    if len(found) > limit:
        cursor = base64.urlsafe_b64encode(orjson.dumps(place(found[limit - 1]))).decode()
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        headers["link"] = f'<{request.url.path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'
    body = {"items": [shown(each, lang) for each in found[:limit]], "next": cursor}
    return Response(orjson.dumps(body), 200, headers, "application/json")
