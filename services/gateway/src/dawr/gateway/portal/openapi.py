"""An OpenAPI document as a reader sees it: operations by service, with what they take and what they answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dawr.gateway.behind import Document

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a body."""

    name: str
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    needs_sign_in: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]
    """Status and description."""


def by_service(document: Document) -> dict[str, list[Operation]]:
    """The operations of a merged document, by its tags, in the order of the document."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                found[item[method]["tags"][0]].append(_operation(document, method, path, item))
    return found


def _operation(document: Document, method: str, path: str, item: dict[str, Any]) -> Operation:
    operation = item[method]
    parameters = [_resolved(document, each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    return Operation(
        anchor=operation.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        needs_sign_in=bool(operation.get("security")),
        parameters=tuple(
            Field(
                name=each["name"],
                kind=f"{each['in']}, {_kind(document, each.get('schema', {}))}",
                is_required=bool(each.get("required")),
                description=each.get("description", ""),
            )
            for each in parameters
        ),
        body=tuple(_body(document, operation.get("requestBody", {}))),
        answers=tuple(
            (status, _resolved(document, answer).get("description", ""))
            for status, answer in sorted(operation.get("responses", {}).items())
        ),
    )


def _body(document: Document, body: dict[str, Any]) -> Iterator[Field]:
    content = _resolved(document, body).get("content", {})
    kinds: list[dict[str, Any]] = list(content.values())
    if not kinds:
        return
    schema = _resolved(document, kinds[0].get("schema", {}))
    for name, member in schema.get("properties", {}).items():
        yield Field(
            name=name,
            kind=_kind(document, member),
            is_required=name in schema.get("required", ()),
            description=member.get("description", ""),
        )


def _kind(document: Document, schema: dict[str, Any]) -> str:
    """`string`, `integer`, `list of string`, one of the values of an enumeration, or the name of an object."""
    if "$ref" in schema:
        target = _resolved(document, schema)
        name: str = target.get("title", "object")
        return _kind(document, target) if "enum" in target else name
    choices = [each for each in schema.get("anyOf", schema.get("oneOf", ())) if each.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(_kind(document, each) for each in choices))
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or schema.get("const") or "any")


def _resolved(document: Document, value: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for; a value that is none stands for itself, a broken one for nothing."""
    reference = value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return value
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
    return target if isinstance(target, dict) else {}
