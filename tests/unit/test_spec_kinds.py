"""Which keys go with a hub's kind and its chart, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit import fleet_files
from tests.unit.cluster_files import example, hub, problems

QUAY = {"quay": {"organization": "lab", "username": "robot", "password": "${env:X}"}}
BINDER: dict[str, Any] = {"kind": "binder", "auth": None, "registry": QUAY}


def pools(**builder: Any) -> dict[str, Any]:
    every = {**example()["pools"], "builder": {"machine": "m", "runs": ["builds"], **builder}}
    return hub(**BINDER) | {"pools": every}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"registry": None}, "hubs.main.registry: hub main has no registry — add `registry:` (where images that were"),
        (
            {"registry": {}},
            "hubs.main.registry: choose exactly one of dockerhub, quay, ghcr, gar, acr, ecr, in_cluster, harbor,",
        ),
        (
            {"registry": {"ecr": {"account": "12", "region": "eu-west-1"}}},
            'hubs.main.registry.ecr.account: "12" cannot b',
        ),
        (
            {"registry": {"ecr": {"account": "123456789012", "region": "eu-west-1", "access_key_id": "A"}}},
            "hubs.main.registry.ecr: access_key_id and secret_access_key go together",
        ),
        ({"registry": QUAY | {"prefix": "B"}}, 'hubs.main.registry.prefix: "B" cannot be used here'),
        (
            {"registry": {"ecr": {"account": "123456789012", "region": "eu-west-1"}, "prefix": "b--"}},
            "hubs.main.registry.prefix: ECR takes no name in which two of . _ - stand together",
        ),
        ({"homes": {"size": "1Gi"}}, "hubs.main.homes: is nothing to a binder hub: people bring images, nothing stays"),
        ({"named_servers": 2}, "hubs.main.named_servers: is nothing to a binder hub"),
        ({"image": "quay.io/a/b:1"}, "hubs.main.image: is nothing to a binder hub"),
        ({"chart": "jupyterhub"}, "hubs.main.chart: the chart jupyterhub is not for hubs of `kind: binder` — take bin"),
        ({"hub_domain": "hub.example.org"}, "hubs.main.hub_domain: is the domain of the binder hub itself"),
        ({"repositories": {"banned": ["("]}}, "hubs.main.repositories.banned[0]: is no regular expression: missing )"),
        ({"repositories": {"high_quota": 3}}, "hubs.main.repositories: high_quota and high_quota_for go together"),
        ({"builds": {"by": "host"}}, 'hubs.main.builds.by: is "host" — there is dind, podman'),
        ({"chart": "lite"}, "hubs.main.registry: is nothing to the chart lite, which builds and keeps nothing"),
        ({"kind": "persistent", "auth": {"shared_password": {}}}, "hubs.main.registry: is for binder hubs — write `ki"),
        (
            {"profiles": [{"title": "A", "seats": 1}, {"title": "B", "seats": 2}]},
            "hubs.main.profiles: people cannot choose a size on a binder hub: it has one — leave one",
        ),
    ],
)
def test_a_key_that_does_not_go_with_its_kind_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (found,) = problems(tmp_path, hub(**{**BINDER, **change}))
    assert found.startswith(said)


def test_a_binder_hub_needs_a_registry_and_nothing_else(tmp_path: Path) -> None:
    assert problems(tmp_path, hub(**BINDER)) == []
    assert problems(tmp_path, hub(kind="binder", auth=None, chart="lite")) == []


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"taints": ["x=y:NoSchedule"]}, "pools.builder.taints[0]: BinderHub's builds do not tolerate it"),
        ({"nodes": {"min": 0, "max": 2}}, "pools.builder.nodes: the pool that runs builds may shrink to no node"),
    ],
)
def test_a_pool_where_builds_have_no_place_is_told(tmp_path: Path, pool: dict[str, Any], said: str) -> None:
    (found,) = problems(tmp_path, pools(**pool))
    assert found.startswith(said)


def test_a_pool_for_builds_takes_the_taint_that_they_tolerate(tmp_path: Path) -> None:
    assert problems(tmp_path, pools(taints=["hub.jupyter.org/dedicated=user:NoSchedule"])) == []


def test_a_pool_for_builds_without_a_binder_hub_is_told(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, {**pools(), "hubs": example()["hubs"]})
    assert "pools.builder.runs: nothing is built on this cluster" in found


def test_what_stands_in_defaults_is_for_hubs_that_can_use_it(tmp_path: Path) -> None:
    tree = fleet_files.tree()
    tree["defaults"]["hub"] |= {"homes": {"size": "5Gi"}, "named_servers": 1}
    own = fleet_files.hubs(
        a="a.example.org", b={"domain": "b.example.org", "kind": "binder", "chart": "binderhub", "registry": QUAY}
    )
    (member,) = fleet_files.load(tmp_path, tree, one=own).members
    assert member.problems == ()
