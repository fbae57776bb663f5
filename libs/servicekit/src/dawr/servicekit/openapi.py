"""How the OpenAPI document tells of refusals: from their types, so that it can't say another code or status."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dawr.servicekit.auth import KeysMissing, NotSignedIn
from dawr.servicekit.callers import Statement
from dawr.servicekit.errors import Refusal
from dawr.servicekit.limits import TooDeep, TooLarge, UnsupportedType
from dawr.servicekit.problems import MEDIA_TYPE, InvalidRequest, MalformedRequest, Unavailable

Answers = dict[int | str, dict[str, Any]]
"""Responses by status, as FastAPI takes them."""

_TEXTS = ("type", "code", "title", "detail", "instance", "trace_id")
_ERROR = {"type": "object", "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")}}
_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457: `code` is stable, `title` and `detail` are in the caller's language. A refusal may "
    "have members of its own.",
    "required": [*_TEXTS, "status"],
    "properties": {
        **{name: {"type": "string"} for name in _TEXTS},
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": _ERROR, "description": "Which fields are not valid."},
    },
    "additionalProperties": True,
}
_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OF_FASTAPI = {"HTTPValidationError", "ValidationError"}
"""Its own form of an invalid request, which no service answers with."""


def refusals(*types: type[Refusal]) -> Answers:
    """The refusals of an operation by status, beside those that `completed` sees by itself."""
    return _told({}, types)


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the schema of problems, and with what an operation refuses because of its own form:
    one with a caller, a body or parameters can be asked wrongly, and none answers while a part of ours is away.
    """
    components = document.get("components", {})
    schemas = {name: each for name, each in components.get("schemas", {}).items() if name not in _OF_FASTAPI}
    return {
        **document,
        "paths": {
            path: {
                method: {**operation, "responses": _told(operation["responses"], _by_form(operation))}
                for method, operation in item.items()
            }
            for path, item in document["paths"].items()
        },
        "components": {**components, "schemas": {**schemas, "Problem": _SCHEMA}},
    }


def with_statements(document: dict[str, Any], statements: Mapping[tuple[str, str], Statement]) -> dict[str, Any]:
    """The document with what its operations say of who may call them; by path and method, for those of FastAPI.

    Raises ValueError, which names it, for an operation that says neither `x-roles` nor `x-public`, or both.
    """
    paths = {
        path: {method: {**operation, **statements.get((path, method), {})} for method, operation in item.items()}
        for path, item in document["paths"].items()
    }
    for path, item in paths.items():
        for method, operation in item.items():
            if ("x-roles" in operation) == ("x-public" in operation):
                raise ValueError(f"{method.upper()} {path} must say who may call it: `x-roles` or `x-public`")
    return {**document, "paths": paths}


def _by_form(operation: dict[str, Any]) -> Iterator[type[Refusal]]:
    if "security" in operation:
        yield from (NotSignedIn, KeysMissing)
    if "requestBody" in operation:
        yield from (MalformedRequest, TooDeep, TooLarge, UnsupportedType)
    if "requestBody" in operation or "parameters" in operation:
        yield InvalidRequest
    yield Unavailable


def _told(answers: Answers, types: Iterable[type[Refusal]]) -> Answers:
    """The answers with these refusals among them: `code`: title, one after the other for each status."""
    told = dict(answers)
    for refusal in types:
        status = str(refusal.status)
        for code, title in refusal.titles().items():
            answer, words = told.get(status, {}), f"`{code}`: {title.en}."
            # One that is no problem is FastAPI's own, for an invalid request: ours takes its place.
            before = answer["description"] if answer.get("content") == _CONTENT else ""
            if words not in before:
                told[status] = {"description": f"{before} {words}".lstrip(), "content": _CONTENT}
    return told
