"""Messages of notifications: what is to be told, and whether it was."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from dawr.contracts.message import Message
from dawr.contracts.values import Instant

Template = Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,47}$")]
MessageChannel = Literal["email", "sms", "inbox"]


class SendMessage(Message):
    """Asks that a person be told something that no fact says, such as a sign-in code.

    `sealed` holds what only notifications may read (a code), encrypted with the key that both sides share.
    """

    wire_type: ClassVar[str] = "notifications.send-message.v1"

    person_id: UUID
    template: Template
    language: Literal["ar", "en"] | None = None
    sealed: Annotated[str, Field(max_length=4096)] | None = None
    send_before: Instant | None = None
    """Of no use after this."""

    def key(self) -> str:
        return str(self.person_id)


class RegisterContact(Message):
    """Says where a person can be reached. The addresses are sealed: no topic holds them in clear."""

    wire_type: ClassVar[str] = "notifications.register-contact.v1"

    person_id: UUID
    sealed: Annotated[str, Field(max_length=4096)]

    def key(self) -> str:
        return str(self.person_id)


class MessageFact(Message):
    """What every fact about a message carries."""

    message_id: UUID
    person_id: UUID
    template: Template
    channel: MessageChannel
    at: Instant

    def key(self) -> str:
        return str(self.person_id)


class MessageSent(MessageFact):
    """A provider took the message."""

    wire_type: ClassVar[str] = "notifications.message-sent.v1"

    provider: str
    attempt: Annotated[int, Field(ge=1)]


class MessageFailed(MessageFact):
    """A channel would not take the message; `next_channel` is tried, or none is left."""

    wire_type: ClassVar[str] = "notifications.message-failed.v1"

    reason: Annotated[str, Field(max_length=64)]
    next_channel: MessageChannel | None = None


NotificationRequest = SendMessage | RegisterContact
NotificationFact = MessageSent | MessageFailed
