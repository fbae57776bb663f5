"""The AsyncAPI 3.0 document of the platform, made from the table of topics and the models.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its Kafka bindings 0.5.0.
"""

from importlib.metadata import version
from typing import Any

from dawr.contracts import Message
from dawr.contracts.topics import DEAD_LETTER_RETENTION, TOPICS, Kind, Topic
from dawr.servicekit.envelope import PoisonReason
from dawr.tools.contracts.schemas import messages, shared_schemas

_BINDING = "0.5.0"
DEAD_LETTER = "dead-letter.v1"
_WHO = {
    Kind.COMMANDS: "Commands: any service may send them, {owner} alone reads them.",
    Kind.FACTS: "Facts: {owner} sends them, whoever wants to know reads them.",
    Kind.STATE: "State: {owner} sends the whole of a thing at each change, a record without a body takes it away. "
    "The newest of each key is kept.",
}


def document(examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document; `examples` are the bodies of an example of each message, by wire type."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        channels[topic.name] = _channel(topic)
        operations |= _operations(topic)
        for reader in topic.readers:
            channels[topic.dead(reader)] = _dead_channel(topic, reader)
            operations[f"{reader}.sends.{topic.dead(reader)}"] = _operation("send", topic.dead(reader), reader)
    known = messages()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:dawr",
        "info": {
            "title": "Dawr",
            "version": version("dawr-contracts"),
            "description": "What the services of the platform say to each other. Records are CloudEvents 1.0 in "
            "Kafka's binary mode: attributes in headers, the bare message as the body. Order holds within a key. "
            "Delivery is at least once: readers deduplicate by `ce_id`.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "variables": {"bootstrap": {"default": "127.0.0.1:29092", "description": "DAWR_KAFKA"}},
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                **{wire_type: _message(message, examples[wire_type]) for wire_type, message in known.items()},
                DEAD_LETTER: _dead_letter(),
            },
            "schemas": {
                **shared_schemas(known.values(), "#/components/schemas/{model}"),
                "CloudEventHeaders": _headers(),
                "DeadLetterHeaders": _dead_headers(),
            },
        },
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _channel(topic: Topic) -> dict[str, Any]:
    if topic.retention is None:
        configuration: dict[str, Any] = {"cleanup.policy": ["compact"]}
    else:
        configuration = {"cleanup.policy": ["delete"], "retention.ms": int(topic.retention.total_seconds() * 1000)}
    return {
        "address": topic.name,
        "description": f"{_WHO[topic.kind].format(owner=topic.owner)} Key: {topic.key}.",
        "tags": [{"name": topic.owner}, {"name": topic.kind.value}],
        "messages": {wire_type: _ref("components", "messages", wire_type) for wire_type in topic.messages},
        "bindings": _kafka(topic=topic.name, partitions=topic.partitions, topicConfiguration=configuration),
    }


def _dead_channel(topic: Topic, reader: str) -> dict[str, Any]:
    kept = int(DEAD_LETTER_RETENTION.total_seconds() * 1000)
    return {
        "address": topic.dead(reader),
        "description": f"What {reader} could not apply of {topic.name}, set aside for a person. Key: as it came.",
        "tags": [{"name": reader}, {"name": "dead letters"}],
        "messages": {DEAD_LETTER: _ref("components", "messages", DEAD_LETTER)},
        "bindings": _kafka(
            topic=topic.dead(reader),
            partitions=1,
            topicConfiguration={"cleanup.policy": ["delete"], "retention.ms": kept},
        ),
    }


def _operations(topic: Topic) -> dict[str, Any]:
    sender = "anyone" if topic.kind is Kind.COMMANDS else topic.owner
    operations = {f"{sender}.sends.{topic.name}": _operation("send", topic.name, sender)}
    for reader in topic.readers:
        operation = _operation("receive", topic.name, reader)
        operation["bindings"] = _kafka(groupId={"type": "string", "const": topic.group(reader)})
        operations[f"{reader}.receives.{topic.name}"] = operation
    return operations


def _operation(action: str, channel: str, who: str) -> dict[str, Any]:
    return {"action": action, "channel": _ref("channels", channel), "tags": [{"name": who}]}


def _message(message: type[Message], example: dict[str, Any]) -> dict[str, Any]:
    key = message.model_validate(example).key()
    return {
        "name": message.wire_type,
        "title": message.__name__,
        "summary": (message.__doc__ or "").strip().split("\n\n", maxsplit=1)[0].replace("\n", " "),
        "contentType": "application/json",
        "headers": _ref("components", "schemas", "CloudEventHeaders"),
        "payload": _ref("components", "schemas", message.__name__),
        "bindings": _kafka(key={"type": "string"}),
        "examples": [{"headers": {"ce_type": message.wire_type, "ce_subject": key}, "payload": example}],
    }


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "CloudEvents 1.0 attributes and the W3C trace context, each the UTF-8 bytes of a text.",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_id": {**text, "format": "uuid", "description": "Of the message: the same at each redelivery."},
            "ce_type": {**text, "description": "The wire type, with its version."},
            "ce_source": {**text, "description": "The service that sent it."},
            "ce_subject": {**text, "description": "The record's key."},
            "ce_time": {**text, "format": "date-time", "description": "When it was staged."},
            "content-type": {"const": "application/json"},
            "traceparent": text,
        },
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": DEAD_LETTER,
        "title": "DeadLetter",
        "summary": "A record that a group could not apply, with its key and body as they came.",
        "headers": _ref("components", "schemas", "DeadLetterHeaders"),
        "payload": {"description": "The bytes of the record as they came, readable or not."},
        "bindings": _kafka(key={"type": "string"}),
    }


def _dead_headers() -> dict[str, Any]:
    described = {
        "dead-id": "Follows from the record's place: the same if it is set aside again.",
        "dead-reason": "Why: " + ", ".join(PoisonReason) + ".",
        "dead-detail": "What was wrong, for a person.",
        "dead-topic": "Where it came from.",
        "dead-partition": "The partition there.",
        "dead-offset": "The offset there.",
        "dead-resolved": "On a later record about the same dead-id: what a person decided, replayed or dropped.",
    }
    return {
        "type": "object",
        "description": "Why and whence; the headers as they came follow, each with `original-` before its name.",
        "required": ["dead-id"],
        "properties": {name: {"type": "string", "description": text} for name, text in described.items()},
    }


def _kafka(**binding: Any) -> dict[str, Any]:
    return {"kafka": {**binding, "bindingVersion": _BINDING}}
