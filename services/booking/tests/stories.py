"""Lives of turns as messages, act by act: what can only come after something else is in a later act.

Every id in them is fixed, so that two performances can be compared row by row and message by message. Within an act
nothing depends on the order between topics, nor between keys of one topic.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from services.booking.tests.conftest import CATALOGUE, DAY, SYP, USD, capacity, office_described, service_described

from dawr.contracts import Channel, FxRate, Message, Money, Pool, Subject, Text
from dawr.contracts.booking import CancelDay, CancelTurn, RequestTurn, RescheduleTurn
from dawr.contracts.catalog import CapacityPublished, KeptSeats
from dawr.contracts.ids import DAWR, payment_id, refund_id, turn_id
from dawr.contracts.payments import (
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    RefundAccepted,
    RefundFact,
    RefundFailed,
    RefundReason,
    RefundSucceeded,
)
from dawr.contracts.topics import TOPIC_OF, Topic
from dawr.contracts.values import Window
from dawr.servicekit.idempotency import fingerprint
from dawr.servicekit.replays import shuffled

SPACE = uuid5(DAWR, "stories of booking")
AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
EURO = FxRate(base="USD", quote="EUR", rate=Decimal("0.8625"), dated=dt.date(2026, 11, 23))


@dataclass(frozen=True)
class TakenAway:
    """A tombstone: the thing that a message described is no more."""

    described: Message

    def key(self) -> str:
        return self.described.key()


Sent = Message | TakenAway


def topic_of(sent: Sent) -> Topic:
    return TOPIC_OF[type(sent.described if isinstance(sent, TakenAway) else sent)]


@dataclass
class Act:
    """Messages that may come in any order between their keys, once the clock was turned."""

    messages: list[tuple[UUID, Sent]] = field(default_factory=list)
    turn_clock_seconds: int = 0

    def shuffled(self, seed: int) -> list[tuple[UUID, Sent]]:
        """The messages in another order; those of one key of one topic stay in theirs."""
        return shuffled(self.messages, lambda each: (topic_of(each[1]).name, each[1].key()), seed)


def person(name: str) -> UUID:
    return uuid5(SPACE, name)


def pool(office: str, service: str = "PASS_REN") -> Pool:
    return Pool(office=office, service=service, tier="N", date=DAY)


def asks(name: str, where: Pool, *, key: str = "k", window: str | None = None, **more: object) -> RequestTurn:
    """A request whose turn follows from person and key, as intake makes it."""
    return RequestTurn(
        turn_id=turn_id(person(name), key),
        person_id=person(name),
        asked_by=person(name),
        pool=where,
        window=window,
        fingerprint=fingerprint(where.key, window),
        asked_at=AT,
    ).model_copy(update=more)


def of(name: str, key: str = "k") -> UUID:
    """The turn that a person's request made."""
    return turn_id(person(name), key)


def cancels(name: str, where: Pool, *, role: str = "citizen", key: str = "k") -> CancelTurn:
    return CancelTurn.model_validate(
        {"turn_id": of(name, key), "pool": where, "asked_by": person(name), "role": role, "asked_at": AT}
    )


def moves(name: str, to: Pool, *, window: str | None = None, wish: str = "wish") -> RescheduleTurn:
    """The command of a person who wants their turn moved."""
    return RescheduleTurn(
        reschedule_id=uuid5(SPACE, f"{wish} of {name}"),
        turn_id=of(name),
        pool=to,
        window=window,
        asked_by=person(name),
        asked_at=AT,
    )


def cancels_day(where: Pool, instead: str = "move") -> CancelDay:
    """The command of an office whose day is closed."""
    return CancelDay.model_validate(
        {
            "cancellation_id": uuid5(SPACE, f"cancellation of {where.key}"),
            "pool": where,
            "instead": instead,
            "reason": STORM,
            "asked_by": person("manager"),
            "role": "office-manager",
            "at": AT,
        }
    )


