"""Workers and their leases: no more is claimed than is done in time; a try that lost its lease counts for nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dawr.contracts import Money, Subject, Text
from dawr.contracts.payments import RefundReason, RequestPayment, RequestRefund
from dawr.payments.domain.attempt import Attempt
from dawr.payments.domain.facts import Capture, RefundOutcome
from dawr.payments.domain.payment import capture_payment, open_payment
from dawr.payments.domain.refund import Refund, Retries, accept_refund
from dawr.payments.domain.states import AttemptState
from dawr.payments.errors import ProviderUnavailable
from dawr.payments.providers import Checkout, RefundOrder, SandboxBank
from dawr.payments.settings import PaymentsSettings
from dawr.payments.store import payments, refunds
from dawr.payments.workers import CONCURRENT_CALLS, Lease, closer, reconciler, refund_submitter
from dawr.payments.workers.closer import CheckoutCloser
from dawr.payments.workers.refund_submitter import RefundSubmitter
from dawr.servicekit.database import Database
from dawr.servicekit.testing import Stage, until

from .town import ShiftedClock

FEE = Money(minor=100, currency="USD")
LEASE = Lease(lasts=timedelta(seconds=60), call=timedelta(seconds=10))
RETRIES = Retries(failures=8, first=timedelta(seconds=5), longest=timedelta(minutes=30))
WORKERS = (closer, reconciler, refund_submitter)


@dataclass
class SilentBank:
    """A provider that is asked, and answers nothing; not before it is told to."""

    name: str = "sandbox"
    asked: Counter[str] = field(default_factory=Counter)
    gives_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def refund(self, _order: RefundOrder) -> RefundOutcome:
        self.asked["refund"] += 1
        await self.gives_up.wait()
        raise ProviderUnavailable("no answer")

    async def refund_of(self, _refund_id: UUID) -> None:
        self.asked["refund_of"] += 1

    async def checkout_of(self, payment_id: UUID) -> Checkout:
        self.asked["checkout_of"] += 1
        ends = datetime.now(UTC) + timedelta(minutes=5)
        return Checkout("sandbox", "chk_1", str(payment_id), "http://bank/pay/chk_1", ends, True, 0, None, b"{}")

    async def close_checkout(self, _checkout_id: str) -> None:
        self.asked["close_checkout"] += 1

    async def has_been_asked(self, refunds: int) -> None:
        async def is_asked() -> bool:
            return self.asked["refund"] == refunds

        await until(is_asked, what=f"{refunds} refunds asked for")


@dataclass
class Desk:
    """The database of payments, with refunds that are due; nothing else works on them."""

    database: Database
    clock: ShiftedClock

    async def due(self) -> UUID:
        """One more refund that is due."""
        now = self.clock()
        wanted = RequestPayment(
            payment_id=uuid4(),
            subject=Subject(kind="turn", id=uuid4()),
            payer_id=uuid4(),
            amount=FEE,
            pay_before=now + timedelta(minutes=15),
            description=Text(ar="رسم", en="Fee"),
        )
        opened = open_payment(wanted, now)[0]
        capture = Capture("sandbox", f"cap_{opened.id}", "chk_1", str(opened.id), FEE, now)
        paid, _ = capture_payment(opened, capture)
        back = RequestRefund(
            refund_id=uuid4(),
            payment_id=paid.id,
            subject=paid.subject,
            amount=FEE,
            reason=RefundReason.CANCELLED_BY_CITIZEN,
        )
        async with self.database.transaction() as tx:
            await payments.insert(tx.connection, opened)
            await payments.save(tx.connection, paid)
            await refunds.insert(tx.connection, accept_refund(paid, 0, back, now)[0])
        return back.refund_id

    async def refund(self, id: UUID) -> Refund:
        async with self.database.reading() as connection:
            found = await refunds.find(connection, id)
        assert found is not None
        return found

    def submitter(self, bank: SilentBank) -> RefundSubmitter:
        """As one replica has it."""
        providers: Any = {bank.name: bank}
        return RefundSubmitter(self.database, providers, RETRIES, LEASE, jitter=lambda: 1.0)


@pytest.fixture
async def desk(the_stage: Stage) -> AsyncIterator[Desk]:
    clock = ShiftedClock()
    settings = PaymentsSettings(database_url=await the_stage.database("payments"), platform=the_stage.platform)
    database = Database(settings, source="payments", clock=clock)
    yield Desk(database, clock)
    await database.close()


@examples(deadline=None)
@given(st.integers(1, 60_000), st.integers(0, 600_000), st.sampled_from([each.CALLS for each in WORKERS]))
def test_all_that_is_claimed_is_done_before_the_lease_ends(call_ms: int, more_ms: int, calls: int) -> None:
    told = {"bank_timeout_seconds": call_ms / 1000, "lease_seconds": (4 * call_ms + more_ms) / 1000}
    settings = PaymentsSettings.model_validate(told)
    lease = Lease(timedelta(seconds=settings.lease_seconds), timedelta(seconds=settings.bank_timeout_seconds))
    rounds = lease.rows(calls) / CONCURRENT_CALLS
    assert rounds >= 1
    assert lease.call * calls * rounds < lease.lasts
    assert lease.call * (calls + 1) * (rounds + 1) > lease.lasts, "and no less than fits"


async def test_no_more_refunds_are_claimed_than_a_silent_bank_lets_through_in_the_lease(desk: Desk) -> None:
    fit = LEASE.rows(refund_submitter.CALLS)
    assert fit == 6  # twice three, at two calls of ten seconds and a note each
    for _ in range(fit + 2):
        await desk.due()
    bank = SilentBank()
    bank.gives_up.set()
    assert await desk.submitter(bank).step() == fit
    assert await desk.submitter(bank).step() == 2


async def test_a_try_that_ends_after_the_lease_is_not_counted_a_second_time(desk: Desk) -> None:
    id, slow, quick = await desk.due(), SilentBank(), SilentBank()
    first = asyncio.create_task(desk.submitter(slow).step())
    await slow.has_been_asked(1)
    desk.clock.ahead = LEASE.lasts + timedelta(seconds=1)
    second = asyncio.create_task(desk.submitter(quick).step())
    await quick.has_been_asked(1)
    assert quick.asked["refund_of"] == 1, "what became of the first try is asked before"
    slow.gives_up.set()
    assert await first == 1
    still = await desk.refund(id)
    assert (still.tries, still.unanswered) == (2, 0)
    assert still.next_try_at is not None
    assert still.next_try_at > desk.clock() + LEASE.lasts / 2, "the second try keeps its lease"
    quick.gives_up.set()
    assert await second == 1
    failed = await desk.refund(id)
    assert (failed.tries, failed.unanswered, failed.last_failure) == (2, 1, "provider-unavailable")


async def test_a_try_makes_no_more_calls_than_its_lease_was_reckoned_with(desk: Desk) -> None:
    bank = SilentBank()
    bank.gives_up.set()
    await desk.due()
    await desk.submitter(bank).step()
    desk.clock.ahead = RETRIES.first + timedelta(seconds=1)
    bank.asked.clear()
    await desk.submitter(bank).step()
    assert bank.asked.total() == refund_submitter.CALLS
    bank.asked.clear()
    providers: Any = {bank.name: bank}
    attempt = Attempt(uuid4(), uuid4(), 1, bank.name, AttemptState.CLOSING, "ar", desk.clock())
    await CheckoutCloser(desk.database, providers, LEASE)._close_at(providers[bank.name], attempt)
    assert bank.asked.total() == closer.CALLS


async def test_a_bank_that_dribbles_its_answer_is_not_waited_for_longer() -> None:
    """Each piece comes in time, the whole never does."""

    class Dribble(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0)
                yield b" "

    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Dribble())

    bank = SandboxBank("http://bank", "key", timeout_seconds=0.05, transport=httpx.MockTransport(answer))
    async with asyncio.timeout(10):
        with pytest.raises(ProviderUnavailable):
            await bank.checkout_of(uuid4())
    await bank.aclose()
