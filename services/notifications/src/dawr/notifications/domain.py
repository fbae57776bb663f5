"""Messages to people: their states, which way they take, and what follows from a provider's answer."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from dawr.contracts import Message as Fact
from dawr.contracts.notifications import MessageFailed, MessageSent
from dawr.notifications.errors import IllegalMove

Language = Literal["ar", "en"]
Digits = Literal["latn", "arab"]


class Way(StrEnum):
    """A way to a person. The inbox is always one; it needs no sending."""

    EMAIL = "email"
    SMS = "sms"
    INBOX = "inbox"


class MessageState(StrEnum):
    """Where a message to one person is."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    """A provider took it."""
    DELIVERED = "DELIVERED"
    """The provider says that it arrived."""
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"
    """To be tried again the same way."""
    PERMANENT_FAILURE = "PERMANENT_FAILURE"
    """This way is closed: the next one is tried, or none is left but the inbox."""
    SUPPRESSED = "SUPPRESSED"
    """Not sent out: the person has no address, wants the inbox alone, or the moment has passed."""


S = MessageState
TRANSITIONS: dict[MessageState, dict[MessageState, type[Fact] | None]] = {
    S.QUEUED: {
        S.SENT: MessageSent,
        S.TEMPORARY_FAILURE: None,
        S.PERMANENT_FAILURE: MessageFailed,
        S.SUPPRESSED: None,
    },
    S.TEMPORARY_FAILURE: {
        S.SENT: MessageSent,
        S.TEMPORARY_FAILURE: None,
        S.PERMANENT_FAILURE: MessageFailed,
        S.SUPPRESSED: None,
    },
    S.PERMANENT_FAILURE: {S.QUEUED: None},
    S.SENT: {S.DELIVERED: None},
    S.DELIVERED: {},
    S.SUPPRESSED: {},
}
"""The allowed moves, each with the fact that it emits (none: nobody outside needs to know)."""


def advance(state: MessageState, to: MessageState) -> MessageState:
    """The state moved to; raises IllegalMove where the table has no such edge."""
    if to not in TRANSITIONS[state]:
        raise IllegalMove(state=state.value, to=to.value)
    return to


@dataclass(frozen=True)
class Contact:
    """Where and how a person wants to be told. Addresses that the gateway registered, and the person's own words.

    The person's own addresses go before the registered ones for everything except sign-in codes: those go to
    registered addresses alone, so that whoever took over a session can't have the next code sent to themselves.
    """

    registered_email: str | None = None
    registered_phone: str | None = None
    registered_language: Language | None = None
    email: str | None = None
    phone: str | None = None
    language: Language | None = None
    digits: Digits = "latn"
    ways: tuple[Way, ...] = ()
    """In the order of preference; those that are not named follow in the order of `Way`."""

    def addresses(self, *, registered_only: bool = False) -> dict[Way, str]:
        """The address of each way that has one."""
        email = self.registered_email if registered_only else self.email or self.registered_email
        phone = self.registered_phone if registered_only else self.phone or self.registered_phone
        return {way: address for way, address in ((Way.EMAIL, email), (Way.SMS, phone)) if address}

    def speaks(self, default: Language = "ar") -> Language:
        """The language that they are told in."""
        return self.language or self.registered_language or default


@dataclass(frozen=True)
class Notice:
    """One thing that one person is told, of one fact, by one template."""

    id: UUID
    person_id: UUID
    template: str
    fact_type: str
    """Wire type of the fact or request that says what is told."""
    fact: str
    """Its body as JSON; ids and figures, no addresses, no names."""
    created_at: datetime
    to: str = "self"
    """As whom they are told: `self`, `asker` (for another), `person` (asked for by another)."""
    subject_id: UUID | None = None
    """The turn that it is about."""
    language: Language | None = None
    sealed: str | None = None
    """What only the sending may read, until it is sent."""
    in_inbox: bool = True
    send_before: datetime | None = None
    traceparent: str | None = None
    state: MessageState = MessageState.QUEUED
    way: Way | None = None
    """The way that is being tried."""
    attempt: int = 0
    """How often it was tried that way."""
    failed: tuple[Way, ...] = ()
    """The ways that are closed to it."""
    due_at: datetime | None = None
    """When it is to be tried next; none: never again."""
    reason: str | None = None


@dataclass(frozen=True)
class Taken:
    """A provider said yes."""

    code: str
    reference: str | None = None
    """The provider's own name of it."""


@dataclass(frozen=True)
class NotNow:
    """A provider could not take it for now, or its answer was lost."""

    code: str
    after: timedelta | None = None
    """How long the provider wants to be left alone."""


