"""The whole machine room on a management cluster in memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Kind, Object
from hubfleet_sandbox.machine_room.machine_deployments import preflight
from hubfleet_sandbox.machine_room.room import true

from .machine_room_fake import NAMESPACE, Site, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def ready(site: Site, kind: Kind, name: str) -> Callable[[], bool]:
    def is_so() -> bool:
        item = site.read(kind, name)
        return true(item, "Ready") and item["status"]["observedGeneration"] == item["metadata"]["generation"]

    return is_so


def running(site: Site, group: str, count: int) -> Callable[[], bool]:
    def is_so() -> bool:
        status = site.read(kinds.MACHINE_DEPLOYMENT, group).get("status", {})
        return bool(status.get("phase") == "Running" and status.get("readyReplicas") == count)

    return is_so


def delete(site: Site, kind: Kind, name: str) -> None:
    site.api.delete(kind.path(NAMESPACE, name))


def test_a_cluster_gets_a_control_plane_and_its_nodes(site: Site) -> None:
    install(site.api, "pythia", {"default-worker": 2, "user": 1})
    site.settle(lambda: running(site, "pythia-default-worker", 2)() and running(site, "pythia-user", 1)())
    site.settle(ready(site, kinds.CLUSTER, "pythia"))
    assert site.planes == {"pythia"}
    assert sorted(site.nodes.values()) == [0, 1, 2]


def test_the_driver_finds_every_condition_that_it_waits_for(site: Site) -> None:
    install(site.api, "pythia", {"default-worker": 1})
    site.settle(running(site, "pythia-default-worker", 1))
    site.settle(ready(site, kinds.CLUSTER, "pythia"))
    cluster = site.read(kinds.CLUSTER, "pythia")  # magnum_capi_helm 1.4, driver.py:295-301
    assert all(true(cluster, name) for name in ("InfrastructureReady", "ControlPlaneReady", "Ready"))
    plane = site.read(kinds.CONTROL_PLANE, "pythia-control-plane")  # conf.py, k8s_control_plane_resource_conditions
    wanted = ("MachinesReady", "Ready", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy")
    assert all(true(plane, name) for name in wanted)
    status = plane["status"]
    assert status["replicas"] == status["updatedReplicas"] == status["readyReplicas"] == plane["spec"]["replicas"]
    assert status["version"] == "v1.33.1"
    assert site.read(kinds.OPENSTACK_CLUSTER, "pythia")["status"]["ready"] is True


def test_the_address_of_the_api_is_known_before_the_control_plane_runs(site: Site) -> None:
    install(site.api, "pythia", {})
    site.settle(lambda: "controlPlaneEndpoint" in site.read(kinds.CLUSTER, "pythia")["spec"])
    assert site.planes == set()


def test_clusters_have_addresses_of_their_own(site: Site) -> None:
    def endpoint(name: str) -> Object | None:
        found: Object | None = site.read(kinds.CLUSTER, name)["spec"].get("controlPlaneEndpoint")
        return found

    for name in ("a", "b", "c"):
        install(site.api, name, {})
    site.settle(lambda: all(endpoint(name) for name in ("a", "b", "c")))
    assert len({(endpoint(name) or {})["port"] for name in ("a", "b", "c")}) == 3


def test_a_group_grows_and_shrinks(site: Site) -> None:
    install(site.api, "pythia", {"user": 1})
    site.settle(running(site, "pythia-user", 1))
    first = set(site.nodes)
    install(site.api, "pythia", {"user": 3})
    site.settle(running(site, "pythia-user", 3))
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: running(site, "pythia-user", 1)() and len(site.nodes) == 1)
    assert len(first) == 1


def test_the_machine_that_is_marked_goes_when_its_group_shrinks(site: Site) -> None:
    install(site.api, "pythia", {"user": 3})
    site.settle(running(site, "pythia-user", 3))
    marked = sorted(site.nodes)[1]
    mark = {"metadata": {"annotations": {"cluster.x-k8s.io/delete-machine": "1"}}}
    site.api.merge(kinds.MACHINE.path(NAMESPACE, marked), mark)
    install(site.api, "pythia", {"user": 2})
    site.settle(lambda: running(site, "pythia-user", 2)() and len(site.nodes) == 2)
    assert marked not in site.nodes


def test_a_group_that_scales_by_itself_begins_with_its_minimum_and_keeps_what_it_grew_to(site: Site) -> None:
    install(site.api, "pythia", {"user": (2, 5)})
    site.settle(running(site, "pythia-user", 2))
    site.api.merge(kinds.MACHINE_DEPLOYMENT.path(NAMESPACE, "pythia-user"), {"spec": {"replicas": 4}})
    site.settle(running(site, "pythia-user", 4))
    install(site.api, "pythia", {"user": (2, 5)})  # Helm's chart says nothing of replicas, so they stay
    site.settle(running(site, "pythia-user", 4))


def test_a_new_version_replaces_machines_one_at_a_time(site: Site) -> None:
    install(site.api, "pythia", {"user": 2})
    site.settle(running(site, "pythia-user", 2))
    old = set(site.nodes)
    site.diary.clear()
    install(site.api, "pythia", {"user": 2}, version="v1.33.2")
    site.settle(lambda: running(site, "pythia-user", 2)() and not old & set(site.nodes))
    assert [line[0] for line in site.diary if "node" in line] == ["~", "-", "+", "~", "-", "+"]


def test_nodes_of_a_new_version_come_when_the_control_plane_is_done_with_its_own_upgrade(site: Site) -> None:
    install(site.api, "pythia", {"user": 1})
    site.settle(running(site, "pythia-user", 1))
    site.settle(ready(site, kinds.CLUSTER, "pythia"))
    site.diary.clear()
    site.hold.clear()  # the new control plane does not get ready yet
    install(site.api, "pythia", {"user": 1}, version="v1.34.0")

    def plane() -> Object:
        status: Object = site.read(kinds.CONTROL_PLANE, "pythia-control-plane")["status"]
        return status

    site.settle(lambda: plane()["readyReplicas"] == plane()["updatedReplicas"] == 0)
    site.settle(lambda: [line[0] for line in site.diary if "node" in line] == ["~", "-"])
    assert plane()["version"] == "v1.33.1"
    assert "ControlPlaneIsStable" in str(site.read(kinds.MACHINE_DEPLOYMENT, "pythia-user")["status"])
    site.hold.set()
    site.settle(lambda: plane()["version"] == "v1.34.0" and plane()["ready"])
    site.settle(lambda: [line[0] for line in site.diary if "node" in line] == ["~", "-", "+"])


def test_no_node_is_made_that_would_be_newer_than_its_control_plane() -> None:
    def plane(runs: str | None, wanted: str) -> Object:
        return {"spec": {"version": wanted}, "status": {"version": runs}}

    assert preflight(None, "v1.34.4") == preflight(plane(None, "v1.34.4"), "v1.34.4") == ""
    assert preflight(plane("v1.34.4", "v1.34.4"), "v1.33.2") == ""
    assert "ControlPlaneIsStable" in preflight(plane("v1.33.2", "v1.34.4"), "v1.33.2")
    refused = preflight(plane("v1.32.8", "v1.32.8"), "v1.34.4")  # a chart of which only the workers' part was taken
    assert refused.startswith("MachineSet version (1.34.4) and ControlPlane version (1.32.8) do not conform")


def test_a_group_that_is_removed_disappears_after_its_machines(site: Site) -> None:
    install(site.api, "pythia", {"default-worker": 1, "user": 1})
    site.settle(lambda: len(site.nodes) == 2)
    delete(site, kinds.MACHINE_DEPLOYMENT, "pythia-user")
    site.settle(lambda: len(site.listed(kinds.MACHINE_DEPLOYMENT)) == 1)
    assert [name for name in site.nodes if "-user-" in name] == []
    site.settle(running(site, "pythia-default-worker", 1))


def test_a_machine_that_is_deleted_is_replaced(site: Site) -> None:
    install(site.api, "pythia", {"user": 1})
    site.settle(running(site, "pythia-user", 1))
    (name,) = site.nodes
    delete(site, kinds.MACHINE, name)
    site.settle(lambda: running(site, "pythia-user", 1)() and name not in site.nodes)


def test_a_cluster_goes_from_its_nodes_to_its_network_and_leaves_nothing(site: Site) -> None:
    install(site.api, "pythia", {"default-worker": 1, "user": 1})
    site.settle(lambda: running(site, "pythia-default-worker", 1)() and running(site, "pythia-user", 1)())
    site.settle(ready(site, kinds.CLUSTER, "pythia"))  # nothing is still being made, the control plane neither
    site.diary.clear()
    for group in ("default-worker", "user"):  # what `helm uninstall` deletes; the chart keeps the rest
        delete(site, kinds.MACHINE_DEPLOYMENT, f"pythia-{group}")
    delete(site, kinds.CLUSTER, "pythia")
    site.settle(lambda: [kind.name for kind in kinds.CUSTOM if site.listed(kind)] == [])
    assert [line.split()[0] for line in site.diary] == ["-node", "-node", "-plane", "-cloud"]


def test_a_cluster_whose_nodes_never_came_can_be_deleted(site: Site) -> None:
    site.broken.add("-user-")
    install(site.api, "pythia", {"user": 1})
    site.settle(lambda: len(site.listed(kinds.MACHINE)) == 1 and "pythia" in site.planes)
    delete(site, kinds.CLUSTER, "pythia")
    site.settle(lambda: site.listed(kinds.CLUSTER) == [])


def test_a_node_that_does_not_come_is_said_to_be_why_and_holds_up_no_other(site: Site) -> None:
    site.broken.add("-user-")
    install(site.api, "pythia", {"default-worker": 1, "user": 1})
    site.settle(running(site, "pythia-default-worker", 1))

    def complains() -> bool:
        machines = [item for item in site.listed(kinds.MACHINE) if "-user-" in item["metadata"]["name"]]
        return "no machine to be had" in str([item.get("status") for item in machines])

    site.settle(complains)
    assert site.read(kinds.MACHINE_DEPLOYMENT, "pythia-user")["status"]["phase"] == "ScalingUp"


def test_a_machine_room_that_was_killed_is_taken_over_from(site: Site) -> None:
    install(site.api, "pythia", {"default-worker": 2})
    site.settle(running(site, "pythia-default-worker", 2))
    before = dict(site.nodes)
    site.another_room()
    install(site.api, "pythia", {"default-worker": 2, "user": 1})
    # what is taken over is booted again, which does nothing to a node that runs
    site.nodes.clear()
    site.settle(running(site, "pythia-user", 1))
    assert before.items() <= site.nodes.items()


def test_a_control_plane_that_died_is_not_called_ready_and_comes_back(site: Site) -> None:
    install(site.api, "pythia", {})
    site.settle(ready(site, kinds.CLUSTER, "pythia"))
    site.planes.clear()
    site.settle(lambda: site.diary.count("+plane pythia") == 2)
    site.settle(ready(site, kinds.CLUSTER, "pythia"))
