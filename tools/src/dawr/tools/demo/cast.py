"""Who takes part, and what each of them will do: decided by the seed alone."""

import random
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

from dawr.contracts.ids import DAWR


class Part(StrEnum):
    """What somebody does once they hold a seat."""

    PAYS = "pays"
    LETS_RUN_OUT = "lets the hold run out"
    PAYS_LATE = "pays after the hold ran out"
    DECLINED_FIRST = "is declined, then pays"
    CANCELS_UNPAID = "cancels before paying"
    CANCELS_PAID = "cancels after paying"
    PRESSES_TWICE = "presses the button twice, then pays"


SHARES = {
    Part.PAYS: 40,
    Part.LETS_RUN_OUT: 12,
    Part.PAYS_LATE: 10,
    Part.DECLINED_FIRST: 10,
    Part.CANCELS_UNPAID: 8,
    Part.CANCELS_PAID: 12,
    Part.PRESSES_TWICE: 8,
}
"""Of a hundred people at home."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for."""

    service: str
    tier: str
    office: str
    date: str

    @property
    def pool(self) -> str:
        """The pool's key."""
        return f"{self.office}/{self.service}/{self.tier}/{self.date}"


@dataclass
class Person:
    """One of the cast, and what became of them."""

    number: int
    id: UUID
    part: Part
    wish: Wish
    language: str
    relative: UUID | None = None
    """Abroad: the relative for whom the turn is."""
    pay_currency: str | None = None
    abroad: bool = False
    turn_id: str | None = None
    payment_id: str | None = None
    accepted: bool = False
    in_line: bool = False
    """Their request came into the line, so there is something to tell them. "Sold out" is also said at the door."""
    refusal: str | None = None
    state: str | None = None
    held: bool = False
    paid: bool = False
    late: bool = False
    twins_differ: str | None = None
    """Of who pressed twice: how the two answers differ, if they do."""
    trouble: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def email(self) -> str:
        """Where they read their mail."""
        return f"p{self.id.hex[:12]}@people.example"


def cast_at_home(people: int, seed: int, run: str, wishes: list[Wish]) -> list[Person]:
    """People who compete at home. `run` makes them other people in each run of the demo."""
    dice = random.Random(seed)  # noqa: S311 - a play, not a secret
    parts = [part for part, share in SHARES.items() for _ in range(share)]
    return [
        Person(
            number=number,
            id=uuid5(DAWR, f"demo/{run}/{number}"),
            part=dice.choice(parts),
            wish=dice.choice(wishes),
            language=dice.choice(["ar", "ar", "en"]),
        )
        for number in range(people)
    ]


def cast_abroad(count: int, seed: int, run: str, wishes: list[Wish]) -> list[Person]:
    """Expatriates at missions: every fifth asks for a relative at home, every fourth pays in euros."""
    dice = random.Random(seed + 1)  # noqa: S311 - a play, not a secret
    return [
        Person(
            number=number,
            id=uuid5(DAWR, f"demo/{run}/abroad/{number}"),
            part=dice.choice([Part.PAYS, Part.PAYS, Part.PAYS, Part.CANCELS_PAID]),
            wish=dice.choice(wishes),
            language=dice.choice(["ar", "en"]),
            relative=uuid5(DAWR, f"demo/{run}/relative/{number}") if number % 5 == 0 else None,
            pay_currency="EUR" if number % 4 == 1 else None,
            abroad=True,
        )
        for number in range(count)
    ]
