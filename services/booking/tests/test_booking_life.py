"""Any life that turns can have: requests, payments, cancellations, sweeps and new plans in every order, purely."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from services.booking.tests.builders import CLOSES, HOLD, NOW, PEOPLE, POOLS, batches, days

from dawr.booking import domain
from dawr.booking.domain import LIVE, TRANSITIONS, RefundState, Seats, State, Turn, Wish
from dawr.booking.errors import IllegalMove
from dawr.contracts.catalog import CapacityDay
from dawr.contracts.payments import CancelPayment, RequestRefund


class Lives(RuleBasedStateMachine):
    """What the use cases do with the decisions; instead of tables there are dictionaries, and one writer."""

    turns = Bundle("turns")
    seats: dict[str, Seats]
    known: dict[UUID, Turn]

    @initialize(plans=st.lists(days(), min_size=len(POOLS), max_size=len(POOLS)))
    def open_days(self, plans: list[CapacityDay]) -> None:
        self.now: datetime = NOW
        self.known = {}
        self.asked_back: Counter[UUID] = Counter()
        self.closed_payments: Counter[UUID] = Counter()
        self.seats = {pool.key: domain.published(None, plan, CLOSES) for pool, plan in zip(POOLS, plans, strict=True)}

    def live(self) -> list[Turn]:
        return [turn for turn in self.known.values() if turn.state in LIVE]

    def keep(self, turn: Turn) -> None:
        """Save a turn; the step that it made is one of the table, and is told by a fact."""
        before = self.known.get(turn.id)
        was = before.state if before else State.REQUESTED
        if turn.state is not was:
            assert type(domain.fact_of(turn, self.now)) is TRANSITIONS[was][turn.state]
        if before is not None:
            assert turn.history[: len(before.history)] == before.history
            assert (turn.person_id, turn.pool, turn.fee, turn.payable) == (
                before.person_id,
                before.pool,
                before.fee,
                before.payable,
            )
        self.known[turn.id] = turn

    @rule(target=turns, asked=batches)
    def ask(self, asked: list[Wish]) -> object:
        self.sweep()
        asked = [each for each in asked if each.turn_id not in self.known]
        live = {(turn.person_id, turn.family) for turn in self.live()}
        answers, self.seats = domain.allocate(self.seats, live, asked, now=self.now, hold=HOLD)
        for turn in answers:
            self.keep(turn)
        return multiple(*(turn.id for turn in answers))

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        for turn in self.live():
            if domain.has_run_out(turn, self.now):
                self.keep(domain.expire(turn, self.now))
                self.seats[turn.pool.key] = self.seats[turn.pool.key].taking(turn.window, -1)

    @rule(id=turns)
    def pay(self, id: UUID) -> None:
        """Also again, late, after the cancellation, and while another turn of the same person is live."""
        turn = self.known[id]
        if turn.payable is None:
            return
        try:
            settled, after, refund = domain.settle_payment(turn, self.seats[turn.pool.key], turn.payable, now=self.now)
        except IllegalMove:
            assert turn.payable.is_free
            return
        others = [each for each in self.live() if each.id != id]
        if settled.state in LIVE and (turn.person_id, turn.family) in {
            (each.person_id, each.family) for each in others
        }:
            assert turn.state is State.EXPIRED
            (settled, refund), after = domain.refund_late(turn, self.now), self.seats[turn.pool.key]
        assert after is not None
        self.seats[turn.pool.key] = after
        self.asked_back[id] += refund is not None
        self.keep(settled)

    @rule(id=turns, by_office=st.booleans())
    def cancel(self, id: UUID, by_office: bool) -> None:
        turn = self.known[id]
        try:
            cancelled, asks = domain.cancel(turn, by_office=by_office, asked_by=PEOPLE[0], reason="why", now=self.now)
        except IllegalMove:
            assert turn.state not in LIVE
            return
        self.asked_back[id] += sum(isinstance(each, RequestRefund) for each in asks)
        self.closed_payments[id] += sum(isinstance(each, CancelPayment) for each in asks)
        self.seats[turn.pool.key] = self.seats[turn.pool.key].taking(turn.window, -1)
        self.keep(cancelled)

    @rule(id=turns, told=st.sampled_from([RefundState.ACCEPTED, RefundState.FAILED, RefundState.SUCCEEDED]))
    def hear_of_refund(self, id: UUID, told: RefundState) -> None:
        turn = self.known[id]
        if turn.refund is not RefundState.NONE:
            self.keep(domain.note_refund(turn, told, at=self.now, cause="fact"))

    @rule(pool=st.sampled_from(POOLS), plan=days())
    def publish(self, pool: object, plan: CapacityDay) -> None:
        key = pool.key  # type: ignore[attr-defined]
        self.seats[key] = domain.published(self.seats[key], plan, CLOSES)

    @rule(pool=st.sampled_from(POOLS))
    def close(self, pool: object) -> None:
        key = pool.key  # type: ignore[attr-defined]
        self.seats[key] = domain.closed(self.seats[key])

    @rule(id=consumes(turns))
    def forget(self, id: UUID) -> None:
        """Let a turn rest, so that others are drawn."""

    @invariant()
    def seats_are_counted_right(self) -> None:
        for key, seats in self.seats.items():
            there = [turn for turn in self.live() if turn.pool.key == key]
            assert seats.in_use == len(there) <= seats.capacity
            assert seats.capacity == max(seats.planned, seats.in_use)
            windows = Counter(turn.window for turn in there if turn.window)
            assert {each.start: each.in_use for each in seats.windows if each.in_use} == dict(windows)
            assert all(each.capacity == max(each.planned, each.in_use) for each in seats.windows)

    @invariant()
    def nobody_has_two(self) -> None:
        assert all(number == 1 for number in Counter((turn.person_id, turn.family) for turn in self.live()).values())

    @invariant()
    def money_is_where_it_belongs(self) -> None:
        for turn in self.known.values():
            is_free = turn.payable is not None and turn.payable.is_free
            if turn.state is State.CONFIRMED:
                assert turn.paid or is_free
            owed = turn.paid and turn.state is not State.CONFIRMED
            assert self.asked_back[turn.id] == owed
            assert (turn.refund is RefundState.NONE) == (not owed)
            assert self.closed_payments[turn.id] <= 1


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLives = pytest.mark.timeout(90)(Lives.TestCase)
