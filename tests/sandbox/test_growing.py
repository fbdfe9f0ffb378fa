"""Clusters that grow by themselves and are upgraded, by kubectl and the OpenStack client: hubfleet has no part here."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ran, Shell

pytestmark = pytest.mark.timeout(900)
GOOD, BROKEN = "growing", "not-growing"
TEMPLATES = {GOOD: "kubernetes-1-32-jammy", BROKEN: "kubernetes-1-34-jammy-0.14.0"}
GROUPS = {GOOD: "users", BROKEN: "default-worker"}
LABEL = "capi.stackhpc.com/node-group"


def load(count: int, group: str) -> str:
    """A Deployment of pods of which a node of m3.quad, with four cores, has room for one."""
    container = {
        "name": "idle",
        "image": "localhost/pause:1",
        "imagePullPolicy": "Never",
        "resources": {"requests": {"cpu": "2100m"}},
    }
    labels = {"app": "load"}
    pod = {"nodeSelector": {LABEL: group}, "terminationGracePeriodSeconds": 0, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": count, "selector": {"matchLabels": labels}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "load"}, "spec": spec})


class Cluster:
    """One of the two, as its users see it."""

    def __init__(self, shell: Shell, name: str, folder: Path) -> None:
        self.shell, self.name, self.folder, self.group = shell, name, folder, GROUPS[name]

    def kubectl(self, *words: str) -> Ran:
        """Run kubectl with the kubeconfig that Magnum gave."""
        return self.shell("kubectl", f"--kubeconfig={self.folder / 'config'}", *words)

    def objects(self, *words: str) -> list[dict[str, Any]]:
        """What `kubectl get` finds."""
        ran = self.kubectl("get", *words, "-o", "json")
        assert ran.code == 0, ran.said
        found: list[dict[str, Any]] = ran.json["items"]
        return found

    def nodes(self) -> list[str]:
        """The names of the group's nodes that are ready."""
        found = self.objects("nodes", "-l", f"{LABEL}={self.group}")
        return [node["metadata"]["name"] for node in found if ready(node)]

    def running(self) -> int:
        """How many pods of the load run."""
        return sum(pod["status"]["phase"] == "Running" for pod in self.objects("pods", "-l", "app=load"))

    def run(self, count: int) -> None:
        """Have so many pods of the load."""
        file = self.folder / "load.json"
        file.write_text(load(count, self.group))
        applied = self.kubectl("apply", "-f", str(file))
        assert applied.code == 0, applied.said

    def events(self, reason: str) -> str:
        """The messages of the events of pods with this reason."""
        found = self.objects("events", "--field-selector", f"reason={reason}")
        return "\n".join(event["message"] for event in found)

    def show(self) -> dict[str, Any]:
        """The cluster, as the OpenStack client tells."""
        shown: dict[str, Any] = self.shell.openstack("coe", "cluster", "show", self.name)
        return shown

    def settled(self, status: str) -> bool:
        """Whether Magnum says so; never that something failed."""
        shown = self.show()
        assert "FAILED" not in shown["status"], shown
        return bool(shown["status"] == status)


