"""What the platform keeps of a person, and for whom they act without a mandate: pure."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from dawr.contracts import Text
from dawr.contracts.message import Value


class Kinship(StrEnum):
    """What a relative is to the person."""

    CHILD = "child"
    SPOUSE = "spouse"
    PARENT = "parent"
    SIBLING = "sibling"


class Relative(Value):
    """One of a person's family, as the civil registry has them."""

    person_id: UUID
    kinship: Kinship
    given: Text
    family: Text
    born: date

    def is_minor(self, today: date, minor_years: int) -> bool:
        """Whether they are too young to act for themselves."""
        return age(self.born, today) < minor_years


class Profile(Value):
    """A person as the civil registry has them, and how they are reached."""

    given: Text
    family: Text
    born: date
    abroad: str | None = None
    """The country where they live, if not at home: ISO 3166-1 alpha-2."""
    reached: tuple[str, ...] = ()
    """Where codes go, masked: `l•••@people.example`, `+963•••567`. To be shown to the person, and to nobody else."""
    relatives: tuple[Relative, ...] = ()


def acts_for(profile: Profile, today: date, minor_years: int) -> frozenset[UUID]:
    """The ids of a person's minor children: parents act for them as for themselves.

    A person who is a minor acts for nobody.
    """
    if age(profile.born, today) < minor_years:
        return frozenset()
    return frozenset(
        each.person_id
        for each in profile.relatives
        if each.kinship is Kinship.CHILD and each.is_minor(today, minor_years)
    )


def age(born: date, today: date) -> int:
    """In whole years. Somebody born on 29 February comes of age on 1 March of other years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def masked_mail(address: str) -> str:
    """`layla.haddad@people.example` as `l•••@people.example`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def masked_phone(number: str) -> str:
    """`+963991234567` as `+963•••567`."""
    return f"{number[:4]}•••{number[-3:]}"
