"""The part of the OpenAPI document that FastAPI does not see: the hot routes."""

from typing import Any

from pydantic import BaseModel

from dawr.booking.errors import (
    BrokerAway,
    CatalogueMissing,
    FromAfterTo,
    MissionOnly,
    NotOffered,
    NotYourRelative,
    ReasonNeeded,
    SeatRefused,
    ShareNotAllowed,
    SpanTooLong,
    TooFarAhead,
    TooManyRequests,
    UnknownOffice,
    UnknownRegion,
    UnknownService,
    UnknownTier,
)
from dawr.booking.shares import ASKERS
from dawr.servicekit.auth import NotAllowed
from dawr.servicekit.callers import PUBLIC, for_roles
from dawr.servicekit.idempotency import KeyMissing, KeyReused
from dawr.servicekit.openapi import refusals


def with_take_turn(openapi: dict[str, Any], body: type[BaseModel]) -> dict[str, Any]:
    """The document with `POST /api/booking/turns` in it."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas[body.__name__] = schema
    openapi.setdefault("paths", {}).setdefault("/api/booking/turns", {})["post"] = {
        "operationId": "take_turn",
        "summary": "Take a turn",
        "description": (
            "Appends the request to the line and answers 202 with its place. With `Prefer: wait=N` (≤ 10 s) it "
            "answers when the line has come to it: 201 with the seat held, or a refusal. The turn's id follows "
            "from person and Idempotency-Key: sent again, the same request gives the same turn."
        ),
        "tags": ["turns"],
        **for_roles(*ASKERS),
        "security": [{"bearer": []}],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": r"^[\x21-\x7e]+$"},
            },
            {"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}, "example": "wait=5"},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}},
        },
        "responses": {
            "201": {
                "description": "The seat is held (or the turn confirmed, if it is free).",
                "content": _json("TurnDocument"),
            },
            "202": {"description": "In the line.", "content": _json("RequestedTurn")},
            **refusals(
                KeyMissing,
                NotAllowed,
                ShareNotAllowed,
                NotYourRelative,
                ReasonNeeded,
                UnknownService,
                UnknownOffice,
                MissionOnly,
                NotOffered,
                TooFarAhead,
                KeyReused,
                TooManyRequests,
                SeatRefused,
                CatalogueMissing,
                BrokerAway,
            ),
        },
    }
    return openapi


def with_availability(openapi: dict[str, Any], asked: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    """The document with `GET /api/booking/availability` in it."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schema = answer.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs") | {answer.__name__: schema}
    parameters = asked.model_json_schema()
    openapi.setdefault("paths", {}).setdefault("/api/booking/availability", {})["get"] = {
        "operationId": "availability",
        "summary": "Seats left by day",
        "description": (
            "Each day of a service and tier at the offices that are asked for, or all that offer it: whether it is "
            "open, what is left of its windows, or when it opens, or why it is closed. An answer may be a second old: "
            "the line decides who gets a seat. `lang` wins over `Accept-Language`."
        ),
        "tags": ["turns"],
        **PUBLIC,
        "parameters": [
            {"name": name, "in": "query", "required": name in parameters["required"], "schema": each}
            for name, each in parameters["properties"].items()
        ]
        + [{"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}],
        "responses": {
            "200": {
                "description": "The days, by office and date.",
                "content": _json(answer.__name__),
                "headers": {"ETag": {"schema": {"type": "string"}}, "Cache-Control": {"schema": {"type": "string"}}},
            },
            "304": {"description": "The caller has this answer."},
            **refusals(
                UnknownService,
                UnknownTier,
                UnknownOffice,
                UnknownRegion,
                NotOffered,
                SpanTooLong,
                FromAfterTo,
                CatalogueMissing,
            ),
        },
    }
    return openapi


def _json(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
