"""The topics of the platform, one row each. Everything that needs a topic reads this table:
creation, subscriptions, the AsyncAPI document, the commands that look into topics, and the tests.
"""

import types
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, get_args

from dawr.contracts import booking, catalog, consular, notifications, payments
from dawr.contracts.message import Message


class Kind(StrEnum):
    """What a topic holds."""

    COMMANDS = "commands"
    FACTS = "facts"
    STATE = "state"
    """The newest record of each key is kept for ever (compaction)."""


@dataclass(frozen=True)
class Topic:
    """One topic: who owns it, what orders it, who reads it."""

    name: str
    owner: str
    """The service that defines it: commands are sent to the owner, facts and state come from it."""
    key: str
    """What the record's key is, in words."""
    kind: Kind
    partitions: int
    retention: timedelta | None
    """How long records are kept; none: compacted."""
    readers: tuple[str, ...]
    """The consumer groups."""
    messages: dict[str, type[Message]]
    """By wire type."""

    def group(self, reader: str) -> str:
        """The Kafka consumer group of a reader: one per topic, so that a rebalance of one stops no other."""
        return f"{reader}.{self.name.removeprefix('dawr.')}"

    def dead(self, group: str) -> str:
        """Where a group's dead letters from this topic go."""
        return f"{self.name}.{group}.dead"


DEAD_LETTER_RETENTION = timedelta(days=30)
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)


def _by_wire_type(union: Any) -> dict[str, type[Message]]:
    members: tuple[type[Message], ...] = get_args(union) if isinstance(union, types.UnionType) else (union,)
    return {message.wire_type: message for message in members}


BOOKING_REQUESTS = Topic(
    name="dawr.booking.requests", owner="booking", key="pool", kind=Kind.COMMANDS, partitions=12, retention=_WEEK,
    readers=("booking",), messages=_by_wire_type(booking.BookingRequest),
)  # fmt: skip
BOOKING_EVENTS = Topic(
    name="dawr.booking.events", owner="booking", key="turn id", kind=Kind.FACTS, partitions=12, retention=_MONTH,
    readers=("catalog", "consular", "notifications"), messages=_by_wire_type(booking.BookingFact),
)  # fmt: skip
PAYMENTS_REQUESTS = Topic(
    name="dawr.payments.requests", owner="payments", key="subject id", kind=Kind.COMMANDS, partitions=6,
    retention=_WEEK, readers=("payments",), messages=_by_wire_type(payments.PaymentRequest),
)  # fmt: skip
PAYMENTS_EVENTS = Topic(
    name="dawr.payments.events", owner="payments", key="subject id", kind=Kind.FACTS, partitions=6,
    retention=_MONTH, readers=("booking", "consular", "notifications"), messages=_by_wire_type(payments.PaymentEvent),
)  # fmt: skip
PAYMENTS_REFUNDS = Topic(
    name="dawr.payments.refunds", owner="payments", key="subject id", kind=Kind.FACTS, partitions=6,
    retention=_MONTH, readers=("booking", "consular", "notifications"), messages=_by_wire_type(payments.RefundEvent),
)  # fmt: skip
CATALOG_SERVICES = Topic(
    name="dawr.catalog.services", owner="catalog", key="service code", kind=Kind.STATE, partitions=1, retention=None,
    readers=("booking", "consular", "notifications"), messages=_by_wire_type(catalog.ServiceDescribed),
)  # fmt: skip
CATALOG_OFFICES = Topic(
    name="dawr.catalog.offices", owner="catalog", key="office code", kind=Kind.STATE, partitions=1, retention=None,
    readers=("booking", "consular", "notifications"), messages=_by_wire_type(catalog.OfficeDescribed),
)  # fmt: skip
CATALOG_CAPACITY = Topic(
    name="dawr.catalog.capacity", owner="catalog", key="office, service, tier, month", kind=Kind.STATE, partitions=6,
    retention=None, readers=("booking",), messages=_by_wire_type(catalog.CapacityPublished),
)  # fmt: skip
CONSULAR_EVENTS = Topic(
    name="dawr.consular.events", owner="consular", key="case id", kind=Kind.FACTS, partitions=6, retention=_MONTH,
    readers=("notifications",), messages=_by_wire_type(consular.ConsularFact),
)  # fmt: skip
NOTIFICATIONS_REQUESTS = Topic(
    name="dawr.notifications.requests", owner="notifications", key="person id", kind=Kind.COMMANDS, partitions=6,
    retention=_WEEK, readers=("notifications",), messages=_by_wire_type(notifications.NotificationRequest),
)  # fmt: skip
NOTIFICATIONS_EVENTS = Topic(
    name="dawr.notifications.events", owner="notifications", key="person id", kind=Kind.FACTS, partitions=6,
    retention=_MONTH, readers=(), messages=_by_wire_type(notifications.NotificationFact),
)  # fmt: skip

TOPICS: tuple[Topic, ...] = (
    BOOKING_REQUESTS,
    BOOKING_EVENTS,
    PAYMENTS_REQUESTS,
    PAYMENTS_EVENTS,
    PAYMENTS_REFUNDS,
    CATALOG_SERVICES,
    CATALOG_OFFICES,
    CATALOG_CAPACITY,
    CONSULAR_EVENTS,
    NOTIFICATIONS_REQUESTS,
    NOTIFICATIONS_EVENTS,
)

TOPIC_OF: dict[type[Message], Topic] = {message: topic for topic in TOPICS for message in topic.messages.values()}
"""Where each message belongs: nobody names a topic to send something."""
