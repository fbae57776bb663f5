"""What every message is: a small frozen model with an explicit, versioned wire type and a key."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A part of a message. Readers ignore fields that they do not know; values never change once made."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Message(Value):
    """The body of a record. Its wire type travels in the header `ce_type`, its id in `ce_id`, never in the body."""

    wire_type: ClassVar[str]
    """`<owner>.<name>.v<version>`, a literal: renaming a class must not change what is on the wire."""

    def key(self) -> str:
        """What orders this message among others: the record's key, and the CloudEvents subject."""
        raise TypeError(f"{type(self).__name__} names no key")
