"""Looking for a day: what is open, closed and left at some offices, as often as a whole country asks.

A Starlette route within the FastAPI app, as the intake is. An answer is made by one query, is shared by all who ask
the same at once, and is kept for a fraction of a second. So seats are a hint here: the allocator decides.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dawr.booking.catalogue import Catalogue, end_of_day
from dawr.booking.domain.days import Day, DayState, day_of, day_without_seats
from dawr.booking.errors import (
    CatalogueMissing,
    FromAfterTo,
    NotOffered,
    SpanTooLong,
    UnknownOffice,
    UnknownRegion,
    UnknownService,
    UnknownTier,
)
from dawr.booking.openapi import with_availability
from dawr.booking.settings import BookingSettings
from dawr.booking.store.availability import Published, published
from dawr.contracts.catalog import OfficeDescribed
from dawr.contracts.values import Code, TierCode
from dawr.servicekit import problems
from dawr.servicekit.clock import Clock
from dawr.servicekit.database import Database

DAYS_SHOWN = 30
MAX_SPAN_DAYS = 60
MAX_OFFICES = 60
MAX_KEPT_BYTES = 32 * 1024 * 1024
QUERIES_AT_ONCE = 2
"""How many connections of this process may look for days: the others are for the line and for turns."""
CACHE_CONTROL = "public, max-age=1"
_RETRY_AFTER_SECONDS = 2
_LISTS = {"office"}


class Asked(BaseModel):
    """What is asked for."""

    service: Code
    tier: TierCode
    office: Annotated[list[Code], Field(max_length=MAX_OFFICES)] = []
    region: Code | None = None
    first: Annotated[date | None, Field(alias="from")] = None
    last: Annotated[date | None, Field(alias="to")] = None
    lang: Literal["ar", "en"] | None = None


class WindowAvailability(BaseModel):
    start: str
    end: str
    left: int


class ClosedReason(BaseModel):
    kind: str
    """`holiday`, `weekend`, `closure`, `special` or `no-plan`; more may come."""
    text: str


class DayAvailability(BaseModel):
    office: str
    date: date
    state: DayState
    left: int
    """Seats that anybody can ask for now."""
    accessible: int
    """Seats that the old and the disabled can ask for now."""
    opens_at: datetime | None
    """When seats, or more of them, can next be asked for."""
    reason: ClosedReason | None
    """Why it is closed, where it would be open by its week."""
    windows: list[WindowAvailability]


class FirstFree(BaseModel):
    office: str
    date: date
    window: str | None


class Availability(BaseModel):
    """Each day of each office that has published anything for the span, by office and date."""

    service: str
    tier: str
    first_free: FirstFree | None
    """The earliest seat at any of the offices."""
    days: list[DayAvailability]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, for as long as it may be given again."""

    found: Response
    not_modified: Response
    etag: bytes
    until: float


