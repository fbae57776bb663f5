"""Identifiers that follow from their cause, so that doing a thing twice names it once."""

from functools import lru_cache
from hashlib import sha1
from uuid import UUID, uuid5

# Namespace of every derived identifier of the platform; it never changes.
DAWR = UUID("6f1d3a52-0d0b-5c5e-9c1d-6461777200dd")
_TURNS = uuid5(DAWR, "turn")


def derived_id(cause: UUID, name: str) -> UUID:
    """The identifier of what follows from `cause` under `name`: the same inputs give the same answer (UUIDv5)."""
    digest = sha1(cause.bytes + name.encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)  # as uuid5 has it, in two thirds of the time


def turn_id(person: UUID, idempotency_key: str) -> UUID:
    """The turn that a person's request with this key makes: twins of a request name the same turn."""
    return derived_id(_TURNS, f"{person}/{idempotency_key}")


@lru_cache(maxsize=1024)  # asked for again for each of the messages about a turn
def payment_id(subject: UUID) -> UUID:
    """The one payment of a subject (a turn, a case)."""
    return derived_id(subject, "payment")


def refund_id(subject: UUID) -> UUID:
    """The one full refund of a subject: asked twice, it is made once."""
    return derived_id(subject, "refund")
