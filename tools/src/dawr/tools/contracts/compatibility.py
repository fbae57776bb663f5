"""Whether processes of an old and a new version understand each other.

Both run at once in every deployment, and topics keep what the old one wrote. Producers write nothing but the
fields of their model (closed objects); readers ignore fields that they do not know (open objects). So a change is
compatible if closed(old) ⊆ open(new), for a new reader, and closed(new) ⊆ open(old), for an old one. jsoncompat
decides that; where it can't tell, the answer is no. It does not look at patterns and formats of strings, so any
change of those is refused here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsoncompat

from dawr.tools.contracts.schemas import Schema

Check = Callable[[str, str, Any], bool]
"""jsoncompat's `check_compat`: whether whatever the first schema allows the second allows; ValueError: unknown."""

_UNSEEN = ("contentEncoding", "contentMediaType", "format", "pattern")
"""What jsoncompat takes no notice of."""

_DEPTH = 12
"""Of fields within fields: more than any message has."""


def incompatibilities(old: Schema, new: Schema, check: Check = jsoncompat.check_compat) -> list[str]:
    """What is wrong with changing a message's schema from `old` to `new`; empty if nothing is."""
    old, new = (
        {name: value for name, value in schema.items() if name not in {"$id", "$schema"}} for schema in (old, new)
    )  # jsoncompat takes an $id for a reference
    found = [
        f"{where}: {keyword} changed from {before!r} to {after!r}, and whether each text of the one is one of the "
        "other is unknown"
        for where, keyword, before, after in _changes_unseen(old, new)
    ]
    for producer, reader, written, read in (("old", "new", old, new), ("new", "old", new, old)):
        try:
            fits = check(json.dumps(_closed(written)), json.dumps(read), "deserializer")
        except ValueError as error:
            found.append(f"whether a {reader} reader takes what an {producer} producer writes is unknown: {error}")
            continue
        if not fits:
            found.append(f"the {reader} reader does not take all that the {producer} producer writes")
            found += [
                f"{where}: values {', '.join(map(repr, more))} are unknown to the {reader} reader. Give the message a "
                "new version, or first roll out readers that tolerate values they do not know"
                for where, more in _values_unknown(written, read)
            ]
    return found


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if closed.get("type") == "object" and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


def _changes_unseen(old: Schema, new: Schema) -> Iterator[tuple[str, str, list[str], list[str]]]:
    before, after = dict(_places(old)), dict(_places(new))
    for where in sorted(before.keys() & after.keys()):
        for keyword in _UNSEEN:
            was, is_now = _texts(before[where], keyword), _texts(after[where], keyword)
            if was != is_now:
                yield where, keyword, was, is_now


def _texts(alternatives: list[Schema], keyword: str) -> list[str]:
    return sorted({str(each[keyword]) for each in alternatives if keyword in each})


def _values_unknown(written: Schema, read: Schema) -> Iterator[tuple[str, list[str]]]:
    readers = dict(_places(read))
    for where, alternatives in _places(written):
        known = _values(readers.get(where, []))
        more = sorted(_values(alternatives) - known)
        if known and more:
            yield where, more


def _values(alternatives: list[Schema]) -> set[str]:
    return {
        str(value) for each in alternatives for value in each.get("enum", [each["const"]] if "const" in each else [])
    }


def _places(schema: Schema) -> Iterator[tuple[str, list[Schema]]]:
    """Each place of a message, as a path of field names, with the schemas that a value there may follow."""
    waiting: list[tuple[str, list[Schema]]] = [("", [schema])]
    while waiting:
        where, given = waiting.pop()
        alternatives = [each for part in given for each in _alternatives(part, schema)]
        yield where or "/", alternatives
        if where.count("/") > _DEPTH:
            continue  # a type within itself: its places are known by now
        inside: dict[str, list[Schema]] = {}
        for each in alternatives:
            for name, part in each.get("properties", {}).items():
                inside.setdefault(f"{where}/{name}", []).append(part)
            for name in ("items", "additionalProperties"):
                if isinstance(each.get(name), dict):
                    inside.setdefault(f"{where}/*", []).append(each[name])
            for place, part in enumerate(each.get("prefixItems", [])):
                inside.setdefault(f"{where}/{place}", []).append(part)
        waiting += inside.items()


def _alternatives(schema: Schema, root: Schema, seen: tuple[str, ...] = ()) -> list[Schema]:
    """The schema with its reference resolved, and each of its alternatives so."""
    found = [schema]
    if (ref := schema.get("$ref")) is not None and ref not in seen:
        found += _alternatives(_resolved(ref, root), root, (*seen, ref))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(keyword, []):
            found += _alternatives(each, root, seen)
    return found


def _resolved(ref: str, root: Schema) -> Schema:
    node: Any = root
    for part in ref.removeprefix("#/").split("/"):
        node = node.get(part, {})
    resolved: Schema = node
    return resolved
