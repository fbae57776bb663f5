"""Registration, decided purely: whether what was typed is in form, and whether it is what the civil registry knows.

What is in form is told to anybody, field by field: it follows from what they typed alone. Whether the registry knows
the person, and by these documents, is told to nobody: a code comes or does not.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeVar

from mrz.base.errors import FieldError, LengthError
from mrz.checker.td3 import TD3CodeChecker
from pydantic import StringConstraints

from dawr.contracts import Text
from dawr.contracts.message import Value
from dawr.gateway.domain.digits import plain_digits
from dawr.gateway.domain.people import Kinship, age
from dawr.gateway.errors import NotAnIdentityNumber
from dawr.gateway.errors_people import (
    AddressNeeded,
    DocumentNeeded,
    Fault,
    FieldNotInForm,
    NotABirthDate,
    NotACardNumber,
    NotAMailAddress,
    NotAPassportNumber,
    NotAPhoneNumber,
    NotPassportLines,
    PassportExpired,
    PassportMisread,
    PassportOfAnother,
    RegistrationNotInForm,
    TooYoung,
)

OLDEST_YEARS = 125
_NUMBER = re.compile(r"[0-9]{11}")
_CARD = re.compile(r"[0-9]{6,12}")
_PASSPORT = re.compile(r"[A-Z0-9]{6,9}")
_LINE = re.compile(r"[A-Z0-9<]{44}")
_MAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""As HTML's `input type=email` takes it, with a dot in its domain (WHATWG HTML, 4.10.5.1.5)."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""
_LONGEST_MAIL = 254
_TODAYS_CENTURY = 100

Lines = tuple[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """A registration as it was typed; empty texts are fields that were left out."""

    identity_number: str
    born: str
    """`1991-04-17`"""
    card: str = ""
    """Number of the identity card."""
    passport: str = ""
    """Number of the passport."""
    mrz: str = ""
    """The two lines at the foot of the passport's page, with a line break or without."""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A registration in form: who somebody says they are. One of the three documents is there."""

    identity_number: str
    born: date
    card: str | None
    passport: str | None
    mrz: Lines | None
    email: str | None
    phone: str | None


class Passport(Value):
    """A passport, as the registry has it."""

    number: str
    until: date
    mrz: Lines


class Documents(Value):
    """What a person was issued."""

    identity_card: str | None = None
    passport: Passport | None = None


IdentityNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]


class Kin(Value):
    """One of a person's family, as the registry has them."""

    kinship: Kinship
    identity_number: IdentityNumber
    given: Text
    family: Text
    born: date
    died: date | None = None


class Registered(Value):
    """A person, as the registry has them."""

    identity_number: IdentityNumber
    given: Text
    family: Text
    born: date
    died: date | None = None
    abroad: str | None = None
    documents: Documents
    relatives: tuple[Kin, ...] = ()


def read(form: Form, today: date, minor_years: int) -> Claim:
    """What was typed, in form. Raises RegistrationNotInForm with all that is wrong, in the order of the fields."""
    faults: list[Fault] = []

    def taken(field: str, reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except (FieldNotInForm, NotAnIdentityNumber) as fault:
            faults.append((field, fault))
            return None

    number = taken("identity_number", lambda: _number(form.identity_number))
    born = taken("born", lambda: _born(form.born, today, minor_years))
    taken("document", lambda: _only_one(form.card, form.passport, form.mrz))
    card = taken("card", lambda: _matching(_CARD, plain_digits(form.card), NotACardNumber))
    passport = taken("passport", lambda: _matching(_PASSPORT, _capitals(form.passport), NotAPassportNumber))
    lines = taken("mrz", lambda: _lines(form.mrz, born, today))
    taken("address", lambda: _reachable(form.email, form.phone))
    email = taken("email", lambda: _mail(form.email))
    phone = taken("phone", lambda: _matching(_PHONE, _international(form.phone), NotAPhoneNumber))
    if faults or number is None or born is None:
        raise RegistrationNotInForm(faults)
    return Claim(number, born, card, passport, lines, email, phone)


def matches(claim: Claim, person: Registered, today: date) -> bool:
    """Whether somebody is who they say they are: alive, born then, and with this document, which is good today."""
    documents = person.documents
    passport = documents.passport if documents.passport is not None and documents.passport.until >= today else None
    return (
        person.died is None
        and person.identity_number == claim.identity_number
        and person.born == claim.born
        and (claim.card is None or claim.card == documents.identity_card)
        and (claim.passport is None or (passport is not None and claim.passport == passport.number))
        and (claim.mrz is None or (passport is not None and claim.mrz == passport.mrz))
        and (claim.card, claim.passport, claim.mrz) != (None, None, None)
    )


def _number(typed: str) -> str:
    digits = plain_digits(typed)
    if not _NUMBER.fullmatch(digits):
        raise NotAnIdentityNumber
    return digits


def _born(typed: str, today: date, minor_years: int) -> date:
    try:
        born = date.fromisoformat(_plain_date(typed))
    except ValueError as error:
        raise NotABirthDate from error
    if born > today or age(born, today) > OLDEST_YEARS:
        raise NotABirthDate
    if age(born, today) < minor_years:
        raise TooYoung
    return born


def _plain_date(typed: str) -> str:
    """In ASCII digits: `1991-04-17` from `١٩٩١-٠٤-١٧`. The dashes stay."""
    return "-".join(plain_digits(part) for part in typed.split("-"))


def _only_one(*documents: str) -> None:
    if sum(bool(each) for each in documents) != 1:
        raise DocumentNeeded


def _reachable(*addresses: str) -> None:
    if not any(addresses):
        raise AddressNeeded


def _matching(pattern: re.Pattern[str], text: str, fault: type[FieldNotInForm]) -> str | None:
    if text and not pattern.fullmatch(text):
        raise fault
    return text or None


def _capitals(typed: str) -> str:
    return plain_digits(typed).upper()


def _mail(typed: str) -> str | None:
    if len(typed) > _LONGEST_MAIL:
        raise NotAMailAddress
    return _matching(_MAIL, typed, NotAMailAddress)


def _international(typed: str) -> str:
    digits = plain_digits(typed)
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def _lines(typed: str, born: date | None, today: date) -> Lines | None:
    """The two lines of a passport (ICAO Doc 9303, TD3), whose check digits fit."""
    signs = "".join(plain_digits(typed).split()).upper()
    if not signs:
        return None
    lines = signs[:44], signs[44:]
    if not all(_LINE.fullmatch(each) for each in lines) or not signs.startswith("P"):
        raise NotPassportLines
    try:
        checker = TD3CodeChecker("\n".join(lines), check_expiry=False)
        holds = bool(checker)
        fields = checker.fields()
        in_passport, until = _day(fields.birth_date, today, ahead=False), _day(fields.expiry_date, today, ahead=True)
    except (FieldError, LengthError, ValueError) as error:
        raise PassportMisread from error
    if not holds:
        raise PassportMisread
    if born is not None and in_passport != born:
        raise PassportOfAnother
    if until < today:
        raise PassportExpired
    return lines


def _day(short: str, today: date, *, ahead: bool) -> date:
    """A date of two-digit year: of birth, the last one past; of expiry, in this century. ValueError if it is none."""
    year = int(short[:2]) + today.year // _TODAYS_CENTURY * _TODAYS_CENTURY
    if not ahead and year > today.year:
        year -= _TODAYS_CENTURY
    return date(year, int(short[2:4]), int(short[4:6]))
