"""What the catalogue's lists are asked for and sorted by, beside what all lists share."""

import re
from typing import Annotated, Literal

from fastapi import Query

from dawr.catalog.domain.offices import Office
from dawr.catalog.domain.services import Service
from dawr.catalog.store.search import After, Found, Position
from dawr.servicekit.pages import cursor_after, place_of
from dawr.servicekit.problems import InvalidRequest

Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before.")]

Search = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=r"^[^\x00]*$",
        examples=["تجديد جواز", "lost passport"],
        description="Words, in Arabic, English or Arabic in Latin letters, as people type them; blank: everything.",
    ),
]
Near = Annotated[
    str | None,
    Query(
        pattern=r"^-?[0-9]{1,2}(\.[0-9]{1,9})?,-?[0-9]{1,3}(\.[0-9]{1,9})?$",
        examples=["33.5138,36.2765"],
        description="Latitude and longitude, WGS 84.",
    ),
]

_CODE = re.compile(r"[A-Z][A-Z0-9_-]{1,31}")
_PLACE = re.compile(r"0|-?[1-9]\d{0,8}|[12]\d{9}", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


SortedBy = Literal["code", "rank", "distance"]


def asked(q: str | None) -> str | None:
    """What is searched for; none if nothing is."""
    return q if q is not None and q.strip() else None


def position(near: str | None) -> Position | None:
    """A place on the map; raises InvalidRequest if it is not on the earth."""
    if near is None:
        return None
    latitude, longitude = map(float, near.split(","))
    if abs(latitude) > 90 or abs(longitude) > 180:
        wrong = {"pointer": "?near", "code": "not_a_place", "detail": "latitude -90 to 90, longitude -180 to 180"}
        raise InvalidRequest(errors=[wrong])
    return Position(latitude, longitude)


def page_after(cursor: str | None, by: SortedBy) -> After | None:
    """Where a page begins; a cursor of a list that is sorted by something else is refused (InvalidRequest)."""

    def read(sorted_by: str, place: str, code: str) -> After:
        if sorted_by != by or _PLACE.fullmatch(place) is None or _CODE.fullmatch(code) is None:
            raise ValueError("not a place in this list")
        return After(int(place), code)

    return place_of(cursor, read)


def next_page(by: SortedBy, last: Found[Service] | Found[Office]) -> str:
    """The cursor of the page after a thing."""
    return cursor_after(by, last.place, last.thing.code)


def number(text: str) -> int:
    """A place in a list that is sorted by number, from 1; raises ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    return int(text)
