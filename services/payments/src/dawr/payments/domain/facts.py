"""What a provider says happened, and why we may not be able to act on it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dawr.contracts import Money


@dataclass(frozen=True, slots=True)
class Capture:
    """Money that a provider took. `reference` is our payment's id as the provider was given it."""

    provider: str
    id: str
    checkout_id: str
    reference: str
    money: Money
    at: datetime
    """By the provider's clock."""


@dataclass(frozen=True, slots=True)
class Decline:
    """One try on a provider's page that failed; tries of a checkout count from 1."""

    provider: str
    checkout_id: str
    reference: str
    number: int


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What became of a refund at the provider. `reference` is our refund's id."""

    provider: str
    id: str
    reference: str
    money: Money
    succeeded: bool


class Flag(StrEnum):
    """Why a provider's word was kept for a person and not acted on."""

    UNKNOWN_REFERENCE = "unknown-reference"
    WRONG_AMOUNT = "wrong-amount"
    WRONG_CURRENCY = "wrong-currency"
    SECOND_CAPTURE = "second-capture"
    SECOND_REFUND = "second-refund"
    UNREADABLE = "unreadable"


def difference(asked: Money, told: Money) -> Flag | None:
    """How what a provider told differs from what it was asked."""
    if told.currency != asked.currency:
        return Flag.WRONG_CURRENCY
    return Flag.WRONG_AMOUNT if told.minor != asked.minor else None


class Word(StrEnum):
    """What became of something that a provider said."""

    APPLIED = "applied"
    SEEN_BEFORE = "seen-before"
    NOTED = "noted"
    """Nothing was to be done about it."""
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something that a provider said, and why it waits for a person if it does."""

    word: Word
    flag: Flag | None = None
