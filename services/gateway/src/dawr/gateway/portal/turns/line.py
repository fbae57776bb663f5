"""The one page of a turn, whatever its state, and what keeps it fresh: server-sent events, each a part of the page."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response, StreamingResponse

from dawr.gateway.portal.pages import CITIZEN, Page, uuid_of
from dawr.gateway.portal.turns.room import Room, Shown, turn_path
from dawr.gateway.portal.turns.sight import Phase, Sight, TurnState, asked_place, sight_of, turn_of
from dawr.gateway.portal.visits import Visit

_SAID_WHEN_AHEAD = (1000, 500, 200, 100, 50, 20, 10, 5, 3, 1, 0)
"""At which places those who hear the page are told theirs: each change would drown everything else."""
_KEPT_PLACES = 20_000
_SIGN_OF_LIFE = b": \n\n"


class Line:
    """The page of a turn."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._places: dict[tuple[str, str, int], bytes] = {}

    async def show(self, visit: Visit) -> Response:
        """The page."""
        turn = await turn_of(visit)
        sight = await sight_of(self._room, visit, turn)
        self._remember(visit, sight)
        updates = f"{turn_path(turn['id'], 'updates')}?{_query(visit, seen=fingerprint(turn))}"
        told = visit.param("told")
        return visit.page("turns/turn.html", **content_of(sight), updates=updates, told=told)

    async def updates(self, visit: Visit) -> Response:
        """The page's live part, as it changes (`text/event-stream`).

        Events: `place`, how many are ahead; `turn`, the whole live part in a new state; `said`, a sentence for those
        who hear the page; `over`, when nothing more is to come by itself.
        """
        path = f"/api/booking/turns/{uuid_of(visit.param('id'))}/updates"
        told = visit.portal.services.events(visit.asking, path, asked_place(visit))
        # The first is waited for here: what is refused is refused before an answer has begun.
        first = await anext(told, None)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no", "content-language": visit.lang}
        return StreamingResponse(self._events(visit, first, told), 200, headers, "text/event-stream")

    async def _events(self, visit: Visit, first: Any, told: AsyncIterator[Any]) -> AsyncIterator[bytes]:
        """What is sent of what booking tells. A browser that comes again says what it saw last."""
        seen = visit.request.headers.get("last-event-id") or visit.param("seen")
        ahead_before = 0
        names, was_in_line = None, False
        turn = first
        async with aclosing(told):  # type: ignore[type-var]
            while True:
                if turn is None:
                    yield _SIGN_OF_LIFE
                elif turn["state"] == TurnState.REQUESTED:
                    ahead = turn["line"]["ahead"]
                    if fingerprint(turn) != seen:
                        yield self._place(visit, ahead)
                    if _is_worth_saying(ahead_before, ahead):
                        yield event("said", ahead_in_words(visit, ahead))
                    seen, ahead_before = fingerprint(turn), ahead
                    # Asked for while they wait, and not by everybody at once when the line moves on.
                    names = names if names is not None else await self._room.names(visit)
                    was_in_line = True
                else:
                    sight = await sight_of(self._room, visit, turn, names=names, is_new=was_in_line)
                    if fingerprint(turn) != seen:
                        yield self._turn(visit, sight)
                    seen, was_in_line = fingerprint(turn), False
                    if not sight.is_live:
                        yield event("over", "")
                        return
                try:
                    turn = await anext(told)
                except StopAsyncIteration:
                    return

    def _turn(self, visit: Visit, sight: Sight) -> bytes:
        """The live part in a new state, and the sentence that tells of it."""
        part = visit.portal.markup(visit, "turns/change.html", **content_of(sight))
        return event("turn", part, id=fingerprint(sight.turn)) + event("said", spoken(visit, sight))

    def _place(self, visit: Visit, ahead: int) -> bytes:
        """How many are ahead: the same words for all who stand there, made once."""
        asked = (visit.lang, visit.writing.figures(0), ahead)
        known = self._places.get(asked)
        if known is None:
            if len(self._places) >= _KEPT_PLACES:
                self._places.clear()
            known = event("place", visit.portal.markup(visit, "turns/place.html", ahead=ahead), id=f"line-{ahead}")
            self._places[asked] = known
        return known

    def _remember(self, visit: Visit, sight: Sight) -> None:
        """Let this browser know its place in the line until it is settled."""
        waiting = self._room.waiting
        kept = waiting.open(visit.request)
        if sight.phase is Phase.LINE:
            query = {name: value for name, value in asked_place(visit).items() if value is not None}
            cookie = waiting.keep({"person": str(visit.person_id), "id": sight.turn["id"], **query})
            if cookie is not None:
                visit.cookies.append(cookie)
        elif kept is not None and kept["id"] == sight.turn["id"]:
            visit.cookies.append(waiting.forget())


def pages(room: Room) -> tuple[Page, ...]:
    """The page of a turn and its events."""
    line = Line(room)
    return (
        Page("/turns/{id:uuid}", line.show, CITIZEN),
        Page("/turns/{id:uuid}/updates", line.updates, CITIZEN),
    )


def content_of(sight: Sight) -> dict[str, Any]:
    """What the templates of a turn are filled with."""
    return {"sight": sight, "turn": sight.turn, "Phase": Phase}


def fingerprint(turn: Shown) -> str:
    """Tells two sights of a turn apart: of one in the line by its place, else by all that booking says."""
    if turn["state"] == TurnState.REQUESTED:
        return f"line-{turn['line']['ahead']}"
    return blake2b(orjson.dumps(turn, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def event(name: str, text: str, *, id: str | None = None) -> bytes:
    """A server-sent event; each line of its text is one of data."""
    data = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{f'id: {id}' + chr(10) if id else ''}{data}\n".encode()


def spoken(visit: Visit, sight: Sight) -> str:
    """A sentence on what has just come to be."""
    return {
        Phase.PAY: lambda: visit.t("A seat is kept for you. Pay to confirm your turn."),
        Phase.BANK: lambda: visit.t("The bank is telling us of your payment."),
        Phase.LATE: lambda: visit.t("The time to pay is over."),
        Phase.TAKEN: lambda: visit.t("Your turn is confirmed."),
        Phase.REFUSED: lambda: visit.t("There was no seat left for you."),
        Phase.EXPIRED: lambda: visit.t("The time to pay is over."),
        Phase.GIVEN_BACK: lambda: visit.t("Your turn was given back."),
        Phase.CALLED_OFF: lambda: visit.t("The office cancelled your turn."),
        Phase.LINE: lambda: visit.t("You are in the line."),
    }[sight.phase]()


def _query(visit: Visit, **more: str) -> str:
    kept = {name: visit.param(name) for name in ("at", "request", "status")}
    return urlencode({name: value for name, value in (kept | more).items() if value})


def ahead_in_words(visit: Visit, ahead: int) -> str:
    """How many are ahead, as it is said."""
    return visit.nt("%(num)s person ahead of you", "%(num)s people ahead of you", ahead)


def _is_worth_saying(before: int, ahead: int) -> bool:
    """Whether a place that was reached is told aloud."""
    return any(ahead <= each < before for each in _SAID_WHEN_AHEAD)
