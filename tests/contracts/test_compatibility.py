"""Which changes of a message are refused: old and new processes run at once, and topics keep what the old one sent."""

import json
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, create_model

from dawr.contracts import Message
from dawr.contracts.message import Value
from dawr.tools.contracts.compatibility import incompatibilities
from dawr.tools.contracts.schemas import Schema, messages, schema_of


class Few(StrEnum):
    A = "a"


class More(StrEnum):
    A = "a"
    B = "b"


class Part(Value):
    inner: int


class GrownPart(Value):
    inner: int
    later: str | None = None


class BrokenPart(Value):
    inner: str


def wire(**fields: Any) -> Schema:
    """The schema of a message with these fields; `key` is in all, so that none is empty."""
    message = create_model("Thing", __base__=Message, key_part=(str, ...), **fields)
    message.wire_type = "test.thing.v1"
    return schema_of(message)


same = [
    pytest.param(wire(a=(int, ...)), wire(a=(int, ...)), id="nothing"),
    pytest.param(wire(), wire(a=(int | None, None)), id="an optional field is added"),
    pytest.param(wire(), wire(a=(Part | None, None)), id="an optional part is added"),
    pytest.param(wire(), wire(a=(Few, Few.A)), id="a field with a default is added"),
    pytest.param(wire(a=(Part, ...)), wire(a=(GrownPart, ...)), id="an optional field is added within a part"),
    pytest.param(wire(a=(int | None, None)), wire(), id="an optional field is taken away"),
    pytest.param(wire(a=(Part, Field(description="this"))), wire(a=(Part, Field(description="that"))), id="words"),
]
refused = [
    pytest.param(wire(), wire(a=(int, ...)), "new reader", id="a required field is added"),
    pytest.param(wire(a=(int, ...)), wire(), "old reader", id="a required field is taken away"),
    pytest.param(wire(a=(int, ...)), wire(b=(int, ...)), "new reader", id="a field is renamed"),
    pytest.param(wire(a=(int, ...)), wire(a=(str, ...)), "new reader", id="a type is changed"),
    pytest.param(wire(a=(Part, ...)), wire(a=(BrokenPart, ...)), "new reader", id="a type of a part is changed"),
    pytest.param(wire(a=(tuple[Part, ...], ())), wire(a=(tuple[BrokenPart, ...], ())), "new reader", id="in a list"),
    pytest.param(wire(a=(int, ...)), wire(a=(int | None, None)), "old reader", id="a required field becomes optional"),
    pytest.param(wire(a=(int | None, None)), wire(a=(int, ...)), "new reader", id="an optional field becomes required"),
    pytest.param(wire(a=(More, ...)), wire(a=(Few, ...)), "new reader", id="a value is taken away"),
    pytest.param(wire(a=(Few, ...)), wire(a=(More, ...)), "old reader", id="a value is added"),
    pytest.param(wire(a=(Literal["x"], "x")), wire(a=(Literal["x", "y"], "x")), "old reader", id="a literal is added"),
    pytest.param(wire(a=(int, Field(ge=1))), wire(a=(int, Field(ge=0))), "old reader", id="a bound is lowered"),
    pytest.param(wire(a=(str, ...)), wire(a=(Annotated[str, Field(max_length=9)], ...)), "new reader", id="a limit"),
    pytest.param(wire(a=(str, ...)), wire(a=(Annotated[str, Field(pattern="^x$")], ...)), "pattern", id="a pattern"),
    pytest.param(wire(a=(UUID, ...)), wire(a=(str, ...)), "format", id="a format is dropped"),
    pytest.param(wire(a=(UUID | None, None)), wire(a=(AwareDatetime | None, None)), "format", id="a format is changed"),
    pytest.param(wire(a=(Decimal, ...)), wire(a=(float, ...)), "reader", id="a decimal becomes a number"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), same)
def test_a_change_that_both_sides_understand_passes(old: Schema, new: Schema) -> None:
    assert incompatibilities(old, new) == []


@pytest.mark.parametrize(("old", "new", "said"), refused)
def test_a_change_that_one_side_does_not_understand_is_refused(old: Schema, new: Schema, said: str) -> None:
    found = incompatibilities(old, new)
    assert said in " ".join(found)


def test_a_new_value_is_named_with_the_way_out() -> None:
    found = " ".join(incompatibilities(wire(a=(Few | None, None)), wire(a=(More | None, None))))
    assert "/a: values 'b' are unknown to the old reader" in found
    assert "new version" in found
    assert "tolerate" in found


def test_unknown_is_no() -> None:
    """jsoncompat says that it can't tell by ValueError: here of a reference that it does not follow."""
    puzzling = {"type": "object", "properties": {"a": {"$dynamicRef": "#somewhere"}}}
    found = incompatibilities(puzzling, puzzling)
    assert len(found) == 2
    assert all("unknown" in each for each in found)


def test_unknown_in_one_direction_is_no() -> None:
    def only_old_readers(_written: str, read: str, _role: str) -> bool:
        if "later" in json.loads(read)["properties"]:
            raise ValueError("too hard")
        return True

    assert len(incompatibilities(wire(), wire(later=(int | None, None)), only_old_readers)) == 1


def test_a_type_within_itself_is_compared_and_ends() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}, "id": {"type": "string"}},
    }
    old: Schema = {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}
    changed = {**node, "properties": {**node["properties"], "id": {"type": "string", "format": "uuid"}}}
    assert any(
        "format" in each for each in incompatibilities(old, {"$defs": {"Node": changed}, "$ref": "#/$defs/Node"})
    )


@pytest.mark.parametrize("wire_type", messages())
def test_each_message_of_the_platform_follows_itself(wire_type: str) -> None:
    schema = schema_of(messages()[wire_type])
    assert incompatibilities(schema, schema) == []