@dataclass(frozen=True)
class Never:
    """A provider will not take it, however often it is asked."""

    code: str


Answer = Taken | NotNow | Never


@dataclass(frozen=True)
class Settled:
    """A notice after an answer, and the facts to tell, each with the name that its id follows from."""

    notice: Notice
    facts: tuple[tuple[str, Fact], ...] = field(default=())


@dataclass(frozen=True)
class Patience:
    """How failures are met."""

    tries: int = 6
    base: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    jitter: Callable[[], float] = lambda: 1.0
    """Gives 0 to 1; the pause is between half and all of its length."""
    receipt: timedelta = timedelta(seconds=5)
    """When an SMS provider is first asked whether a text arrived."""
    receipts_for: timedelta = timedelta(hours=2)
    """How old a message may be to be asked for."""

    def pause(self, attempt: int, asked: timedelta | None) -> timedelta:
        """How long to wait after the attempt: four times longer each time, never shorter than was asked for."""
        grown = min(self.longest, self.base * 4.0 ** (attempt - 1)) * (0.5 + self.jitter() / 2)
        return max(grown, min(asked, self.longest)) if asked else grown


def next_way(preferred: Sequence[Way], addresses: Collection[Way], failed: Collection[Way]) -> Way:
    """The first way in the order of preference that has an address and is not closed; the inbox if there is none."""
    order: tuple[Way, ...] = (*preferred, *Way)
    for way in order:
        if way is Way.INBOX or (way in addresses and way not in failed):
            return way
    return Way.INBOX


def suppress(notice: Notice, reason: str) -> Notice:
    """The notice, kept from going out."""
    state = advance(notice.state, S.SUPPRESSED)
    return replace(notice, state=state, reason=reason, due_at=None, sealed=None)


def settle(
    notice: Notice, way: Way, answer: Answer, *, others: Way, provider: str, now: datetime, patience: Patience
) -> Settled:
    """What an answer makes of a notice. `others` is the way that is left if this one is closed."""
    attempt = notice.attempt + 1 if notice.way is way else 1
    tried = replace(notice, way=way, attempt=attempt, reason=answer.code)
    if isinstance(answer, Taken):
        return _sent(tried, provider, now, patience)
    if isinstance(answer, NotNow) and attempt < patience.tries:
        due = now + patience.pause(attempt, answer.after)
        if notice.send_before is None or due < notice.send_before:
            return Settled(replace(tried, state=advance(notice.state, S.TEMPORARY_FAILURE), due_at=due))
    return _closed(tried, others, now)


def follow(notice: Notice, *, has_arrived: bool, now: datetime, patience: Patience) -> Notice:
    """A sent message, once its provider was asked whether it arrived: asked more and more seldom, then no more."""
    if has_arrived:
        return replace(notice, state=advance(notice.state, S.DELIVERED), due_at=None)
    age = now - notice.created_at
    return replace(notice, due_at=now + max(patience.receipt, age) if age < patience.receipts_for else None)


def _sent(notice: Notice, provider: str, now: datetime, patience: Patience) -> Settled:
    assert notice.way is not None  # noqa: S101
    # Mail servers take a mail and say no more; SMS providers know whether the phone has it.
    ask_at = now + patience.receipt if notice.way is Way.SMS else None
    sent = replace(notice, state=advance(notice.state, S.SENT), due_at=ask_at, sealed=None)
    fact = MessageSent(
        message_id=notice.id,
        person_id=notice.person_id,
        template=notice.template,
        channel=notice.way.value,
        at=now,
        provider=provider,
        attempt=notice.attempt,
    )
    return Settled(sent, ((f"sent/{notice.way}", fact),))


def _closed(notice: Notice, others: Way, now: datetime) -> Settled:
    assert notice.way is not None  # noqa: S101
    state = advance(notice.state, S.PERMANENT_FAILURE)
    goes_on = others is not Way.INBOX
    fact = MessageFailed(
        message_id=notice.id,
        person_id=notice.person_id,
        template=notice.template,
        channel=notice.way.value,
        at=now,
        reason=notice.reason or "refused",
        next_channel=others.value if goes_on or notice.in_inbox else None,
    )
    closed = replace(
        notice,
        state=advance(state, S.QUEUED) if goes_on else state,
        failed=(*notice.failed, notice.way),
        due_at=now if goes_on else None,
        sealed=notice.sealed if goes_on else None,
    )
    return Settled(closed, ((f"failed/{notice.way}", fact),))
