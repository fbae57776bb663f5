"""Three ready-made people, for those who try the platform: they come first, so that every seed has them alike."""

from dataclasses import dataclass
from datetime import date

from dawr.tools.registry.names import Name
from dawr.tools.registry.people import CARD_AGE, YEAR, Families, Person, Sex


@dataclass(frozen=True, slots=True)
class Sample:
    """A person to try the platform as, and who that is in a few words."""

    label: Name
    person: Person


def add_samples(families: Families) -> tuple[Sample, ...]:
    """Make them and their families."""
    return (_mother(families), _abroad(families), _single(families))


def _add(families: Families, given: Name, family: Name, born: date, sex: Sex, **more: object) -> Person:
    return _with_papers(families, families.add(given, family, born, sex, **more))


def _with_papers(families: Families, person: Person, until: date | None = date(2030, 6, 30)) -> Person:
    """What they have follows from who they are, not from chance."""
    if YEAR - person.born.year >= CARD_AGE:
        person.card = person.card or families.card()
    person.passport = families.passport(until) if until else None
    return person


def _mother(families: Families) -> Sample:
    khatib, sheikh = Name("الخطيب", "Al Khatib"), Name("الشيخ", "Al Sheikh")
    father = _add(families, Name("سامر", "Samer"), khatib, date(1988, 1, 24), "M")
    mother = _add(families, Name("ريم", "Reem"), sheikh, date(1991, 4, 17), "F")
    families.marry(father, mother)
    for child in (
        families.bear(father, mother, Name("جنى", "Jana"), date(2016, 9, 3), "F"),
        families.bear(father, mother, Name("عمر", "Omar"), date(2021, 2, 11), "M"),
    ):
        _with_papers(families, child, until=None)
    return Sample(Name("أمٌّ لطفلين قاصرين", "A mother of two young children"), mother)


def _abroad(families: Families) -> Sample:
    mansour, haddad = Name("منصور", "Mansour"), Name("الحداد", "Al Haddad")
    father = _add(families, Name("نبيل", "Nabil"), mansour, date(1951, 3, 2), "M")
    mother = _add(families, Name("هدى", "Huda"), haddad, date(1957, 8, 14), "F", died=date(2019, 12, 5))
    families.marry(father, mother)
    son = families.bear(father, mother, Name("كريم", "Karim"), date(1986, 11, 8), "M", abroad="DE")
    _with_papers(families, son)
    _with_papers(families, families.bear(father, mother, Name("لينا", "Lina"), date(1990, 5, 21), "F"))
    label = Name("مغترب في ألمانيا، والده وأخته في الوطن", "A man living in Germany; his father and sister are at home")
    return Sample(label, son)


def _single(families: Families) -> Sample:
    darwish = Name("درويش", "Darwish")
    person = _add(families, Name("يارا", "Yara"), darwish, date(2003, 7, 29), "F")
    return Sample(Name("شابة عزباء", "A young single woman"), _with_papers(families, person, until=None))
