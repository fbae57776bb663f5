"""What surrounds a message on the wire: CloudEvents 1.0 in Kafka's binary mode.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2: attributes are headers `ce_…`, the body is the data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from pydantic import ValidationError

from dawr.contracts import Message
from dawr.servicekit import header_names

Headers = list[tuple[str, bytes]]

_UNREADABLE_NAME = "the name of a header is not UTF-8"


class Record(Protocol):
    """A record as the Kafka client gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Cause:
    """What is being answered: ids of derived events follow from its id, and they join its trace."""

    id: UUID
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message that could be read, with where it stood in the log."""

    cause: Cause
    message: Message
    record: Record


class PoisonReason(StrEnum):
    """Why a record can't be applied, whatever is done."""

    HEADERS = "undecodable-headers"
    BODY = "undecodable-body"
    UNKNOWN_VERSION = "unknown-version"
    REFUSED = "refused"
    """Well formed, but no rule allows it: an illegal move, a thing that does not exist."""
    RETRIES_EXHAUSTED = "retries-exhausted"
    """It asked to be tried again, more often than its neighbours can wait."""
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that can't be applied: a value, so that its neighbours are not harmed."""

    record: Record
    reason: PoisonReason
    detail: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record without a body on a topic of state: the thing with this key is no more."""

    record: Record
    key: str
    id: UUID | None = None
    """Of the message, if its sender gave it one: without, it has its effect each time it comes."""


def headers_for(
    *, id: UUID, wire_type: str, source: str, subject: str, time: datetime, traceparent: str | None
) -> Headers:
    """The headers of a message that is about to be sent."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(id).encode()),
        ("ce_type", wire_type.encode()),
        ("ce_source", source.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", time.astimezone(UTC).isoformat().encode()),
        ("content-type", b"application/json"),
    ]
    if traceparent:
        headers.append(("traceparent", traceparent.encode()))
    return headers


def open_record(record: Record, known: dict[str, type[Message]]) -> Received | Poison | Tombstone | None:
    """Read a record: a message, a tombstone, poison, or None if its type is not one that this reader knows.

    A type that differs from a known one by its version alone is poison: it was meant for this reader.
    """
    if record.value is None:
        return _tombstone(record)
    try:
        headers = {name: value for name, value in record.headers if value is not None}
        wire_type = headers["ce_type"].decode()
        message_type = known.get(wire_type)
        if message_type is None:
            name = wire_type.rpartition(".")[0]
            if any(each.rpartition(".")[0] == name for each in known):
                return Poison(record, PoisonReason.UNKNOWN_VERSION, wire_type)
            return None
        if not header_names.is_readable(headers):
            return Poison(record, PoisonReason.HEADERS, _UNREADABLE_NAME)
        parent = headers.get("traceparent")
        cause = Cause(UUID(headers["ce_id"].decode()), parent.decode() if parent else None)
    except (KeyError, ValueError) as error:
        return Poison(record, PoisonReason.HEADERS, f"{type(error).__name__}: {error}")
    try:
        return Received(cause, message_type.model_validate_json(record.value), record)
    except ValidationError as error:
        return Poison(record, PoisonReason.BODY, _where(error))


def _tombstone(record: Record) -> Tombstone | Poison:
    try:
        headers = dict(record.headers)
        if not header_names.is_readable(headers):
            return Poison(record, PoisonReason.HEADERS, _UNREADABLE_NAME)
        id = headers.get("ce_id")
        return Tombstone(record, (record.key or b"").decode(), UUID(id.decode()) if id else None)
    except ValueError as error:
        return Poison(record, PoisonReason.HEADERS, f"{type(error).__name__}: {error}")


def _where(error: ValidationError) -> str:
    """Which fields were wrong and how, without their values: those may be personal."""
    return "; ".join(
        f"{'/'.join(str(part) for part in each['loc']) or 'body'}: {each['type']}"
        for each in error.errors(include_url=False, include_context=False, include_input=False)[:5]
    )


def positions_after(records: Iterable[Record]) -> dict[int, int]:
    """The next offset to read in each partition once these records are done."""
    positions: dict[int, int] = {}
    for record in records:
        positions[record.partition] = max(positions.get(record.partition, 0), record.offset + 1)
    return positions
