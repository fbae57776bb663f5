"""A key's partition: the one that every other Kafka client gives it."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from dawr.servicekit.producer import partition_of


@given(st.binary(max_size=80), st.integers(1, 50))
def test_a_key_has_the_partition_of_kafkas_default_partitioner(key: bytes, count: int) -> None:
    every = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, every, every)
