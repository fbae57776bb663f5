"""Looking for a day: each kind of it, at one office or anywhere in a region, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from services.booking.tests.conftest import (
    DAY,
    Booking,
    capacity,
    office_described,
    service_described,
)

from dawr.contracts import Text
from dawr.contracts.catalog import CapacityPublished, ClosedDay, KeptSeats, Release
from dawr.contracts.topics import CATALOG_CAPACITY
from dawr.contracts.values import Window
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import until

WINDOWS = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))
THE_DAY = {"from": DAY.isoformat(), "to": DAY.isoformat()}


async def look(booking: Booking, *offices: str, lang: str = "en", **query: Any) -> httpx.Response:
    """What anybody sees of PASS_REN, of DAY alone unless a span is given."""
    wanted: dict[str, Any] = {"service": "PASS_REN", "tier": "N", "office": list(offices), **THE_DAY, **query}
    parameters = {name: value for name, value in wanted.items() if value is not None}
    headers = {"accept-language": lang}
    return await booking.http.get("/api/booking/availability", params=parameters, headers=headers)


async def the_day(booking: Booking, office: str, **query: Any) -> dict[str, Any]:
    """DAY of one office."""
    answer = await look(booking, office, **query)
    assert answer.status_code == 200, answer.text
    (day,) = answer.json()["days"]
    return dict(day)


def changed(month: CapacityPublished, **of_day: object) -> CapacityPublished:
    """A month whose first day is otherwise."""
    first, *rest = month.days
    return month.model_copy(update={"days": (first.model_copy(update=of_day), *rest)})


async def test_each_kind_of_day(booking: Booking) -> None:
    later = booking.clock() + timedelta(days=1)
    offices = {
        "open": await booking.opened(2, windows=WINDOWS),
        "sold-out": await booking.opened(1),
        "not-open-yet": await booking.opened(5, opens_at=later),
        "closed": await booking.opened(0),
    }
    await booking.hold(uuid4(), office=offices["open"], window="09:00")
    await booking.hold(uuid4(), office=offices["sold-out"])
    answer = await look(booking, region="DAM")
    assert answer.headers["cache-control"] == "public, max-age=1"
    days = {day["office"]: day for day in answer.json()["days"]}
    assert list(days) == sorted(days)
    assert {state: days[office]["state"] for state, office in offices.items()} == {state: state for state in offices}
    assert [days[office]["left"] for office in offices.values()] == [1, 0, 0, 0]
    assert [(each["start"], each["left"]) for each in days[offices["open"]]["windows"]] == [("08:00", 1), ("09:00", 0)]
    assert days[offices["not-open-yet"]]["opens_at"] == later.isoformat()
    await booking.says(capacity(9, office=offices["open"], revision=2, days=0))
    day = await the_day(booking, offices["open"])
    assert (day["state"], day["left"], day["windows"], day["reason"]) == ("closed", 0, [], None)


async def test_a_closed_day_says_why_in_both_languages(booking: Booking) -> None:
    office = await booking.opened(3)
    await booking.hold(uuid4(), office=office)
    why = ClosedDay(date=DAY, kind="closure", reason=Text(ar="عاصفة", en="Storm"))
    await booking.says(capacity(3, office=office, revision=2, days=0).model_copy(update={"closed": (why,)}))
    for lang, said in (("en", "Storm"), ("ar", "عاصفة")):
        answer = await look(booking, office, lang=lang)
        assert answer.headers["content-language"] == lang
        (day,) = answer.json()["days"]
        assert (day["state"], day["reason"]) == ("closed", {"kind": "closure", "text": said})
    assert (await the_day(booking, office, lang="ar"))["reason"]["text"] == "عاصفة"
    asked = await booking.http.get(
        "/api/booking/availability",
        params={"service": "PASS_REN", "tier": "N", "office": office, **THE_DAY, "lang": "ar"},
        headers={"accept-language": "en"},
    )
    assert asked.headers["content-language"] == "ar"
    await booking.says(capacity(3, office=office, revision=1, days=0))
    assert (await the_day(booking, office))["reason"]["text"] == "Storm"  # an older revision takes nothing back
    await booking.says(capacity(3, office=office, revision=3))
    assert ((await the_day(booking, office))["state"], (await the_day(booking, office))["reason"]) == ("open", None)


async def test_a_day_that_its_office_cancelled_says_the_office_s_reason(booking: Booking) -> None:
    office = await booking.opened(2)
    headers = booking.stage.signed_in(uuid4(), Role.OFFICE_MANAGER, office=office) | {"idempotency-key": str(uuid4())}
    body = {"reason": {"ar": "عاصفة رملية", "en": "A sandstorm"}, "instead": "refund"}
    path = f"/api/booking/offices/{office}/days/{DAY}/cancellation"
    assert (await booking.http.post(path, json=body, headers=headers)).status_code == 202

    async def closed() -> dict[str, Any] | None:
        day = await the_day(booking, office)
        return day if day["state"] == "closed" else None

    day = await until(closed, what="a closed day")
    assert day["reason"] == {"kind": "closure", "text": "A sandstorm"}
    other = await the_day(booking, await booking.opened(1))
    assert (other["state"], other["reason"]) == ("open", None)


async def test_days_without_seats_are_closed_once_their_month_is_published(booking: Booking) -> None:
    """Days that are not listed are told too, and those of a month of which nothing is known."""
    office = await booking.opened(1)
    month = DAY.strftime("%Y-%m")
    first = DAY - timedelta(days=DAY.day - 1) if DAY.day > 1 else DAY
    last = first + timedelta(days=45)
    answer = await look(booking, office, **{"from": str(first), "to": str(last)})
    days = answer.json()["days"]
    assert [day["date"] for day in days] == [str(first + timedelta(days=each)) for each in range(46)]
    today = booking.clock().astimezone(ZoneInfo("Asia/Damascus")).date()
    for day in days:
        if day["date"] == str(DAY):
            assert day["state"] == "open"
        elif day["date"] < str(today):
            assert day["state"] == "over"
        else:
            assert day["state"] == ("closed" if day["date"].startswith(month) else "not-open-yet")
        assert (day["opens_at"], day["reason"]) == (None, None)
    assert answer.json()["first_free"] == {"office": office, "date": str(DAY), "window": None}


async def test_a_month_that_is_taken_away_is_closed(booking: Booking) -> None:
    office = await booking.opened(1)
    async with booking.stage.raw_producer() as producer:
        name = booking.stage.platform.topic_prefix + CATALOG_CAPACITY.name
        await producer.send_and_wait(name, key=capacity(1, office=office).key().encode(), value=None)

    async def closed() -> bool:
        return bool((await the_day(booking, office))["state"] == "closed")

    await until(closed, what="a closed day")


async def test_an_office_that_has_published_nothing_is_left_out(booking: Booking) -> None:
    answer = await look(booking, "OFF-47")
    assert answer.json() == {"service": "PASS_REN", "tier": "N", "first_free": None, "days": []}


async def test_the_first_free_seat_anywhere(booking: Booking) -> None:
    """The earliest day counts, then the earliest window, then the office's code."""
    later, sooner = await booking.opened(2, windows=WINDOWS), await booking.opened(2, windows=WINDOWS)
    full = await booking.opened(1, days=2)
    await booking.hold(uuid4(), office=full)
    offices = (later, sooner, full)
    assert (await look(booking, *offices)).json()["first_free"] == {
        "office": later,
        "date": str(DAY),
        "window": "08:00",
    }
    await booking.hold(uuid4(), office=later, window="08:00")
    assert (await look(booking, *offices)).json()["first_free"]["office"] == sooner
    await booking.hold(uuid4(), office=sooner)
    assert (await look(booking, *offices)).json()["first_free"] == {
        "office": later,
        "date": str(DAY),
        "window": "09:00",
    }
    await booking.hold(uuid4(), office=later)
    await booking.hold(uuid4(), office=sooner)
    assert (await look(booking, *offices)).json()["first_free"] is None


