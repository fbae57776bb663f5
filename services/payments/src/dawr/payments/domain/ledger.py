"""Double entry: what each movement of money means in accounts. Debits are positive, credits negative minor units."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from dawr.contracts import Money
from dawr.payments.domain.facts import Capture, RefundOutcome
from dawr.payments.domain.payment import Payment
from dawr.payments.domain.refund import Refund

REFUNDS_DUE = "refunds-due"
"""What we owe to payers whose refund is on its way."""
SUSPENSE = "suspense"
"""Money that can't be placed: a person finds out whose it is."""


def bank(provider: str) -> str:
    """What a provider holds for us."""
    return f"bank:{provider}"


def held(payment: Payment) -> str:
    """What was paid for things of one kind: `held:turns`."""
    return f"held:{payment.subject.kind}s"


class Unbalanced(ValueError):
    """Debits and credits of an entry differ in a currency."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry."""

    account: str
    money: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money: its postings sum to zero in each currency. Raises Unbalanced."""

    cause: str
    """What happened, so that it is posted once: `capture/sandbox/cap_1`."""
    kind: str
    postings: tuple[Posting, ...]
    payment_id: UUID | None = None
    refund_id: UUID | None = None

    def __post_init__(self) -> None:
        sums: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.money.currency] += posting.money.minor
        if not self.postings or any(sums.values()):
            raise Unbalanced(f"{self.cause}: {dict(sums)}")


def transfer(money: Money, *, debit: str, credit: str) -> tuple[Posting, Posting]:
    """The two lines that move an amount: into `debit`, out of `credit`."""
    return Posting(debit, money), Posting(credit, Money(minor=-money.minor, currency=money.currency))


def captured(payment: Payment, capture: Capture) -> Entry:
    """The provider holds the payer's money for us."""
    return Entry(
        cause=f"capture/{capture.provider}/{capture.id}",
        kind="payment-captured",
        postings=transfer(capture.money, debit=bank(capture.provider), credit=held(payment)),
        payment_id=payment.id,
    )


def captured_in_suspense(capture: Capture, payment: Payment | None) -> Entry:
    """The provider took money that is not what was asked for."""
    return Entry(
        cause=f"capture/{capture.provider}/{capture.id}",
        kind="capture-flagged",
        postings=transfer(capture.money, debit=bank(capture.provider), credit=SUSPENSE),
        payment_id=payment.id if payment else None,
    )


def refund_accepted(refund: Refund, payment: Payment) -> Entry:
    """What was held is now owed to the payer; again in each round."""
    return Entry(
        cause=f"refund/{refund.id}/accepted/{refund.round}",
        kind="refund-accepted",
        postings=transfer(refund.amount, debit=held(payment), credit=REFUNDS_DUE),
        payment_id=payment.id,
        refund_id=refund.id,
    )


def refund_succeeded(refund: Refund, payment: Payment, outcome: RefundOutcome, *, was_set_aside: bool) -> Entry:
    """The provider gave the money back. What was set aside is not owed but held again, and leaves from there."""
    return Entry(
        cause=f"refund/{refund.id}/succeeded",
        kind="refund-succeeded",
        postings=transfer(
            refund.amount, debit=held(payment) if was_set_aside else REFUNDS_DUE, credit=bank(outcome.provider)
        ),
        payment_id=payment.id,
        refund_id=refund.id,
    )


def refund_failed(refund: Refund, payment: Payment) -> Entry:
    """The refund was set aside: the money is held as before."""
    return Entry(
        cause=f"refund/{refund.id}/failed/{refund.round}",
        kind="refund-failed",
        postings=transfer(refund.amount, debit=REFUNDS_DUE, credit=held(payment)),
        payment_id=payment.id,
        refund_id=refund.id,
    )


def refunded_from_suspense(outcome: RefundOutcome) -> Entry:
    """The provider gave back money that we did not ask it to."""
    return Entry(
        cause=f"refund/{outcome.provider}/{outcome.id}",
        kind="refund-flagged",
        postings=transfer(outcome.money, debit=SUSPENSE, credit=bank(outcome.provider)),
    )
