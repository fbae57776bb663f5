"""The AsyncAPI document says what the table of topics says, and holds together."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from dawr.contracts.topics import TOPICS, Kind, Topic
from dawr.tools.contracts.committed import ASYNCAPI, repository

DOCUMENT: dict[str, Any] = json.loads((repository() / ASYNCAPI).read_text("utf-8"))


def nodes(of: Any) -> Iterator[dict[str, Any]]:
    if isinstance(of, dict):
        yield of
        for each in of.values():
            yield from nodes(each)
    elif isinstance(of, list):
        for each in of:
            yield from nodes(each)


def resolved(ref: str) -> Any:
    node: Any = DOCUMENT
    assert ref.startswith("#/")
    for part in ref[2:].split("/"):
        node = node[part]
    return node


def test_every_reference_resolves() -> None:
    refs = [node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert len(refs) > 100
    assert all(resolved(ref) for ref in refs)


def test_it_has_the_parts_that_asyncapi_3_asks_for() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    names = re.compile(r"^[A-Za-z0-9.\-_]+$")
    for kind in ("messages", "schemas"):
        assert all(names.match(name) for name in DOCUMENT["components"][kind])
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for node in nodes(DOCUMENT):
        if "bindings" in node:
            assert node["bindings"]["kafka"]["bindingVersion"] == "0.5.0"


@pytest.mark.parametrize("topic", TOPICS, ids=[topic.name for topic in TOPICS])
def test_a_channel_says_what_its_row_says(topic: Topic) -> None:
    channel = DOCUMENT["channels"][topic.name]
    assert channel["address"] == topic.name
    assert set(channel["messages"]) == set(topic.messages)
    kafka = channel["bindings"]["kafka"]
    assert kafka["partitions"] == topic.partitions
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact" if topic.kind is Kind.STATE else "delete"]
    sends = {name.split(".sends.")[0] for name in DOCUMENT["operations"] if name.endswith(f".sends.{topic.name}")}
    assert sends == {"anyone" if topic.kind is Kind.COMMANDS else topic.owner}
    receives = {
        name.removesuffix(f".receives.{topic.name}")
        for name in DOCUMENT["operations"]
        if name.endswith(f".receives.{topic.name}")
    }
    assert receives == set(topic.readers)
    assert all(topic.dead(reader) in DOCUMENT["channels"] for reader in topic.readers)


def test_no_channel_is_without_a_row() -> None:
    rows = {topic.name for topic in TOPICS} | {topic.dead(reader) for topic in TOPICS for reader in topic.readers}
    assert set(DOCUMENT["channels"]) == rows


def test_each_example_follows_its_payload_and_headers() -> None:
    listed = {name: message for name, message in DOCUMENT["components"]["messages"].items() if "examples" in message}
    assert set(listed) == {wire_type for topic in TOPICS for wire_type in topic.messages}
    for wire_type, message in listed.items():
        for example in message["examples"]:
            payload = {"components": DOCUMENT["components"], **message["payload"]}
            jsonschema.Draft202012Validator(payload).validate(example["payload"])
            assert example["headers"]["ce_type"] == wire_type
            assert example["headers"].keys() <= resolved(message["headers"]["$ref"])["properties"].keys()
