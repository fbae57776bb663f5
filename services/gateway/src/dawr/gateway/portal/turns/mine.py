"""All turns of a person and of those for whom they asked, and the way from a mission's case to its turn."""

from typing import Any

from starlette.responses import Response

from dawr.gateway.portal.pages import CITIZEN, Page, uuid_of
from dawr.gateway.portal.turns.room import Room, Shown, for_whom, turn_path
from dawr.gateway.portal.turns.sight import BANK_STATUS, GOES_ON, TurnState
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit

_A_PAGE = 20
Card = dict[str, Any]


class Mine:
    """The list, and the way from a case."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> Response:
        """What is to come, and what was."""
        cursor = visit.param("cursor") or None
        found = (await visit.get("/api/booking/turns", {"limit": _A_PAGE, "cursor": cursor})).data
        names = await self._room.names(visit)
        cards = [self._card(visit, turn, names) for turn in found["items"]]
        now = sorted((each for each in cards if each["goes_on"]), key=_by_day)
        content = {
            "now": now,
            "before": [each for each in cards if not each["goes_on"]],
            "next": found["next"],
            "is_first": cursor is None,
            "waiting": await self._waiting(visit) if cursor is None else None,
        }
        return visit.page("turns/mine.html", **content)

    async def case(self, visit: Visit) -> Response:
        """A case's turn; until booking has one, that the case is on its way. The bank leads back here, too."""
        case = (await visit.get(f"/api/consular/cases/{uuid_of(visit.param('id'))}")).data
        status = visit.param("status")
        try:
            await visit.get(f"/api/booking/turns/{case['turn_id']}")
        except Refused as refused:
            if refused.status != 404:
                raise
            return visit.page("turns/case.html", case=case)
        told = f"?status={status}" if status in BANK_STATUS else ""
        return visit.redirect(turn_path(case["turn_id"]) + told)

    def _card(self, visit: Visit, turn: Shown, names: Any) -> Card:
        today = self._room.now().date().isoformat()
        is_past = turn["state"] == TurnState.CONFIRMED and turn["date"] < today
        tag, kind = tag_of(visit, turn, is_past=is_past)
        return {
            "turn": turn,
            "goes_on": turn["state"] in GOES_ON and not is_past,
            "whom": for_whom(visit, turn, names),
            "tag": tag,
            "kind": kind,
        }

    async def _waiting(self, visit: Visit) -> Shown | None:
        """The request that this browser waits for in the line, if it is this visitor's and still there."""
        kept = self._room.waiting.open(visit.request)
        if kept is None or kept["person"] != str(visit.person_id):
            return None
        query: dict[str, str | int | None] = {name: kept.get(name) for name in ("at", "request")}
        try:
            turn = (await visit.get(f"/api/booking/turns/{uuid_of(kept['id'])}", query)).data
        except Refused as refused:
            if refused.status != 404:
                raise
            turn = None
        if turn is None or turn["state"] != TurnState.REQUESTED:
            visit.cookies.append(self._room.waiting.forget())
            return None
        return {"turn": turn, "query": query}


def tag_of(visit: Visit, turn: Shown, *, is_past: bool = False) -> tuple[str, str]:
    """A turn's state in a word or two, and the kind of its tag."""
    if is_past:
        return visit.t("Over"), "plain"
    return {
        TurnState.HELD: (visit.t("Waits for payment"), "warn"),
        TurnState.CONFIRMED: (visit.t("Confirmed"), "good"),
        TurnState.REFUSED: (visit.t("No seat"), "plain"),
        TurnState.EXPIRED: (visit.t("Not paid in time"), "plain"),
        TurnState.CANCELLED_BY_CITIZEN: (visit.t("Given back"), "plain"),
        TurnState.CANCELLED_BY_OFFICE: (visit.t("Cancelled by the office"), "bad"),
    }.get(turn["state"], (visit.t("In the line"), ""))


def pages(room: Room) -> tuple[Page, ...]:
    """The list, and the way from a case."""
    mine = Mine(room)
    return (Page("/turns", mine.show, CITIZEN), Page("/cases/{id}", mine.case, CITIZEN))


def _by_day(card: Card) -> tuple[str, str]:
    return card["turn"]["date"], card["turn"]["window"] or ""
