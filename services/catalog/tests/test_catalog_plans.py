"""Plans of capacity: who may move them, and what a published one does to the others of its offer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from dawr.catalog.domain.calendars import Weekday
from dawr.catalog.domain.plans import (
    TRANSITIONS,
    CapacityPlan,
    PlanState,
    approve,
    check_plan_revision,
    follow_seed,
    in_force,
    propose,
    publish,
    reject,
    revise,
    supersede,
    weeks,
    withdraw,
)
from dawr.catalog.domain.services import Origin
from dawr.catalog.domain.weeks import Offer, WeekdayPlan, WeekPlan
from dawr.catalog.errors import (
    ChangedMeanwhile,
    DateOver,
    DateTooFar,
    Negative,
    NotYourProposal,
    OwnProposal,
    PlanMovedOn,
    PlanOvertaken,
)
from dawr.servicekit.errors import Refusal

OFFER = Offer("DAM-01", "PASS_REN", "N")
ZONE = "Asia/Damascus"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
RIM, SAMI, HUDA = UUID(int=1), UUID(int=2), UUID(int=3)
DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 1)
ids = count(100)


def week(capacity: int, valid_from: date = DECEMBER) -> WeekPlan:
    return WeekPlan(OFFER, {Weekday.TUE: WeekdayPlan(capacity, (), 7)}, valid_from)


def proposed(plans: list[CapacityPlan], capacity: int = 40, valid_from: date = DECEMBER) -> CapacityPlan:
    return propose(
        plans, week(capacity, valid_from), plan_id=UUID(int=next(ids)), zone=ZONE, by=RIM, reason="more people", now=NOW
    )


def approved(plans: list[CapacityPlan], capacity: int = 40, valid_from: date = DECEMBER) -> CapacityPlan:
    return approve(proposed(plans, capacity, valid_from), plans, by=SAMI, reason="agreed", now=LATER)


def put_out(plans: list[CapacityPlan], capacity: int = 40, valid_from: date = DECEMBER) -> list[CapacityPlan]:
    """The offer's plans once one more is published."""
    done = publish(approved(plans, capacity, valid_from), plans, by=RIM, reason="go", now=LATER)
    gone = {each.id: each for each in done.superseded}
    return [*(gone.get(each.id, each) for each in plans), done.plan]


def seeded(capacity: int = 30, valid_from: date = date(2026, 1, 1)) -> CapacityPlan:
    return CapacityPlan(UUID(int=next(ids)), week(capacity, valid_from), PlanState.PUBLISHED, origin=Origin.SEED)


