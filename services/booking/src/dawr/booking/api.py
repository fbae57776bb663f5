"""What booking answers over HTTP, beside taking a turn (`intake`) and looking for a day (`availability`)."""

import time
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from dawr.booking import domain, permits
from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import State, Turn
from dawr.booking.errors import (
    BrokerAway,
    NotCancellable,
    TooLateToCancel,
    TooManyStreams,
    UnknownTurn,
)
from dawr.booking.intake import Intake
from dawr.booking.line import Line
from dawr.booking.present import Presenter, requested
from dawr.booking.settings import BookingSettings
from dawr.booking.store import turns
from dawr.booking.streams import Streams
from dawr.booking.watch import Follower, Watch
from dawr.contracts import Place, derived_id
from dawr.contracts.booking import CancelTurn
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.clock import Clock
from dawr.servicekit.database import Database
from dawr.servicekit.idempotency import IdempotencyKey, KeyMissing, KeyReused, fingerprint, needed
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, moment_and_id, place_of
from dawr.servicekit.prefer import wait_seconds
from dawr.servicekit.problems import request_language

UPDATES_AT_MOST = timedelta(hours=1)

At = Annotated[str | None, Query(pattern=r"^\d{1,4}:\d{1,18}$", description="The place that the 202 told.")]
Asked = Annotated[str | None, Query(alias="request", pattern=r"^[0-9a-f]{32}$", description="As the 202 told.")]
Citizen = Annotated[Caller, Depends(signed_in(Role.CITIZEN))]


class Money(BaseModel):
    minor: int
    currency: str
    text: str


class LinePlace(BaseModel):
    partition: int
    offset: int
    ahead: int
    """What is still to be settled before this one."""


class RequestedTurn(BaseModel):
    """A turn that waits in the line."""

    id: UUID
    state: str
    line: LinePlace
    links: dict[str, str]


class Permits(BaseModel):
    """What the turn's people may do about it now, so that nobody else needs to know the rules."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cancel: bool
    reschedule: bool
    until: datetime | None
    """Until when either can be asked for, while the turn is live: the end of the day before, where the office is."""
    why_not: str | None
    """The code with which a cancellation would be refused."""
    why_not_reschedule: str | None
    moves_left: int
    refund_if_cancelled: Money | None
    """What comes back if it is cancelled now; none: nothing was paid, or it can't be cancelled."""


class TurnDocument(BaseModel):
    """A turn with its history."""

    model_config = ConfigDict(title="Turn")

    id: UUID
    state: State
    person_id: UUID
    asked_by: UUID
    service: str
    service_name: str | None
    tier: str
    office: str
    office_name: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    wheelchair: bool | None
    date: date
    window: str | None
    window_end: str | None
    zone: str | None
    fee: Money | None
    held_until: datetime | None
    line: LinePlace
    case_id: UUID | None
    payment: dict[str, Any] | None
    refund: dict[str, Any] | None
    refusal: dict[str, Any] | None
    history: list[dict[str, str]]
    can: Permits
    links: dict[str, str]


class TurnList(BaseModel):
    items: list[TurnDocument]
    next: str | None


