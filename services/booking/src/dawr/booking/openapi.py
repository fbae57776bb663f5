"""The part of the OpenAPI document that FastAPI does not see: the hot route."""

from typing import Any

from pydantic import BaseModel

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457; `code` is stable, the texts are in the caller's language.",
    "required": ["type", "code", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def problem(description: str) -> dict[str, Any]:
    """A response that is a problem document."""
    return {"description": description, **_PROBLEM}


def with_take_turn(openapi: dict[str, Any], body: type[BaseModel]) -> dict[str, Any]:
    """The document with `POST /api/booking/turns` in it."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas[body.__name__] = schema
    schemas["Problem"] = PROBLEM_SCHEMA
    openapi["components"].setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
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
            "400": problem("No Idempotency-Key, or the body can't be read."),
            "401": problem("Not signed in."),
            "403": problem("Not a citizen."),
            "404": problem("No such service, tier or office."),
            "409": problem("Refused: `sold-out`, `one-live-turn`, `not-open-yet`, `closed`, …"),
            "413": problem("Too large."),
            "415": problem("Not JSON."),
            "422": problem("Not valid, or the key was used for another request."),
            "503": problem("The line can't take requests now; `Retry-After` says when to try again."),
        },
    }
    return openapi


def _json(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
