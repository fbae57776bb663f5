"""Cursors lead back to their place and nowhere else; links never leave the host that was asked."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from starlette.requests import Request

from dawr.servicekit.pages import cursor_after, link_next, moment_and_id, number, place_of
from dawr.servicekit.prefer import wait_seconds
from dawr.servicekit.problems import InvalidRequest


def test_a_cursor_leads_back_to_its_place() -> None:
    at, id = datetime(2026, 12, 1, 9, 30, tzinfo=timezone(timedelta(hours=3))), uuid4()
    assert place_of(cursor_after(at.isoformat(), id), moment_and_id) == (at.astimezone(UTC), id)
    assert place_of(cursor_after(7), number) == 7
    assert place_of(None, number) is None


@pytest.mark.parametrize(
    "cursor",
    ["x", "", "%00", "ä", "WzEsMl0", "bnVsbA", "W1tbW1tbW1tbW10", cursor_after(), cursor_after("7", "8"),
     cursor_after("٧"), cursor_after("-1"), cursor_after("9" * 19), cursor_after("7") + "\n"],
)  # fmt: skip
def test_a_cursor_that_no_answer_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        place_of(cursor, number)
    assert refused.value.data["errors"] == [
        {"pointer": "?cursor", "code": "cursor_invalid", "detail": "not a cursor of this list"}
    ]


@pytest.mark.parametrize("at", ["2026-12-01", "2026-12-01T00:00:00", "0001-01-01T00:00:00+14:00", "now"])
def test_a_moment_has_an_offset_and_exists(at: str) -> None:
    with pytest.raises(InvalidRequest):
        place_of(cursor_after(at, uuid4()), moment_and_id)


def test_the_link_keeps_what_was_asked_and_names_no_host() -> None:
    scope = {"type": "http", "method": "GET", "path": "/api/x", "query_string": b"limit=2&cursor=old&q=a%20b",
             "headers": [(b"host", b"evil.example")], "scheme": "http", "server": ("127.0.0.1", 80)}  # fmt: skip
    assert link_next(Request(scope), "new") == {"link": '</api/x?limit=2&q=a+b&cursor=new>; rel="next"'}
    assert link_next(Request(scope), None) == {}


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [(None, 0), ("", 0), ("wait=5", 5), ('WAIT = "7"', 7), ("respond-async, wait=3", 3), ("wait=500", 10),
     ("wait=-1", 0), ("wait=x", 0), ("await=5", 0), ('wait="5', 0)],
)  # fmt: skip
def test_how_long_a_caller_prefers_to_wait(prefer: str | None, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds
