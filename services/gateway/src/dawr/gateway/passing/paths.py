"""What of a path is passed on: only a path that is already in its normal form.

A path that isn't is refused, never repaired: where two parsers repair the same path differently, one can be shown what
the other was not asked about.
"""

import re
from urllib.parse import unquote_to_bytes

from dawr.servicekit.problems import MalformedRequest, NotFound

_VISIBLE = re.compile(rb"[\x21-\x7e]*\Z")
_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_ESCAPED_TWICE = re.compile(rb"%(2e|2f|5c|25|00)", re.IGNORECASE)


def target_for(prefix: bytes, raw_path: bytes, query: bytes) -> bytes:
    """The request target for the service behind `prefix` (`/api/booking/`), as it came.

    Raises NotFound for a path that is not literally under the prefix, MalformedRequest for one with empty, `.` or `..`
    segments, slashes or backslashes in disguise, control characters, or anything that is escaped twice.
    """
    if not (_VISIBLE.match(raw_path) and _VISIBLE.match(query)):
        raise MalformedRequest
    if not raw_path.startswith(prefix):
        raise NotFound
    if b"\\" in raw_path or b"#" in raw_path or _PERCENT.search(raw_path):
        raise MalformedRequest
    segments = raw_path[len(prefix) :].split(b"/")
    for place, segment in enumerate(segments):
        plain = unquote_to_bytes(segment) if b"%" in segment else segment
        is_last = place == len(segments) - 1
        if (not plain and not is_last) or plain in {b".", b".."} or b"/" in plain or b"\\" in plain:
            raise MalformedRequest
        if plain is not segment and (_CONTROL.search(plain) or _ESCAPED_TWICE.search(plain)):
            raise MalformedRequest
    return raw_path + b"?" + query if query else raw_path
