"""Giving a turn back: what comes back, until when, and why; then booking, or the mission whose case it is, is asked."""

from starlette.responses import Response

from dawr.gateway.portal.forms import KEY_FIELD
from dawr.gateway.portal.pages import CITIZEN, Page
from dawr.gateway.portal.turns.room import Room, Shown, for_whom, turn_path
from dawr.gateway.portal.turns.sight import GOES_ON, last_day, turn_of
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit

_WAIT_SECONDS = 8
REASONS = ("changed-mind", "another-day", "not-needed", "wrong-choice", "cannot-come")
_EXPLAINED = {"not-cancellable", "too-late-to-cancel", "case-over"}


class GivingBack:
    """The page of giving back."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def ask(self, visit: Visit) -> Response:
        """What it means, and why."""
        return await self._page(visit, await turn_of(visit))

    async def give_back(self, visit: Visit) -> Response:
        """Do it; sent twice it is done once, and of one that is over its page says what became of it."""
        turn, form = await turn_of(visit), visit.form()
        if turn["state"] not in GOES_ON:
            return visit.redirect(turn_path(turn["id"]))
        reason = form.get("reason")
        if not form.check("reason", reason in REASONS, visit.t("Choose why you give the turn back")):
            return await self._page(visit, turn, errors=form.errors)
        try:
            settled = await self._ask(visit, turn, reason, form.get(KEY_FIELD))
        except Refused as refused:
            if refused.code not in _EXPLAINED:
                raise
            return await self._page(visit, await turn_of(visit), refused=refused)
        return visit.redirect(turn_path(turn["id"]) + ("" if settled else "?told=giving-back"))

    async def _ask(self, visit: Visit, turn: Shown, reason: str, key: str) -> bool:
        """Whether it is settled already."""
        if turn["case_id"] is not None:
            path = f"/api/consular/cases/{turn['case_id']}/cancellation"
            return (await visit.post(path, key=key, wait=_WAIT_SECONDS)).status == 200
        path = f"/api/booking/turns/{turn['id']}/cancellation"
        return (await visit.post(path, {"reason": reason}, key=key, wait=_WAIT_SECONDS)).status == 200

    async def _page(
        self, visit: Visit, turn: Shown, *, errors: dict[str, str] | None = None, refused: Refused | None = None
    ) -> Response:
        if turn["state"] not in GOES_ON:
            return visit.redirect(turn_path(turn["id"]))
        status = 422 if errors else refused.status if refused else 200
        why_not = refused.code if refused else turn["can"]["why_not"]
        content = {
            "turn": turn,
            "errors": errors or {},
            "why_not": why_not,
            "last_day": last_day(turn),
            "whom": for_whom(visit, turn, await self._room.names(visit)),
            "reasons": reasons_of(visit),
            "chosen": visit.form().get("reason") if visit.request.method == "POST" else "",
        }
        return visit.page("turns/give_back.html", status=status, **content)


def reasons_of(visit: Visit) -> list[tuple[str, str, str]]:
    """Why turns are given back, as radio buttons take it."""
    return [
        ("changed-mind", visit.t("I changed my mind"), ""),
        ("another-day", visit.t("The day does not suit me"), ""),
        ("cannot-come", visit.t("I can't come"), ""),
        ("not-needed", visit.t("I don't need it any more"), ""),
        ("wrong-choice", visit.t("I chose the wrong service or office"), ""),
    ]


def pages(room: Room) -> tuple[Page, ...]:
    """The page of giving back."""
    giving = GivingBack(room)
    return (
        Page("/turns/{id:uuid}/cancel", giving.ask, CITIZEN),
        Page("/turns/{id:uuid}/cancel", giving.give_back, CITIZEN, ("POST",)),
    )