class TestTwoPeople:
    def test_each_step_keeps_who_when_and_why(self) -> None:
        plan = publish(approved([]), [], by=HUDA, reason="go", now=LATER).plan
        assert plan.state is PlanState.PUBLISHED
        assert plan.revision == 3
        steps = [(act.by, act.at, act.reason) for act in (plan.proposed, plan.approved, plan.published) if act]
        assert steps == [(RIM, NOW, "more people"), (SAMI, LATER, "agreed"), (HUDA, LATER, "go")]

    def test_nobody_approves_their_own_plan(self) -> None:
        with pytest.raises(OwnProposal):
            approve(proposed([]), [], by=RIM, reason="as approver", now=LATER)

    def test_nobody_rejects_their_own_plan_but_may_withdraw_it(self) -> None:
        plan = proposed([])
        with pytest.raises(OwnProposal):
            reject(plan, by=RIM, reason="as approver", now=LATER)
        withdrawn = withdraw(plan, by=RIM, reason="a mistake", now=LATER)
        assert withdrawn.state is PlanState.WITHDRAWN
        assert withdrawn.ended is not None
        assert withdrawn.ended.reason == "a mistake"

    def test_who_rewrote_a_proposal_is_not_its_second_person(self) -> None:
        again = revise(proposed([]), [], week(50), zone=ZONE, by=RIM, reason="even more", now=LATER)
        with pytest.raises(OwnProposal):
            approve(again, [], by=RIM, reason="other session", now=LATER)

    def test_nobody_slips_another_week_under_a_plan_to_approve_it(self) -> None:
        with pytest.raises(NotYourProposal):
            revise(proposed([]), [], week(5000), zone=ZONE, by=SAMI, reason="bigger", now=LATER)

    def test_a_plan_is_not_changed_once_it_is_approved(self) -> None:
        with pytest.raises(PlanMovedOn):
            revise(approved([]), [], week(5000), zone=ZONE, by=RIM, reason="bigger", now=LATER)

    @pytest.mark.parametrize(
        "forged",
        [
            lambda plan: replace(plan, state=PlanState.APPROVED, approved=replace(plan.proposed, reason="import")),
            lambda plan: replace(plan, state=PlanState.APPROVED, approved=None),
            lambda plan: replace(approved([]), proposed=None),
        ],
        ids=["approved by its proposer", "approved by nobody", "proposed by nobody"],
    )
    def test_a_plan_that_came_in_as_approved_is_not_published_without_two_people(
        self, forged: Callable[[CapacityPlan], CapacityPlan]
    ) -> None:
        with pytest.raises(OwnProposal):
            publish(forged(proposed([])), [], by=HUDA, reason="imported", now=LATER)

    @pytest.mark.parametrize("origin", list(Origin))
    def test_where_a_plan_came_from_changes_nothing(self, origin: Origin) -> None:
        with pytest.raises(OwnProposal):
            approve(replace(proposed([]), origin=origin), [], by=RIM, reason="as the seed", now=LATER)

    def test_nobody_else_withdraws_a_plan(self) -> None:
        for plan in (proposed([]), approved([])):
            with pytest.raises(NotYourProposal):
                withdraw(plan, by=SAMI, reason="away with it", now=LATER)

    def test_who_read_an_older_revision_is_told(self) -> None:
        plan = revise(proposed([]), [], week(50), zone=ZONE, by=RIM, reason="even more", now=LATER)
        check_plan_revision(plan, None)
        check_plan_revision(plan, {plan.revision})
        with pytest.raises(ChangedMeanwhile) as refused:
            check_plan_revision(plan, {1})
        assert refused.value.data == {"revision": 2}