class Enquiries:
    """Answers what is asked about days."""

    def __init__(self, database: Database, catalogue: Catalogue, settings: BookingSettings, clock: Clock) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._kept_seconds = settings.availability_kept_seconds
        self._default_language = settings.platform.default_language
        self._kept: OrderedDict[tuple[bytes, str], _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[tuple[bytes, str], asyncio.Task[_Kept]] = {}
        self._querying = asyncio.Semaphore(QUERIES_AT_ONCE)

    def route(self, path: str) -> Route:
        """The route of `GET /availability`."""
        return Route(path, self.availability, methods=["GET"])

    def document(self, openapi: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI document with this route in it."""
        return with_availability(openapi, Asked, Availability)

    async def availability(self, request: Request) -> Response:
        """The days that are asked for, or 304 if the caller has this answer already."""
        headers = dict(request.scope["headers"])
        lang = problems.language(headers.get(b"accept-language", b"").decode("latin-1"), self._default_language)
        asked = (request.scope["query_string"], lang)
        kept = self._kept.get(asked)
        if kept is None or kept.until <= time.monotonic():
            kept = await self._shared(asked)
        known = headers.get(b"if-none-match")
        return kept.not_modified if known is not None and (kept.etag in known or known == b"*") else kept.found

    async def _shared(self, asked: tuple[bytes, str]) -> _Kept:
        """An answer that all get who ask for the same until it is there."""
        making = self._making.get(asked)
        if making is None:
            making = self._making[asked] = asyncio.create_task(self._make(*asked))
            making.add_done_callback(lambda _: self._making.pop(asked, None))
        return await asyncio.shield(making)

    async def _make(self, query: bytes, lang: str) -> _Kept:
        asked = _parsed(query)
        lang = asked.lang or lang
        now = self._clock()
        offices = self._offices(asked)
        first, last = _span(asked, offices, now)
        async with self._querying:
            seen = time.monotonic()
            async with self._database.reading() as connection:
                known = await published(
                    connection, asked.service, asked.tier, [each.code for each in offices], first, last, now
                )
        body = orjson.dumps(_shown(asked, offices, first, last, known, now, lang))
        kept = _answer(body, lang, seen + self._kept_seconds)
        self._keep((query, lang), kept)
        return kept

    def _offices(self, asked: Asked) -> list[OfficeDescribed]:
        """The offices that are asked for and offer the service, by code; refuses what the catalogue does not have."""
        catalogue = self._catalogue
        if not catalogue.is_loaded:
            raise CatalogueMissing(retry_after_seconds=_RETRY_AFTER_SECONDS)
        service = catalogue.services.get(asked.service)
        if service is None or service.retired:
            raise UnknownService
        if all(tier.code != asked.tier for tier in service.tiers):
            raise UnknownTier
        offices = [each for each in catalogue.offices.values() if not each.retired]
        if asked.region is not None:
            offices = [each for each in offices if each.region == asked.region]
            if not offices:
                raise UnknownRegion
        if asked.office:
            offices = [each for each in offices if each.code in asked.office]
            if unknown := sorted(set(asked.office) - {each.code for each in offices}):
                raise UnknownOffice(offices=unknown)
        offering = [each for each in offices if asked.service in each.services]
        if asked.office and not offering:
            raise NotOffered
        return sorted(offering, key=lambda each: each.code)

    def _keep(self, asked: tuple[bytes, str], kept: _Kept) -> None:
        """Keep an answer; those that may not be given any more go, and the oldest if there are too many."""
        if not self._kept_seconds:
            return
        self._forget(asked)
        self._kept[asked] = kept
        self._kept_bytes += len(kept.found.body)
        now = time.monotonic()
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].until > now and self._kept_bytes <= MAX_KEPT_BYTES:
                return
            self._forget(oldest)

    def _forget(self, asked: tuple[bytes, str]) -> None:
        kept = self._kept.pop(asked, None)
        if kept is not None:
            self._kept_bytes -= len(kept.found.body)


def _parsed(query: bytes) -> Asked:
    try:
        values = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=2 * MAX_OFFICES)
        return Asked.model_validate({name: each if name in _LISTS else each[-1] for name, each in values.items()})
    except ValidationError as error:
        listed = error.errors(include_url=False, include_context=False, include_input=False)
        raise problems.invalid_request({**each, "loc": ("query", *each["loc"])} for each in listed) from error
    except ValueError as error:
        raise problems.InvalidRequest from error


def _span(asked: Asked, offices: Iterable[OfficeDescribed], now: datetime) -> tuple[date, date]:
    """The first and the last day; unless told, from today on, where it is earliest."""
    first = asked.first or min(
        (now.astimezone(ZoneInfo(zone)).date() for zone in {each.zone for each in offices}), default=now.date()
    )
    last = asked.last or min(first, date.max - timedelta(days=DAYS_SHOWN)) + timedelta(days=DAYS_SHOWN)
    if last < first:
        raise FromAfterTo
    if last - first > timedelta(days=MAX_SPAN_DAYS):
        raise SpanTooLong(span_days=MAX_SPAN_DAYS)
    return first, last


def _shown(
    asked: Asked,
    offices: Iterable[OfficeDescribed],
    first: date,
    last: date,
    known: Published,
    now: datetime,
    lang: str,
) -> dict[str, Any]:
    dates = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    shown, free = [], []
    heard_of = known.offices
    for office in offices:
        if office.code not in heard_of:
            continue
        for on in dates:
            day = _day(office, on, known, now)
            shown.append(_shown_day(office.code, on, day, known, lang))
            if day.left:
                free.append((on, day.first_window or "", office.code))
    first_free = None
    if free:
        on, window, code = min(free)
        first_free = {"office": code, "date": on, "window": window or None}
    return {"service": asked.service, "tier": asked.tier, "first_free": first_free, "days": shown}


def _day(office: OfficeDescribed, on: date, known: Published, now: datetime) -> Day:
    seats = known.seats.get((office.code, on))
    if seats is not None:
        return day_of(seats, now)
    is_published = (office.code, on.year, on.month) in known.months
    return day_without_seats(end_of_day(on, office.zone), now, is_published=is_published)


def _shown_day(office: str, on: date, day: Day, known: Published, lang: str) -> dict[str, Any]:
    closed = known.closed.get((office, on)) if day.state is DayState.CLOSED else None
    return {
        "office": office,
        "date": on,
        "state": day.state.value,
        "left": day.left,
        "accessible": day.accessible,
        "opens_at": day.opens_at,
        "reason": {"kind": closed.kind, "text": problems.say(closed.reason, lang)} if closed else None,
        "windows": day.windows,
    }


def _answer(body: bytes, lang: str, until: float) -> _Kept:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": etag, "cache-control": CACHE_CONTROL, "vary": "accept-language", "content-language": lang}
    return _Kept(
        found=Response(body, 200, headers, "application/json"),
        not_modified=Response(None, 304, headers),
        etag=etag.encode(),
        until=until,
    )
