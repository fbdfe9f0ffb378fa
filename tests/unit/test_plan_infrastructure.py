"""What would be done to a cluster of Magnum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.errors import Refused
from hubfleet.plan import requests
from hubfleet.plan.frozen import Terms
from hubfleet.plan.infrastructure import ClusterWork, Observed, findings, notes, sizes, steps
from hubfleet.plan.kept import Kept, parsed, written
from hubfleet.plan.steps import Action, Finding, Step
from hubfleet.tools.openstack import Flavor
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
    others = replace(observed.groups[-1], name="byhand", uuid="g-byhand", labels={"hubfleet": "1"})
    pools = {"core": {**CORE, "runs": ["core", "users"]}}

    made = planned(tmp_path, replace(observed, groups=(*observed.groups, others)), pools)

    assert actions(made) == {"cluster": Action.KEEP, "pool/core": Action.KEEP, "pool/user": Action.DESTROY}


def test_a_cluster_that_hubfleet_did_not_make_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, there(labels={}))

    assert "hubfleet did not make" in error.what
    assert "u-old" in error.remedy


def found(
    folder: Path, observed: Observed, pools: dict[str, Any] | None = None, terms: Terms | None = None, **settings: Any
) -> list[Finding]:
    file = load(folder, pools, **settings)
    return list(findings(described(file), observed, file, terms or Terms()))


def test_every_thing_that_cannot_change_is_a_finding_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    pools = {"core": CORE, "user": {"machine": "m3.xl", "nodes": {"min": 1, "max": 10}}}

    seen = found(tmp_path, there(), pools, keypair="other", control_plane={"machine": "m3.large", "nodes": 1})

    assert [one.what.partition(" when")[0].partition(" for")[0] for one in seen] == [
        "keypair was deploy",
        "control_plane.machine was m3.quad",
        "pool user is of m3.large",
    ]
    assert all(one.fatal and one.remedy and one.origin and one.origin.line > 1 for one in seen)
    assert "hubfleet apply --replace user" in seen[-1].remedy


def test_another_template_is_the_matter_of_upgrade_and_stops_nothing(tmp_path: Path) -> None:
    observed = replace(there(), template=replace(TEMPLATE, uuid="t-2", name="kubernetes-1-34"))

    assert set(actions(planned(tmp_path, observed)).values()) == {Action.KEEP}


def test_default_workers_frozen_minimum_is_explained(tmp_path: Path) -> None:
    (one,) = found(tmp_path, there(), {**POOLS, "core": {**CORE, "nodes": 2}})

    assert "`nodes: {min: 1, max: 2}` is possible" in one.remedy


def test_a_flavor_is_the_same_by_name_and_by_uuid(tmp_path: Path) -> None:
    quad, large = Flavor("f-1", "m3.quad", 4, 15360, 20), Flavor("f-2", "m3.large", 16, 61440, 60)
    observed = replace(with_group(there(), "user", machine="f-2"), flavors=(quad, large))

    assert found(tmp_path, observed, control_plane={"machine": "f-1", "nodes": 1}) == []
    assert set(actions(planned(tmp_path, observed)).values()) == {Action.KEEP}
    (other,) = found(tmp_path, with_group(observed, "user", machine="f-1"))
    assert "pool user is of f-1 for ever" in other.what


def test_a_pool_that_may_be_replaced_is_made_anew_of_the_other_machine(tmp_path: Path) -> None:
    pools = {"core": CORE, "user": {"machine": "m3.xl", "nodes": {"min": 1, "max": 10}}}
    terms = Terms(replace=frozenset({"user"}))

    assert found(tmp_path, there(), pools, terms) == []
    file = load(tmp_path, pools)
    made = {step.id: step for step in steps(described(file), there(), file, terms)}
    assert actions(made) == {"cluster": Action.KEEP, "pool/core": Action.KEEP, "pool/user": Action.REPLACE}
    assert "instead of one of m3.large: its nodes go first" in made["pool/user"].details


def test_the_core_pool_is_never_replaced(tmp_path: Path) -> None:
    pools = {**POOLS, "core": {**CORE, "machine": "m3.xl"}}

    (one,) = found(tmp_path, there(), pools, Terms(replace=frozenset({"core"})))

    assert "default-worker" in one.remedy


def test_a_control_plane_gets_another_number_of_machines(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), control_plane={"machine": "m3.quad", "nodes": 3})

    assert made["cluster"].action is Action.CHANGE
    (change,) = made["cluster"].changes
    assert (change.key, change.old, change.new) == ("control_plane.nodes", 1, 3)


def test_one_poisoned_group_is_to_be_deleted_while_it_is_the_only_one(tmp_path: Path) -> None:
    observed = there(status="UPDATE_FAILED")
    bad = replace(observed.groups[-1], name="byhand", uuid="g-1", labels={}, min=0, status="CREATE_FAILED")

    (one,) = found(tmp_path, replace(observed, groups=(*observed.groups, bad)))

    assert one.what.startswith("the node group byhand has a minimum of 0")
    assert "openstack coe nodegroup delete u-old byhand" in one.remedy


def test_of_two_poisoned_groups_none_can_go(tmp_path: Path) -> None:
    observed = there(status="UPDATE_FAILED")
    bad = [replace(observed.groups[-1], name=name, uuid=name, labels={}, min=0) for name in ("one", "two")]

    (one,) = found(tmp_path, replace(observed, groups=(*observed.groups, *bad)))

    assert "one, two have a minimum of 0" in one.what
    assert "can only be replaced" in one.remedy


def test_without_autoscaling_a_minimum_of_zero_harms_nothing(tmp_path: Path) -> None:
    observed = with_group(there(labels={"hubfleet": "1", "auto_scaling_enabled": "false"}), "user", min=0)
    pools = {"core": CORE, "user": {"machine": "m3.large", "nodes": 1}}

    assert found(tmp_path, observed, pools, autoscaling=False) == []


def test_a_cluster_of_the_old_driver_is_refused_with_the_way_out(tmp_path: Path) -> None:
    error = refused(tmp_path, there(release="49dc23f5-ffc9-40c3-9d34-7be7f9e34d63", labels={}))

    assert "old Heat driver" in error.what
    assert "move the homes" in error.remedy


ADOPT = Terms(adopt=True)


def test_a_cluster_of_somebody_elses_is_taken_over_as_it_is(tmp_path: Path) -> None:
    others = there(labels={"auto_scaling_enabled": "true"})
    file = load(tmp_path)
    made = {step.id: step for step in steps(described(file), others, file, ADOPT)}

    assert actions(made) == {"cluster": Action.CHANGE, "pool/core": Action.KEEP, "pool/user": Action.KEEP}
    assert "taken over (u-old)" in made["cluster"].details[0]
    assert found(tmp_path, others, terms=ADOPT) == []
    assert "apply --adopt" in refused(tmp_path, others).remedy


def test_what_does_not_fit_a_cluster_that_is_taken_over_is_told_with_its_lines(tmp_path: Path) -> None:
    others = there(labels={"auto_scaling_enabled": "false"}, keypair="theirs")

    keypair, pool = found(tmp_path, others, terms=ADOPT)

    assert "keypair was theirs" in keypair.what
    assert "without autoscaling" in pool.what


def test_a_cluster_that_was_taken_over_is_hubfleets_from_then_on(tmp_path: Path) -> None:
    made = planned(tmp_path, replace(there(labels={"auto_scaling_enabled": "true"}), kept=Kept(adopted=True)))

    assert set(actions(made).values()) == {Action.KEEP}


def test_a_stillborn_cluster_of_somebody_elses_is_not_made_anew_by_adopting_it(tmp_path: Path) -> None:
    others = there(status="CREATE_FAILED", api_address=None, labels={})
    file = load(tmp_path)

    assert steps(described(file), others, file, ADOPT)[0].action is not Action.REPLACE


def test_a_size_that_somebody_else_changed_is_told_as_that_and_one_of_the_file_is_not(tmp_path: Path) -> None:
    byhand = replace(with_group(there(), "user", max=7), kept=Kept(sizes={"user": "1 to 10"}))
    assert "changed outside hubfleet, which left it at 1 to 10" in planned(tmp_path, byhand)["pool/user"].details

    edited = planned(
        tmp_path,
        replace(there(), kept=Kept(sizes={"user": "1 to 10"})),
        {"core": CORE, "user": {"machine": "m3.large", "nodes": {"min": 1, "max": 20}}},
    )
    assert edited["pool/user"].action is Action.CHANGE
    assert len(edited["pool/user"].details) == 1


def test_how_pools_are_left_is_kept_and_those_that_go_are_forgotten(tmp_path: Path) -> None:
    made = planned(tmp_path, there(), {"core": {**CORE, "runs": ["core", "users"]}})

    assert sizes(made.values()) == {"default-worker": "1", "user": None}
    assert parsed({key: value for key, value in written(sizes(made.values())).items() if value}).sizes == {
        "default-worker": "1"
    }


def test_absent_pools_and_groups_made_by_hand_are_told(tmp_path: Path) -> None:
    observed = there()
    others = replace(observed.groups[-1], name="byhand", uuid="g-byhand", labels={"hubfleet": "1"})
    file = load(tmp_path, {**POOLS, "gpu": {"machine": "g3.medium", "nodes": {"min": 0, "max": 2}}})

    absent, byhand = notes(described(file), replace(observed, groups=(*observed.groups, others)))

    assert absent.startswith("pool gpu is not made now")
    assert byhand == "node group byhand (1 node of m3.large) was made outside hubfleet: left alone"


def test_a_pool_that_is_there_though_it_may_be_absent_keeps_a_node(tmp_path: Path) -> None:
    pools = {"core": CORE, "user": {"machine": "m3.large", "nodes": {"min": 0, "max": 10}}}

    made = planned(tmp_path, there(), pools)

    assert made["pool/user"].action is Action.KEEP
    assert made["pool/user"].details == ("1 to 10 nodes of m3.large",)


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

    (one,) = found(tmp_path, observed)
    assert "made without autoscaling" in one.what
    assert "`nodes: 1`" in one.remedy


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
