"""Bodies made from schemas: fitting but for the one thing that is wrong with each."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.http.documents import Operation

SERVER_OWNED = (
    "id", "state", "status", "person_id", "payer_id", "asked_by", "opened_by", "agent_id", "entered_by", "made_by",
    "proposed_by", "approved_by", "decided_by", "roles", "role", "revision", "version", "created_at", "asked_at",
    "held_until", "expires_at", "last_used_at", "paid", "amount", "refunded", "acts_for", "retired", "origin",
    "consented_at", "fingerprint",
)  # fmt: skip
"""What only the server decides, of any thing. An operation that lets callers write one of them has it in its schema."""
UNKNOWN = ("unknown", "__proto__", "Reason")
NESTED = ("id", "state", "revision", "unknown")
"""Of both, what is tried in objects within a body."""
_DEEPEST = 8
"""How far into a schema that refers to itself it is looked."""


@dataclass(frozen=True)
class Broken:
    """A body, and which pointer must be among those that are refused."""

    what: str
    body: Any
    pointer: str


def broken(operation: Operation) -> Iterator[Broken]:
    """An operation's bodies, each with a field that nobody may write, a needed one missing, or one of another type."""
    schema = operation.body()
    assert schema is not None
    whole = sample(operation, schema)
    for pointer, part in _objects(operation, schema, ""):
        known = part.get("properties", {})
        for name in NESTED if pointer else (*SERVER_OWNED, *UNKNOWN):
            if name not in known:
                yield Broken(f"with {name}", _with(whole, f"{pointer}/{name}", "00000000"), f"#{pointer}/{name}")
        for name, field in known.items():
            at = f"{pointer}/{name}"
            if name in part.get("required", ()):
                yield Broken("without it", _without(whole, at), f"#{at}")
            if wrong := _of_another_type(operation, field):
                yield Broken("of another type", _with(whole, at, wrong[0]), f"#{at}")


def sample(operation: Operation, schema: dict[str, Any], depth: int = 0) -> Any:
    """A value of the form that a schema gives; an object has all that it may have."""
    if isinstance(schema.get("default"), str | int):
        return schema["default"]
    schema = operation.resolved(schema)
    if schema.get("examples") and schema.get("type") not in {"object", "array"}:
        return schema["examples"][0]
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {}) if depth < _DEEPEST else {}
            given = (schema.get("examples") or [{}])[0]
            plain = {name: given[name] for name in fields if isinstance(given.get(name), str | int)}
            return {name: sample(operation, each, depth + 1) for name, each in fields.items()} | plain
        case "array":
            return [sample(operation, schema.get("items", {}), depth + 1)] if depth < _DEEPEST else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    formats = {
        "uuid": "0198c1de-0000-7000-8000-00000000cafe",
        "date": "2026-12-01",
        "date-time": "2026-12-01T09:00:00Z",
    }
    return formats.get(schema.get("format", ""), "A-01")


def _objects(operation: Operation, schema: dict[str, Any], at: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every object in a schema, with the pointer to it within a sample."""
    schema = operation.resolved(schema)
    if depth >= _DEEPEST:
        return
    if schema.get("type") == "object" and "properties" in schema:
        yield at, schema
        for name, each in schema["properties"].items():
            yield from _objects(operation, each, f"{at}/{name}", depth + 1)
    if schema.get("type") == "array":
        yield from _objects(operation, schema.get("items", {}), f"{at}/0", depth + 1)


def _of_another_type(operation: Operation, field: dict[str, Any]) -> list[Any]:
    kind = operation.resolved(field).get("type")
    return [] if kind is None else [[]] if kind != "array" else [{}]


def _with(whole: Any, pointer: str, value: Any) -> Any:
    body = copy.deepcopy(whole)
    part, last = _way(body, pointer)
    part[last] = value
    return body


def _without(whole: Any, pointer: str) -> Any:
    body = copy.deepcopy(whole)
    part, last = _way(body, pointer)
    del part[last]
    return body


def _way(body: Any, pointer: str) -> tuple[Any, Any]:
    """The object or list that holds what a pointer means, and its place there."""
    *before, last = pointer.removeprefix("/").split("/")
    for step in before:
        body = body[int(step) if isinstance(body, list) else step]
    return body, last
