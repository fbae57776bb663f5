"""What is taken along: the pass with its code, and the entry for one's own calendar."""

from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import segno
from icalendar import Alarm, Calendar, Event
from markupsafe import Markup
from starlette.responses import Response

from dawr.gateway.passes import Pass, sign_pass
from dawr.gateway.portal.pages import CITIZEN, Page, uuid_of
from dawr.gateway.portal.turns.room import Room, Shown, turn_path
from dawr.gateway.portal.turns.sight import Phase, Sight, TurnState, sight_of, turn_of
from dawr.gateway.portal.visits import Visit

_WINDOW = timedelta(minutes=30)
"""How long the entry of a calendar lasts where the office says only when an hour begins."""
_OWN = {"cache-control": "no-store", "cross-origin-resource-policy": "same-origin"}


class Papers:
    """Pass and calendar file of a confirmed turn; one in another state leads to its page."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def pages(self) -> tuple[Page, ...]:
        """The pages of papers."""
        return (
            Page("/turns/{id:uuid}/pass", self.show, CITIZEN),
            Page("/turns/{id:uuid}/pass.svg", self.code, CITIZEN),
            Page("/turns/{id:uuid}/calendar.ics", self.calendar, CITIZEN),
        )

    async def show(self, visit: Visit) -> Response:
        """The pass, to be shown on the phone or printed."""
        sight = await self._confirmed(visit)
        if sight is None:
            return visit.redirect(turn_path(visit.param("id")))
        qr = Markup(svg_of(await self._signed(sight.turn)))  # noqa: S704 - drawn here, of a text in base64url
        return visit.page("turns/pass.html", sight=sight, turn=sight.turn, qr=qr)

    async def code(self, visit: Visit) -> Response:
        """The code alone, as an image that can be kept."""
        turn = await turn_of(visit)
        if turn["state"] != TurnState.CONFIRMED:
            return visit.redirect(turn_path(turn["id"]))
        svg = svg_of(await self._signed(turn), alone=True)
        return Response(svg, 200, {**_OWN, "content-security-policy": "default-src 'none'"}, "image/svg+xml")

    async def calendar(self, visit: Visit) -> Response:
        """An entry for a calendar (RFC 5545)."""
        sight = await self._confirmed(visit)
        if sight is None:
            return visit.redirect(turn_path(visit.param("id")))
        url = self._room.public_url + turn_path(sight.turn["id"])
        disposition = f'attachment; filename="dawr-{sight.turn["date"]}.ics"'
        return Response(entry_of(visit, sight, url), 200, {**_OWN, "content-disposition": disposition}, "text/calendar")

    async def _confirmed(self, visit: Visit) -> Sight | None:
        turn = await turn_of(visit)
        sight = await sight_of(self._room, visit, turn)
        return sight if sight.phase is Phase.TAKEN else None

    async def _signed(self, turn: Shown) -> str:
        return sign_pass(pass_of(turn), await self._room.pass_keys.signing())


def pass_of(turn: Shown) -> Pass:
    """What the pass of a confirmed turn says."""
    return Pass(
        turn=uuid_of(turn["id"]),
        service=turn["service"],
        office=turn["office"],
        date=date.fromisoformat(turn["date"]),
        window=turn["window"],
        issued_at=given_at(turn),
    )


def given_at(turn: Shown) -> datetime:
    """When it came to be for this day: confirmed, or moved here since."""
    steps = [step for step in turn["history"] if step["state"] == TurnState.CONFIRMED]
    return datetime.fromisoformat(steps[-1]["at"])


def svg_of(text: str, *, alone: bool = False) -> str:
    """The code as SVG, black on white with its quiet zone; of medium correction, as paper is folded."""
    code, made = segno.make(text, error="m", boost_error=False, micro=False), BytesIO()
    code.save(
        made,
        kind="svg",
        scale=4,
        border=4,
        light="#fff",
        svgclass="qr",
        lineclass=None,
        xmldecl=alone,
        svgns=alone,
        omitsize=not alone,
        nl=False,
    )
    return made.getvalue().decode()


def entry_of(visit: Visit, sight: Sight, url: str) -> bytes:
    """The file. Moved, it is the same entry (`UID`) in a newer version (`SEQUENCE`)."""
    turn, day, zone = sight.turn, date.fromisoformat(sight.turn["date"]), ZoneInfo(sight.turn["zone"] or "UTC")
    event = Event()
    event.add("uid", f"{turn['id']}@dawr")
    event.add("dtstamp", given_at(turn).astimezone(UTC))
    event.add("sequence", sum("from" in step for step in turn["history"]))
    event.add("status", "CONFIRMED")
    name, place = turn["service_name"] or turn["service"], turn["office_name"] or turn["office"]
    event.add("summary", f"{name}, {place}")
    event.add("location", ", ".join(each for each in (turn["office_name"], turn["address"]) if each))
    lines = [visit.t("For: %(name)s", name=sight.whom), *(f"- {each['name']}" for each in sight.documents), url]
    event.add("description", "\n".join(lines))
    event.add("url", url)
    if turn["latitude"] is not None and turn["longitude"] is not None:
        event.add("geo", (turn["latitude"], turn["longitude"]))
    if turn["window"] is None:
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
    else:
        start = datetime.combine(day, time.fromisoformat(turn["window"]), zone)
        until = turn["window_end"]
        event.add("dtstart", start)
        event.add("dtend", datetime.combine(day, time.fromisoformat(until), zone) if until else start + _WINDOW)
    reminder = Alarm()
    reminder.add("action", "DISPLAY")
    reminder.add("description", name)
    reminder.add("trigger", timedelta(days=-1))
    event.add_component(reminder)
    file = Calendar()
    file.add("prodid", "-//Dawr//Portal//EN")
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    file.add_component(event)
    file.add_missing_timezones(first_date=date(day.year, 1, 1), last_date=date(day.year + 1, 1, 1))
    return bytes(file.to_ical())