class Cancellation(BaseModel):
    """Why a turn is given back."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}$")] = "changed-mind"


def create_router(
    database: Database,
    intake: Intake,
    line: Line,
    watch: Watch,
    catalogue: Catalogue,
    settings: BookingSettings,
    clock: Clock,
) -> APIRouter:
    """Booking's resources."""
    router = APIRouter(tags=["turns"])
    shown = Presenter(catalogue, settings.moves_count, clock)
    streams = Streams(at_most=settings.streams, of_a_person=settings.person_streams)

    async def own_turn(id: UUID, caller: Caller) -> Turn | None:
        async with database.reading() as connection:
            turn = (await turns.by_ids(connection, [id])).get(id)
        if turn is not None and caller.person_id not in {turn.person_id, turn.asked_by}:
            raise UnknownTurn
        return turn

    async def look(id: UUID, caller: Caller, at: str | None, asked: str | None) -> dict[str, Any] | Turn:
        """The turn if it is settled, or its place in the line."""
        place = _place(at)
        # Asked before the turn is looked for: the allocator may pass the place meanwhile.
        is_past = place is None or line.has_settled(place)
        turn = await own_turn(id, caller)
        if turn is not None:
            if asked is not None and turn.fingerprint != asked:
                raise KeyReused
            return turn
        if place is None or is_past:
            raise UnknownTurn
        return requested(id, place, line.ahead(place), asked or "")

    @router.get("/turns", operation_id="list_turns", summary="My turns, newest first", response_model=TurnList,
                responses=refusals(NotAllowed))  # fmt: skip
    async def list_turns(
        request: Request,
        caller: Citizen,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response:
        lang = request_language(request)
        async with database.reading() as connection:
            found = await turns.of_person(
                connection, caller.person_id, limit=limit + 1, before=place_of(cursor, moment_and_id)
            )
        more = None
        if len(found) > limit:
            asked_at, last = found[limit - 1]
            more = cursor_after(asked_at.isoformat(), last.id)
        items = [shown.turn(turn, lang) for _, turn in found[:limit]]
        headers = {"content-language": lang, **link_next(request, more)}
        return Response(orjson.dumps({"items": items, "next": more}), 200, headers, "application/json")

    @router.get("/turns/{id}", operation_id="get_turn", summary="A turn and its history",
                response_model=TurnDocument | RequestedTurn,
                responses=refusals(NotAllowed, UnknownTurn, KeyReused))  # fmt: skip
    async def get_turn(request: Request, id: UUID, caller: Citizen, at: At = None, asked: Asked = None) -> Response:
        found = await look(id, caller, at, asked)
        lang = request_language(request)
        body = shown.turn(found, lang) if isinstance(found, Turn) else found
        headers = {"content-language": lang, "cache-control": "no-store"}
        return Response(orjson.dumps(body), 200, headers, "application/json")

    @router.get("/turns/{id}/updates", operation_id="follow_turn", summary="A turn as it changes (server-sent events)",
                response_class=EventSourceResponse,
                responses={200: {"content": {"text/event-stream": {}}, "description": "`turn` events, one per change"},
                           **refusals(NotAllowed, UnknownTurn, KeyReused, TooManyStreams)})  # fmt: skip
    async def follow_turn(
        request: Request, id: UUID, caller: Citizen, at: At = None, asked: Asked = None
    ) -> EventSourceResponse:
        lang = request_language(request)
        streams.check(caller.person_id)
        found, place = await look(id, caller, at, asked), _place(at)
        known = found if isinstance(found, Turn) else None

        def encode(follower: Follower) -> str:
            if follower.turn is not None:
                return orjson.dumps(shown.turn(follower.turn, lang)).decode()
            return orjson.dumps(requested(id, place, follower.ahead, asked or "")).decode() if place else ""

        async def events() -> AsyncIterator[dict[str, str]]:
            end = min(time.time() + UPDATES_AT_MOST.total_seconds(), caller.expires_at)
            told = ""
            with streams.open(caller.person_id), watch.following(id, known, place) as follower:
                while not _is_another(follower.turn, caller, asked):
                    encoded = encode(follower)
                    if encoded != told:
                        told = encoded
                        yield {"event": "turn", "id": fingerprint(encoded), "data": encoded}
                    if not await follower.change(max(0.0, end - time.time())):
                        return

        return EventSourceResponse(events(), ping=15, headers={"content-language": lang})

    @router.post("/turns/{id}/cancellation", operation_id="cancel_turn", summary="Give a turn back", status_code=202,
                 response_model=TurnDocument,
                 responses={200: {"model": TurnDocument, "description": "Cancelled (with `Prefer: wait`)."},
                            **refusals(KeyMissing, KeyReused, NotAllowed, UnknownTurn, NotCancellable, TooLateToCancel,
                                       BrokerAway)})  # fmt: skip
    async def cancel_turn(
        request: Request,
        id: UUID,
        caller: Citizen,
        cancellation: Cancellation | None = None,
        idempotency_key: IdempotencyKey = None,
        prefer: Annotated[str | None, Header()] = None,
    ) -> Response:
        key = needed(idempotency_key)
        reason = cancellation.reason if cancellation else Cancellation().reason
        turn = await own_turn(id, caller)
        if turn is None:
            raise UnknownTurn
        refusal = permits.why_not_cancelled(turn, catalogue, clock())
        if refusal is not None and turn.state not in permits.CANCELLED:  # asked again: the same answer
            raise refusal
        intake.check_key(derived_id(caller.person_id, f"cancellation/{key}"), fingerprint(id, reason))
        command = CancelTurn(turn_id=id, pool=turn.pool, asked_by=caller.person_id, reason=reason, asked_at=clock())
        place = await intake.append(command, id=derived_id(id, f"cancellation/{caller.person_id}/{key}"))
        seconds = wait_seconds(prefer)
        settled = await line.answer(place, id, seconds) if seconds else None
        if settled is not None and settled.state in domain.LIVE:
            raise NotCancellable(state=settled.state.value)
        lang = request_language(request)
        body = shown.turn(settled or turn, lang)
        headers = {"content-language": lang, "location": f"/api/booking/turns/{id}"}
        return Response(orjson.dumps(body), 200 if settled else 202, headers, "application/json")

    return router


def _is_another(turn: Turn | None, caller: Caller, asked: str | None) -> bool:
    """Whether the turn that has come to be is not the follower's: somebody else's, or that of another request."""
    if turn is None:
        return False
    is_own = caller.person_id in {turn.person_id, turn.asked_by}
    return not is_own or (asked is not None and turn.fingerprint != asked)


def _place(at: str | None) -> Place | None:
    if at is None:
        return None
    partition, offset = at.split(":")
    return Place(partition=int(partition), offset=int(offset))
