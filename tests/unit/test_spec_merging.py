"""Maps merge, lists replace, null deletes."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.spec import Secret, merge, without_nulls
from hubfleet.spec.merging import Cut, put

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
MAPS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | LEAVES, max_size=3),
    max_leaves=8,
)


def test_maps_merge_and_lists_replace() -> None:
    weak = {"hub": {"image": {"name": "a", "tag": "1"}, "args": [1, 2]}}
    assert merge(weak, {"hub": {"image": {"tag": "2"}, "args": [3]}}) == {
        "hub": {"image": {"name": "a", "tag": "2"}, "args": [3]}
    }


def test_null_deletes_what_is_weaker_and_stays_for_the_charts_own_default() -> None:
    merged = merge({"a": {"b": 1, "c": 2}}, {"a": {"b": None}})
    assert merged == {"a": {"b": None, "c": 2}}
    assert without_nulls(merged) == {"a": {"c": 2}}


def test_what_comes_after_a_null_finds_nothing_below() -> None:
    assert merge({"a": {"b": 1}}, {"a": None}, {"a": {"c": 2}}) == {"a": {"c": 2}}


def test_a_map_replaces_a_leaf_and_a_leaf_a_map() -> None:
    assert merge({"a": 1, "b": {"c": 1}}, {"a": {"c": 1}, "b": 1}) == {"a": {"c": 1}, "b": 1}


def test_a_secret_is_a_leaf() -> None:
    secret = Secret.parse("${env:X}")
    assert merge({"a": secret, "b": {"c": 1}}, {"a": {"c": 2}, "b": secret}) == {"a": {"c": 2}, "b": secret}


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in tree.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


def test_it_does_not_matter_which_layers_are_merged_first_also_around_a_null() -> None:
    a, b, c = {"x": {"y": 1}}, {"x": None}, {"x": {"z": 2}}
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == {"x": {"z": 2}}


def marked(tree: Any) -> Any:
    """A tree that shows which maps have nothing below them."""
    if not isinstance(tree, dict):
        return tree
    return {"cut": isinstance(tree, Cut)} | {f"={key}": marked(value) for key, value in tree.items()}


@given(MAPS, MAPS, MAPS, MAPS)
def test_layers_merge_alike_in_whatever_groups(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any], d: dict[str, Any]
) -> None:
    whole = marked(merge(a, b, c, d))
    assert marked(merge(merge(a, b), c, d)) == whole
    assert marked(merge(a, merge(b, c), d)) == whole
    assert marked(merge(a, merge(b, merge(c, d)))) == whole


@given(MAPS, MAPS, st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_a_null_deletes_at_any_depth(a: dict[str, Any], b: dict[str, Any], path: list[str]) -> None:
    nothing: Any = None
    for key in reversed(path):
        nothing = {key: nothing}
    merged = leaves(without_nulls(merge(a, nothing)))
    assert not [one for one in merged if list(one[: len(path)]) == path]
    later = leaves(merge(a, nothing, b))
    own = {one: value for one, value in leaves(b).items() if list(one[: len(path)]) == path}
    found = {one: value for one, value in later.items() if list(one[: len(path)]) == path and value is not None}
    assert {one: value for one, value in own.items() if value is not None} == found


@given(MAPS, MAPS, MAPS)
def test_nulls_delete_in_what_a_chart_has_as_they_do_after_all_is_merged(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    before = copy.deepcopy(a)
    assert without_nulls(merge(b, c), over=without_nulls(a)) == without_nulls(merge(a, b, c))
    assert a == before


@given(MAPS)
def test_nothing_changes_by_an_empty_layer_or_by_itself(a: dict[str, Any]) -> None:
    assert merge(a, {}) == merge({}, a) == merge(a, a) == a


@given(MAPS, MAPS)
def test_every_leaf_of_the_stronger_holds_and_no_other_is_invented(a: dict[str, Any], b: dict[str, Any]) -> None:
    merged, weak, strong = leaves(merge(a, b)), leaves(a), leaves(b)
    assert merged.items() >= strong.items()
    assert (weak | strong).items() >= merged.items()


@given(MAPS, MAPS)
def test_the_layers_themselves_stay_as_they_are(a: dict[str, Any], b: dict[str, Any]) -> None:
    before = copy.deepcopy((a, b))
    merge(a, b)
    assert (a, b) == before


@given(MAPS)
def test_no_null_is_left_in_any_map(a: dict[str, Any]) -> None:
    assert None not in leaves(without_nulls(a)).values()


def test_a_value_is_put_at_a_path_and_the_rest_stays_as_it_was() -> None:
    before = {"a": {"b": 1, "c": None}, "d": 2}
    assert put(before, ("a", "x", "y"), 3) == {"a": {"b": 1, "c": None, "x": {"y": 3}}, "d": 2}
    assert put(before, ("a", "b"), 3) == {"a": {"b": 3, "c": None}, "d": 2}
    assert put({}, ("a", "b"), 3) == {"a": {"b": 3}}
    assert before == {"a": {"b": 1, "c": None}, "d": 2}
