"""A record whose header's name is not UTF-8 goes aside, whoever sent it, and its partition goes on."""

import struct
from collections.abc import Sequence

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from libs.servicekit.tests.ledger import Ledger, cancel, committed

from dawr.contracts.payments import CancelPayment
from dawr.contracts.topics import PAYMENTS_REQUESTS
from dawr.servicekit import header_names
from dawr.servicekit.clock import new_id
from dawr.servicekit.dead_letters import DeadLetter, read_dead_letters, replay
from dawr.servicekit.envelope import Headers
from dawr.servicekit.testing import headers_of, until

PLACE = b"na_me"
"""Stands in a batch for a name that no client of ours would send."""
BROKEN = b"na\xffme"
CRC_AT, AFTER_CRC = 17, 21
UNPACKED = 0


class RawBatch(BatchBuilder):  # type: ignore[misc]
    """A batch in which the name `na_me` becomes one that is not UTF-8, of the same length."""

    def _build(self) -> bytes:
        built = bytearray(super()._build()).replace(PLACE, BROKEN)
        struct.pack_into(">I", built, CRC_AT, calc_crc32c(bytes(built[AFTER_CRC:])))
        return bytes(built)


def batch_of(records: Sequence[tuple[bytes | None, Headers]]) -> RawBatch:
    batch = RawBatch(1_000_000, UNPACKED)
    for body, headers in records:
        batch.append(key=b"one", value=body, timestamp=None, headers=headers)
    batch.close()
    return batch


def told(message: CancelPayment, *more: tuple[str, bytes]) -> tuple[bytes, Headers]:
    return message.model_dump_json().encode(), [*headers_of(message, new_id()), *more]


def test_trap_the_client_stops_at_such_a_record() -> None:
    batch = DefaultRecordBatch(batch_of([(b"1", []), (b"2", [(PLACE.decode(), b"")]), (b"3", [])])._build())
    records = iter(batch)
    assert next(records).value == b"1"
    for _ in range(3):
        with pytest.raises(UnicodeDecodeError):
            next(records)


def test_the_records_of_a_batch_are_what_the_client_reads_where_it_can() -> None:
    named: Headers = [("ce_id", b"1"), ("naïve", b"\xff"), ("none", b"")]
    records: list[tuple[bytes | None, Headers]] = [(b"1", named), (None, []), (b"x" * 300, named)]
    (expected,) = [list(MemoryRecords(batch_of(records)._build()).next_batch())]
    broken = batch_of([(b"0", [(PLACE.decode(), b"")]), *records])._build()
    opened = list(header_names._Records(broken).next_batch())
    assert opened[0].headers == [("na\udcffme", b"")]
    for ours, theirs in zip(opened[1:], expected, strict=True):
        assert (ours.key, ours.value, ours.headers) == (theirs.key, theirs.value, theirs.headers)
        assert ours.offset == theirs.offset + 1
        assert abs(ours.timestamp - theirs.timestamp) < 10_000


@pytest.mark.parametrize(
    ("name", "is_utf8"), [("ce_id", True), ("naïve", True), ("رقم", True), ("na\udcffme", False), ("", True)]
)
def test_a_name_that_was_not_utf8_is_told(name: str, is_utf8: bool) -> None:
    assert header_names.is_readable(["ce_id", name]) is is_utf8
    assert header_names.is_readable([header_names.written_out(name)])


async def test_a_record_with_such_a_name_goes_aside_and_its_partition_goes_on(ledger: Ledger) -> None:
    topic, group = PAYMENTS_REQUESTS.name, PAYMENTS_REQUESTS.group("payments")
    before, bad, nameless, after, later = (cancel() for _ in range(5))
    broken = told(bad, (PLACE.decode(), b"\xfe"), ("more", b"here"))
    body, (*_, last) = told(nameless)
    records = [told(before), broken, (body, [last, (PLACE.decode(), b"")]), told(after)]
    held = len(await ledger.stage.records(PAYMENTS_REQUESTS))
    async with ledger.stage.raw_producer() as producer:
        name = ledger.stage.platform.topic_prefix + topic
        sent = await (await producer.send_batch(batch_of(records), name, partition=0))
    async with ledger.running() as service:
        await ledger.noted(before.subject.id, after.subject.id)
        await ledger.stage.send(later)
        await ledger.noted(later.subject.id)
        assert not {str(bad.subject.id), str(nameless.subject.id)} & set(await ledger.notes())

        async def both() -> list[DeadLetter] | None:
            letters = await read_dead_letters(ledger.stage.platform, group="payments")
            ours = [each for each in letters if each.body in {broken[0], body}]
            return ours if len(ours) == 2 else None

        letters = {each.body: each for each in await until(both, what="the dead letters")}
        letter = letters[broken[0]]
        assert (letter.reason, letter.detail) == ("undecodable-headers", "the name of a header is not UTF-8")
        assert (letter.key, letter.partition, letter.offset) == (b"one", 0, sent.offset + 1)
        assert letter.wire_type == CancelPayment.wire_type
        assert letter.headers == [*broken[1][:-2], (r"na\xffme", b"\xfe"), ("more", b"here")]
        assert letters[body].reason == "undecodable-headers"

        async def acknowledged() -> bool:
            return await committed(ledger.stage, topic, group) == held + 5

        await until(acknowledged, what="the commit")
        await replay(service.producer, letter)
        await ledger.noted(bad.subject.id)
