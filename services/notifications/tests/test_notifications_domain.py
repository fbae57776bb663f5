"""The life of a message: allowed moves, ways, patience."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawr.contracts.notifications import MessageFailed, MessageSent
from dawr.notifications.domain import (
    TRANSITIONS,
    Answer,
    Contact,
    MessageState,
    Never,
    Notice,
    NotNow,
    Patience,
    Taken,
    Way,
    advance,
    follow,
    next_way,
    settle,
    suppress,
)
from dawr.notifications.errors import IllegalMove

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
PATIENCE = Patience()


def notice() -> Notice:
    return Notice(
        id=uuid4(), person_id=uuid4(), template="turn-held", fact_type="x", fact="{}", created_at=NOW, due_at=NOW
    )


def answered(message: Notice, answer: Answer, *, way: Way = Way.EMAIL, others: Way = Way.SMS) -> Notice:
    return settle(message, way, answer, others=others, provider="smtp", now=NOW, patience=PATIENCE).notice


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("to", MessageState)
def test_a_move_that_the_table_does_not_have_is_refused(state: MessageState, to: MessageState) -> None:
    if to in TRANSITIONS[state]:
        assert advance(state, to) is to
    else:
        with pytest.raises(IllegalMove):
            advance(state, to)


def test_every_state_can_be_reached() -> None:
    reached = {MessageState.QUEUED}
    while more := {to for state in reached for to in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(MessageState)


def test_ways_go_by_preference_then_by_the_usual_order_and_end_at_the_inbox() -> None:
    both = {Way.EMAIL, Way.SMS}
    assert next_way((), both, ()) is Way.EMAIL
    assert next_way((Way.SMS,), both, ()) is Way.SMS
    assert next_way((Way.SMS,), both, {Way.SMS}) is Way.EMAIL
    assert next_way((Way.SMS,), {Way.EMAIL}, ()) is Way.EMAIL
    assert next_way((Way.INBOX, Way.SMS), both, ()) is Way.INBOX
    assert next_way((), both, both) is Way.INBOX
    assert next_way((), (), ()) is Way.INBOX


def test_a_persons_own_addresses_go_first_but_never_for_sign_in_codes() -> None:
    contact = Contact(registered_email="gateway@example.org", email="own@example.org", phone="+963991234567")
    assert contact.addresses() == {Way.EMAIL: "own@example.org", Way.SMS: "+963991234567"}
    assert contact.addresses(registered_only=True) == {Way.EMAIL: "gateway@example.org"}


def test_a_yes_ends_it_and_is_told() -> None:
    settled = settle(
        notice(), Way.EMAIL, Taken("smtp-250"), others=Way.SMS, provider="smtp", now=NOW, patience=PATIENCE
    )
    assert settled.notice.state is MessageState.SENT
    assert settled.notice.due_at is None
    [(name, fact)] = settled.facts
    assert name == "sent/email"
    assert isinstance(fact, MessageSent)
    assert (fact.channel, fact.attempt) == ("email", 1)


def test_a_no_for_now_is_tried_again_six_times_ever_more_slowly_and_then_another_way() -> None:
    message, pauses = notice(), []
    for _ in range(5):
        message = answered(message, NotNow("smtp-451"))
        assert message.state is MessageState.TEMPORARY_FAILURE
        assert message.due_at is not None
        pauses.append((message.due_at - NOW).total_seconds())
    assert pauses == [2, 8, 32, 128, 512]
    message = answered(message, NotNow("smtp-451"))
    assert (message.state, message.failed, message.due_at) == (MessageState.QUEUED, (Way.EMAIL,), NOW)
    message = answered(message, NotNow("http-503"), way=Way.SMS, others=Way.INBOX)
    assert (message.way, message.attempt) == (Way.SMS, 1)


def test_a_no_for_good_goes_another_way_at_once_and_ends_when_none_is_left() -> None:
    settled = settle(
        notice(), Way.EMAIL, Never("smtp-550"), others=Way.SMS, provider="smtp", now=NOW, patience=PATIENCE
    )
    assert (settled.notice.state, settled.notice.due_at) == (MessageState.QUEUED, NOW)
    [(_, fact)] = settled.facts
    assert isinstance(fact, MessageFailed)
    assert (fact.channel, fact.reason, fact.next_channel) == ("email", "smtp-550", "sms")
    last = settle(
        settled.notice, Way.SMS, Never("http-400"), others=Way.INBOX, provider="sms", now=NOW, patience=PATIENCE
    )
    assert (last.notice.state, last.notice.due_at) == (MessageState.PERMANENT_FAILURE, None)
    [(_, fact)] = last.facts
    assert isinstance(fact, MessageFailed)
    assert fact.next_channel == "inbox"


def test_a_message_that_the_inbox_does_not_keep_has_no_next_way_after_the_last() -> None:
    code = replace(notice(), in_inbox=False, sealed="token")
    settled = settle(code, Way.SMS, Never("http-400"), others=Way.INBOX, provider="sms", now=NOW, patience=PATIENCE)
    [(_, fact)] = settled.facts
    assert isinstance(fact, MessageFailed)
    assert fact.next_channel is None
    assert settled.notice.sealed is None


def test_what_would_come_too_late_goes_another_way_instead_of_waiting() -> None:
    code = replace(notice(), send_before=NOW + timedelta(seconds=1))
    assert answered(code, NotNow("smtp-451")).failed == (Way.EMAIL,)


@pytest.mark.parametrize("answer", [Taken("smtp-250"), Never("smtp-550")])
def test_what_was_sealed_is_kept_only_while_it_is_still_to_be_sent(answer: Answer) -> None:
    code = replace(notice(), sealed="token")
    assert answered(code, NotNow("smtp-451")).sealed == "token"
    assert answered(code, answer, others=Way.INBOX).sealed is None
    assert suppress(code, "too-late").sealed is None


def test_a_receipt_ends_the_asking_and_so_does_time() -> None:
    sent = answered(notice(), Taken("http-202"), way=Way.SMS)
    assert sent.due_at == NOW + PATIENCE.receipt
    later = follow(sent, has_arrived=False, now=NOW + timedelta(minutes=1), patience=PATIENCE)
    assert later.state is MessageState.SENT
    assert later.due_at == NOW + timedelta(minutes=2)
    assert follow(sent, has_arrived=False, now=NOW + timedelta(hours=3), patience=PATIENCE).due_at is None
    arrived = follow(sent, has_arrived=True, now=NOW, patience=PATIENCE)
    assert (arrived.state, arrived.due_at) == (MessageState.DELIVERED, None)


@given(
    attempt=st.integers(1, 6),
    dice=st.floats(0, 1),
    asked=st.none() | st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_a_pause_is_bounded_and_never_shorter_than_was_asked_for(
    attempt: int, dice: float, asked: timedelta | None
) -> None:
    patience = Patience(jitter=lambda: dice)
    pause = patience.pause(attempt, asked)
    full = min(patience.longest, patience.base * 4.0 ** (attempt - 1))
    assert full / 2 <= pause <= patience.longest
    if asked is None:
        assert pause <= full
    else:
        assert pause >= min(asked, patience.longest)


@given(st.lists(st.sampled_from([Taken("ok"), NotNow("later"), Never("no")]), max_size=40))
def test_whatever_providers_say_a_message_comes_to_an_end_and_no_way_is_tried_once_closed(
    answers: list[Answer],
) -> None:
    message, addresses = notice(), {Way.EMAIL, Way.SMS}
    for answer in answers:
        if message.due_at is None or message.state is MessageState.SENT:
            break
        way = next_way((), addresses, message.failed)
        assert way is not Way.INBOX
        assert way not in message.failed
        message = answered(message, answer, way=way, others=next_way((), addresses, {*message.failed, way}))
        assert message.attempt <= PATIENCE.tries
    if len(answers) >= 2 * PATIENCE.tries:
        assert message.due_at is None or message.state is MessageState.SENT
