"""Taking a turn: the one hot path of HTTP. It validates, checks rights, and appends to the log; no database is asked.

A Starlette route within the FastAPI app: FastAPI's own layers would cost as much again as all the rest.
"""

import re
from collections import OrderedDict
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dawr.booking.catalogue import Catalogue
from dawr.booking.domain import State, Turn
from dawr.booking.errors import (
    BrokerAway,
    CatalogueMissing,
    MissionOnly,
    NotOffered,
    SeatRefused,
    TooFarAhead,
    UnknownOffice,
    UnknownService,
)
from dawr.booking.line import Line
from dawr.booking.openapi import with_take_turn
from dawr.booking.pace import Pace
from dawr.booking.present import Presenter, links, requested
from dawr.booking.settings import BookingSettings
from dawr.booking.shares import ASKERS, asked_for
from dawr.contracts import Channel, Message, Place, Pool, derived_id
from dawr.contracts.booking import ReasonCode, RefusalCode, RequestTurn, Share
from dawr.contracts.ids import turn_id as turn_id_for
from dawr.contracts.topics import BOOKING_REQUESTS
from dawr.contracts.values import Code, TierCode, WindowStart
from dawr.servicekit import problems, telemetry
from dawr.servicekit.auth import Verifier, require
from dawr.servicekit.clock import Clock
from dawr.servicekit.envelope import headers_for
from dawr.servicekit.errors import Transient
from dawr.servicekit.idempotency import KeyMissing, KeyReused, fingerprint
from dawr.servicekit.limits import body_of
from dawr.servicekit.prefer import wait_seconds
from dawr.servicekit.producer import Producer

RETRY_AFTER_SECONDS = 2
_REMEMBERED_KEYS = 50_000
_REMEMBERED_POOLS = 10_000
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_JSON = "application/json"


