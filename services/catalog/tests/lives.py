"""What booking tells of turns, for the tests of seats in use."""

import datetime as dt
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from dawr.contracts import Money, Place, Pool, Text
from dawr.contracts.booking import (
    RefusalCode,
    TurnCancelled,
    TurnConfirmed,
    TurnExpired,
    TurnFact,
    TurnHeld,
    TurnMoved,
    TurnRefused,
)

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
FEE = Money(minor=31_270_000, currency="SYP")


@dataclass(frozen=True)
class Told:
    """A turn, and the facts that booking would tell of it where it is."""

    office: str = "DAM-01"
    service: str = "PASS_REN"
    tier: str = "N"
    date: dt.date = dt.date(2026, 12, 1)
    window: str | None = None
    id: UUID = field(default_factory=uuid4)
    moves: int = 0

    @property
    def _base(self) -> dict[str, object]:
        pool = Pool(office=self.office, service=self.service, tier=self.tier, date=self.date)
        people = {"person_id": self.id, "asked_by": self.id}
        return people | {"turn_id": self.id, "pool": pool, "at": AT, "moves": self.moves}

    def held(self) -> TurnFact:
        return TurnHeld.model_validate(
            self._base
            | {"window": self.window, "place": Place(partition=0, offset=1), "fee": FEE, "payable": FEE}
            | {"payment_id": self.id, "held_until": AT}
        )

    def confirmed(self, *, after_expiry: bool = False) -> TurnFact:
        more = {"window": self.window, "fee": FEE, "after_expiry": after_expiry}
        return TurnConfirmed.model_validate(self._base | more)

    def expired(self) -> TurnFact:
        return TurnExpired.model_validate(self._base | {"held_until": AT})

    def cancelled(self) -> TurnFact:
        return TurnCancelled.model_validate(self._base | {"by": "citizen", "reason": "changed-mind"})

    def refused(self) -> TurnFact:
        return TurnRefused.model_validate(self._base | {"code": RefusalCode.SOLD_OUT})

    def moved(
        self, *, days: int, window: str | None = None, office: str | None = None, counted: bool = True
    ) -> tuple["Told", TurnFact]:
        """On another day, and the fact that says so; those of before moves were counted say none."""
        there = replace(
            self,
            date=self.date + timedelta(days=days),
            window=window,
            office=office or self.office,
            moves=self.moves + counted,
        )
        said = {"from_pool": self._base["pool"], "window": window, "reason": Text(ar="عاصفة", en="A storm")}
        return there, TurnMoved.model_validate(there._base | said)


def turn(**where: object) -> Told:
    """A turn of its own."""
    return Told(**where)  # type: ignore[arg-type]


def a_life(dice: Random) -> tuple[list[TurnFact], Told | None]:
    """The facts of one turn in their order, as booking's states allow them, and where it has a seat at the end."""
    windows = ("09:00", "10:00")
    now = turn(window=dice.choice(windows), date=dt.date(2026, 12, 9))
    counted = dice.random() < 0.7
    facts = [now.held()]

    def maybe_moved() -> None:
        nonlocal now
        if dice.random() < 0.3:
            if dice.random() < 0.5:
                now, fact = now.moved(days=dice.randint(1, 3), window=dice.choice(windows), counted=counted)
            else:
                office = dice.choice(("DAM-01", "DAM-02"))
                now, fact = now.moved(days=dice.randint(-2, 3), window=dice.choice(windows), office=office)
            facts.append(fact)

    maybe_moved()
    end = dice.choice(("held", "confirmed", "expired", "paid late"))
    if end in {"expired", "paid late"}:
        facts.append(now.expired())
    if end in {"confirmed", "paid late"}:
        facts.append(now.confirmed(after_expiry=end == "paid late"))
    if end != "expired":
        maybe_moved()
        if dice.random() < 0.4:
            return [*facts, now.cancelled()], None
    return facts, None if end == "expired" else now
