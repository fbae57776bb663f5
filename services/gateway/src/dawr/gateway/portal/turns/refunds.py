"""The way of the money back, step by step, as payments tells it."""

from typing import Any

from starlette.responses import Response

from dawr.gateway.portal.pages import CITIZEN, Page
from dawr.gateway.portal.turns.room import Room, Shown
from dawr.gateway.portal.turns.sight import refund_of, turn_of
from dawr.gateway.portal.visits import Visit

Step = tuple[str, str | None, str]
"""What happens, when it did, and whether it is `done`, `now` or `next`."""
_SET_ASIDE = {"FAILED"}
_OVER = {"SUCCEEDED"}
_WAY = ("REQUESTED", "APPROVED", "SUBMITTED", "SUCCEEDED")


class Refunds:
    """The tracker."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> Response:
        """The page, or for htmx the part of it that changes."""
        turn = await turn_of(visit)
        refund = await refund_of(visit, turn) if turn.get("refund") else None
        is_due = bool(turn.get("refund"))
        content: dict[str, Any] = {
            "turn": turn,
            "refund": refund,
            "is_due": is_due,
            "goes_on": is_due and (refund is None or refund["state"] not in _OVER),
            "steps": steps_of(visit, turn, refund) if is_due else [],
        }
        return visit.page("turns/refund_live.html" if visit.wants_fragment else "turns/refund.html", **content)


def steps_of(visit: Visit, turn: Shown, refund: Shown | None) -> list[Step]:
    """What was done, what is being done, what is still to come. A step that failed stays in view: somebody looks at
    it, and it is started again."""
    said = {
        "REQUESTED": visit.t("Refund asked for"),
        "APPROVED": visit.t("Cleared for payment"),
        "SUBMITTED": visit.t("Bank told to pay it back"),
        "SUCCEEDED": visit.t("Paid back by the bank"),
        "FAILED": visit.t("The bank could not pay it back; a person of the finance office looks into it"),
    }
    zone = turn["zone"]
    history = list(refund["history"]) if refund else []
    done: list[Step] = [(said[step["state"]], visit.writing.moment(step["at"], zone), "done") for step in history]
    reached = history[-1]["state"] if history else ""
    if reached in _SET_ASIDE:
        done[-1] = (done[-1][0], done[-1][1], "now")
        return [*done, (said["SUCCEEDED"], None, "next")]
    to_come = _WAY[_WAY.index(reached) + 1 :] if reached in _WAY else _WAY
    coming: list[Step] = [(said[state], None, "next") for state in to_come]
    if coming and done:
        done[-1] = (done[-1][0], done[-1][1], "now")
    elif coming:
        coming[0] = (coming[0][0], None, "now")
    return [*done, *coming]


def pages(room: Room) -> tuple[Page, ...]:
    """The tracker."""
    return (Page("/turns/{id:uuid}/refund", Refunds(room).show, CITIZEN),)
