"""Lives of payments, act by act: what can only come after something else is in a later act.

Each payment is named. Its ids follow from the name, so that two performances can be compared row by row and message by
message. In an act nothing depends on the order between steps of different lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal
from uuid import UUID, uuid5

from dawr.contracts import Message, Money, Subject, Text
from dawr.contracts.ids import DAWR, payment_id, refund_id
from dawr.contracts.payments import CancelPayment, RefundReason, RequestPayment, RequestRefund

from .town import FEE

SPACE = uuid5(DAWR, "stories of payments")
SHORT, LONG = timedelta(minutes=4), timedelta(hours=1)
LOOK = timedelta(minutes=5)
"""After which the bank is asked about a payment that can still be made: later than a short one ends, so that what ends
by itself is not found by asking in the same moment."""


@dataclass(frozen=True)
class Says:
    """Another service asks for something."""

    id: UUID
    message: Message

    @property
    def line(self) -> str:
        return f"topic {self.message.key()}"


@dataclass(frozen=True)
class Visits:
    """The payer goes to the bank and does something there, of which the bank says nothing yet."""

    name: str
    action: Literal["approve", "decline", "later"]

    @property
    def line(self) -> str:
        return f"payer {self.name}"


@dataclass(frozen=True)
class IsTold:
    """The bank sends its webhooks about a payment and its refunds, all that there are by now and in no order."""

    name: str

    @property
    def line(self) -> str:
        return f"bank {self.name}"


@dataclass(frozen=True)
class BankFails:
    """The next refund is answered with a 503."""

    line: str = "bank"


@dataclass(frozen=True)
class Later:
    """Time goes on."""

    by: timedelta
    line: str = "clock"


Step = Says | Visits | IsTold | BankFails | Later
Act = list[Step]


def of(name: str) -> Subject:
    return Subject(kind="turn", id=uuid5(SPACE, name))


def payer_of(name: str) -> UUID:
    return uuid5(SPACE, f"payer of {name}")


def payment_of(name: str) -> UUID:
    return payment_id(of(name).id)


def refunds_of(name: str) -> tuple[UUID, UUID]:
    """The one refund of a payment, and another where it goes back in parts."""
    return refund_id(of(name).id), uuid5(SPACE, f"rest of {name}")


TOLD, FOUND, DECLINED, UNTOUCHED = "told", "found by asking", "declined first", "never begun"
WITHDRAWN, FORGOTTEN, CROSSED = "withdrawn", "withdrawn before it was begun", "paid and withdrawn at once"
REFUNDED, ASKED_TWICE, IN_PARTS, LATE, FAILS = (
    "refunded",
    "asked twice",
    "in parts",
    "paid too late",
    "a bank that fails",
)
NAMES = (
    *(TOLD, FOUND, DECLINED, UNTOUCHED, WITHDRAWN, FORGOTTEN, CROSSED),
    *(REFUNDED, ASKED_TWICE, IN_PARTS, LATE, FAILS),
)
HALF = Money(minor=FEE.minor // 2, currency=FEE.currency)


def acts(begins: datetime) -> Iterator[Act]:
    """All stories, side by side."""
    numbers = count()

    def says(*messages: Message) -> Iterator[Says]:
        return (Says(uuid5(SPACE, f"message {next(numbers)}"), message) for message in messages)

    yield [*says(*(_asks(name, begins + (SHORT if name in {LATE, UNTOUCHED} else LONG)) for name in NAMES))]
    yield [
        *(Visits(name, "approve") for name in (TOLD, FOUND, CROSSED, REFUNDED, ASKED_TWICE, IN_PARTS, LATE, FAILS)),
        Visits(DECLINED, "decline"),
        Visits(WITHDRAWN, "later"),
    ]
    yield [
        *(IsTold(name) for name in (TOLD, DECLINED, REFUNDED, ASKED_TWICE, IN_PARTS, FAILS)),
        *says(*(_withdraws(name) for name in (WITHDRAWN, FORGOTTEN, CROSSED))),
    ]
    yield [
        *says(_withdraws(TOLD), _asks(TOLD, begins + LONG)),  # it is paid: nothing comes of it
        *says(_refunds(REFUNDED), _refunds(CROSSED, reason=RefundReason.PAID_AFTER_CANCELLATION)),
        *says(_refunds(ASKED_TWICE), _refunds(ASKED_TWICE)),
        *says(*(_refunds(IN_PARTS, refund_id=part, amount=HALF) for part in refunds_of(IN_PARTS))),
    ]
    yield [Visits(DECLINED, "approve"), *map(IsTold, (TOLD, REFUNDED, CROSSED)), *says(_refunds(REFUNDED))]
    yield [Later(SHORT + timedelta(seconds=1)), IsTold(DECLINED), IsTold(IN_PARTS)]
    yield [Later(timedelta(seconds=5)), *says(_withdraws(UNTOUCHED))]
    yield [BankFails(), IsTold(LATE)]
    yield [*says(_refunds(FAILS))]
    yield [Later(timedelta(seconds=30)), *says(_refunds(LATE, reason=RefundReason.PAID_TOO_LATE))]
    yield [Later(LOOK), IsTold(FOUND)]
    yield [*map(IsTold, NAMES)]


def _asks(name: str, pay_before: datetime) -> RequestPayment:
    return RequestPayment(
        payment_id=payment_of(name),
        subject=of(name),
        payer_id=payer_of(name),
        amount=FEE,
        pay_before=pay_before,
        description=Text(ar="تجديد جواز سفر", en="Passport renewal"),
    )


def _withdraws(name: str) -> CancelPayment:
    return CancelPayment(payment_id=payment_of(name), subject=of(name), reason="cancelled")


def _refunds(name: str, **changes: Any) -> RequestRefund:
    given = {
        "refund_id": refunds_of(name)[0],
        "payment_id": payment_of(name),
        "subject": of(name),
        "amount": FEE,
        "reason": RefundReason.CANCELLED_BY_CITIZEN,
        "asked_by": payer_of(name),
    }
    return RequestRefund.model_validate(given | changes)


def commands(act: Iterable[Step]) -> list[Says]:
    """What other services ask for in an act."""
    return [step for step in act if isinstance(step, Says)]
