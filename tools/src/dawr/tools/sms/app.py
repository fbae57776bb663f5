"""The provider over HTTP: /v1 for senders, behind the API key; /sandbox for tests and people, without."""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dawr.tools.sms.faults import FaultBox, Faults
from dawr.tools.sms.settings import SmsSettings
from dawr.tools.sms.store import Conflict, Message, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    settings: SmsSettings
    store: Store
    box: FaultBox


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


PartsDep = Annotated[Parts, Depends(parts_of)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]


class MessageOrder(BaseModel):
    """The body of POST /v1/messages. `reference` is the sender's id of the message."""

    to: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
    """E.164."""
    text: Annotated[str, Field(min_length=1, max_length=1600)]
    reference: Reference


class MessageAnswer(BaseModel):
    id: str
    reference: str
    status: Literal["accepted", "delivered"]


class MessageRecord(BaseModel):
    """A message as the phone shows it."""

    id: str
    reference: str
    to: str
    text: str
    accepted_at: datetime
    count: int


class Delivery(BaseModel):
    """How many requests for a message were accepted. More than one is a repeat; the phone got it once."""

    reference: str
    count: int


class Refusal(Exception):
    """A request that is refused; nothing was done."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code = status, code
        super().__init__(detail)


def _problem(status: int, code: str, detail: str, **more: object) -> JSONResponse:
    body = {"type": f"urn:problem:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    headers = {"Retry-After": "1"} if status in {429, 503} else {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(
        body | {"detail": detail} | more, status, headers=headers, media_type="application/problem+json"
    )


def require_api_key(parts: PartsDep, authorization: Annotated[str, Header()] = "") -> None:
    scheme, _, key = authorization.partition(" ")
    expected = parts.settings.api_key.get_secret_value().encode()
    if scheme.lower() != "bearer" or not secrets.compare_digest(key.strip().encode(), expected):
        raise Refusal(401, "key-refused", "Send your API key as 'Authorization: Bearer <key>'.")


senders = APIRouter(prefix="/v1", dependencies=[Depends(require_api_key)])
sandbox = APIRouter(prefix="/sandbox")


@senders.post("/messages", status_code=202, response_model=MessageAnswer)
async def accept(
    order: MessageOrder, parts: PartsDep, idempotency_key: Annotated[str, Header(max_length=255)] = ""
) -> Response:
    """202 also for a repeat, with the same id."""
    if not idempotency_key:
        raise Refusal(400, "idempotency-key-missing", "A message needs an Idempotency-Key header.")
    if parts.box.refuses(order.to):
        raise Refusal(parts.box.faults.status, "fault", "Refused by a fault switch.")
    message = await asyncio.to_thread(parts.store.accept, order.reference, order.to, order.text, idempotency_key)
    log.info("%s accepted for …%s, %d characters", message.id, message.number[-2:], len(message.text))
    if parts.box.answer_is_late():
        await asyncio.sleep(parts.box.faults.timeout_seconds)
        raise Refusal(504, "timed-out", "The answer came too late; the message may have been taken.")
    answer = MessageAnswer(id=message.id, reference=message.reference, status="accepted")
    return JSONResponse(answer.model_dump(), 202)


@senders.get("/messages")
async def message_of(reference: Annotated[Reference, Query()], parts: PartsDep) -> MessageAnswer:
    """What became of a message; here every phone is on."""
    message = await asyncio.to_thread(parts.store.one, reference)
    if message is None:
        raise Refusal(404, "not-found", f"No message with reference {reference}.")
    return MessageAnswer(id=message.id, reference=message.reference, status="delivered")


def _record(message: Message) -> MessageRecord:
    return MessageRecord(
        id=message.id,
        reference=message.reference,
        to=message.number,
        text=message.text,
        accepted_at=message.accepted_at,
        count=message.times_asked,
    )


@sandbox.get("/messages")
async def messages(
    parts: PartsDep, to: str | None = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> list[MessageRecord]:
    """The newest first, with their texts."""
    return [_record(message) for message in await asyncio.to_thread(parts.store.all, to, limit)]


@sandbox.get("/deliveries")
async def deliveries(
    parts: PartsDep, reference: str | None = None, at_least: Annotated[int, Query(ge=1)] = 1
) -> list[Delivery]:
    """Of all messages."""
    return [
        Delivery(reference=message.reference, count=message.times_asked)
        for message in await asyncio.to_thread(parts.store.all)
        if message.times_asked >= at_least and reference in {None, message.reference}
    ]


@sandbox.get("/faults")
async def show_faults(parts: PartsDep) -> Faults:
    return parts.box.faults


@sandbox.put("/faults")
async def set_faults(faults: Faults, parts: PartsDep) -> Faults:
    """Replaces all switches: what the body leaves out is off."""
    parts.box.set(faults)
    return parts.box.faults


@sandbox.delete("/faults", status_code=204)
async def clear_faults(parts: PartsDep) -> Response:
    parts.box.set(Faults())
    return Response(status_code=204)


def _install_problems(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        return _problem(refusal.status, refusal.code, str(refusal))

    @app.exception_handler(Conflict)
    async def conflicting(_: Request, conflict: Conflict) -> Response:
        return _problem(422, conflict.code, str(conflict))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "code": item["type"], "detail": item["msg"]}
            for item in error.errors()
        ]
        return _problem(422, "malformed", "The request is not as the protocol has it.", errors=errors)

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return _problem(error.status_code, code, str(error.detail))


def create_app(settings: SmsSettings) -> FastAPI:
    """Opens the database under `settings.data_path`, and makes it if it is not there."""
    store = Store(settings.data_path)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(title="Sandbox SMS provider", version="1", docs_url=None, redoc_url=None, lifespan=running)
    app.state.parts = Parts(settings, store, FaultBox())
    _install_problems(app)
    app.include_router(senders)
    app.include_router(sandbox)

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        try:
            await asyncio.to_thread(store.all, None, 1)
        except sqlite3.Error as error:
            return JSONResponse({"status": "not ready", "database": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    return app
