"""The part of the OpenAPI document that FastAPI does not see: the hot route."""

from typing import Any

from pydantic import BaseModel

from dawr.booking.errors import (
    BrokerAway,
    CatalogueMissing,
    MissionOnly,
    NotOffered,
    SeatRefused,
    TooFarAhead,
    TooManyRequests,
    UnknownOffice,
    UnknownService,
)
from dawr.servicekit.auth import NotAllowed
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


def _json(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
