"""The values that Helm gets: a null is sent where Helm acts upon it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.hubs.finishing import Defaults, finished
from hubfleet.spec import merge, reveal, without_nulls
from tests.unit.hub_files import release

Tree = dict[str, Any]


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    """Maps of maps with few keys, so that they meet."""
    below = st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
    return st.dictionaries(st.sampled_from("abc"), below, max_size=3)


DEFAULTS = trees(st.integers(0, 2))
LAYERS = st.lists(trees(st.none() | st.integers(3, 5) | st.just([None])), max_size=3)


def helm(values: Tree, defaults: Tree) -> Tree:
    """As Helm completes a chart's own values (coalesceValues): a null goes with the default below it, or else stays."""
    done = dict(values)
    for key, default in defaults.items():
        if key not in values:
            done[key] = default
        elif values[key] is None:
            del done[key]
        elif isinstance(values[key], dict) and isinstance(default, dict):
            done[key] = helm(values[key], default)
    return done


@given(DEFAULTS, LAYERS)
def test_what_helm_makes_of_them_is_what_hubfleet_says(defaults: Tree, layers: list[Tree]) -> None:
    values, _ = reveal(merge(*layers))
    done = finished(values, Defaults("values.yaml", defaults))
    assert done.taken == ()
    assert helm(done.values, defaults) == without_nulls(merge(defaults, *layers))


def test_what_a_chart_sets_for_its_sub_chart_is_taken_out_of_it() -> None:
    below = Defaults("charts/s/values.yaml", {"a": {"x": 1}})
    defaults = Defaults("values.yaml", {"s": {"a": {"x": 2, "y": 3}}}, {"s": below})
    done = finished({"s": {"a": {"x": None, "y": None, "z": None}}}, defaults)
    assert done.values == {"s": {"a": {"x": None}}}
    assert set(done.taken) == {("values.yaml", ("s", "a", "x")), ("values.yaml", ("s", "a", "y"))}


def test_a_map_that_takes_the_place_of_a_default_is_another_release_than_one_that_is_merged_with_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "weaker.yaml").write_text("hub: {extraLabels: null}\n")
    (tmp_path / "other.yaml").write_text("hub: {}\n")
    values = {"hub": {"extraLabels": {"a": "b"}}}
    over_null = release(tmp_path, values=values, values_files=["weaker.yaml"])
    merged = release(tmp_path, values=values, values_files=["other.yaml"])
    assert over_null.values == merged.values
    assert over_null.digest != merged.digest
