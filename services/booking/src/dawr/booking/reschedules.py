"""A turn is moved by its people: asked for over HTTP, decided in the line, and what became of it is told again."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from dawr.booking import permits
from dawr.booking.api import TurnDocument
from dawr.booking.domain import MoveRefusal, Turn
from dawr.booking.errors import (
    MOVE_REFUSALS,
    REFUSALS,
    AlreadyThere,
    BrokerAway,
    CatalogueMissing,
    MissionOnly,
    MoveAtMission,
    MovedTooOften,
    NotMovable,
    NotOffered,
    SeatRefused,
    TooFarAhead,
    TooLateToMove,
    TooManyRequests,
    UnknownOffice,
    UnknownReschedule,
    UnknownTurn,
)
from dawr.booking.intake import Intake
from dawr.booking.line import Line
from dawr.booking.present import Presenter
from dawr.booking.store import reschedules, turns
from dawr.booking.store.reschedules import Reschedule
from dawr.contracts import Place, Pool, derived_id
from dawr.contracts.booking import RefusalCode, RescheduleTurn
from dawr.contracts.values import Code, WindowStart
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.database import Database
from dawr.servicekit.errors import Refusal
from dawr.servicekit.idempotency import IdempotencyKey, KeyMissing, KeyReused, fingerprint, needed
from dawr.servicekit.openapi import refusals
from dawr.servicekit.prefer import wait_seconds
from dawr.servicekit.problems import request_language, say

Citizen = Annotated[Caller, Depends(signed_in(Role.CITIZEN))]
At = Annotated[str | None, Query(pattern=r"^\d{1,4}:\d{1,18}$", description="The place that the 202 told.")]


class RescheduleForm(BaseModel):
    """Where a turn shall be moved."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"date": "2026-12-03", "window": "10:00", "office": "DAM-02"}]},
    )

    date: dt.date
    """A local date of the office."""
    window: WindowStart | None = None
    """None: the earliest with a seat."""
    office: Code | None = None
    """None: the one where it is."""


class MoveRefused(BaseModel):
    code: str
    title: str
    opens_at: dt.datetime | None


class RescheduleDocument(BaseModel):
    """A wish to move a turn, and what became of it; the turn stays as it was unless it says `moved`."""

    model_config = ConfigDict(title="Reschedule")

    id: UUID
    turn_id: UUID
    state: Literal["waiting", "moved", "refused"]
    office: str | None
    date: dt.date | None
    window: str | None
    refusal: MoveRefused | None
    links: dict[str, str]


@dataclass(frozen=True)
class Rescheduling:
    """What the routes are made of."""

    database: Database
    intake: Intake
    line: Line
    shown: Presenter

    async def own_turn(self, id: UUID, caller: Caller) -> Turn:
        """A turn of the caller's; raises UnknownTurn."""
        async with self.database.reading() as connection:
            turn = (await turns.by_ids(connection, [id])).get(id)
        if turn is None or caller.person_id not in {turn.person_id, turn.asked_by}:
            raise UnknownTurn
        return turn

    async def decided(self, id: UUID) -> Reschedule | None:
        """What became of a wish, if the line has come to it."""
        async with self.database.reading() as connection:
            return await reschedules.find(connection, id)

    def check(self, turn: Turn, to: Pool, window: str | None) -> None:
        """Refuse at once what the line would refuse, as far as it is known here."""
        now = self.shown.clock()
        refusal = permits.why_not_moved(turn, self.shown.catalogue, now, at_most=self.shown.moves_count)
        if refusal is None and to == turn.pool and window in {None, turn.window}:
            refusal = AlreadyThere()
        if refusal is not None:
            raise refusal


