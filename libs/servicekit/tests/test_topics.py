"""What topics are created with."""

import pytest

from dawr.servicekit.topics import wanted_topics


@pytest.mark.parametrize(("replication", "copies"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_with_three_copies_a_record_is_taken_when_two_have_it(replication: int, copies: str | None) -> None:
    """Acks of all replicas means those in sync: without a minimum that may be the leader alone."""
    for topic in wanted_topics("", replication=replication):
        assert topic.replication_factor == replication
        assert topic.topic_configs.get("min.insync.replicas") == copies, topic.name
