"""Every message of the platform: its example, its schema, its name on the wire."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from pydantic import ValidationError

from dawr.contracts import Message, ids
from dawr.contracts.topics import TOPIC_OF, TOPICS

MESSAGES = Path(__file__).parents[1] / "messages"
KNOWN = {wire_type: message for topic in TOPICS for wire_type, message in topic.messages.items()}


def example(wire_type: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MESSAGES / wire_type / "example.json").read_text("utf-8"))
    return loaded


def schema(wire_type: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MESSAGES / wire_type / "schema.json").read_text("utf-8"))
    return loaded


def validator(wire_type: str) -> jsonschema.Draft202012Validator:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema(wire_type), format_checker=checker)


each_message = pytest.mark.parametrize(("wire_type", "message"), sorted(KNOWN.items()), ids=sorted(KNOWN))


@each_message
def test_the_example_is_what_the_wire_has(wire_type: str, message: type[Message]) -> None:
    read = message.model_validate_json(json.dumps(example(wire_type)))
    written = read.model_dump_json()
    assert json.loads(written) == example(wire_type)
    assert message.model_validate_json(written) == read


@each_message
def test_the_example_follows_the_committed_schema(wire_type: str, message: type[Message]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(wire_type))
    validator(wire_type).validate(example(wire_type))
    assert schema(wire_type)["$id"] == f"urn:dawr:message:{message.wire_type}"


@each_message
def test_model_and_schema_refuse_the_same_bodies(wire_type: str, message: type[Message]) -> None:
    body = example(wire_type)
    required = schema(wire_type)["required"]
    assert required
    for field in required:
        without = {name: value for name, value in body.items() if name != field}
        assert list(validator(wire_type).iter_errors(without)), field
        with pytest.raises(ValidationError):
            message.model_validate(without)
    for field in body:
        wrong = body | {field: {"no": "such value"}}
        assert list(validator(wire_type).iter_errors(wrong)), field
        with pytest.raises(ValidationError):
            message.model_validate(wrong)


@each_message
def test_a_reader_ignores_a_field_that_it_does_not_know(wire_type: str, message: type[Message]) -> None:
    later = example(wire_type) | {"a_later_field": {"of": "a later version"}}
    assert message.model_validate(later) == message.model_validate(example(wire_type))
    validator(wire_type).validate(later)


@each_message
def test_a_message_never_changes(wire_type: str, message: type[Message]) -> None:
    read = message.model_validate(example(wire_type))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read, next(iter(message.model_fields)), None)


@each_message
def test_a_message_has_a_key_that_is_text(wire_type: str, message: type[Message]) -> None:
    key = message.model_validate(example(wire_type)).key()
    assert isinstance(key, str)
    assert 0 < len(key.encode()) <= 128


@each_message
def test_the_wire_type_says_owner_name_and_version(wire_type: str, message: type[Message]) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", wire_type)
    assert wire_type.partition(".")[0] == TOPIC_OF[message].owner
    assert "wire_type" in message.__dict__, "named by the class itself, never inherited"


@each_message
def test_nothing_personal_is_in_a_message(wire_type: str, message: type[Message]) -> None:
    """Names, numbers and addresses of people never travel; a name is that of a service, an office, a document."""
    personal = re.compile(r"(first|last|full|father|mother)_?name|phone|email|identity|passport_no|birth|national")
    fields = set(re.findall(r'"([a-z_]+)":', json.dumps(schema(wire_type)["properties"])))
    assert not [field for field in fields if personal.search(field)]


def test_every_message_has_one_topic_and_one_wire_type() -> None:
    listed = [(wire_type, message) for topic in TOPICS for wire_type, message in topic.messages.items()]
    assert len({wire_type for wire_type, _ in listed}) == len(listed)
    assert len({message for _, message in listed}) == len(listed)
    assert all(message.wire_type == wire_type for wire_type, message in listed)


def test_every_message_that_is_defined_travels_on_a_topic() -> None:
    def kinds(of: type[Message]) -> set[type[Message]]:
        return {of}.union(*(kinds(each) for each in of.__subclasses__()))

    defined = {
        each for each in kinds(Message) if each.__module__.startswith("dawr.contracts.") and "wire_type" in vars(each)
    }
    assert defined - {Message} == set(TOPIC_OF)


def test_each_folder_is_of_a_message() -> None:
    assert {folder.name for folder in MESSAGES.iterdir()} == set(KNOWN)


def test_the_examples_tell_one_story() -> None:
    """Ids in them follow from their causes by the rules of `ids`, so that a reader can follow a turn to its refund."""
    held, captured = example("booking.turn-held.v1"), example("payments.payment-captured.v1")
    turn = UUID(held["turn_id"])
    assert UUID(held["payment_id"]) == ids.payment_id(turn)
    assert UUID(example("payments.refund-succeeded.v1")["refund_id"]) == ids.refund_id(turn)
    assert captured["subject"]["id"] == example("consular.case-opened.v1")["turn_id"]
    for wire_type in ("booking.request-turn.v1", "booking.turn-confirmed.v1", "booking.turn-cancelled.v1"):
        assert UUID(example(wire_type)["turn_id"]) == turn


def test_the_rate_of_the_captured_example_gives_its_amount() -> None:
    captured = KNOWN["payments.payment-captured.v1"].model_validate(example("payments.payment-captured.v1"))
    fee = KNOWN["booking.turn-held.v1"].model_fields["fee"].annotation(minor=30000, currency="USD")  # type: ignore[misc]
    assert captured.fx.convert(fee) == captured.amount  # type: ignore[attr-defined]
