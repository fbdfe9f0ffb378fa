"""Providers turn a file into data: golden files, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hubfleet import registry, spec
from hubfleet.provider import CONTRACT, Description, ExistingCluster
from tests.unit.magnum_files import POOLS, load

GOLDEN = Path(__file__).parent.parent / "golden" / "providers"
CORE = POOLS["core"]


def described(file: spec.Cluster) -> Description:
    return registry.provider(file.provider.name).describe(file)


def from_file(path: Path) -> spec.Cluster:
    return spec.load_cluster(path, registry.names(), lambda name: registry.provider(name).settings)


def problems(folder: Path, pools: dict[str, Any] | None = None, **settings: Any) -> list[str]:
    with pytest.raises(spec.InvalidFiles) as caught:
        described(load(folder, pools, **settings))
    return [f"{problem.key}: {problem.what} — {problem.remedy}" for problem in caught.value.problems]


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_block_gives_the_description_beside_it(file: Path) -> None:
    """To write them anew: python -m tests.golden"""
    made = json.loads(json.dumps(asdict(described(from_file(file))), default=_plain))

    assert made == json.loads(file.with_suffix(".json").read_text())


def _plain(value: object) -> object:
    return str(value.relative_to(GOLDEN.resolve())) if isinstance(value, Path) else str(value)


def test_every_provider_of_ours_keeps_the_contract_and_says_what_it_is() -> None:
    for name in ("existing", "jetstream2", "openstack"):
        provider = registry.provider(name)
        assert (provider.contract, provider.name) == (CONTRACT, name)
        assert provider.summary


def test_the_pool_that_runs_core_is_default_worker(tmp_path: Path) -> None:
    description = described(load(tmp_path))

    assert description.placement == {
        "core": {"capi.stackhpc.com/node-group": "default-worker"},
        "user": {"capi.stackhpc.com/node-group": "user"},
    }


def test_jetstream2_differs_from_any_openstack_by_its_presets_only(tmp_path: Path) -> None:
    settings = {"control_plane": {"machine": "m3.quad"}, "network": None}

    here = described(load(tmp_path, provider="jetstream2", **settings)).infrastructure
    there = described(load(tmp_path, provider="openstack", **settings)).infrastructure

    assert {**asdict(here), "labels": {}} == {**asdict(there), "labels": {}}
    assert set(here.labels) - set(there.labels) == {"kube_dashboard_enabled"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "label", ["max_node_count", "min_node_count", "auto_scaling_enabled", "capi_helm_chart_version"]
)
def test_labels_that_do_harm_are_refused_with_the_reason(tmp_path: Path, label: str) -> None:
    (problem,) = problems(tmp_path, labels={label: "1"})

    assert problem.startswith(f"provider.jetstream2.labels.{label}: this label is not to be set — ")


@pytest.mark.parametrize("name", ["gp", "g", "default-worker", "default-master"])
def test_pool_names_that_magnum_or_its_chart_would_refuse_are_refused(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, {**POOLS, name: {"machine": "m3.large"}})

    assert problem.startswith(f"pools.{name}: not a name for a pool of Magnum")


def test_the_core_pool_may_have_any_name_since_its_group_is_default_worker(tmp_path: Path) -> None:
    described(load(tmp_path, {"c": CORE, "user": POOLS["user"]}))


@pytest.mark.parametrize("names", [(), ("core", "more")])
def test_exactly_one_pool_runs_core(tmp_path: Path, names: tuple[str, ...]) -> None:
    pools = {**dict.fromkeys(names, CORE), "user": POOLS["user"]}

    try:
        told = problems(tmp_path, pools)
    except spec.InvalidFiles as error:  # the file's own checks come first
        told = [str(error)]
    assert any("core" in text for text in told)


def test_a_pool_needs_a_machine(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, {**POOLS, "user": {"nodes": 1}})

    assert problem.startswith("pools.user: has no machine — add `machine:`")


def test_without_autoscaling_pools_have_one_size(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, autoscaling=False)

    assert problem.startswith("pools.user.nodes: a least and a most number of nodes need autoscaling")


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(spec.InvalidFiles) as caught:
        described(load(tmp_path, {"core": CORE, "gp": {}}, labels={"max_node_count": 3}))
    assert len(caught.value.problems) == 3
    assert all(problem.position.line > 1 for problem in caught.value.problems)


def test_labels_of_yaml_become_words(tmp_path: Path) -> None:
    infrastructure = described(
        load(tmp_path, labels={"monitoring_enabled": True, "boot_volume_size": 30})
    ).infrastructure

    assert infrastructure.labels["monitoring_enabled"] == "true"  # type: ignore[union-attr]
    assert infrastructure.labels["boot_volume_size"] == "30"  # type: ignore[union-attr]


def test_a_kubeconfig_is_found_relative_to_the_cluster_file(tmp_path: Path) -> None:
    file = load(tmp_path, {"core": {"runs": ["core", "users"]}}, provider="existing")
    settings = file.provider.settings.model_copy(update={"kubeconfig": Path("keys/config")})
    block = file.provider.model_copy(update={"settings": settings})

    infrastructure = described(file.model_copy(update={"provider": block})).infrastructure

    assert isinstance(infrastructure, ExistingCluster)
    assert infrastructure.kubeconfig == tmp_path / "keys" / "config"


def test_labels_and_taints_need_pools_that_are_told_apart(tmp_path: Path) -> None:
    pools = {"core": {"runs": ["core"]}, "user": {"labels": {"a": "b"}, "taints": ["c:NoSchedule"], "gpus": 1}}
    why = "nobody knows which nodes are this pool's — add `pool_label:` to the provider's block: a label that tells"
    assert problems(tmp_path, pools, provider="existing") == [
        f"pools.user.{key}: {why} pools apart" for key in ("labels", "taints", "gpus")
    ]
    assert problems(tmp_path, pools, provider="existing", pool_label="a") == [
        "pools.user.labels.a: this is the `pool_label` — take it away: it says which pool a node belongs to"
    ]
