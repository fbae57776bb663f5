"""How answers are documented: the problem documents, the bearer token, and what all resources share."""

from typing import Any

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

_WORDS = {
    400: "No Idempotency-Key, or the body can't be read.",
    401: "Not signed in.",
    403: "Not allowed to this caller.",
    404: "Not there, or not for this caller to see.",
    409: "A rule says no: `code` says which.",
    412: "Changed since it was read.",
    413: "Too large.",
    415: "Not JSON.",
    422: "Not valid, or the key was used for another request.",
    503: "Not available right now; `Retry-After` says when to try again.",
}
_EVERYWHERE = (401, 403, 422, 503)
_WITH_BODY = (400, 413, 415)


def problems(*statuses: int, body: bool = False, **codes: str) -> dict[int | str, dict[str, Any]]:
    """The problem documents that an operation answers with, beside those that each one may.

    `codes` adds words to a status: `_409="`sold-out`"`.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, *_EVERYWHERE, *(_WITH_BODY if body else ())}):
        words = " ".join(part for part in (_WORDS[status], codes.get(f"_{status}")) if part)
        schema = {"$ref": "#/components/schemas/Problem"}
        answers[status] = {"description": words, "content": {"application/problem+json": {"schema": schema}}}
    return answers


def complete(openapi: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the parts that FastAPI does not know of."""
    components = openapi.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    components.setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
    openapi["security"] = [{"bearer": []}]
    return openapi
