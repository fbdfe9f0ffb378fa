"""What no single value tells: pools that cannot carry the hubs, hubs in each other's way, passwords that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster_files import example, hub, problems

SHARED = "hubs.main.auth.shared_password"
LONGER = "make it longer, or leave it out: hubfleet makes one"
OTHER = "take another, or leave it out: hubfleet makes one"


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ({"a": {"runs": ["users"]}},
         ["pools: no pool runs core: hubs need nodes that stay — write `runs: [core]` in one"]),
        ({"a": {"runs": ["core"]}}, ["pools: no pool runs users: servers need nodes — write `runs: [users]` in one"]),
        ({"a": {"runs": ["core", "users"]}}, []),
        ({"a": {"runs": ["core", "users"], "nodes": {"min": 0, "max": 2}}},
         ["pools.a.nodes: the pool that runs core may shrink to no node — give it a min of 1 or more"]),
        ({"a": {"runs": ["core"]}, "b": {"nodes": {"min": 0, "max": 2}}}, []),
    ],
)  # fmt: skip
def test_pools_must_carry_the_cluster_and_its_hubs(tmp_path: Path, pools: dict[str, Any], said: list[str]) -> None:
    assert problems(tmp_path, example(pools=pools)) == said


def test_kubernetes_own_pods_need_a_pool_without_taints(tmp_path: Path) -> None:
    def said(core: str, user: str, **nodes: Any) -> list[str]:
        pools = {"core": {"runs": ["core"], "taints": [core]}, "user": {"taints": [user], **nodes}}
        return problems(tmp_path, example(pools=pools))

    why = "pools: every pool that always has nodes has taints: Kubernetes' own pods (DNS, storage) would have no place"
    assert said("a:NoSchedule", "a=b:NoExecute") == [f"{why} — leave one without taints, best the pool that runs core"]
    assert said("a:PreferNoSchedule", "a=b:NoExecute") == []
    assert len(said("a:NoSchedule", "a:PreferNoSchedule", nodes={"min": 0, "max": 1})) == 1


def test_a_cluster_without_hubs_needs_no_pool_for_users(tmp_path: Path) -> None:
    assert not problems(tmp_path, example(pools={"a": {"runs": ["core"]}}, hubs=None))


def test_a_broken_pool_is_not_held_against_the_others(tmp_path: Path) -> None:
    assert problems(tmp_path, example(pools={"a": {"runs": ["cor"]}, "b": {}})) == [
        'pools.a.runs[0]: is "cor" — did you mean "core"?'
    ]


def test_a_hub_is_not_named_like_a_namespace_of_kubernetes(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"auth": {"shared_password": {}}}
    hubs = {"default": {"domain": "a.org", **plain}, "kube-system": {"domain": "b.org", **plain}}
    why = "a hub's name is its namespace, and {} is Kubernetes' own — give the hub another name"
    assert problems(tmp_path, example(hubs=hubs)) == [
        f"hubs.{name}: {why.format(name)}" for name in ("default", "kube-system")
    ]


def test_a_hub_is_not_named_like_a_namespace_of_hubfleets_own(tmp_path: Path) -> None:
    hubs = {"hubfleet-x": {"domain": "a.org", "auth": {"shared_password": {}}}}
    assert problems(tmp_path, example(hubs=hubs)) == [
        "hubs.hubfleet-x: a hub's name is its namespace, and hubfleet-x is hubfleet's own — give the hub another name"
    ]


def test_each_hub_has_a_domain_of_its_own(tmp_path: Path) -> None:
    plain = {"domain": "hub.example.org", "auth": {"shared_password": {}}}
    assert problems(tmp_path, example(hubs={"a": plain, "b": plain})) == [
        "hubs.b.domain: hub a has the domain hub.example.org already — give each hub its own"
    ]


def test_the_folder_of_a_chart_must_hold_one(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (said,) = problems(tmp_path, hub(chart="./chart"))
    assert said.startswith("hubs.main.chart: there is no chart at ")
    (tmp_path / "chart" / "Chart.yaml").write_text("name: chart\n")
    assert not problems(tmp_path, hub(chart="./chart"))


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ({}, []),
        ({"user_password": "12345678", "admin_password": "a" * 32}, []),
        ({"user_password": "${env:SHORT}", "admin_password": "x${file:short}"}, []),
        ({"user_password": "1234567"},
         [f"{SHARED}.user_password: is shorter than the 8 characters that JupyterHub asks for — {LONGER}"]),
        ({"admin_password": "a" * 31},
         [f"{SHARED}.admin_password: is shorter than the 32 characters that JupyterHub asks for — {LONGER}"]),
        ({"user_password": "a" * 32, "admin_password": "a" * 32},
         [f"{SHARED}.admin_password: is the users' password as well: everybody could be admin — {OTHER}"]),
    ],
)  # fmt: skip
def test_shared_passwords_are_such_as_jupyterhub_takes(tmp_path: Path, shared: dict[str, Any], said: list[str]) -> None:
    assert problems(tmp_path, hub(admins=["ada"], auth={"shared_password": shared})) == said


def test_an_admin_password_is_for_admins(tmp_path: Path) -> None:
    assert problems(tmp_path, hub(auth={"shared_password": {"admin_password": "a" * 32}})) == [
        f"{SHARED}.admin_password: nobody can use it: the hub has no admins — name them in `admins:`, or leave it out"
    ]
