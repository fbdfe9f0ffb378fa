"""A fleet's plans are taken apart by rings: what all hubs need comes first, what left the files goes last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hubfleet.plan import Action, Plan, Step
from hubfleet.plan.releases import Observed, Removed
from hubfleet.plan.rings import stages
from tests.unit.hub_files import release

RINGS = ("staging", "production")


def step(id_: str, action: Action = Action.CREATE, work: object = None) -> Step:
    return Step(id_, action, id_, work)


def removed(name: str) -> Step:
    gone = Observed(name, name, 1, "deployed", name, "c", "x")
    return step(f"release/{name}", Action.DESTROY, Removed(gone, claims=False))


def ids(plans: dict[str, Plan], ring_of: dict[str, dict[str, str]], rings: tuple[str, ...] = RINGS) -> object:
    return [
        (stage.ring, {name: [one.id for one in plan.steps] for name, plan in stage.plans.items()})
        for stage in stages(plans, ring_of, rings)
    ]


def test_what_serves_all_hubs_comes_with_the_first_ring_that_has_one(tmp_path: Path) -> None:
    hub = release(tmp_path)
    steps = (
        *(step("cluster"), step("pool/user"), step("release/hubfleet-labeller"), step("homes/main")),
        *(replace(step("release/main"), work=hub), step("release/try")),
    )
    assert ids({"c": Plan("c", steps)}, {"c": {"main": "production", "try": "staging"}}) == [
        ("staging", {"c": ["cluster", "pool/user", "release/hubfleet-labeller", "release/try"]}),
        ("production", {"c": ["homes/main", "release/main"]}),
    ]


def test_a_cluster_without_a_hub_in_the_first_ring_waits_for_its_turn() -> None:
    plans = {"a": Plan("a", (step("cluster"),)), "b": Plan("b", (step("cluster"), step("release/main")))}
    assert ids(plans, {"a": {}, "b": {"main": "production"}}) == [
        ("staging", {"a": ["cluster"]}),
        ("production", {"b": ["cluster", "release/main"]}),
    ]


def test_what_left_the_files_goes_last() -> None:
    steps = (removed("old"), step("release/try", Action.KEEP), step("release/main"))
    assert ids({"c": Plan("c", steps)}, {"c": {"main": "production", "try": "staging"}}) == [
        ("production", {"c": ["release/old", "release/main"]})
    ]


def test_where_nothing_changes_there_is_no_stage() -> None:
    assert ids({"c": Plan("c", (step("cluster", Action.KEEP),))}, {"c": {}}) == []


def test_without_rings_everything_is_one_stage() -> None:
    steps = (step("cluster"), step("release/main"), step("release/try"))
    assert ids({"c": Plan("c", steps)}, {"c": {"main": "", "try": ""}}, ()) == [
        ("", {"c": ["cluster", "release/main", "release/try"]})
    ]
