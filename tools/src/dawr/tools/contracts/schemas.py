"""The JSON Schema of a message as it is on the wire, the same text for the same model."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from dawr.contracts import Message
from dawr.contracts.topics import TOPICS

Schema = dict[str, Any]
"""A JSON Schema, 2020-12."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _WireSchema(GenerateJsonSchema):
    """Without a title per field, which only repeats the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def messages() -> dict[str, type[Message]]:
    """Every message of the platform by wire type, sorted."""
    return dict(sorted((wire_type, message) for topic in TOPICS for wire_type, message in topic.messages.items()))


def schema_of(message: type[Message]) -> Schema:
    """The schema of what producers write. Readers take further fields too, so none is forbidden in it."""
    body = message.model_json_schema(mode="serialization", schema_generator=_WireSchema)
    return {"$schema": DIALECT, "$id": f"urn:dawr:message:{message.wire_type}", **body}


def shared_schemas(of: Iterable[type[Message]], ref_template: str) -> dict[str, Schema]:
    """The schemas of many messages and of their parts by name, with references of the form `ref_template`."""
    inputs = [(message, "serialization") for message in of]
    _, definitions = models_json_schema(inputs, ref_template=ref_template, schema_generator=_WireSchema)  # type: ignore[arg-type]
    schemas: dict[str, Schema] = definitions["$defs"]
    return schemas


def render(document: dict[str, Any]) -> str:
    """A document as a file holds it: sorted, indented, in UTF-8, with an end of line."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