def days_after(seats: int, where: Pool, revision: int, *, later: int = 0) -> list[CapacityPublished]:
    """Seats on the day of a pool and, unless it is closed with 0, on the one that comes `later`; by month."""
    plain = capacity(seats, office=where.office, revision=revision)
    dates = [where.date, *([where.date + dt.timedelta(days=1)] if later else [])]
    counts = dict(zip(dates, (seats, later), strict=False))
    return [
        plain.model_copy(
            update={
                "month": month,
                "days": tuple(
                    plain.days[0].model_copy(update={"date": date, "capacity": count})
                    for date, count in counts.items()
                    if count and f"{date:%Y-%m}" == month
                ),
            }
        )
        for month in sorted({f"{date:%Y-%m}" for date in dates})
    ]


def pays(name: str, amount: Money = SYP, *, key: str = "k") -> PaymentCaptured:
    id = of(name, key)
    return PaymentCaptured(**_payment(id, name, amount), provider="sandbox", provider_reference="cap")


def _payment(id: UUID, name: str, amount: Money) -> dict[str, object]:
    subject = Subject(kind="turn", id=id)
    return {"payment_id": payment_id(id), "subject": subject, "payer_id": person(name), "amount": amount, "at": AT}


def fails(name: str) -> PaymentFailed:
    return PaymentFailed(**_payment(of(name), name, SYP), provider="sandbox", attempt=1)


def payment_expires(name: str) -> PaymentExpired:
    return PaymentExpired(**_payment(of(name), name, SYP))


def refunds(name: str, amount: Money = SYP) -> list[RefundFact]:
    """Accepted, given up and at last given back, in the order of their key."""
    base = _payment(of(name), name, amount) | {"refund_id": refund_id(of(name))}
    return [
        RefundAccepted(**base, reason=RefundReason.CANCELLED_BY_CITIZEN),
        RefundFailed(**base, attempt=8, reason="closed-account"),
        RefundSucceeded(**base, attempt=9, provider="sandbox", provider_reference="ref"),
    ]


WINDOWS = (Window(start="08:00", end="08:45", capacity=1), Window(start="09:00", end="09:45", capacity=1))
ONE, TWO, LATE, FULL, WINDOWED, SHRUNK, GONE, BACK = (pool(f"OFF-{number:02}") for number in range(8))
FREE = pool("OFF-10", "FREE_ONE")
STORMY, SHUT, KEPT = pool("OFF-11"), pool("OFF-12"), pool("OFF-13")
LEFT, BETTER, CROWDED = pool("OFF-14"), pool("OFF-15"), pool("OFF-16")
STORM = Text(ar="عاصفة", en="A storm")
MISSION = pool("BER-01")


def _keeping(month: CapacityPublished, **kept: int) -> CapacityPublished:
    shares = tuple(KeptSeats.model_validate({"share": share, "seats": seats}) for share, seats in kept.items())
    return month.model_copy(update={"days": tuple(day.model_copy(update={"kept": shares}) for day in month.days)})


def _requests() -> list[RequestTurn]:
    return [
        *(asks(name, ONE) for name in ("paid", "declined", "too late here")),
        *(asks(name, LATE) for name in ("late, seat free", "late, seat gone")),
        *(asks(name, FULL) for name in ("first", "sold out")),
        asks("wishes nine", WINDOWED, window="09:00"),
        asks("wishes nine too", WINDOWED, window="09:00"),
        asks("takes any", WINDOWED),
        *(asks(name, SHRUNK) for name in ("stays", "goes")),
        asks("holds on a closed day", GONE),
        asks("free", FREE),
        asks("abroad", MISSION, channel=Channel.MISSION, fx=EURO, case_id=uuid5(SPACE, "case")),
        *(asks(name, STORMY) for name in ("moved unpaid", "moved paid", "no day left")),
        *(asks(name, SHUT) for name in ("shut unpaid", "shut paid")),
        *(asks(name, KEPT) for name in ("kept out not yet", "kept out")),
        asks("urgent", KEPT, share="urgent", entered_by=person("desk"), reason="medical"),
        *(asks(name, LEFT) for name in ("goes paid", "goes unpaid", "goes and gives back", "finds no seat")),
        asks("was there before", CROWDED),
        asks("nobody's pool", pool("OFF-40")),
        asks("not served", pool("OFF-41", "NO_SUCH")),
    ]


