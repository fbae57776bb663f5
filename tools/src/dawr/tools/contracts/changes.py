"""Whether the platform's contracts may follow those of an earlier commit, with both in use at once."""

from typing import Any

from pydantic import ValidationError

from dawr.contracts import Message
from dawr.tools.contracts.asyncapi import DEAD_LETTER
from dawr.tools.contracts.committed import Published
from dawr.tools.contracts.compatibility import incompatibilities
from dawr.tools.contracts.schemas import schema_of


def refusals(before: Published, now: dict[str, type[Message]], document: dict[str, Any]) -> list[str]:
    """Why the contracts now (messages by wire type, AsyncAPI document) may not follow those before; empty: they may."""
    found = []
    for wire_type, schema in sorted(before.schemas.items()):
        if wire_type not in now:
            found.append(f"{wire_type} is gone, and topics still hold it: keep it until nobody sends or keeps any")
            continue
        found += [f"{wire_type}: {why}" for why in incompatibilities(schema, schema_of(now[wire_type]))]
    return found + _topics(before.asyncapi, document) + _keys(before.asyncapi, now)


def _topics(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for name, channel in before.get("channels", {}).items():
        if DEAD_LETTER in channel["messages"]:
            continue  # goes when its group no longer reads the topic
        after = now["channels"].get(name)
        if after is None:
            found.append(f"topic {name} is gone: keep it until nobody reads it any more")
            continue
        found += [
            f"{wire_type} no longer travels on {name}: its readers wait for it there"
            for wire_type in channel["messages"]
            if wire_type not in after["messages"]
        ]
        was, is_now = channel["bindings"]["kafka"], after["bindings"]["kafka"]
        if was["partitions"] != is_now["partitions"]:
            found.append(
                f"topic {name} had {was['partitions']} partitions and now has {is_now['partitions']}: keys would move "
                "to others, and order holds only within one. Make a new topic"
            )
        policies = [each["topicConfiguration"]["cleanup.policy"] for each in (was, is_now)]
        if policies[0] != policies[1]:
            found.append(f"topic {name} was kept by {policies[0]} and now is by {policies[1]}: readers rely on it")
    return found


def _keys(before: dict[str, Any], now: dict[str, type[Message]]) -> list[str]:
    """The key of an example that was committed must be what it was, or order among old and new records is lost."""
    found = []
    for wire_type, message in before.get("components", {}).get("messages", {}).items():
        if wire_type not in now:
            continue
        for example in message.get("examples", []):
            try:
                key = now[wire_type].model_validate(example["payload"]).key()
            except ValidationError as error:
                found.append(f"{wire_type}: the example that was committed can't be read any more: {error}")
                continue
            if key != example["headers"]["ce_subject"]:
                found.append(f"{wire_type}: the key was {example['headers']['ce_subject']} and now is {key}")
    return found
