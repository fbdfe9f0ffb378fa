"""What would be done to a cluster of Magnum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.errors import Refused
from hubfleet.plan import requests
from hubfleet.plan.infrastructure import ClusterWork, Observed, steps
from hubfleet.plan.steps import Action, Step
from tests.unit.clocks import FakeClock
from tests.unit.magnum_files import POOLS, described, load
from tests.unit.magnum_site import TEMPLATE, Site

CORE = POOLS["core"]


def there(**cluster: Any) -> Observed:
    """The cluster of the file as hubfleet makes it."""
    site = Site(FakeClock())
    made = site.add_cluster(**cluster)
    site.add_group("default-master", "m3.quad", 1, 0, None)
    site.group_rows["default-master"] = replace(site.group_rows["default-master"], role="master")
    site.add_group("default-worker", "m3.quad", 1, 1, None)
    site.add_group("user", "m3.large", 1, 1, 10)
    return Observed(TEMPLATE, made, tuple(site.group_rows.values()))


def with_group(observed: Observed, name: str, **changes: Any) -> Observed:
    groups = tuple(replace(g, **changes) if g.name == name else g for g in observed.groups)
    return replace(observed, groups=groups)


def planned(folder: Path, observed: Observed, pools: dict[str, Any] | None = None, **settings: Any) -> dict[str, Step]:
    file = load(folder, pools, **settings)
    return {step.id: step for step in steps(described(file), observed, file)}


def refused(folder: Path, observed: Observed, pools: dict[str, Any] | None = None, **settings: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        planned(folder, observed, pools, **settings)
    return caught.value


def actions(made: dict[str, Step]) -> dict[str, Action]:
    return {id_: step.action for id_, step in made.items()}


def test_where_there_is_nothing_everything_is_created(tmp_path: Path) -> None:
    made = planned(tmp_path, Observed(TEMPLATE))

    assert actions(made) == {"cluster": Action.CREATE, "pool/core": Action.CREATE, "pool/user": Action.CREATE}
    assert made["cluster"].details == ("template kubernetes-1-33", "control plane: 1 node of m3.quad")
    assert made["pool/user"].details == ("1 to 10 nodes of m3.large",)


def test_a_cluster_as_the_file_says_is_kept(tmp_path: Path) -> None:
    assert set(actions(planned(tmp_path, there())).values()) == {Action.KEEP}


def test_the_template_is_used_by_its_uuid_and_labels_are_merged(tmp_path: Path) -> None:
    work = planned(tmp_path, Observed(TEMPLATE, network="n-1", subnet="s-1"), labels={"etcd_volume_size": 10})[
        "cluster"
    ].work

    assert isinstance(work, ClusterWork)
    assert work.body == {
        "name": "pythia",
        "cluster_template_id": "t-1",
        "keypair": "deploy",
        "master_flavor_id": "m3.quad",
        "master_count": 1,
        "flavor_id": "m3.quad",
        "node_count": 1,
        "labels": {
            "auto_scaling_enabled": "true",
            "etcd_volume_size": "10",
            "hubfleet": "1",
            "kube_dashboard_enabled": "false",
            "min_node_count": "1",
        },
        "merge_labels": True,
        "fixed_network": "n-1",
        "fixed_subnet": "s-1",
    }


def test_without_autoscaling_default_worker_has_no_frozen_minimum(tmp_path: Path) -> None:
    pools = {"core": CORE, "user": {"machine": "m3.large", "nodes": 2}}
    work = planned(tmp_path, Observed(TEMPLATE), pools, autoscaling=False)["cluster"].work

    assert isinstance(work, ClusterWork)
    assert work.body is not None
    assert "min_node_count" not in work.body["labels"]  # type: ignore[operator]
    assert work.body["labels"]["auto_scaling_enabled"] == "false"  # type: ignore[index]


def test_a_group_always_has_a_minimum_of_one_or_more(tmp_path: Path) -> None:
    file = load(tmp_path, {"core": CORE, "gpu": {"machine": "g3.medium", "nodes": {"min": 0, "max": 2}}})
    (pool,) = described(file).pools

    body = requests.group(pool)

    assert (body["node_count"], body["min_node_count"], body["max_node_count"]) == (1, 1, 2)


def test_magnum_is_told_of_labels_and_taints_of_nodes_where_there_are_any(tmp_path: Path) -> None:
    marked = POOLS | {"gpu": {"machine": "g3", "labels": {"a": "b"}, "taints": ["c=d:NoSchedule", "e:NoExecute"]}}
    user, gpu = (requests.group(pool) for pool in described(load(tmp_path, marked)).pools)
    assert not {"node_labels", "node_taints"} & set(user)
    assert gpu["node_labels"] == {"a": "b"}
    assert gpu["node_taints"] == [
        {"key": "c", "value": "d", "effect": "NoSchedule"},
        {"key": "e", "value": "", "effect": "NoExecute"},
    ]


def test_a_pool_that_may_have_no_nodes_is_absent(tmp_path: Path) -> None:
    pools = {"core": CORE, "user": POOLS["user"], "gpu": {"machine": "g3.medium", "nodes": {"min": 0, "max": 2}}}

    assert "pool/gpu" not in planned(tmp_path, Observed(TEMPLATE), pools)
    assert "pool/gpu" not in planned(tmp_path, there(), pools)


def test_what_is_under_way_or_failed_is_finished(tmp_path: Path) -> None:
    observed = with_group(
        there(status="UPDATE_IN_PROGRESS"), "user", status="CREATE_FAILED", reason="helm: in progress"
    )

    made = planned(tmp_path, observed)

    assert actions(made) == {"cluster": Action.FINISH, "pool/core": Action.KEEP, "pool/user": Action.FINISH}
    assert "CREATE_FAILED: helm: in progress" in made["pool/user"].details[1]


def test_other_bounds_are_a_change_with_old_new_and_place(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), {"core": CORE, "user": {"machine": "m3.large", "nodes": {"min": 1, "max": 20}}})

    (change,) = made["pool/user"].changes
    assert (change.key, change.old, change.new) == ("nodes", "1 to 10", "1 to 20")
    assert change.origin is not None
    assert change.origin.file.name == "pythia.yaml"
    assert change.origin.line > 1


def test_what_the_autoscaler_did_is_no_change(tmp_path: Path) -> None:
    made = planned(tmp_path, with_group(there(), "user", count=7))

    assert made["pool/user"].action is Action.KEEP


def test_a_new_pool_is_created_in_a_cluster_that_is_there(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), {**POOLS, "gpu": {"machine": "g3.medium", "nodes": 1}})

    assert made["pool/gpu"].action is Action.CREATE


def test_a_pool_that_left_the_file_is_destroyed_but_not_somebody_elses_group(tmp_path: Path) -> None:
    observed = there()
    others = replace(observed.groups[-1], name="byhand", uuid="g-byhand", labels={})
    pools = {"core": {**CORE, "runs": ["core", "users"]}}

    made = planned(tmp_path, replace(observed, groups=(*observed.groups, others)), pools)

    assert actions(made) == {"cluster": Action.KEEP, "pool/core": Action.KEEP, "pool/user": Action.DESTROY}


def test_a_cluster_that_hubfleet_did_not_make_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, there(labels={}))

    assert "hubfleet did not make" in error.what
    assert "u-old" in error.remedy


def test_every_thing_that_cannot_change_is_refused_at_once_each_with_its_place(tmp_path: Path) -> None:
    observed = replace(there(), template=replace(TEMPLATE, uuid="t-2", name="kubernetes-1-34"))
    pools = {"core": CORE, "user": {"machine": "m3.xl", "nodes": {"min": 1, "max": 10}}}

    why = refused(tmp_path, observed, pools, keypair="other", control_plane={"machine": "m3.large", "nodes": 3}).why

    for text in (
        "template was t-1",
        "keypair was deploy",
        "control_plane.machine was m3.quad",
        "control_plane.nodes was 1",
    ):
        assert text in why
    assert "pool user is of m3.large for ever" in why
    assert all("pythia.yaml:" in line for line in why.splitlines())


def test_default_workers_frozen_minimum_is_explained(tmp_path: Path) -> None:
    why = refused(tmp_path, there(), {**POOLS, "core": {**CORE, "nodes": 2}}).why

    assert "`nodes: {min: 1, max: 2}` is possible" in why


def test_the_core_pool_may_get_room_to_grow(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), {**POOLS, "core": {**CORE, "nodes": {"min": 1, "max": 3}}})

    assert made["pool/core"].action is Action.CHANGE


def test_without_autoscaling_the_core_pool_can_be_resized(tmp_path: Path) -> None:
    observed = there(labels={"hubfleet": "1", "auto_scaling_enabled": "false"})
    pools = {"core": {**CORE, "nodes": 2}, "user": {"machine": "m3.large", "nodes": 1}}

    made = planned(tmp_path, observed, pools, autoscaling=False)

    assert (made["pool/core"].changes[0].old, made["pool/core"].changes[0].new) == ("1", "2")


def test_autoscaling_cannot_come_later(tmp_path: Path) -> None:
    observed = there(labels={"hubfleet": "1", "auto_scaling_enabled": "false"})

    assert "made without autoscaling" in refused(tmp_path, observed).why


def test_a_cluster_that_failed_before_it_came_up_is_replaced(tmp_path: Path) -> None:
    made = planned(tmp_path, there(status="CREATE_FAILED", api_address=None, reason="helm: no"))

    assert made["cluster"].action is Action.REPLACE
    assert isinstance(made["cluster"].work, ClusterWork)
    assert made["cluster"].work.doomed == "u-old"
    assert "helm: no" in made["cluster"].details[-1]


def test_a_failed_cluster_that_has_an_api_is_never_replaced(tmp_path: Path) -> None:
    assert planned(tmp_path, there(status="CREATE_FAILED"))["cluster"].action is Action.FINISH


def test_a_failed_cluster_of_somebody_elses_is_not_replaced_either(tmp_path: Path) -> None:
    assert "did not make" in refused(tmp_path, there(status="CREATE_FAILED", api_address=None, labels={})).what


def test_a_cluster_on_its_way_out_is_made_after_it_is_gone(tmp_path: Path) -> None:
    made = planned(tmp_path, there(status="DELETE_IN_PROGRESS"))

    assert made["cluster"].action is Action.CREATE
    assert "gone" in made["cluster"].details[-1]


def test_a_group_that_never_came_to_be_may_get_another_machine(tmp_path: Path) -> None:
    observed = with_group(there(), "user", status="CREATE_FAILED", machine="m3.tiny", reason="not enough CPU")

    assert planned(tmp_path, observed)["pool/user"].action is Action.REPLACE


def test_labels_that_differ_are_told_and_left(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), labels={"monitoring_enabled": True})

    assert made["cluster"].action is Action.KEEP
    assert "label monitoring_enabled stays unset: Magnum cannot change labels (wanted: true)" in made["cluster"].details
