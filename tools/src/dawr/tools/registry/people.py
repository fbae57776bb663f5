"""Twenty thousand people in families, the same ones for the same seed: nothing is kept, everything follows from it."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from dawr.tools.registry.mrz import lines
from dawr.tools.registry.names import COUNTRIES, FAMILIES, MEN, WOMEN, Name

PEOPLE = 20_000
STATE = "SYR"
"""Who issues passports here: a code of ICAO Doc 9303."""
YEAR = 2026
"""Ages are told as of then. Birthdays don't move, or a person would be another one next year."""
GOVERNORATES = 14
CARD_AGE, GROWN_AGE = 14, 22
"""From which age people have an identity card; and may be married."""

Sex = Literal["F", "M"]


@dataclass(slots=True)
class Passport:
    """A passport, good until a day."""

    number: str
    until: date


@dataclass(slots=True, eq=False)
class Person:
    """One person of the registry, and their family."""

    number: str
    given: Name
    family: Name
    born: date
    sex: Sex
    abroad: str | None = None
    """The country where they live, if it is another."""
    died: date | None = None
    card: str | None = None
    passport: Passport | None = None
    parents: tuple["Person", ...] = ()
    spouse: "Person | None" = None
    children: list["Person"] = field(default_factory=list)

    @property
    def mrz(self) -> tuple[str, str] | None:
        """The two lines of the passport, if there is one."""
        if self.passport is None:
            return None
        return lines(
            state=STATE,
            family=self.family.en,
            given=self.given.en,
            number=self.passport.number,
            born=self.born,
            sex=self.sex,
            until=self.passport.until,
            personal_number=self.number,
        )

    @property
    def family_members(self) -> list[tuple[str, "Person"]]:
        """Parents, spouse, siblings and children, each with what they are to this person."""
        siblings = {id(each): each for parent in self.parents for each in parent.children if each is not self}
        return [
            *(("parent", each) for each in self.parents),
            *([("spouse", self.spouse)] if self.spouse else []),
            *(("sibling", each) for each in siblings.values()),
            *(("child", each) for each in self.children),
        ]


class Families:
    """Makes families until there are enough people. `random` decides everything."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - made-up people, no secrets
        self.people: dict[str, Person] = {}
        self._cards: set[str] = set()

    def fill(self, count: int) -> None:
        """Make families until there are at least so many people; the last one is whole."""
        while len(self.people) < count:
            self._three_generations()

    def add(self, given: Name, family: Name, born: date, sex: Sex, **more: object) -> Person:
        """A person with a number and documents of their own."""
        person = Person(self._number(), given, family, born, sex, **more)  # type: ignore[arg-type]
        self.people[person.number] = person
        age = YEAR - born.year
        if age >= CARD_AGE and self._dice.random() < 0.98:
            person.card = self.card()
        if person.died is None and self._dice.random() < (0.95 if person.abroad else 0.45):
            # Six years from its issue: some have run out, and none was issued before its holder was born.
            soonest = max(2024, born.year + 7)
            person.passport = self.passport(date(self._dice.randint(soonest, max(2031, soonest)), 1, 1) + self._days())
        return person

    def card(self) -> str:
        """The number of an identity card, one of its own."""
        while (card := f"{self._dice.randrange(10**8, 10**9)}") in self._cards:
            pass
        self._cards.add(card)
        return card

    def passport(self, until: date) -> Passport:
        """A passport with a number of its own."""
        return Passport(f"N{self._dice.randrange(10**7, 10**8)}", until)

    def marry(self, husband: Person, wife: Person) -> None:
        """Two become spouses."""
        husband.spouse, wife.spouse = wife, husband

    def bear(self, father: Person, mother: Person, given: Name, born: date, sex: Sex, **more: object) -> Person:
        """A child of two people, with the father's family name."""
        child = self.add(given, father.family, born, sex, parents=(father, mother), **more)
        father.children.append(child)
        mother.children.append(child)
        return child

    def _number(self) -> str:
        # The third digit is never 0: numbers that documents show as examples are nobody's.
        while (
            number := f"{self._dice.randint(1, GOVERNORATES):02d}{self._dice.randrange(10**8, 10**9)}"
        ) in self.people:
            pass
        return number

    def _days(self) -> timedelta:
        return timedelta(days=self._dice.randrange(365))

    def _someone(self, sex: Sex, year: int, family: Name | None = None, abroad: str | None = None) -> Person:
        given = self._dice.choice(MEN if sex == "M" else WOMEN)
        born = date(year, 1, 1) + self._days()
        died = self._died(year)
        return self.add(given, family or self._dice.choice(FAMILIES), born, sex, abroad=abroad, died=died)

    def _died(self, born: int) -> date | None:
        age = YEAR - born
        if age < 3 or self._dice.random() >= (0.5 if age > 78 else 0.12 if age > 60 else 0.006):
            return None
        return date(self._dice.randint(max(born + 1, 2001), YEAR - 1), 1, 1) + self._days()

    def _couple(self, husband: Person, wife: Person, eldest: int, most: int) -> list[Person]:
        """Marry two, and give them children, the eldest in a year, none in the future or of a mother above 45."""
        self.marry(husband, wife)
        parents = (husband, wife)
        children: list[Person] = []
        year = eldest
        for _ in range(self._dice.randint(0 if most < 5 else 1, most)):
            if (
                year >= YEAR
                or year > wife.born.year + 45
                or any(each.died and each.died.year <= year for each in parents)
            ):
                break
            sex: Sex = "F" if self._dice.random() < 0.49 else "M"
            taken = {husband.given, *(each.given for each in children)}
            given = self._dice.choice([each for each in (MEN if sex == "M" else WOMEN) if each not in taken])
            born = date(year, 1, 1) + self._days()
            children.append(self.bear(husband, wife, given, born, sex, abroad=wife.abroad, died=self._died(year)))
            year += self._dice.randint(2, 4)
        return children

    def _three_generations(self) -> None:
        """An old couple, their children with their spouses, and the grandchildren."""
        born = self._dice.randint(1938, 1964)
        husband = self._someone("M", born)
        wife = self._someone("F", born + self._dice.randint(0, 8))
        for child in self._couple(husband, wife, wife.born.year + self._dice.randint(19, 27), 5):
            if YEAR - child.born.year < GROWN_AGE or child.died or self._dice.random() < 0.25:
                continue
            abroad = self._dice.choice(COUNTRIES) if self._dice.random() < 0.2 else None
            sex: Sex = "F" if child.sex == "M" else "M"
            spouse = self._someone(sex, child.born.year + self._dice.randint(-3, 3), abroad=abroad)
            self._move(child, abroad)
            mother, father = (child, spouse) if child.sex == "F" else (spouse, child)
            self._couple(father, mother, mother.born.year + self._dice.randint(20, 30), 4)

    def _move(self, person: Person, country: str | None) -> None:
        person.abroad = country
        if country and person.passport is None:
            person.passport = self.passport(date(self._dice.randint(2027, 2031), 1, 1) + self._days())
