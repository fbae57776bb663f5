"""Records whose header names are not UTF-8, read all the same.

Kafka does not look at the names of headers, and aiokafka (0.14) decodes them as it reads a batch: one that is not
UTF-8 raises in the middle of a fetch, and the partition never gets past it. aiokafka has no setting for it, so
`read_any` puts a reader of ours in the place where its fetcher opens what the broker sent. A batch is read by
aiokafka's own parser, until that fails; only the rest of such a batch is read here.

Bytes that are no UTF-8 stand in the name as lone surrogates (PEP 383): nothing is lost, `is_readable` tells, and
`written_out` gives a name that can be sent and shown.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecord, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

_MAGIC_AT = 16
_FIRST_MAGIC_WITH_HEADERS = 2


def read_any() -> None:
    """Have every consumer of this process read records with such names, from its next fetch on."""
    fetcher.MemoryRecords = _Records


def is_readable(names: Iterable[str]) -> bool:
    """Whether all of these names were UTF-8."""
    joined = "".join(names)
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def written_out(name: str) -> str:
    r"""The name with each byte that is no UTF-8 written as `\xff`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches in what the broker sent for one partition."""

    def next_batch(self) -> Any:
        sent = self._next_slice
        batch = super().next_batch()
        if sent is None or sent[_MAGIC_AT] < _FIRST_MAGIC_WITH_HEADERS:
            return batch
        return _Batch(sent, batch)


class _Batch:
    """One batch of records, with what the fetcher asks of it."""

    def __init__(self, sent: memoryview, batch: Any) -> None:
        self._sent = sent
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException):
            # The second is how aiokafka says it where its extension is missing. What is truly corrupt raises again.
            yield from islice(_AnyNames(self._sent), read, None)


class _AnyNames(_DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's batch in Python, but for how it reads a record.

    Source: https://kafka.apache.org/documentation/#record
    """

    _pos: int

    def _read_msg(self) -> Any:
        length, start = decode_varint(self._buffer, self._pos)
        self._pos = start + 1  # attributes: one byte that nothing uses
        since_first = self._number()
        offset = self.base_offset + self._number()
        key, value = self._bytes(), self._bytes()
        headers = [(self._name(), self._bytes()) for _ in range(self._number())]
        if self._pos != start + length:
            raise CorruptRecordException(f"record {offset} says {length} bytes, and has {self._pos - start}")
        of_log = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if of_log else self.first_timestamp + since_first
        return DefaultRecord(offset, timestamp, self.timestamp_type, key, value, headers)

    def _number(self) -> int:
        number, self._pos = decode_varint(self._buffer, self._pos)
        return int(number)

    def _bytes(self) -> bytes | None:
        length = self._number()
        if length < 0:
            return None
        start, self._pos = self._pos, self._pos + length
        return bytes(self._buffer[start : self._pos])

    def _name(self) -> str:
        name = self._bytes()
        if name is None:
            raise CorruptRecordException("a header without a name")
        return name.decode(errors="surrogateescape")
