"""What the broker refuses for good is set aside, and holds nobody back."""

from collections.abc import Sequence
from typing import Any

import pytest
from libs.servicekit.tests.ledger import Ledger, cancel
from libs.servicekit.tests.test_relay import Sender, sent

from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit import refused, telemetry
from dawr.servicekit.clock import new_id
from dawr.servicekit.envelope import Headers
from dawr.servicekit.outbox import Staged, TooLargeToSend
from dawr.servicekit.testing import until

TOO_LARGE = 1_100_000


def large(body_bytes: int, *, key: bytes = b"key", headers: Headers | None = None) -> Staged:
    """A record that goes past the check of messages, as a dead letter does."""
    body = b"x" * body_bytes
    return Staged(new_id(), PAYMENTS_REQUESTS.name, key, CancelPayment.wire_type, body, extra_headers=headers or [])


async def aside(ledger: Ledger, count: int) -> Sequence[Any]:
    """Wait until so many messages are set aside; their rows."""

    async def enough() -> Sequence[Any]:
        rows = await ledger.rows("SELECT * FROM refused_messages ORDER BY id")
        return rows if len(rows) >= count else []

    return await until(enough, what=f"{count} refused messages")


async def nothing_waits(ledger: Ledger) -> bool:
    return not await ledger.rows("SELECT 1 FROM outbox_messages WHERE sent_at IS NULL")


async def test_a_record_that_is_too_large_is_set_aside_and_the_others_are_sent(ledger: Ledger) -> None:
    subject = new_id()
    messages = [cancel(subject=subject) for _ in range(60)]
    async with Sender(ledger) as sender:
        async with sender.database.transaction() as tx:
            ids = [tx.stage(each, id=new_id()) for each in messages[:50]]
            tx.stage_record(big := large(TOO_LARGE, key=str(subject).encode()))
            tx.stage_record(unnamed := large(10, headers=[("na\udcffme", b"")]))
            ids += [tx.stage(each, id=new_id()) for each in messages[50:]]
        async with sender.relaying():
            (first, second) = await aside(ledger, 2)
            ids += await sender.stage(cancel(subject=subject))
            await until(lambda: nothing_waits(ledger), what="an empty outbox")
    arrived = [each.cause.id for each in await sent(ledger, ids)]
    assert (first["message_id"], first["reason"]) == (big.id, "MessageSizeTooLargeError")
    assert (second["message_id"], second["reason"]) == (unnamed.id, "UnicodeEncodeError")
    assert first["body"] == big.body
    assert list(dict.fromkeys(arrived)) == ids, "in their order, though some may have come twice"
    assert telemetry.OUTBOX_REFUSED._value.get() >= 2


async def test_what_was_refused_is_sent_once_it_is_put_back(ledger: Ledger) -> None:
    async with Sender(ledger) as sender:
        (id,) = await sender.stage(cancel())
        async with sender.database.reading() as connection:
            (row,) = await ledger.rows("SELECT id FROM outbox_messages")
            await refused.set_aside(connection, row["id"], "MessageSizeTooLargeError")
            assert await refused.count(connection) == 1
            (told,) = await refused.read(connection)
            assert (told.message_id, told.wire_type) == (id, CancelPayment.wire_type)
            assert await sender.relay.send_batch(connection) == 0
            assert await refused.put_back(connection) == 1
            assert await refused.count(connection) == 0
            assert await sender.relay.send_batch(connection) == 1
        assert len(await sent(ledger, [id])) == 1


async def test_a_message_that_no_topic_takes_is_a_bug_of_the_transaction_that_stages_it(ledger: Ledger) -> None:
    async with Sender(ledger) as sender:
        with pytest.raises(TooLargeToSend, match="at most 1000000 can be sent"):
            await sender.stage(cancel(), cancel().model_copy(update={"reason": "x" * TOO_LARGE}))
        assert await ledger.rows("SELECT 1 FROM outbox_messages") == []
