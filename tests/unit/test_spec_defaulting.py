"""Defaults under a file: maps merge, lists replace, null takes away; of provider and auth, the chosen one counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.spec.defaulting import over

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)
MAPS = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


@pytest.mark.parametrize(
    ("defaults", "own", "merged"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": None}}, {"a": {"b": 1}}),
        ({"a": 1}, {"a": None}, {}),
        ({}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1}, "no map", "no map"),
        ({"auth": {"github": {"a": 1}}}, {"auth": {"shared_password": {}}}, {"auth": {"shared_password": {}}}),
        ({"auth": {"github": {"a": 1}}}, {"auth": {"github": {"b": 2}}}, {"auth": {"github": {"a": 1, "b": 2}}}),
        ({"provider": {"x": {"a": 1}, "y": {"b": 2}}}, {"provider": {"y": {}}}, {"provider": {"y": {"b": 2}}}),
        ({"provider": {"x": {"a": 1}}}, {"name": "n"}, {"provider": {"x": {"a": 1}}, "name": "n"}),
    ],
)  # fmt: skip
def test_defaults_complete_what_a_file_says(defaults: Any, own: Any, merged: Any) -> None:
    assert over(defaults, own) == merged


@given(MAPS, MAPS)
def test_what_the_file_says_and_is_no_map_stands(defaults: Any, own: Any) -> None:
    merged = over(defaults, own)
    for key, value in own.items():
        if value is None:
            assert merged.get(key) is None
        elif not isinstance(value, dict):
            assert merged[key] == value
    assert {key: merged[key] for key in defaults.keys() - own.keys()} == {
        key: defaults[key] for key in defaults.keys() - own.keys()
    }


@given(MAPS, MAPS)
def test_no_null_of_the_file_is_left_where_a_default_was(defaults: Any, own: Any) -> None:
    merged = over(defaults, own)
    assert not [key for key, value in merged.items() if value is None and key in defaults and key in own]


@given(MAPS, MAPS)
def test_neither_is_changed(defaults: Any, own: Any) -> None:
    before = repr((defaults, own))
    over(defaults, own)
    assert repr((defaults, own)) == before
