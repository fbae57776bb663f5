"""Conditional requests (RFC 9110, section 13) and pages."""

import base64
import binascii
import re
from typing import Annotated

from fastapi import Header, Query, Request, Response

from dawr.servicekit.problems import InvalidRequest

LARGEST_PAGE = 100
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{1,31}")

IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="Entity tags that the caller has.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="The size of the page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]
Search = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$", description="A part of the name, in Arabic or English."),
]


def entity_tag(*parts: object) -> str:
    """A strong entity tag made of what tells one answer from another."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def holds(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller has the answer with this tag already; compares weakly, as RFC 9110 says for this header."""
    if if_none_match is None:
        return False
    given = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in given or "*" in given


def public_headers(tag: str, lang: str, cache_seconds: int) -> dict[str, str]:
    """The headers of an answer that anybody may keep for a while, one per language."""
    return {
        "etag": tag,
        "cache-control": f"public, max-age={cache_seconds}",
        "vary": "Accept-Language",
        "content-language": lang,
    }


def not_modified(headers: dict[str, str]) -> Response:
    """304: what the caller has is what it would get."""
    return Response(status_code=304, headers=headers)


def cursor_after(code: str) -> str:
    """The cursor of the page that begins after a code."""
    return base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")


def code_of(cursor: str | None) -> str:
    """The code after which a page begins; empty for the first page. Refuses what no answer gave."""
    if cursor is None:
        return ""
    try:
        code = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        code = ""
    if _CODE.fullmatch(code) is None:
        raise InvalidRequest(errors=[{"pointer": "?cursor", "code": "cursor_invalid", "detail": "not of this list"}])
    return code


def link_to_next(request: Request, cursor: str) -> str:
    """The `Link` header to the next page of a list."""
    url = request.url.include_query_params(cursor=cursor)
    return f'<{url.path}?{url.query}>; rel="next"'