def ready(node: dict[str, Any]) -> bool:
    """Whether a node says that it is."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))


def eventually(what: str, true: Callable[[], bool], timeout: float = 90) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def clusters(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cluster]]:
    """Both clusters, each with a group of one to two nodes; made side by side, deleted at the end."""
    made = {name: Cluster(sandbox, name, tmp_path_factory.mktemp(name)) for name in TEMPLATES}
    try:
        create(sandbox, GOOD, "min_node_count=1")
        create(sandbox, BROKEN, "min_node_count=1,max_node_count=2")
        for cluster in made.values():
            eventually(f"the cluster {cluster.name}", functools.partial(cluster.settled, "CREATE_COMPLETE"), 300)
            where = ["--dir", str(cluster.folder), "--force"]
            given = sandbox("openstack", "coe", "cluster", "config", cluster.name, *where)
            assert given.code == 0, given.said
        bounds = ["--flavor=m3.quad", "--node-count=1", "--min-nodes=1", "--max-nodes=2"]
        asked = sandbox("openstack", "coe", "nodegroup", "create", GOOD, GROUPS[GOOD], *bounds)
        assert asked.code == 0, asked.said
        eventually("Magnum", functools.partial(made[GOOD].settled, "UPDATE_COMPLETE"), 180)
        yield made
    finally:
        sandbox("openstack", "coe", "cluster", "delete", *made)
        eventually("that nothing is left", lambda: not set(made) & names(sandbox), 180)


def create(sandbox: Shell, name: str, labels: str) -> None:
    """Ask for a cluster with one node."""
    options = [f"--cluster-template={TEMPLATES[name]}", "--keypair=deploy", "--node-count=1", "--master-count=1"]
    options += ["--flavor=m3.quad", "--merge-labels", f"--labels={labels}"]
    created = sandbox("openstack", "coe", "cluster", "create", name, *options)
    assert created.code == 0, created.said


def names(sandbox: Shell) -> set[str]:
    """Of all clusters."""
    return {cluster["name"] for cluster in sandbox.openstack("coe", "cluster", "list")}


def test_a_node_has_the_size_of_its_flavor(clusters: dict[str, Cluster]) -> None:
    (node,) = clusters[GOOD].objects("nodes", "-l", f"{LABEL}={GROUPS[GOOD]}")
    assert node["status"]["capacity"]["cpu"] == "4"
    assert node["status"]["capacity"]["memory"] in ("15Gi", "15728640Ki")


def test_pods_that_wait_make_a_group_grow_to_its_maximum_and_no_further(clusters: dict[str, Cluster]) -> None:
    cluster = clusters[GOOD]
    clusters[BROKEN].run(3)  # for the test below: by then it has had long enough
    cluster.run(3)
    eventually("a second node, and a pod on it", lambda: cluster.running() == 2)
    assert "1->2 (max: 2)" in cluster.events("TriggeredScaleUp")
    eventually("the reason for the third", lambda: "max node group size" in cluster.events("NotTriggerScaleUp"), 20)
    assert len(cluster.nodes()) == 2
    told = cluster.kubectl("-n", "kube-system", "get", "configmap", "cluster-autoscaler-status", "-o", "yaml")
    assert "maxSize: 2" in told.out, told.said


def test_with_the_chart_that_breaks_it_nothing_grows_and_only_the_site_is_told_why(
    sandbox: Shell, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[BROKEN]
    assert cluster.running() == 1
    assert len(cluster.nodes()) == 1
    assert cluster.events("TriggeredScaleUp") + cluster.events("NotTriggerScaleUp") == ""
    assert cluster.kubectl("-n", "kube-system", "get", "configmap", "cluster-autoscaler-status").code != 0
    log = (sandbox.state / "logs" / "machine-room.log").read_text()
    assert f"autoscaler of {BROKEN}-" in log
    assert 'cannot get resource "openstackmachinetemplates"' in log


def test_a_new_maximum_is_obeyed(sandbox: Shell, clusters: dict[str, Cluster]) -> None:
    cluster = clusters[GOOD]
    changed = sandbox("openstack", "coe", "nodegroup", "update", GOOD, GROUPS[GOOD], "--max-nodes=3")
    assert changed.code == 0, changed.said
    eventually("a third node, and a pod on it", lambda: cluster.running() == 3)
    eventually("Magnum", lambda: cluster.settled("UPDATE_COMPLETE"), 60)


def test_a_group_shrinks_to_its_minimum_by_the_nodes_that_are_empty(clusters: dict[str, Cluster]) -> None:
    cluster = clusters[GOOD]
    before = set(cluster.nodes())
    cluster.run(1)
    eventually("two pods less", lambda: len(cluster.objects("pods", "-l", "app=load")) == 1)
    (pod,) = cluster.objects("pods", "-l", "app=load")
    eventually("one node", lambda: len(cluster.objects("nodes", "-l", f"{LABEL}={GROUPS[GOOD]}")) == 1, 120)
    assert cluster.nodes() == [pod["spec"]["nodeName"]]
    assert pod["spec"]["nodeName"] in before
    (still,) = cluster.objects("pods", "-l", "app=load")
    assert still["metadata"]["uid"] == pod["metadata"]["uid"]


@pytest.mark.usefixtures("clusters")
def test_no_control_plane_skips_a_minor(sandbox: Shell) -> None:
    kind = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io"
    site = ["kubectl", f"--kubeconfig={sandbox.state / 'home' / 'management.kubeconfig'}"]
    planes = sandbox(*site, "get", kind, "-A", "-o", "json").json["items"]
    (plane,) = (item["metadata"] for item in planes if item["metadata"]["name"].startswith(f"{GOOD}-"))
    patch = ["--type=merge", "--dry-run=server", "-p", '{"spec":{"version":"v1.34.4"}}']
    refused = sandbox(*site, "-n", plane["namespace"], "patch", kind, plane["name"], *patch)
    assert refused.code != 0
    assert "Forbidden: cannot update Kubernetes version from v1.32.8 to v1.34.4" in refused.err


@pytest.mark.parametrize(("template", "version"), [("1-33", "v1.33.2"), ("1-34", "v1.34.4")])
def test_a_cluster_moves_from_minor_to_minor(
    sandbox: Shell, clusters: dict[str, Cluster], template: str, version: str
) -> None:
    cluster = clusters[GOOD]
    asked = sandbox("openstack", "coe", "cluster", "upgrade", GOOD, f"kubernetes-{template}-jammy")
    assert asked.code == 0, asked.said

    def nodes() -> set[tuple[str, bool]]:
        return {(node["status"]["nodeInfo"]["kubeletVersion"], ready(node)) for node in cluster.objects("nodes")}

    eventually(f"Magnum's {version}", lambda: cluster.show()["coe_version"] == version, 120)
    eventually(f"nodes of {version}", lambda: nodes() == {(version, True)}, 180)
    assert f"Server Version: {version}" in cluster.kubectl("version").out
    eventually("Magnum", lambda: cluster.settled("UPDATE_COMPLETE"), 60)
    eventually("the pod, on a new node", lambda: cluster.running() == 1)
