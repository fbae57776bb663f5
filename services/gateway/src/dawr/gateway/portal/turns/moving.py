"""Another day for a turn: the same calendar as for a new one, the hour, a check, and what came of it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Self

from starlette.responses import Response

from dawr.gateway.portal import catalogue
from dawr.gateway.portal.alternatives import alternatives, today_at
from dawr.gateway.portal.days import first_weekday_at
from dawr.gateway.portal.forms import KEY_FIELD
from dawr.gateway.portal.months import first_of, last_of, month_of
from dawr.gateway.portal.pages import CITIZEN, Page, View, uuid_of
from dawr.gateway.portal.turns.room import Room, Shown, turn_path
from dawr.gateway.portal.turns.sight import GOES_ON, turn_of
from dawr.gateway.portal.upstream import Refused, segment
from dawr.gateway.portal.visits import Visit
from dawr.gateway.portal.ways import Way, month_asked

_WAIT_SECONDS = 8
_NO_ROOM = {"sold-out", "window-full", "window-unknown", "not-open-yet", "closed", "day-over", "already-there"}
"""Refusals after which another day or hour can be chosen."""
_NOT_AT_ALL = {"not-movable", "too-late-to-move", "moved-too-often", "move-at-mission"}

_MOVED = {"moved"}


@dataclass(frozen=True, slots=True)
class MoveWay(Way):
    """The way to another day of a turn: its pages are below the turn's."""

    turn: str = ""

    @classmethod
    def to(cls, visit: Visit, turn: Shown) -> Self:
        """What has been chosen so far; where nothing was, it is as the turn is."""
        asked = cls.of(visit)
        return replace(
            asked, turn=turn["id"], service=turn["service"], tier=turn["tier"], office=asked.office or turn["office"]
        )

    def calendar(self, month: date | None = None) -> str:
        """Which day."""
        return self._to(self._below(), "office", month=month.strftime("%Y-%m") if month else "")

    @property
    def offices(self) -> str:
        """Where else."""
        return self._below("offices")

    @property
    def day(self) -> str:
        """Which hour."""
        return self._to(self._below("days", segment(self.date)), "office")

    @property
    def check(self) -> str:
        """What was chosen, before it is asked for."""
        return self._to(self._below("check"), "date", "window", "office")

    def asked(self, id: str, at: str) -> str:
        """What came of it."""
        return self._to(self._below("asked", segment(id)), at=at)

    def body(self, turn: Shown) -> dict[str, str]:
        """As booking is asked."""
        wanted = {"date": self.date, "window": self.window}
        wanted["office"] = self.office if self.office != turn["office"] else ""
        return {name: value for name, value in wanted.items() if value}

    def _below(self, *more: str) -> str:
        return turn_path(self.turn, "reschedule", *more)


class CantMove(Exception):
    """The turn can't be moved by its people; its page says why."""

    def __init__(self, turn: Shown) -> None:
        super().__init__(str(turn["id"]))
        self.turn = turn


