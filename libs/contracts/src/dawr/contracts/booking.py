"""Messages of booking: requests for turns, and what became of them."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from dawr.contracts.message import Message
from dawr.contracts.values import Channel, FxRate, Instant, Money, Place, Pool, Text, WindowStart

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""A digest of what was asked, so that one key with another body is told apart from a retry."""

Share = Literal["assisted", "accessible", "urgent"]
"""For whom a part of a day's seats can be kept: who is helped by a licensed office, the old and the disabled, and
urgent cases. Others can't take such a seat."""

ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}$")]
"""Why somebody of the staff did something, in a word that is no free text: nothing personal fits in."""


class RequestTurn(Message):
    """Asks for a seat of a pool. The order of these in the partition is the line."""

    wire_type: ClassVar[str] = "booking.request-turn.v1"

    turn_id: UUID
    person_id: UUID
    """Whom the turn is for; can't change later."""
    asked_by: UUID
    """Who asked and will pay: the person, or one who may act for them."""
    pool: Pool
    window: WindowStart | None = None
    channel: Channel = Channel.ONLINE
    fingerprint: Fingerprint
    asked_at: Instant
    case_id: UUID | None = None
    """The mission's case that this turn belongs to."""
    fx: FxRate | None = None
    """The rate at which the payer pays in another currency than the fee's."""
    share: Share | None = None
    """The share whose kept seats it may have; none: it takes a seat that anybody can have."""
    entered_by: UUID | None = None
    """Who of the staff asked on behalf of the person, if anybody did."""
    reason: ReasonCode | None = None
    """Why they did."""

    def key(self) -> str:
        return self.pool.key


class CancelTurn(Message):
    """Asks that a turn be given back."""

    wire_type: ClassVar[str] = "booking.cancel-turn.v1"

    turn_id: UUID
    pool: Pool
    asked_by: UUID
    role: Literal["citizen", "office"] = "citizen"
    reason: Annotated[str, Field(max_length=64)] = "changed-mind"
    asked_at: Instant

    def key(self) -> str:
        return self.pool.key


class RescheduleTurn(Message):
    """Asks that a turn be moved to another day, office or window by its people.

    It stands in the line of the pool that it wants a seat of: the turn keeps its own until it has that one.
    """

    wire_type: ClassVar[str] = "booking.reschedule-turn.v1"

    reschedule_id: UUID
    turn_id: UUID
    pool: Pool
    """Where to: of the same service and tier."""
    window: WindowStart | None = None
    """None: the earliest with a seat."""
    asked_by: UUID
    asked_at: Instant

    def key(self) -> str:
        return self.pool.key


class CancelDay(Message):
    """Asks that every live turn of a day that is closed be moved to a later day, or cancelled with a full refund.

    A day of many turns is worked through in slices: after one, booking sends this again with the next number.
    """

    wire_type: ClassVar[str] = "booking.cancel-day.v1"

    cancellation_id: UUID
    """One decision of an office; it has a command for each of the day's pools."""
    pool: Pool
    instead: Literal["move", "refund"]
    reason: Text
    """Told to everybody whose turn is touched."""
    asked_by: UUID
    role: Literal["office-manager", "approver"]
    at: Instant
    slice: Annotated[int, Field(ge=1)] = 1

    def key(self) -> str:
        return self.pool.key


class RefusalCode(StrEnum):
    """Why a seat was refused. Each has a text and a next step in the answer."""

    SOLD_OUT = "sold-out"
    WINDOW_FULL = "window-full"
    WINDOW_UNKNOWN = "window-unknown"
    NOT_OPEN_YET = "not-open-yet"
    CLOSED = "closed"
    DAY_OVER = "day-over"
    ONE_LIVE_TURN = "one-live-turn"
    UNKNOWN_SERVICE = "unknown-service"
    NO_FEE = "no-fee"
    FX_MISMATCH = "fx-mismatch"


class TurnFact(Message):
    """What every fact about a turn carries."""

    turn_id: UUID
    person_id: UUID
    asked_by: UUID
    pool: Pool
    case_id: UUID | None = None
    at: Instant
    """When it happened."""
    moves: Annotated[int, Field(ge=0)] = 0
    """How often the turn had been moved by then: of two facts, the one with more knows the newer pool."""

    def key(self) -> str:
        return str(self.turn_id)


class TurnHeld(TurnFact):
    """A seat is kept until `held_until`; a paid turn now waits for its payment."""

    wire_type: ClassVar[str] = "booking.turn-held.v1"

    window: WindowStart | None = None
    place: Place
    fee: Money
    payable: Money
    """What is to be paid: the fee, or the fee at the frozen rate."""
    payment_id: UUID
    held_until: Instant


class TurnRefused(TurnFact):
    """No seat: the code says why."""

    wire_type: ClassVar[str] = "booking.turn-refused.v1"

    code: RefusalCode
    opens_at: Instant | None = None
    """When seats, or more of them, can be asked for, with `not-open-yet`."""


class TurnConfirmed(TurnFact):
    """The turn is the person's: paid in full, or free."""

    wire_type: ClassVar[str] = "booking.turn-confirmed.v1"

    window: WindowStart | None = None
    fee: Money
    payment_id: UUID | None = None
    after_expiry: bool = False
    """The payment came after the hold had run out, and the seat was still free."""


class TurnExpired(TurnFact):
    """The hold ran out before it was paid; the seat is free again."""

    wire_type: ClassVar[str] = "booking.turn-expired.v1"

    held_until: Instant


class TurnCancelled(TurnFact):
    """The turn was given back. `refund` is what comes back, if anything was paid."""

    wire_type: ClassVar[str] = "booking.turn-cancelled.v1"

    by: Literal["citizen", "office"]
    reason: Annotated[str, Field(max_length=64)]
    refund: Money | None = None
    reason_text: Text | None = None
    """Why the office cancelled it, in words."""


class TurnMoved(TurnFact):
    """The turn was moved: by the office to a later day, or by its people to another day, office or window. It is the
    same turn, with payment and fee; `pool` is the new one."""

    wire_type: ClassVar[str] = "booking.turn-moved.v1"

    from_pool: Pool
    window: WindowStart | None = None
    """The window on the new day."""
    held_until: Instant | None = None
    """Until when it has to be paid, as before, if it still has to."""
    reason: Text
    by: Literal["citizen", "office"] = "office"


BookingRequest = RequestTurn | CancelTurn | RescheduleTurn | CancelDay
BookingFact = TurnHeld | TurnRefused | TurnConfirmed | TurnExpired | TurnCancelled | TurnMoved
