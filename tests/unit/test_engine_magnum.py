"""A cluster of Magnum comes to be, whatever Magnum does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet import spec
from hubfleet.engine import magnum
from hubfleet.engine.leases import Hold
from hubfleet.engine.look import observe
from hubfleet.engine.run import run
from hubfleet.errors import CloudError, HubfleetError, Layer, Refused
from hubfleet.events import Event, Kind, Watch
from hubfleet.plan import volumes
from hubfleet.plan.frozen import Terms
from hubfleet.plan.infrastructure import steps
from hubfleet.plan.leftovers import Item
from hubfleet.plan.steps import Action
from hubfleet.tools.openstack_inventory import Kind as Of
from hubfleet.tools.openstack_inventory import Thing
from tests.unit.clocks import FakeClock
from tests.unit.magnum_files import POOLS, described, load
from tests.unit.magnum_site import TEMPLATE, Kube, Site

THREE = {name: {"machine": "m3.large", "nodes": 1} for name in ("user", "gpu", "large")}


class Trial:
    """One site, one cluster file, and what was said."""

    def __init__(self, folder: Path, pools: dict[str, Any] | None = None, **site: Any) -> None:
        self.clock = FakeClock()
        self.site = Site(self.clock, **site)
        self.said: list[Event] = []
        self.watch = Watch(self.clock.now)
        self.folder = folder
        self.terms = Terms()
        self.wants(pools or POOLS)

    def wants(self, pools: dict[str, Any], **settings: Any) -> None:
        self.file: spec.Cluster = load(self.folder, pools, **settings)
        self.desired = described(self.file)

    def plan(self) -> dict[str, Action]:
        return {step.id: step.action for step in self._steps()}

    def _steps(self) -> Any:
        there = observe(self.site, self.desired)  # type: ignore[arg-type]
        return steps(self.desired, replace(there, template=TEMPLATE), self.file, self.terms)

    def apply(self, timeout: float = 3600, hold: Hold | None = None, made: Any = None) -> float:
        """Fake seconds that it took. `made`: a plan of before."""
        self.clock.restart()
        began = self.clock.now()
        jobs = magnum.jobs(
            made or self._steps(),
            self.site,  # type: ignore[arg-type]
            kube=lambda _: Kube(self.site),  # type: ignore[arg-type, return-value]
            say=self.said.append,
            watch=self.watch,
            clock=self.clock,
            timeout=timeout,
            hold=hold,
        )
        run(jobs, cluster="pythia", say=self.said.append, clock=self.clock)
        return self.clock.now() - began

    def destroy(self, uuid: str, *, homes: bool = False) -> tuple[Item, ...]:
        return magnum.destroy(
            self.desired,
            self.site,  # type: ignore[arg-type]
            uuid,
            kube=None,
            homes=homes,
            say=self.said.append,
            watch=self.watch,
            clock=self.clock,
            timeout=3600,
        )

    @property
    def statuses(self) -> dict[str, str]:
        return {group.name: group.status for group in self.site.group_rows.values()}

    def texts(self, subject: str) -> list[str]:
        return [event.text for event in self.said if event.subject == subject and event.text]


def test_a_cluster_is_made_with_its_pools_and_the_second_plan_changes_nothing(tmp_path: Path) -> None:
    trial = Trial(tmp_path)

    trial.apply()

    assert trial.site.requests == ["create cluster pythia", "create group user"]
    assert {node.labels["capi.stackhpc.com/node-group"] for node in trial.site.nodes()} == {"default-worker", "user"}
    assert set(trial.plan().values()) == {Action.KEEP}


def test_the_other_pools_are_asked_for_before_the_core_pool_has_its_nodes(tmp_path: Path) -> None:
    trial = Trial(tmp_path, boot=300)

    took = trial.apply()

    assert took < 580, "two boots one after another take 600 s"


def test_requests_are_spaced_so_that_none_fails(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"core": POOLS["core"], **THREE}, helm=3)

    trial.apply()

    assert not [request for request in trial.site.requests if request.startswith("resize")]
    assert [request for request in trial.site.requests if "group" in request] == [
        "create group user",
        "create group gpu",
        "create group large",
    ]


def test_a_conflict_with_somebody_else_is_healed_by_nudges(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"core": POOLS["core"], **THREE})
    site, upgrade = trial.site, trial.site._upgrade

    def disturbed(uuid: str, **rest: Any) -> None:
        if site.requests[-1] == "create group large":
            site._helm_until = site.clock.now() + 3  # another writer's upgrade
        upgrade(uuid, **rest)

    site._upgrade = disturbed  # type: ignore[method-assign]
    trial.apply()

    assert set(trial.statuses.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert any(request.startswith("resize default-worker 1") for request in site.requests)
    assert any("nudge" in text for text in trial.texts("cluster"))


def test_a_site_with_slow_helm_still_ends_well(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"core": POOLS["core"], **THREE}, helm=25)

    trial.apply()

    assert set(trial.statuses.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert not [request for request in trial.site.requests if request.startswith("resize")], "25 s were learned"


def test_lost_answers_make_no_second_cluster_and_no_second_group(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.lose_answers = 2

    trial.apply()

    assert trial.site.requests == ["create cluster pythia", "create group user"]


@pytest.mark.parametrize("moment", [0.3, 3, 8, 15, 24, 31])
def test_a_run_that_was_killed_is_continued(tmp_path: Path, moment: float) -> None:
    trial = Trial(tmp_path)

    with pytest.raises(HubfleetError):
        trial.apply(timeout=moment)
    trial.apply()

    assert trial.site.requests.count("create cluster pythia") == 1
    assert trial.site.requests.count("create group user") == 1
    assert set(trial.plan().values()) == {Action.KEEP}


def test_a_cluster_that_cannot_be_made_says_why_and_what_to_do(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.create_reason = "ForbiddenException: 403 ... /application_credentials, You are not authorized"

    with pytest.raises(CloudError) as caught:
        trial.apply()
    assert caught.value.layer is Layer.CREDENTIAL
    assert "You are not authorized" in caught.value.why
    assert "unrestricted" in caught.value.remedy


def test_after_a_failed_creation_the_next_apply_makes_it_anew(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.create_reason = "helm: no"
    with pytest.raises(CloudError):
        trial.apply()
    trial.site.create_reason = ""

    assert trial.plan()["cluster"] is Action.REPLACE
    trial.apply()

    assert [request for request in trial.site.requests if "group" not in request] == [
        "create cluster pythia",
        "delete cluster u-0",
        "create cluster pythia",
    ]
    assert set(trial.plan().values()) == {Action.KEEP}


def test_a_group_that_the_driver_will_never_take_stops_apply_with_its_reason(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(status="UPDATE_FAILED", faults={"user": "Flavor m3.tiny does not have enough CPU to run"})
    trial.site.add_group("default-worker", "m3.quad", 1, 1, None)
    trial.site.add_group("user", "m3.large", 1, 1, 10)
    trial.site._row("user", status="CREATE_FAILED", reason="Flavor m3.tiny does not have enough CPU to run")

    with pytest.raises(HubfleetError, match="node group user") as caught:
        trial.apply()
    assert caught.value.layer is Layer.DRIVER
    assert trial.site.requests == []


def test_a_failed_group_left_by_an_earlier_run_is_healed(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(status="UPDATE_FAILED")
    trial.site.add_group("default-worker", "m3.quad", 1, 1, None)
    trial.site.add_group("user", "m3.large", 1, 1, 10)
    trial.site._row(
        "user", status="CREATE_FAILED", reason="another operation (install/upgrade/rollback) is in progress"
    )

    assert trial.plan()["pool/user"] is Action.FINISH
    trial.apply()

    assert trial.statuses["user"] == "CREATE_COMPLETE"


def test_a_pool_is_resized_without_a_request_that_magnum_refuses(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {"core": POOLS["core"], "user": {"machine": "m3.large", "nodes": 2}})
    trial.apply()

    trial.wants({"core": POOLS["core"], "user": {"machine": "m3.large", "nodes": 5}})
    assert trial.plan() == {"cluster": Action.KEEP, "pool/core": Action.KEEP, "pool/user": Action.CHANGE}
    trial.apply()

    group = trial.site.group_rows["user"]
    assert (group.count, group.min, group.max) == (5, 5, 5)
    assert len([node for node in trial.site.nodes() if node.name.startswith("user")]) == 5
    assert set(trial.plan().values()) == {Action.KEEP}


@pytest.mark.parametrize(("lost", "unheard"), [(2, 0), (0, 2)])
def test_a_pool_is_resized_though_answers_get_lost(tmp_path: Path, lost: int, unheard: int) -> None:
    trial = Trial(tmp_path, {"core": POOLS["core"], "user": {"machine": "m3.large", "nodes": 2}})
    trial.apply()
    trial.site.lose_answers, trial.site.unheard = lost, unheard

    trial.wants({"core": POOLS["core"], "user": {"machine": "m3.large", "nodes": 5}})
    trial.apply()

    group = trial.site.group_rows["user"]
    assert (group.count, group.min, group.max) == (5, 5, 5)
    assert len([request for request in trial.site.requests if request.startswith(("resize", "change"))]) == 3


def test_a_pool_gets_other_bounds(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()

    trial.wants({**POOLS, "user": {"machine": "m3.large", "nodes": {"min": 2, "max": 4}}})
    trial.apply()

    group = trial.site.group_rows["user"]
    assert (group.count, group.min, group.max) == (2, 2, 4)


def test_a_higher_minimum_brings_nodes_though_the_autoscaler_adds_none_for_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()

    trial.wants({**POOLS, "user": {"machine": "m3.large", "nodes": {"min": 3, "max": 10}}})
    trial.apply()

    assert "change user 3 3" in trial.site.requests
    group = trial.site.group_rows["user"]
    assert (group.min, group.max) == (3, 10)
    assert len([node for node in trial.site.nodes() if node.name.startswith("user")]) == 3
    assert set(trial.plan().values()) == {Action.KEEP}


def test_nodes_that_the_autoscaler_made_stay_when_bounds_change(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    trial.site.machines["user"].count = 7

    trial.wants({**POOLS, "user": {"machine": "m3.large", "nodes": {"min": 3, "max": 20}}})
    trial.apply()

    assert "change user 3 3" not in trial.site.requests
    assert len([node for node in trial.site.nodes() if node.name.startswith("user")]) == 7


def test_a_control_plane_grows(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()

    trial.wants(POOLS, control_plane={"machine": "m3.quad", "nodes": 3})
    assert trial.plan()["cluster"] is Action.CHANGE
    trial.apply()

    assert trial.site.requests[-1] == "resize default-master 3"
    assert set(trial.plan().values()) == {Action.KEEP}


def test_a_pool_that_may_be_replaced_goes_and_comes_of_the_other_machine(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()

    trial.wants({**POOLS, "user": {"machine": "m3.xl", "nodes": 1}})
    trial.terms = Terms(replace=frozenset({"user"}))
    trial.apply()

    assert trial.site.requests[-2:] == ["delete group user", "create group user"]
    assert trial.site.group_rows["user"].machine == "m3.xl"
    assert set(trial.plan().values()) == {Action.KEEP}


def test_a_core_pool_that_may_grow_gets_its_most_on_the_group_since_the_label_would_freeze_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {**POOLS, "core": {"machine": "m3.quad", "nodes": {"min": 1, "max": 3}, "runs": ["core"]}})

    trial.apply()

    worker = trial.site.group_rows["default-worker"]
    labels = next(iter(trial.site.clusters.values())).labels
    assert (worker.count, worker.max) == (1, 3)
    assert labels["min_node_count"] == "1"
    assert "max_node_count" not in labels


def test_a_pool_that_is_gone_from_the_file_goes(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()

    trial.wants({"core": POOLS["core"], "gpu": {"machine": "g3.medium", "nodes": 1}})
    trial.apply()

    assert "user" not in trial.site.group_rows
    assert {node.labels["capi.stackhpc.com/node-group"] for node in trial.site.nodes()} == {"default-worker", "gpu"}


@pytest.mark.parametrize(("lost", "unheard"), [(1, 0), (0, 2)])
def test_a_pool_goes_by_one_request_that_is_heard_whatever_is_answered(tmp_path: Path, lost: int, unheard: int) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    trial.site.lose_answers, trial.site.unheard = lost, unheard

    trial.wants({"core": POOLS["core"], "other": {"machine": "m3.large", "nodes": 1, "runs": ["users"]}})
    trial.apply()

    assert "user" not in trial.site.group_rows
    assert trial.site.requests.count("delete group user") == 1


def test_several_pools_go_one_after_another_since_magnum_would_bring_back_one_that_is_going(tmp_path: Path) -> None:
    trial = Trial(tmp_path, {**POOLS, **THREE})
    trial.apply()

    trial.wants({**POOLS, "user": THREE["user"]})
    trial.apply()

    assert set(trial.site.group_rows) == {"default-master", "default-worker", "user"}
    assert set(trial.site.machines) == {"default-worker", "user"}


def test_a_pool_that_is_on_its_way_out_is_made_again_after_it_is_gone(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    trial.site.delete_group(next(iter(trial.site.clusters)), "user")

    assert trial.plan()["pool/user"] is Action.CREATE
    trial.apply()

    assert trial.statuses["user"] == "CREATE_COMPLETE"


def test_magnum_that_waits_for_a_broken_addon_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.stuck_addon = True

    trial.apply()

    warnings = [event.text for event in trial.said if event.kind is Kind.WARNING]
    assert any("every node ready, but Magnum says UPDATE_IN_PROGRESS" in text for text in warnings)


def test_a_magnum_that_was_restarted_and_forgot_a_group_is_nudged(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.forgetful = "user"

    trial.apply(timeout=7200)

    assert trial.statuses["user"] == "CREATE_COMPLETE"
    assert "nothing moves at Magnum; nudge 1 settles it" in trial.texts("cluster")


def test_a_deletion_that_magnum_forgot_is_asked_for_again(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    site, heard = trial.site, trial.site.delete_group

    def forget(uuid: str, group: str) -> None:
        site.delete_group = heard  # type: ignore[method-assign]
        site._row(group, status="DELETE_IN_PROGRESS")

    site.delete_group = forget  # type: ignore[method-assign]
    trial.wants({"core": {**POOLS["core"], "runs": ["core", "users"]}})
    trial.apply()

    assert "user" not in trial.statuses


def test_a_cluster_whose_making_was_forgotten_goes_after_a_quarter_of_an_hour_and_is_made_anew(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.abandons = 1

    assert trial.apply() > 900

    assert [request for request in trial.site.requests if request.endswith("pythia") or "delete" in request] == [
        "create cluster pythia",
        "delete cluster u-0",
        "create cluster pythia",
    ]
    assert set(trial.plan().values()) == {Action.KEEP}
    assert "Magnum began to make it and forgot: it goes, and is made anew" in trial.texts("cluster")


def test_a_cluster_that_is_forgotten_again_and_again_is_not_made_for_ever(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.abandons = 9

    with pytest.raises(CloudError, match="began to make the cluster pythia and stopped") as caught:
        trial.apply()
    assert caught.value.layer is Layer.DRIVER
    assert len([request for request in trial.site.requests if "create" in request]) == 2
    assert trial.site.clusters == {}


def test_what_was_forgotten_long_ago_is_replaced_at_once_and_what_is_young_is_waited_for(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(status="CREATE_IN_PROGRESS", api_address=None, age=899.0)
    assert trial.plan()["cluster"] is Action.FINISH

    trial.site.add_cluster(status="CREATE_IN_PROGRESS", api_address=None, age=901.0)
    assert trial.plan()["cluster"] is Action.REPLACE
    assert trial.apply() < 900
    assert [request for request in trial.site.requests if "cluster" in request] == [
        "delete cluster u-old",
        "create cluster pythia",
    ]


def test_a_cluster_that_came_up_after_the_plan_was_made_is_not_deleted(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    late = trial.site.add_cluster(status="CREATE_IN_PROGRESS", api_address=None, age=901.0)
    plan = trial._steps()
    trial.site.clusters = {"u-old": replace(late, api_address="https://10.0.0.1:6443")}

    with pytest.raises(CloudError, match="has come up after all"):
        trial.apply(made=plan)
    assert trial.site.requests == []


def test_a_cluster_with_which_cluster_api_has_begun_is_never_taken_for_forgotten(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(status="CREATE_IN_PROGRESS", api_address=None, age=1e6)
    trial.site.cloud.under_way = {"pythia-abc"}

    assert trial.plan()["cluster"] is Action.FINISH


def test_a_cluster_of_somebody_elses_that_was_forgotten_is_left_alone(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(status="CREATE_IN_PROGRESS", api_address=None, age=1e6, labels={})

    with pytest.raises(Refused):
        trial.plan()


def test_a_cluster_is_waited_for_though_magnum_was_killed_when_helm_had_done_its_work(tmp_path: Path) -> None:
    trial = Trial(tmp_path, control_plane=2000)
    trial.site.killed_after_helm = True
    trial.site.cloud.under_way = {"pythia-abc"}

    trial.apply()

    assert [request for request in trial.site.requests if "cluster" in request] == ["create cluster pythia"]


def test_a_resize_that_magnum_forgot_half_way_is_nudged(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    trial.site.forgetful = "user"
    trial.site.cloud.machines = ()
    trial.wants({**POOLS, "user": {**POOLS["user"], "nodes": 3}})

    trial.apply(timeout=7200)

    assert len([node for node in trial.site.nodes() if node.name.startswith("user-")]) == 3
    assert any("nudge 1 settles it" in text for text in trial.texts("cluster"))


def test_nodes_that_do_not_come_in_time_are_an_error_that_says_how_many_did(tmp_path: Path) -> None:
    trial = Trial(tmp_path, boot=1e9)

    with pytest.raises(HubfleetError) as caught:
        trial.apply(timeout=900)
    assert "15 min" in str(caught.value)
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "waiting for 1 of 1 nodes" in told


def test_progress_tells_what_magnum_and_kubernetes_say(tmp_path: Path) -> None:
    trial = Trial(tmp_path, boot=3000)  # long enough for every thread to look, whoever moves the clock

    trial.apply()

    assert "Magnum: CREATE_IN_PROGRESS" in trial.texts("cluster")
    assert any(" of 1 nodes" in text for text in trial.texts("pool/user"))
    assert "1 node ready" in trial.texts("pool/user")


def test_all_of_the_time_was_spent_waiting_for_others(tmp_path: Path) -> None:
    trial = Trial(tmp_path)

    took = trial.apply()

    waited = trial.watch.waited()
    assert waited["any"] >= 0.95 * took
    assert set(waited) == {"Magnum", "Kubernetes", "nodes", "any"}


def test_destroy_deletes_and_waits_and_tells_what_is_left(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.apply()
    uuid = next(iter(trial.site.clusters))
    release, another = "pythia-k5s6t7u2v3w4", "pythia-a2b3c4d5e6f7"
    trial.site.clusters[uuid] = replace(trial.site.clusters[uuid], release=release)
    trial.site.cloud.owned = [
        Thing(Of.VOLUME, "v-1", "pvc-1", marks={volumes.RELEASE: release}),
        Thing(Of.VOLUME, "v-2", "pvc-2", marks={volumes.RELEASE: another}),
        Thing(Of.VOLUME, "v-3", "pvc-3", marks={volumes.RELEASE: release, volumes.KEEP: "true"}),
    ]

    left = trial.destroy(uuid)

    assert trial.site.clusters == {}
    assert trial.site.requests[-1] == f"delete cluster {uuid}"
    assert [item.thing.id for item in left] == ["v-1"]
    assert "left in the cloud: volume pvc-1 (v-1)" in trial.texts("cluster")


def test_destroy_asks_again_for_what_magnum_forgot(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster()
    trial.site.forgetful = "delete"

    trial.destroy("u-old")

    assert trial.site.requests == ["delete cluster u-old"] * 2
    assert trial.site.clusters == {}


def test_destroy_of_nothing_is_done_at_once(tmp_path: Path) -> None:
    trial = Trial(tmp_path)

    assert trial.destroy("u-0") == ()
    assert trial.site.requests == []


def test_destroy_leaves_another_cluster_of_that_name_alone(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.site.add_cluster(labels={})

    assert trial.destroy("u-0") == ()
    assert trial.site.requests == []