def _moves() -> list[RescheduleTurn]:
    goers = [moves(name, BETTER) for name in ("goes paid", "goes unpaid", "goes and gives back")]
    return [*goers, moves("finds no seat", CROWDED), moves("abroad", MISSION)]


def _second_moves() -> list[RescheduleTurn]:
    return [moves("goes paid", LEFT, wish="second wish"), moves("finds no seat", BETTER, wish="second wish")]


def acts() -> Iterator[Act]:
    """All stories, side by side."""
    number = 0

    def act(*messages: Sent, turn_clock_seconds: int = 0) -> Act:
        nonlocal number
        ids = [uuid5(SPACE, f"message {number + place}") for place in range(len(messages))]
        number += len(messages)
        return Act(list(zip(ids, messages, strict=True)), turn_clock_seconds)

    yield act(*CATALOGUE)
    yield act(
        *(capacity(2, office=where.office) for where in (ONE, TWO, LATE, SHRUNK, GONE, BACK)),
        capacity(1, office=FULL.office),
        capacity(2, office=WINDOWED.office, windows=WINDOWS),
        capacity(5, office=FREE.office, service="FREE_ONE"),
        capacity(5, office="BER-01"),
        *days_after(3, STORMY, 1, later=2),
        capacity(2, office=SHUT.office),
        *(capacity(4, office=where.office) for where in (LEFT, BETTER)),
        capacity(1, office=CROWDED.office),
        _keeping(capacity(2, office=KEPT.office), urgent=1),
    )
    yield act(*_requests())
    yield act(
        pays("paid"),
        fails("declined"),
        payment_expires("declined"),
        cancels("first", FULL),
        asks("paid", TWO, key="second"),  # one live turn
        cancels("free", FREE),
        pays("abroad", EURO.convert(USD)),
        pays("stays"),
        cancels("goes", SHRUNK, role="office"),
        service_described("NOT_HERE", Money(minor=99, currency="SYP"), revision=2),
        capacity(1, office=SHRUNK.office, revision=3),
        capacity(9, office=SHRUNK.office, revision=2),
        TakenAway(capacity(1, office=BACK.office)),
        capacity(4, office=BACK.office, revision=2),
        TakenAway(office_described("OFF-47")),
        office_described("OFF-47", revision=2),
        TakenAway(office_described("OFF-46")),
        *(pays(name) for name in ("moved paid", "no day left", "shut paid", "goes paid", "finds no seat")),
        cancels("urgent", KEPT),
    )
    yield act(
        *days_after(0, STORMY, 2, later=2),
        *days_after(0, SHUT, 2),
        asks("urgent too", KEPT, share="urgent", entered_by=person("desk"), reason="medical"),
    )
    yield act(cancels_day(STORMY), cancels_day(SHUT, "refund"), *_moves())
    yield act(cancels("goes and gives back", LEFT), pays("goes unpaid"), *_second_moves())
    yield act(cancels("moved unpaid", STORMY), *refunds("shut paid"), *refunds("no day left"))
    yield act(pays("first"), cancels("paid", ONE), cancels("abroad", MISSION), asks("after the sold out", FULL))
    yield act(
        *refunds("paid"),
        *refunds("abroad", EURO.convert(USD))[::-1],
        *refunds("first")[1:],
        asks("paid", TWO, key="third"),
        capacity(0, office=GONE.office, revision=2, days=0),
    )
    yield act(turn_clock_seconds=15 * 60)
    late = [asks(name, LATE) for name in ("takes one", "takes the other")]
    yield act(*late, pays("holds on a closed day"), pays("declined"))
    yield act(cancels("takes one", LATE), pays("wishes nine"))
    yield act(pays("late, seat free"))
    yield act(pays("late, seat gone"))
    yield act(*refunds("late, seat gone"), *refunds("holds on a closed day"), cancels("late, seat free", LATE))
