"""The table of what is told: complete, and one message per fact, person and template."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dawr.contracts import Message, Money
from dawr.contracts.booking import RefusalCode, TurnHeld
from dawr.contracts.payments import RefundAccepted, RefundReason
from dawr.contracts.topics import TOPICS, Kind
from dawr.notifications.examples import NOW, PERSON, RELATIVE, facts
from dawr.notifications.phrases import REFUND_REASONS, REFUSALS
from dawr.notifications.rules import RULES, notices


def test_every_fact_of_every_topic_that_is_read_has_a_row() -> None:
    read = [topic for topic in TOPICS if "notifications" in topic.readers and topic.kind is Kind.FACTS]
    assert {message for topic in read for message in topic.messages.values()} == set(RULES)


def test_every_rule_has_an_example() -> None:
    shown = {notice.template for fact in facts() for notice in notices(fact, uuid4(), now=NOW)}
    assert shown == {rule.template for rules in RULES.values() for rule in rules}


def test_every_code_has_its_sentence() -> None:
    assert set(REFUSALS) == set(RefusalCode)
    assert set(REFUND_REASONS) == set(RefundReason)


@pytest.mark.parametrize("fact", facts(asked_by=RELATIVE), ids=lambda fact: type(fact).__name__)
def test_a_fact_is_told_once_to_each_person_by_each_template(fact: Message) -> None:
    fact_id = uuid4()
    first, again = (notices(fact, fact_id, now=NOW) for _ in range(2))
    assert [notice.id for notice in first] == [notice.id for notice in again]
    told = [(notice.person_id, notice.template) for notice in first]
    assert len(set(told)) == len(told)
    assert len({notice.id for notice in first}) == len(first)
    assert {notice.id for notice in first}.isdisjoint(notice.id for notice in notices(fact, uuid4(), now=NOW))


def test_who_asked_is_told_and_whom_it_is_for_where_it_is_theirs_to_know() -> None:
    told = {
        type(fact).__name__: {(notice.person_id, notice.to) for notice in notices(fact, uuid4(), now=NOW)}
        for fact in facts(asked_by=RELATIVE)
    }
    both = {(RELATIVE, "asker"), (PERSON, "person")}
    assert told["TurnConfirmed"] == told["TurnCancelled"] == told["CaseOpened"] == both
    assert told["TurnHeld"] == told["TurnRefused"] == told["TurnExpired"] == {(RELATIVE, "asker")}
    assert told["PaymentCaptured"] == told["RefundSucceeded"] == {(RELATIVE, "self")}
    assert told["MandateDrafted"] == {(PERSON, "self")}
    assert told["MandateActivated"] == {(PERSON, "self"), (RELATIVE, "self")}


def test_a_turn_that_costs_nothing_is_not_asked_to_be_paid() -> None:
    [held] = [fact for fact in facts() if isinstance(fact, TurnHeld)]
    free = held.model_copy(update={"payable": Money(minor=0, currency="SYP")})
    assert notices(free, uuid4(), now=NOW) == []


def test_nothing_is_asked_to_be_paid_once_the_hold_has_run_out() -> None:
    [held] = [fact for fact in facts() if isinstance(fact, TurnHeld)]
    [notice] = notices(held, uuid4(), now=NOW)
    assert notice.send_before == held.held_until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("reason", RefundReason)
def test_a_refund_is_announced_unless_the_cancellation_said_it(reason: RefundReason) -> None:
    [accepted] = [fact for fact in facts() if isinstance(fact, RefundAccepted)]
    told = notices(accepted.model_copy(update={"reason": reason}), uuid4(), now=datetime.now(UTC))
    announced_before = reason in {RefundReason.CANCELLED_BY_CITIZEN, RefundReason.CANCELLED_BY_OFFICE}
    assert bool(told) is not announced_before