class TakeTurn(BaseModel):
    """What a citizen asks for."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,  # no number is a date
        json_schema_extra={
            "examples": [{"service": "PASS_REN", "tier": "N", "office": "DAM-01", "date": "2026-12-01"}],
        },
    )

    service: Code
    tier: TierCode
    office: Code
    date: Annotated[date, Field(description="A local date of the office.")]
    window: WindowStart | None = None
    share: Annotated[
        Share | None,
        Field(
            description="Whose kept seats it may have. `accessible` is for anybody to ask, and looked at when they "
            "come to the counter; `urgent` and `assisted` ones are asked for by a desk, with `person_id` and `reason`."
        ),
    ] = None
    person_id: Annotated[
        UUID | None, Field(strict=False, description="For whom: a minor child of the caller, or whom a desk asks for.")
    ] = None
    reason: Annotated[ReasonCode | None, Field(description="Why, where a desk asks.")] = None


class Intake:
    """Appends commands to the request topic, and waits for their answer if the caller likes."""

    def __init__(
        self,
        producer: Producer,
        verifier: Verifier,
        catalogue: Catalogue,
        line: Line,
        settings: BookingSettings,
        clock: Clock,
    ) -> None:
        self._producer = producer
        self._verifier = verifier
        self._catalogue = catalogue
        self._line = line
        self._settings = settings
        self._clock = clock
        self._shown = Presenter(catalogue, settings.moves_count, clock)
        self._pace = Pace(settings.person_requests_per_minute)
        self._recent: OrderedDict[UUID, str] = OrderedDict()
        self._pools: dict[tuple[str, str, str, date], Pool] = {}
        self._known_by: tuple[date, tuple[int, int]] | None = None

    def route(self, path: str) -> Route:
        """The route of `POST /turns`."""
        return Route(path, self.take_turn, methods=["POST"])

    def document(self, openapi: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI document with this route in it."""
        return with_take_turn(openapi, TakeTurn)

    async def take_turn(self, request: Request) -> Response:
        """Accept a request for a turn: 202 with its place in the line, or its answer with `Prefer: wait`."""
        headers = {name: value.decode("latin-1") for name, value in request.scope["headers"]}
        caller = await self._verifier.caller(headers.get(b"authorization"))
        require(caller, *ASKERS)
        key = headers.get(b"idempotency-key")
        if not key or not _KEY.fullmatch(key):
            raise KeyMissing
        try:
            wanted = TakeTurn.model_validate_json(body_of(request))
        except ValidationError as error:
            raise problems.invalid_request(_located(error)) from error
        now = self._clock()
        asked = asked_for(wanted, caller)
        pool = self._checked(wanted, asked.channel, now.date())
        turn_id = turn_id_for(caller.person_id, key)
        print_ = fingerprint(pool.key, wanted.window, *asked.more)
        known = self._recent.get(turn_id)
        if known is not None and known != print_:
            raise KeyReused
        pace = self._pace.take(caller.person_id) if known is None else {}
        if known is None and wanted.share is None and self._line.knows_sold_out(pool.key, turn_id):
            self._line.asks_for(pool.key)
            raise SeatRefused(RefusalCode.SOLD_OUT)
        self._line.asks_for(pool.key)
        command = RequestTurn(
            turn_id=turn_id,
            person_id=asked.person_id,
            asked_by=asked.asked_by,
            pool=pool,
            window=wanted.window,
            channel=asked.channel,
            fingerprint=print_,
            asked_at=now,
            share=wanted.share,
            entered_by=asked.entered_by,
            reason=wanted.reason,
        )
        place = await self.append(command, id=derived_id(turn_id, print_))
        self._line.has_appended(pool.key, place)
        self._remember(turn_id, print_)
        seconds = wait_seconds(headers.get(b"prefer"))
        turn = await self._line.answer(place, turn_id, seconds) if seconds else None
        return self._answer(request, turn_id, place, print_, turn, pace)

    def _checked(self, wanted: TakeTurn, channel: Channel, today: date) -> Pool:
        """The pool that is asked for; refuses what the catalogue does not have."""
        known_by = (today, self._catalogue.version)
        if known_by != self._known_by or len(self._pools) > _REMEMBERED_POOLS:
            self._pools, self._known_by = {}, known_by
        if channel is not Channel.ONLINE:
            return self._check(wanted, channel, today)
        asked = (wanted.service, wanted.tier, wanted.office, wanted.date)
        pool = self._pools.get(asked)
        if pool is None:
            pool = self._pools[asked] = self._check(wanted, channel, today)
        return pool

    def _check(self, wanted: TakeTurn, channel: Channel, today: date) -> Pool:
        catalogue = self._catalogue
        if not catalogue.is_loaded:
            raise CatalogueMissing(retry_after_seconds=RETRY_AFTER_SECONDS)
        service = catalogue.services.get(wanted.service)
        if service is None or service.retired or all(tier.code != wanted.tier for tier in service.tiers):
            raise UnknownService
        office = catalogue.offices.get(wanted.office)
        if office is None or office.retired:
            raise UnknownOffice
        if office.kind == "mission":
            raise MissionOnly
        if wanted.service not in office.services or channel not in service.channels:
            raise NotOffered
        if wanted.date > today + timedelta(days=self._settings.ahead_days):
            raise TooFarAhead(ahead_days=self._settings.ahead_days)
        return Pool(office=wanted.office, service=wanted.service, tier=wanted.tier, date=wanted.date)

    async def append(self, command: Message, *, id: UUID) -> Place:
        """Append a command to the request topic, durably; its place in the line. Refuses when the broker is away."""
        key = command.key()
        headers = headers_for(
            id=id,
            wire_type=command.wire_type,
            source="booking",
            subject=key,
            time=self._clock(),
            traceparent=telemetry.traceparent.get(),
        )
        try:
            record = await self._producer.send(
                BOOKING_REQUESTS.name, key.encode(), command.model_dump_json().encode(), headers
            )
        except Transient as error:
            raise BrokerAway(retry_after_seconds=RETRY_AFTER_SECONDS) from error
        return Place(partition=record.partition, offset=record.offset)

    def check_offer(self, pool: Pool, channel: Channel) -> None:
        """Refuse a pool that nobody could ask for by this way; raises as `POST /turns` does."""
        wanted = TakeTurn.model_construct(service=pool.service, tier=pool.tier, office=pool.office, date=pool.date)
        self._check(wanted, channel, self._clock().date())

    def take_pace(self, person: UUID) -> dict[str, str]:
        """Count one more request of a person, and tell of it in headers; raises TooManyRequests."""
        return self._pace.take(person)

    def check_key(self, id: UUID, print_: str) -> None:
        """Refuse a key under which this process has been asked for something else (KeyReused)."""
        if self._recent.get(id, print_) != print_:
            raise KeyReused
        self._remember(id, print_)

    def _remember(self, turn_id: UUID, print_: str) -> None:
        self._recent[turn_id] = print_
        if len(self._recent) > _REMEMBERED_KEYS:
            self._recent.popitem(last=False)

    def _answer(
        self, request: Request, turn_id: UUID, place: Place, print_: str, turn: Turn | None, more: dict[str, str]
    ) -> Response:
        where = links(turn_id, place, print_)["self"]
        if turn is None:
            body = requested(turn_id, place, self._line.ahead(place), print_)
            return Response(orjson.dumps(body), 202, {"location": where, **more}, _JSON)
        if turn.fingerprint != print_:
            self._remember(turn_id, turn.fingerprint)  # the first body's retries must still find their answer here
            raise KeyReused
        if turn.state is State.REFUSED and turn.refusal is not None:
            opens = turn.opens_at.isoformat() if turn.opens_at else None
            raise SeatRefused(turn.refusal, turn_id=str(turn.id), opens_at=opens)
        lang = problems.request_language(request)
        headers = {"location": links(turn_id)["self"], "content-language": lang, **more}
        return Response(orjson.dumps(self._shown.turn(turn, lang)), 201, headers, _JSON)


def _located(error: ValidationError) -> list[dict[str, Any]]:
    return [
        {**each, "loc": ("body", *each["loc"])}
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
