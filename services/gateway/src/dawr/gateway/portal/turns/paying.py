"""To the bank: its page is opened by payments, and the browser is sent there."""

import asyncio

from starlette.responses import Response

from dawr.gateway.portal.forms import KEY_FIELD
from dawr.gateway.portal.pages import CITIZEN, Page
from dawr.gateway.portal.turns.line import content_of
from dawr.gateway.portal.turns.room import Room, Shown, pays, turn_path
from dawr.gateway.portal.turns.sight import APPROVED, TurnState, sight_of, turn_of
from dawr.gateway.portal.upstream import Refused
from dawr.gateway.portal.visits import Visit

PROVIDER = "sandbox"
_TRIES, _PAUSE_SECONDS = 6, 0.4
"""Payments hears of a held turn by topic: whoever presses at once may be faster."""
_AWAY = {"provider-away", "provider-refused", "service-unavailable", "service-slow", "broken-answer", "no-such-payment"}


class Paying:
    """The way to the bank."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def pay(self, visit: Visit) -> Response:
        """Go and pay. Pressed twice it is one visit to the bank; what was paid meanwhile leads to the turn."""
        turn = await turn_of(visit)
        here = turn_path(turn["id"])
        if turn["state"] != TurnState.HELD or turn["payment"] is None or not pays(visit, turn):
            return visit.redirect(here)
        try:
            return visit.redirect(await self._checkout(visit, turn))
        except Refused as refused:
            if refused.code == "already-paid":
                return visit.redirect(f"{here}?status={APPROVED}")
            if refused.code == "payment-over":
                return visit.redirect(here)
            if refused.code not in _AWAY:
                raise
        sight = await sight_of(self._room, visit, turn)
        return visit.page("turns/turn.html", status=503, **content_of(sight), updates="", told="bank-away")

    async def _checkout(self, visit: Visit, turn: Shown) -> str:
        """The address of the bank's page."""
        path = f"/api/payments/payments/{turn['payment']['id']}/attempts"
        key = visit.form().get(KEY_FIELD) or visit.new_key()
        for _ in range(_TRIES - 1):
            try:
                return str((await visit.post(path, {"provider": PROVIDER}, key=key)).data["checkout_url"])
            except Refused as refused:
                if refused.code != "no-such-payment":
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
        return str((await visit.post(path, {"provider": PROVIDER}, key=key)).data["checkout_url"])

    async def back(self, visit: Visit) -> Response:
        """Whoever opens the address of the button, or comes back to it, is led to the turn."""
        return visit.redirect(turn_path(visit.param("id")))


def pages(room: Room) -> tuple[Page, ...]:
    """The way to the bank."""
    paying = Paying(room)
    return (
        Page("/turns/{id:uuid}/pay", paying.pay, CITIZEN, ("POST",)),
        Page("/turns/{id:uuid}/pay", paying.back, CITIZEN),
    )