async def test_seats_that_are_kept_are_left_for_their_share_alone(booking: Booking) -> None:
    kept = (KeptSeats(share="accessible", seats=2), KeptSeats(share="urgent", seats=1))
    office = await booking.opened(1)
    await booking.says(changed(capacity(4, office=office, revision=2), kept=kept))
    day = await the_day(booking, office)
    assert (day["state"], day["left"], day["accessible"]) == ("open", 1, 3)
    await booking.hold(uuid4(), office=office)
    day = await the_day(booking, office)
    assert (day["state"], day["left"], day["accessible"]) == ("sold-out", 0, 2)
    assert (await booking.take(office=office)).json()["code"] == "sold-out"


async def test_seats_that_are_released_later(booking: Booking) -> None:
    now = booking.clock()
    office = await booking.opened(1)
    releases = (Release(at=now - timedelta(hours=1), seats=1), Release(at=now + timedelta(hours=3), seats=2))
    await booking.says(changed(capacity(3, office=office, revision=2), releases=releases))
    day = await the_day(booking, office)
    assert (day["state"], day["left"]) == ("open", 1)
    assert day["opens_at"] == releases[1].at.isoformat()
    await booking.hold(uuid4(), office=office)
    day = await the_day(booking, office)
    assert (day["state"], day["left"], day["opens_at"]) == ("not-open-yet", 0, releases[1].at.isoformat())
    try:
        booking.clock.now = releases[1].at
        day = await the_day(booking, office)
        assert (day["state"], day["opens_at"]) == ("open", None)
    finally:
        booking.clock.now = now