def create_reschedules_router(parts: Rescheduling) -> APIRouter:
    """`/turns/{id}/reschedule`."""
    router = APIRouter(tags=["turns"])

    @router.post("/turns/{id}/reschedule", operation_id="reschedule_turn", status_code=202,
                 summary="Move a turn to another day, office or window",
                 description="The turn keeps id, payment and fee, and its seat until it has the other one.",
                 response_model=RescheduleDocument,
                 responses={200: {"model": TurnDocument, "description": "Moved (with `Prefer: wait`)."},
                            **refusals(KeyMissing, KeyReused, NotAllowed, UnknownTurn, UnknownOffice, MissionOnly,
                                       NotOffered, TooFarAhead, NotMovable, TooLateToMove, MovedTooOften, MoveAtMission,
                                       AlreadyThere, SeatRefused, TooManyRequests, CatalogueMissing,
                                       BrokerAway)})  # fmt: skip
    async def reschedule_turn(
        request: Request,
        id: UUID,
        caller: Citizen,
        form: RescheduleForm,
        idempotency_key: IdempotencyKey = None,
        prefer: Annotated[str | None, Header()] = None,
    ) -> Response:
        key, lang = needed(idempotency_key), request_language(request)
        turn = await parts.own_turn(id, caller)
        wish = derived_id(id, f"reschedule/{caller.person_id}/{key}")
        to = Pool(
            office=form.office or turn.pool.office, service=turn.pool.service, tier=turn.pool.tier, date=form.date
        )
        known = await parts.decided(wish)
        if known is not None:  # asked again: the same answer
            if (known.pool.date, known.window) != (form.date, form.window) or (
                form.office is not None and known.pool.office != form.office
            ):
                raise KeyReused
            return _answered(known, turn, parts.shown, lang)
        parts.intake.check_key(wish, fingerprint(id, form.model_dump(mode="json")))
        parts.check(turn, to, form.window)
        parts.intake.check_offer(to, turn.channel)
        parts.intake.take_pace(caller.person_id)
        command = RescheduleTurn(
            reschedule_id=wish,
            turn_id=id,
            pool=to,
            window=form.window,
            asked_by=caller.person_id,
            asked_at=parts.shown.clock(),
        )
        place = await parts.intake.append(command, id=wish)
        seconds = wait_seconds(prefer)
        settled = await parts.line.answer(place, id, seconds) if seconds else None
        found = await parts.decided(wish) if settled is not None else None
        if settled is None or found is None:
            body = _document(wish, id, None, place, lang)
            return Response(orjson.dumps(body), 202, {"location": body["links"]["self"]}, "application/json")
        return _answered(found, settled, parts.shown, lang)

    @router.get("/turns/{id}/reschedules/{reschedule_id}", operation_id="get_reschedule",
                summary="What became of a wish to move a turn", response_model=RescheduleDocument,
                responses=refusals(NotAllowed, UnknownTurn, UnknownReschedule))  # fmt: skip
    async def get_reschedule(
        request: Request, id: UUID, reschedule_id: UUID, caller: Citizen, at: At = None
    ) -> Response:
        place = Place(partition=int(at.split(":")[0]), offset=int(at.split(":")[1])) if at else None
        # Asked before it is looked for: the allocator may pass the place meanwhile.
        is_past = place is None or parts.line.has_settled(place)
        await parts.own_turn(id, caller)
        found = await parts.decided(reschedule_id)
        if (found is None and is_past) or (found is not None and found.turn_id != id):
            raise UnknownReschedule
        lang = request_language(request)
        headers = {"content-language": lang, "cache-control": "no-store"}
        body = _document(reschedule_id, id, found, place, lang)
        return Response(orjson.dumps(body), 200, headers, "application/json")

    return router


def _answered(decided: Reschedule, turn: Turn, shown: Presenter, lang: str) -> Response:
    """The turn on its new day, or why it stays where it is."""
    if decided.refusal is not None:
        raise _refusal(decided, turn)
    headers = {"content-language": lang, "location": f"/api/booking/turns/{turn.id}"}
    return Response(orjson.dumps(shown.turn(turn, lang)), 200, headers, "application/json")


def _refusal(decided: Reschedule, turn: Turn) -> Refusal:
    code = decided.refusal or ""
    if code in set(MoveRefusal):
        return MOVE_REFUSALS[code]()
    opens_at = decided.opens_at.isoformat() if decided.opens_at else None
    return SeatRefused(RefusalCode(code), turn_id=str(turn.id), opens_at=opens_at)


def _document(id: UUID, turn_id: UUID, decided: Reschedule | None, place: Place | None, lang: str) -> dict[str, Any]:
    base = f"/api/booking/turns/{turn_id}"
    at = f"?at={place.partition}:{place.offset}" if place and decided is None else ""
    refusal = None
    if decided is not None and decided.refusal is not None:
        is_of_move = decided.refusal in set(MoveRefusal)
        title = MOVE_REFUSALS[decided.refusal].title if is_of_move else REFUSALS[RefusalCode(decided.refusal)]
        opens_at = decided.opens_at.isoformat() if decided.opens_at else None
        refusal = {"code": decided.refusal, "title": say(title, lang), "opens_at": opens_at}
    return {
        "id": str(id),
        "turn_id": str(turn_id),
        "state": "waiting" if decided is None else "refused" if refusal else "moved",
        "office": decided.pool.office if decided else None,
        "date": decided.pool.date.isoformat() if decided else None,
        "window": decided.window if decided else None,
        "refusal": refusal,
        "links": {"self": f"{base}/reschedules/{id}{at}", "turn": base},
    }
