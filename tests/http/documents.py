"""The services' own OpenAPI documents, as those who test from outside read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

SERVICES = ("booking", "catalog", "payments", "consular", "notifications", "gateway")


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    service: str
    method: str
    path: str
    described: dict[str, Any]
    document: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, values: Mapping[str, str]) -> str:
        """The path, with its parameters filled in by name; what is not named gets its example or something plain."""
        path = self.path
        for parameter in self.parameters("path"):
            plain = str(_value(self.resolved(parameter.get("schema", {}))))
            path = path.replace(f"{{{parameter['name']}}}", values.get(parameter["name"], plain))
        return path

    @property
    def streams(self) -> bool:
        """Whether its answer goes on until the caller leaves."""
        return "text/event-stream" in self.described["responses"].get("200", {}).get("content", {})

    def parameters(self, where: str) -> list[dict[str, Any]]:
        """The parameters in the path, the query or the headers."""
        listed = [self.resolved(each) for each in self.described.get("parameters", [])]
        return [each for each in listed if each["in"] == where]

    def body(self) -> dict[str, Any] | None:
        """The schema of its JSON body, None if it takes none."""
        content = self.described.get("requestBody", {}).get("content", {}).get("application/json")
        return self.resolved(content["schema"]) if content else None

    @property
    def files(self) -> list[str]:
        """The types of files that it takes as its body; empty if it takes JSON or nothing."""
        types = self.described.get("requestBody", {}).get("content", {})
        return [each for each in types if each != "application/json"]

    def example(self) -> dict[str, Any]:
        """A body that the document itself gives, or one made of plain values."""
        schema = self.body() or {}
        given = schema.get("examples") or ([schema["example"]] if "example" in schema else [])
        if given:
            return dict(given[0])
        return {name: _value(self.resolved(each)) for name, each in schema.get("properties", {}).items()}

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema without the reference that it may be, nor the alternative that it is null."""
        for alternative in schema.get("anyOf", ()):
            if alternative.get("type") != "null":
                return self.resolved(alternative)
        if "$ref" not in schema:
            return schema
        found: Any = self.document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self.resolved(found)


def operations(client: httpx.Client, service: str, url: str) -> Iterator[Operation]:
    """Everything that a service's document lists."""
    document = client.get(f"{url}/openapi.json").raise_for_status().json()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(service, method.upper(), path, described, document)


def problem_codes(client: httpx.Client, url: str) -> set[str]:
    """The codes that a service says it may answer with."""
    document = client.get(f"{url}/openapi.json").raise_for_status().json()
    return {each["code"] for each in document["x-problems"]}


def _value(schema: dict[str, Any]) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("format") == "uuid":
        return "0198c1de-0000-7000-8000-00000000cafe"
    if schema.get("format") == "date":
        return "2026-12-01"
    return {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}.get(schema.get("type", ""), "X-01")