class Moving:
    """The pages of another day."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def calendar(self, visit: Visit) -> Response:
        """Which day; with htmx only the month."""
        turn, way = await self._movable(visit)
        office, service = await catalogue.office(visit, way.office), await catalogue.service(visit, way.service)
        today = today_at(office, self._now())
        asked = month_asked(visit.param("month")) or first_of(date.fromisoformat(turn["date"]))
        first = max(asked, first_of(today))
        days = await catalogue.days(visit, way.service, way.tier, office=way.office, first=first, last=last_of(first))
        weekday = first_weekday_at(office["zone"])
        month = month_of(first, days, today=today, first_weekday=weekday, link=lambda on: way.on(on).day)
        content = {
            "turn": turn,
            "way": way,
            "office": office,
            "service": service,
            "tier": next(each for each in service["tiers"] if each["code"] == way.tier),
            "month": month,
            "weekdays": visit.writing.weekdays("short", weekday),
            "others": () if month.is_free else await alternatives(visit, way, office, self._now()),
        }
        return visit.page("find/month.html" if visit.wants_fragment else "turns/another_day.html", **content)

    async def offices(self, visit: Visit) -> Response:
        """Where else: the turn's office and others that have seats, by their first day."""
        turn, way = await self._movable(visit)
        free = catalogue.free_days(await catalogue.days(visit, way.service, way.tier))
        offering = await catalogue.offices(visit, offering=way.service)
        with_seats = [
            (each, free[each["code"]][0].date, way.at(each["code"]).calendar())
            for each in offering
            if free.get(each["code"]) and catalogue.channel_of(each) != catalogue.MISSION
        ]
        with_seats.sort(key=lambda each: each[1])
        return visit.page("turns/another_office.html", turn=turn, way=way, offices=with_seats)

    async def hours(self, visit: Visit) -> Response:
        """Which hour of the day; a day without hours leads on."""
        turn, way = await self._movable(visit)
        windows = await self._windows(visit, way)
        return await self._hours(visit, turn, way, windows, {}) if windows else visit.redirect(way.check)

    async def choose_hour(self, visit: Visit) -> Response:
        """An hour was chosen."""
        turn, way = await self._movable(visit)
        windows, form = await self._windows(visit, way), visit.form()
        known = {each["start"] for each in windows if each["left"]}
        if not form.check("window", way.window in known, visit.t("Choose an hour that has room")):
            return await self._hours(visit, turn, way, windows, form.errors)
        return visit.redirect(way.check)

    async def check(self, visit: Visit) -> Response:
        """What was chosen, before it is asked for."""
        turn, way = await self._movable(visit)
        return await self._check(visit, turn, way) if way.date else visit.redirect(way.calendar())

    async def move(self, visit: Visit) -> Response:
        """Ask booking; the turn stays as it is until it has its other day."""
        turn, way = await self._movable(visit)
        path, key = f"/api/booking/turns/{turn['id']}/reschedule", visit.form().get(KEY_FIELD)
        try:
            reply = await visit.post(path, way.body(turn), key=key, wait=_WAIT_SECONDS)
        except Refused as refused:
            if refused.code not in _NO_ROOM | _NOT_AT_ALL:
                raise
            return await self._check(visit, turn, way, refused=refused)
        if reply.status == 202:
            at = str(reply.data["links"]["self"]).partition("?at=")[2]
            return visit.redirect(way.asked(reply.data["id"], at))
        return visit.redirect(f"{turn_path(turn['id'])}?told=moved")

    async def asked(self, visit: Visit) -> Response:
        """What came of a move that takes its time."""
        turn = await turn_of(visit)
        path = f"/api/booking/turns/{turn['id']}/reschedules/{uuid_of(visit.param('asked'))}"
        found = (await visit.get(path, {"at": visit.param("at") or None})).data
        if found["state"] in _MOVED:
            return visit.redirect(f"{turn_path(turn['id'])}?told=moved")
        return visit.page("turns/moving.html", turn=turn, refusal=found["refusal"], way=MoveWay.to(visit, turn))

    async def _movable(self, visit: Visit) -> tuple[Shown, MoveWay]:
        """The turn and what is wished for it; raises CantMove for one that stays where it is."""
        turn = await turn_of(visit)
        if turn["state"] not in GOES_ON or not turn["can"]["reschedule"]:
            raise CantMove(turn)
        return turn, MoveWay.to(visit, turn)

    def _now(self) -> datetime:
        return self._room.now()

    async def _windows(self, visit: Visit, way: MoveWay) -> list[Shown]:
        on = date.fromisoformat(way.date)
        days = await catalogue.days(visit, way.service, way.tier, office=way.office, first=on, last=on)
        return [each for found in days for each in found["windows"]]

    async def _hours(
        self, visit: Visit, turn: Shown, way: MoveWay, windows: list[Shown], errors: dict[str, str]
    ) -> Response:
        office = await catalogue.office(visit, way.office)
        content = {"turn": turn, "way": way, "windows": windows, "office": office, "errors": errors}
        return visit.page("turns/another_hour.html", status=422 if errors else 200, **content)

    async def _check(self, visit: Visit, turn: Shown, way: MoveWay, *, refused: Refused | None = None) -> Response:
        content: dict[str, Any] = {
            "turn": turn,
            "way": way,
            "office": await catalogue.office(visit, way.office),
            "refused": refused,
            "can_choose": refused is None or refused.code in _NO_ROOM,
        }
        return visit.page("turns/check_move.html", status=refused.status if refused else 200, **content)


def pages(room: Room) -> tuple[Page, ...]:
    """The pages of another day."""
    moving = Moving(room)
    at = "/turns/{id:uuid}/reschedule"
    return (
        Page(at, _or_why_not(moving.calendar), CITIZEN),
        Page(f"{at}/offices", _or_why_not(moving.offices), CITIZEN),
        Page(f"{at}/days/{{date}}", _or_why_not(moving.hours), CITIZEN),
        Page(f"{at}/days/{{date}}", _or_why_not(moving.choose_hour), CITIZEN, ("POST",)),
        Page(f"{at}/check", _or_why_not(moving.check), CITIZEN),
        Page(f"{at}/check", _or_why_not(moving.move), CITIZEN, ("POST",)),
        Page(f"{at}/asked/{{asked}}", moving.asked, CITIZEN),
    )


def _or_why_not(view: View) -> View:
    """The view, or the page that says why the turn stays where it is."""

    async def answer(visit: Visit) -> Response:
        try:
            return await view(visit)
        except CantMove as error:
            why = error.turn["can"]["why_not_reschedule"] if "can" in error.turn else "not-movable"
            return visit.page("turns/no_move.html", status=409, turn=error.turn, why=why)

    return answer