class TestWhatIsProposed:
    @pytest.mark.parametrize(
        ("wanted", "refusal"),
        [
            (week(-1), Negative),
            (week(1, date(2026, 11, 23)), DateOver),
            (week(1, date(2028, 12, 1)), DateTooFar),
        ],
    )
    def test_a_week_that_cannot_be_is_refused(self, wanted: WeekPlan, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            propose([], wanted, plan_id=UUID(int=1), zone=ZONE, by=RIM, reason="", now=NOW)

    def test_it_says_what_it_is_based_on(self) -> None:
        old = seeded()
        assert proposed([old]).based_on == old.id
        assert proposed([]).based_on is None


class TestPublication:
    def test_plans_follow_each_other_by_date(self) -> None:
        plans = put_out(put_out([seeded()], 40, DECEMBER), 50, JANUARY)
        forces = [in_force(plans, on) for on in (date(2025, 12, 31), date(2026, 11, 30), DECEMBER, JANUARY)]
        assert [each.week.days[Weekday.TUE].capacity if each else None for each in forces] == [None, 30, 40, 50]
        assert [each.valid_from for each in weeks(plans)] == [date(2026, 1, 1), DECEMBER, JANUARY]

    def test_a_plan_supersedes_those_that_begin_no_earlier(self) -> None:
        plans = put_out([seeded()], 40, JANUARY)
        plan = propose(plans, week(50), plan_id=UUID(int=1), zone=ZONE, by=RIM, reason="", now=LATER)
        plan = approve(plan, plans, by=SAMI, reason="", now=LATER)
        done = publish(plan, plans, by=RIM, reason="go", now=LATER)
        assert [(each.id, each.state) for each in done.superseded] == [(plans[1].id, PlanState.SUPERSEDED)]
        assert done.superseded[0].superseded_at == LATER
        assert in_force([plans[0], done.plan, *done.superseded], JANUARY) == done.plan

    def test_publishing_twice_is_refused_the_second_time(self) -> None:
        plan = approved([])
        done = publish(plan, [plan], by=RIM, reason="go", now=LATER).plan
        with pytest.raises(PlanMovedOn) as refused:
            publish(done, [done], by=SAMI, reason="go", now=LATER)
        assert refused.value.data == {"state": "PUBLISHED", "to": "PUBLISHED"}

    def test_of_two_for_the_same_day_the_second_is_overtaken(self) -> None:
        old = seeded()
        one, other, third = approved([old]), approved([old], 60), proposed([old], 70)
        done = publish(one, [old, one, other], by=RIM, reason="go", now=LATER)
        plans = [old, done.plan, other, third]
        with pytest.raises(PlanOvertaken) as refused:
            publish(other, plans, by=RIM, reason="go", now=LATER)
        assert refused.value.data == {"plan": other.id, "based_on": old.id, "in_force": one.id}
        with pytest.raises(PlanOvertaken):
            approve(third, plans, by=SAMI, reason="agreed", now=LATER)

    def test_a_proposal_that_looks_again_at_what_is_in_force_is_no_longer_overtaken(self) -> None:
        first = proposed([])
        plans = put_out([])
        with pytest.raises(PlanOvertaken):
            approve(first, plans, by=SAMI, reason="agreed", now=LATER)
        again = revise(first, plans, week(45), zone=ZONE, by=RIM, reason="seen", now=LATER)
        assert approve(again, plans, by=SAMI, reason="agreed", now=LATER).state is PlanState.APPROVED

    def test_a_later_plan_that_the_proposer_never_saw_is_not_undone(self) -> None:
        waiting = approved([])
        plans = put_out([], 50, JANUARY)
        with pytest.raises(PlanOvertaken) as refused:
            publish(waiting, plans, by=RIM, reason="go", now=LATER)
        assert refused.value.data["in_force"] == plans[0].id

    def test_a_plan_for_january_is_overtaken_by_one_for_december_that_it_would_have_followed(self) -> None:
        old = seeded()
        waiting = approved([old], 60, JANUARY)
        plans = put_out([old], 50, DECEMBER)
        with pytest.raises(PlanOvertaken) as refused:
            publish(waiting, plans, by=RIM, reason="go", now=LATER)
        assert refused.value.data == {"plan": waiting.id, "based_on": old.id, "in_force": plans[1].id}

    def test_a_plan_is_overtaken_when_what_it_is_based_on_lost_its_force(self) -> None:
        old = seeded()
        waiting = approved([old])
        with pytest.raises(PlanOvertaken):
            publish(waiting, [supersede(old, LATER)], by=RIM, reason="go", now=LATER)

    def test_a_plan_takes_the_place_of_one_that_begins_on_the_same_day(self) -> None:
        old = seeded(30, DECEMBER)
        done = publish(approved([old]), [old], by=RIM, reason="go", now=LATER)
        assert [each.id for each in done.superseded] == [old.id]

    def test_a_plan_that_lost_its_force_does_not_come_back(self) -> None:
        gone = supersede(seeded(), NOW)
        for act in (approve, publish):
            with pytest.raises(PlanMovedOn):
                act(gone, [gone], by=SAMI, reason="again", now=LATER)


class TestTheSeed:
    def test_its_plans_come_published_and_unchanged_ones_stay(self) -> None:
        found = follow_seed([], [week(30)], plan_id=lambda: UUID(int=next(ids)), now=NOW)
        assert [(each.state, each.origin, each.proposed) for each in found.added] == [
            (PlanState.PUBLISHED, Origin.SEED, None)
        ]
        again = follow_seed(found.added, [week(30)], plan_id=lambda: UUID(int=next(ids)), now=NOW)
        assert (again.added, again.superseded) == ((), ())

    def test_what_the_folder_changed_or_dropped_gives_way(self) -> None:
        old = [seeded(30, DECEMBER), seeded(30, JANUARY)]
        found = follow_seed(old, [week(35)], plan_id=lambda: UUID(int=next(ids)), now=NOW)
        assert [each.week for each in found.added] == [week(35)]
        assert [(each.id, each.state) for each in found.superseded] == [(each.id, PlanState.SUPERSEDED) for each in old]

    def test_it_changes_nothing_once_staff_published(self) -> None:
        plans = put_out([seeded()])
        for folder in ([week(99)], [week(99, JANUARY)], []):
            found = follow_seed(plans, folder, plan_id=lambda: UUID(int=next(ids)), now=NOW)
            assert (found.added, found.superseded) == ((), ())


def test_every_state_has_an_end() -> None:
    assert set(TRANSITIONS) | {to for moves in TRANSITIONS.values() for to in moves} == set(PlanState)
    assert {fact.change for moves in TRANSITIONS.values() for fact in moves.values()} == {
        "plan-approved", "plan-rejected", "plan-withdrawn", "plan-published", "plan-superseded",
    }  # fmt: skip


class LifeOfPlans(RuleBasedStateMachine):
    """Some people do whatever they like with the plans of one offer, in any order and also twice."""

    plans = Bundle("plans")
    people = st.sampled_from([RIM, SAMI, HUDA])
    dates = st.integers(0, 60).map(lambda days: date(2026, 11, 24) + timedelta(days=days))

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[UUID, CapacityPlan] = {}
        self.now = NOW
        self.numbers = count(1)

    @rule(target=plans, by=people, valid_from=dates, capacity=st.integers(0, 9))
    def somebody_proposes(self, by: UUID, valid_from: date, capacity: int) -> UUID:
        plan = propose(
            list(self.known.values()),
            week(capacity, valid_from),
            plan_id=UUID(int=next(self.numbers)),
            zone=ZONE,
            by=by,
            reason="more",
            now=self.tick(),
        )
        self.known[plan.id] = plan
        return plan.id

    @rule(plan_id=plans, by=people)
    def somebody_approves(self, plan_id: UUID, by: UUID) -> None:
        self.keep(plan_id, lambda plan: approve(plan, self.known.values(), by=by, reason="", now=self.tick()))

    @rule(plan_id=plans, by=people)
    def somebody_rejects(self, plan_id: UUID, by: UUID) -> None:
        self.keep(plan_id, lambda plan: reject(plan, by=by, reason="", now=self.tick()))

    @rule(plan_id=plans, by=people)
    def somebody_withdraws(self, plan_id: UUID, by: UUID) -> None:
        self.keep(plan_id, lambda plan: withdraw(plan, by=by, reason="", now=self.tick()))

    @rule(plan_id=plans, by=people, valid_from=dates)
    def somebody_revises(self, plan_id: UUID, by: UUID, valid_from: date) -> None:
        wanted = week(7, valid_from)
        self.keep(
            plan_id,
            lambda plan: revise(plan, self.known.values(), wanted, zone=ZONE, by=by, reason="", now=self.tick()),
        )

    @rule(plan_id=plans, by=people)
    def somebody_publishes(self, plan_id: UUID, by: UUID) -> None:
        plan = self.known[plan_id]
        before = {each.id for each in self.known.values() if each.state is PlanState.PUBLISHED}
        try:
            done = publish(plan, self.known.values(), by=by, reason="", now=self.tick())
        except Refusal:
            return
        assert in_force([done.plan, *(each for each in self.known.values())], plan.valid_from) is not None
        self.known |= {each.id: each for each in (done.plan, *done.superseded)}
        assert {each.id for each in done.superseded} <= before
        assert in_force(self.known.values(), date.max) == done.plan

    @invariant()
    def every_plan_with_force_has_two_people(self) -> None:
        for plan in self.known.values():
            if plan.state in {PlanState.APPROVED, PlanState.PUBLISHED, PlanState.SUPERSEDED}:
                assert plan.proposed is not None
                assert plan.approved is not None
                assert plan.proposed.by != plan.approved.by

    @invariant()
    def one_plan_is_in_force_for_each_date(self) -> None:
        begun = [each.valid_from for each in self.known.values() if each.state is PlanState.PUBLISHED]
        assert len(begun) == len(set(begun))

    def keep(self, plan_id: UUID, act: Callable[[CapacityPlan], CapacityPlan]) -> None:
        """Do it if it is allowed; what came out is one revision further, by an edge of the table."""
        before = self.known[plan_id]
        try:
            after = act(before)
        except Refusal:
            return
        assert after.revision == before.revision + 1
        assert after.state in {*TRANSITIONS.get(before.state, {}), PlanState.PROPOSED}
        self.known[plan_id] = after

    def tick(self) -> datetime:
        """The time goes on with each act."""
        self.now += timedelta(seconds=1)
        return self.now


TestLifeOfPlans = LifeOfPlans.TestCase
TestLifeOfPlans.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
