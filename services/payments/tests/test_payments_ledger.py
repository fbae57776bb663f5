"""The ledger: balanced whatever happens, in the rules and in the database itself."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawr.contracts import Money, Subject, Text
from dawr.contracts.payments import RefundReason, RequestPayment, RequestRefund
from dawr.payments.domain import ledger
from dawr.payments.domain.facts import Capture, RefundOutcome
from dawr.payments.domain.ledger import Entry, Posting, Unbalanced
from dawr.payments.domain.payment import Payment, capture_payment, flag_of_capture, open_payment
from dawr.payments.domain.refund import (
    Refund,
    Retries,
    accept_refund,
    approve_again,
    fail_try,
    submit_refund,
    succeed_refund,
)
from dawr.payments.domain.states import PAID, PaymentState, RefundState
from dawr.payments.errors import AmountNotPositive, RefundTooLarge
from dawr.servicekit.auth import Role
from dawr.servicekit.testing import Stage

from .town import Town

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
RETRIES = Retries(failures=1, first=timedelta(seconds=1), longest=timedelta(seconds=1))


class Books:
    """One payment and its refunds, moved by the pure rules alone; every entry is kept."""

    def __init__(self, minor: int, currency: str) -> None:
        request = RequestPayment(
            payment_id=uuid4(),
            subject=Subject(kind="turn", id=uuid4()),
            payer_id=uuid4(),
            amount=Money(minor=minor, currency=currency),
            pay_before=NOW + timedelta(minutes=15),
            description=Text(ar="رسم", en="Fee"),
        )
        self.payment: Payment = open_payment(request, NOW)[0]
        self.refunds: dict[UUID, Refund] = {}
        self.entries: list[Entry] = []
        self.in_suspense = 0

    def taken(self, minor: int) -> None:
        capture = Capture(
            "sandbox", f"cap_{uuid4()}", "chk", str(self.payment.id), Money(minor=minor, currency=self.currency), NOW
        )
        if flag_of_capture(self.payment, capture):
            self.entries.append(ledger.captured_in_suspense(capture, self.payment))
            self.in_suspense += minor
            return
        self.payment, _ = capture_payment(self.payment, capture)
        self.entries.append(ledger.captured(self.payment, capture))

    @property
    def currency(self) -> str:
        return self.payment.amount.currency

    def asked_back(self, minor: int) -> None:
        promised = sum(each.amount.minor for each in self.refunds.values())
        request = RequestRefund(
            refund_id=uuid4(),
            payment_id=self.payment.id,
            subject=self.payment.subject,
            amount=Money(minor=minor, currency=self.currency),
            reason=RefundReason.CANCELLED_BY_CITIZEN,
        )
        try:
            refund, _ = accept_refund(self.payment, promised, request, NOW)
        except (RefundTooLarge, AmountNotPositive):
            return
        self.refunds[refund.id] = refund
        self.entries.append(ledger.refund_accepted(refund, self.payment))

    def moved(self, refund: Refund, what: str) -> None:
        if what == "again" and refund.state is RefundState.FAILED:
            again = approve_again(refund, uuid4(), NOW)
            self.refunds[refund.id] = again
            self.entries.append(ledger.refund_accepted(again, self.payment))
        elif what == "fail" and refund.state in {RefundState.APPROVED, RefundState.SUBMITTED}:
            submitted = submit_refund(refund, NOW, timedelta(seconds=1))
            failed, _ = fail_try(submitted, NOW, RETRIES, 1.0, why="no", failed_reference=None)
            self.refunds[refund.id] = failed
            self.entries.append(ledger.refund_failed(failed, self.payment))
        elif what == "succeed" and refund.state is not RefundState.SUCCEEDED:
            outcome = RefundOutcome("sandbox", f"ref_{uuid4()}", str(refund.id), refund.amount, True)
            given, self.payment, _ = succeed_refund(refund, self.payment, outcome, NOW)
            self.refunds[refund.id] = given
            was_set_aside = refund.state is RefundState.FAILED
            self.entries.append(ledger.refund_succeeded(given, self.payment, outcome, was_set_aside=was_set_aside))

    def balances(self) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for entry in self.entries:
            for posting in entry.postings:
                sums[posting.account] += posting.money.minor
        return sums

    def sum_of(self, *states: RefundState) -> int:
        return sum(each.amount.minor for each in self.refunds.values() if each.state in states)


MOVES = st.lists(
    st.tuples(st.sampled_from(["take", "ask", "fail", "succeed", "again"]), st.integers(1, 120), st.integers(0, 5)),
    max_size=40,
)


@settings(deadline=None)
@given(st.integers(1, 100), st.sampled_from(["SYP", "USD"]), MOVES)
def test_whatever_happens_the_accounts_say_where_the_money_is(
    minor: int, currency: str, moves: list[tuple[str, int, int]]
) -> None:
    books = Books(minor, currency)
    for what, amount, which in moves:
        if what == "take":
            books.taken(minor if which else amount)
        elif books.payment.state in PAID:
            refunds = list(books.refunds.values())
            if what == "ask":
                books.asked_back(amount)
            elif refunds:
                books.moved(refunds[which % len(refunds)], what)
        balances = books.balances()
        captured = minor if books.payment.state in PAID else 0
        given_back = books.sum_of(RefundState.SUCCEEDED)
        due = books.sum_of(RefundState.APPROVED, RefundState.SUBMITTED)
        assert sum(balances.values()) == 0
        assert given_back + due <= captured
        assert balances["bank:sandbox"] == captured + books.in_suspense - given_back
        assert balances["held:turns"] == -(captured - given_back - due)
        assert balances["refunds-due"] == -due
        assert balances["suspense"] == -books.in_suspense
        assert books.payment.refunded_minor == given_back
        assert (books.payment.state is PaymentState.REFUNDED) == (given_back == captured > 0)
    assert len({each.cause for each in books.entries}) == len(books.entries)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_an_entry_that_does_not_balance_can_not_be_made(debit: int, credit: int) -> None:
    syp = (Posting("a", Money(minor=debit, currency="SYP")), Posting("b", Money(minor=credit, currency="SYP")))
    mixed = (syp[0], Posting("b", Money(minor=-debit, currency="USD")))
    if debit + credit:
        with pytest.raises(Unbalanced):
            Entry("x", "x", syp)
    if debit:
        with pytest.raises(Unbalanced):
            Entry("x", "x", mixed)
    assert Entry("x", "x", (syp[0], replace(syp[0], money=Money(minor=-debit, currency="SYP"))))


@pytest.fixture(scope="module")
async def ledger_url(the_stage: Stage) -> str:
    return await the_stage.database("payments")


@pytest.fixture
async def bare(ledger_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(ledger_url)
    yield connection
    await connection.close()


async def entry(connection: asyncpg.Connection, *postings: tuple[str, str, int]) -> int:
    async with connection.transaction():
        id = await connection.fetchval(
            "INSERT INTO ledger_transactions (cause, kind, posted_at) VALUES ($1, 'test', now()) RETURNING id",
            str(uuid4()),
        )
        for line, posting in enumerate(postings, 1):
            await connection.execute("INSERT INTO ledger_postings VALUES ($1, $2, $3, $4, $5)", id, line, *posting)
    return int(id)


@pytest.mark.parametrize(
    "postings",
    [
        [("bank:sandbox", "SYP", 100)],
        [("bank:sandbox", "SYP", 100), ("held:turns", "SYP", -99)],
        [("bank:sandbox", "SYP", 100), ("held:turns", "USD", -100)],
        [],
    ],
)
async def test_the_database_refuses_what_does_not_balance(
    bare: asyncpg.Connection, postings: list[tuple[str, str, int]]
) -> None:
    before = await bare.fetchval("SELECT count(*) FROM ledger_transactions")
    with pytest.raises(asyncpg.CheckViolationError):
        await entry(bare, *postings)
    assert await bare.fetchval("SELECT count(*) FROM ledger_transactions") == before


async def test_the_database_takes_what_balances_and_lets_nobody_change_it(bare: asyncpg.Connection) -> None:
    id = await entry(bare, ("bank:sandbox", "SYP", 100), ("held:turns", "SYP", -100))
    for attack in (
        "UPDATE ledger_postings SET minor = minor * 2",
        "DELETE FROM ledger_postings",
        "TRUNCATE ledger_transactions CASCADE",
        "UPDATE ledger_transactions SET kind = 'other'",
        "DELETE FROM ledger_transactions",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await bare.execute(attack)
    with pytest.raises(asyncpg.CheckViolationError):
        await bare.execute("INSERT INTO ledger_postings VALUES ($1, 3, 'suspense', 'SYP', 1)", id)
    rows = await bare.fetch("SELECT account, minor FROM ledger_postings WHERE transaction_id = $1 ORDER BY line", id)
    assert [tuple(each) for each in rows] == [("bank:sandbox", 100), ("held:turns", -100)]


async def test_finance_sees_the_accounts_and_every_entry(town: Town) -> None:
    await town.paid()
    await town.stage.send(town.refund_request())
    await town.payment_in("REFUNDED")
    officer = uuid4()
    accounts = (await town.get("/ledger/accounts", Role.FINANCE, person=officer)).json()["items"]
    sums: dict[str, int] = defaultdict(int)
    for each in accounts:
        sums[each["balance"]["currency"]] += each["balance"]["minor"]
    assert set(sums.values()) == {0}
    path = f"/ledger/entries?payment={town.payment}&account=refunds-due"
    entries = (await town.get(path, Role.FINANCE, person=officer)).json()["items"]
    assert [each["kind"] for each in entries] == ["refund-succeeded", "refund-accepted"]
    for forbidden in ("/ledger/accounts", "/ledger/entries", "/flagged"):
        assert (await town.get(forbidden)).json()["code"] == "not-allowed"
