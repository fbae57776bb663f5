"""Differences between two documents, decided by themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawr.catalog.domain.differences import Difference, differences

values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["", "a", "~/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b/c", "code", "~"]), inner),
    max_leaves=8,
)
CARD, PHOTOS = {"code": "ID_CARD", "name": {"en": "card"}}, {"code": "PHOTOS", "name": {"en": "photos"}}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("/b", 2, 3)]),
        ({"name": {"ar": "x", "en": "y"}}, {"name": {"ar": "x", "en": "z"}}, [("/name/en", "y", "z")]),
        ({}, {"a": None}, [("/a", None, None)]),
        ({"tiers": ["N", "U"]}, {"tiers": ["N"]}, [("/tiers", ["N", "U"], ["N"])]),
        ({"documents": []}, {"documents": [CARD]}, [("/documents/ID_CARD", None, CARD)]),
        (
            {"documents": [CARD, PHOTOS]},
            {"documents": [PHOTOS, CARD | {"name": {"en": "a card"}}]},
            [
                ("/documents", ["ID_CARD", "PHOTOS"], ["PHOTOS", "ID_CARD"]),
                ("/documents/ID_CARD/name/en", "card", "a card"),
            ],
        ),
        ({"a": []}, {"a": {}}, [("/a", [], {})]),
        ({"a/b": 1}, {"a/b": 2}, [("/a~1b", 1, 2)]),
    ],
)  # fmt: skip
def test_each_place_is_named(before: Any, after: Any, found: list[Any]) -> None:
    assert differences(before, after) == tuple(Difference(*each) for each in found)


@given(values)
def test_what_is_the_same_has_none(value: Any) -> None:
    assert differences(value, value) == ()


@given(values, values)
def test_what_is_not_the_same_has_some_and_the_way_back_as_many(before: Any, after: Any) -> None:
    found, back = differences(before, after), differences(after, before)
    assert bool(found) == (before != after)
    assert [(each.path, each.before, each.after) for each in found] == [
        (each.path, each.after, each.before) for each in back
    ]
