"""How lists of consular are answered, a page at a time."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from fastapi import Request
from starlette.responses import Response

from dawr.servicekit.pages import cursor_after, link_next
from dawr.servicekit.problems import request_language

T = TypeVar("T")


def page(
    request: Request,
    found: Sequence[T],
    limit: int,
    *,
    shown: Callable[[T, str], dict[str, Any]],
    place: Callable[[T], tuple[object, ...]],
) -> Response:
    """The answer with up to `limit` of what was found; one more was asked for, to know whether there is a next page."""
    lang = request_language(request)
    cursor = cursor_after(*place(found[limit - 1])) if len(found) > limit else None
    headers = {"content-language": lang, "cache-control": "no-store", **link_next(request, cursor)}
    body = {"items": [shown(each, lang) for each in found[:limit]], "next": cursor}
    return Response(orjson.dumps(body), 200, headers, "application/json")