async def test_a_window_that_has_ended_is_over_before_its_day(booking: Booking) -> None:
    office, before = await booking.opened(2, windows=WINDOWS), booking.clock()
    zone = ZoneInfo("Asia/Damascus")
    try:
        booking.clock.now = datetime.combine(DAY, time(8, 45), zone).astimezone(UTC)
        day = await the_day(booking, office)
        assert (day["state"], day["left"]) == ("open", 1)
        assert [each["left"] for each in day["windows"]] == [0, 1]
        assert (await look(booking, office)).json()["first_free"]["window"] == "09:00"
        booking.clock.now = datetime.combine(DAY, time(9, 45), zone).astimezone(UTC)
        assert (await the_day(booking, office))["state"] == "over"
    finally:
        booking.clock.now = before


async def test_today_begins_where_the_office_is(booking: Booking) -> None:
    """At ten in the evening UTC it is tomorrow in Damascus."""
    office, before = await booking.opened(1), booking.clock()
    try:
        booking.clock.now = datetime.combine(DAY - timedelta(days=1), time(22), UTC)
        nothing: dict[str, Any] = {"from": None, "to": None}
        days = (await look(booking, office, **nothing)).json()["days"]
        assert (days[0]["date"], days[0]["state"], len(days)) == (str(DAY), "open", 31)
    finally:
        booking.clock.now = before


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from": "2026-12-01", "to": "2027-01-30"}, 200, None),
        ({"from": "2026-12-01", "to": "2027-01-31"}, 422, "span-too-long"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, 422, "from-after-to"),
        ({"from": date.max.isoformat()}, 200, None),
        ({"from": date.min.isoformat()}, 200, None),
        ({"to": date.max.isoformat()}, 422, "span-too-long"),
        ({"from": "soon"}, 422, "invalid-request"),
        ({"office": "NOWHERE-1"}, 404, "unknown-office"),
        ({"office": ["OFF-01", "NOWHERE-1"]}, 404, "unknown-office"),
        ({"office": "OFF-01", "region": "DAM"}, 200, None),
        ({"office": "OFF-01", "region": "XXX"}, 404, "unknown-region"),
        ({"region": "XXX"}, 404, "unknown-region"),
        ({"service": "NO_SUCH"}, 404, "unknown-service"),
        ({"service": "NOT_HERE", "office": "OFF-01"}, 409, "not-offered"),
        ({"service": "NOT_HERE", "region": "DAM"}, 200, None),
        ({"tier": "U"}, 404, "unknown-tier"),
        ({"office": "nowhere"}, 422, "invalid-request"),
        ({"office": ["OFF-01"] * 61}, 422, "invalid-request"),
        ({"office": ["OFF-01"] * 500}, 422, "invalid-request"),
        ({"tier": "NN"}, 422, "invalid-request"),
        ({"tier": "\x00"}, 422, "invalid-request"),
        ({"lang": "fr"}, 422, "invalid-request"),
        ({"service": None}, 422, "invalid-request"),
    ],
)
async def test_what_is_asked_for_wrongly(booking: Booking, query: dict[str, Any], status: int, code: str) -> None:
    wanted = {"service": "PASS_REN", "tier": "N"} | query
    parameters = {name: value for name, value in wanted.items() if value is not None}
    answer = await booking.http.get("/api/booking/availability", params=parameters)
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text


async def test_what_is_wrong_with_a_query_is_pointed_at(booking: Booking) -> None:
    answer = await booking.http.get("/api/booking/availability?service=x&from=never&office=OFF-01&office=y")
    pointers = {each["pointer"] for each in answer.json()["errors"]}
    assert pointers == {"?service", "?tier", "?from", "?office.1"}
    assert (await booking.http.post("/api/booking/availability")).status_code == 405


async def test_what_is_retired_is_not_found(booking: Booking) -> None:
    office = await booking.opened(1, service="GONE")

    async def refuses(code: str | None) -> None:
        async def refused() -> bool:
            return bool((await look(booking, office, service="GONE")).json().get("code") == code)

        await until(refused, what=str(code))

    await refuses("unknown-service")
    described = service_described("GONE", family="OTHER")
    await booking.says(described)
    await refuses(None)
    await booking.says(office_described(office, revision=2).model_copy(update={"retired": True}))
    await refuses("unknown-office")
    elsewhere = (await look(booking, service="GONE", region="DAM")).json()["days"]
    assert office not in {day["office"] for day in elsewhere}
    await booking.says(office_described(office, revision=3))
    await refuses(None)
    await booking.says(described.model_copy(update={"revision": 2, "retired": True}))
    await refuses("unknown-service")


async def test_whoever_has_an_answer_is_told_that_it_holds(booking: Booking) -> None:
    office = await booking.opened(2)
    first = await look(booking, office)
    again = await booking.http.get(
        str(first.request.url), headers={"if-none-match": first.headers["etag"], "accept-language": "en"}
    )
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["vary"] == "accept-language"
    await booking.hold(uuid4(), office=office)
    changed = await booking.http.get(
        str(first.request.url), headers={"if-none-match": first.headers["etag"], "accept-language": "en"}
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
