"""A cluster as one keeps it, from its first apply to its end: examples/jetstream2, by the commands that it names.

One cluster for all of it, each test going on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Ran, Shell
from .hub_api import ENV, SERVICE, Hub

pytestmark = pytest.mark.timeout(1500)
NAME = "jetstream2"
GROUP = "capi.stackhpc.com/node-group"
BOOT = 20
"""Seconds that a node takes at least, so that it shows whether two boot side by side."""
MORE = "".join(f"  more-{letter}: {{machine: m3.quad, nodes: 1, runs: [users]}}\n" for letter in "ab")


class Kept:
    """The example's cluster and its file."""

    def __init__(self, sandbox: Shell, file: Path) -> None:
        self.sandbox, self.file, self.hub = sandbox, file, Hub(sandbox, file)

    def edit(self, old: str, new: str) -> None:
        """As a person edits the file, once."""
        text = self.file.read_text()
        assert text.count(old) == 1, old
        self.file.write_text(text.replace(old, new))

    def run(self, verb: str, *words: str) -> Ran:
        """A verb of hubfleet, which must succeed."""
        ran = self.sandbox.hubfleet(*verb.split(), self.file, *words, env=ENV, timeout=900)
        assert ran.code == 0, ran.said
        return ran

    def by_hand(self, *words: str) -> None:
        """As somebody who does not know of hubfleet."""
        ran = self.sandbox("openstack", "--os-cloud", "sandbox", "coe", *words)
        assert ran.code == 0, ran.said

    def groups(self) -> dict[str, str]:
        """Node groups of workers and their statuses, as the OpenStack client tells."""
        listed = self.sandbox.openstack("coe", "nodegroup", "list", NAME)
        return {one["name"]: one["status"] for one in listed if one["role"] != "master"}

    def size(self, group: str) -> tuple[int, int, int]:
        """Nodes, minimum and maximum of a group, as the OpenStack client shows them."""
        shown = self.sandbox.openstack("coe", "nodegroup", "show", NAME, group)
        return shown["node_count"], shown["min_node_count"], shown["max_node_count"]

    def nodes(self, group: str) -> list[Any]:
        """Of a group, as Kubernetes has them."""
        ran = self.sandbox.hubfleet(
            "kubectl", "--path", self.file, "get", "nodes", "-l", f"{GROUP}={group}", "-o", "json", env=ENV
        )
        assert ran.code == 0, ran.said
        return list(ran.json["items"])

    def settled(self) -> None:
        """Nothing is left to do."""
        self.run("plan", "--exit-code")


@pytest.fixture(scope="module")
def cluster(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """The example, applied, with a way for the tests to ask its hub; the last test, or else this, destroys it."""
    example = (ROOT / "examples" / "jetstream2" / "cluster.yaml").read_text()
    assert example.count("    values:\n") == 1
    kept = Kept(sandbox, tmp_path_factory.mktemp(NAME) / "cluster.yaml")
    kept.file.write_text(example.replace("    values:\n", f"    values:\n{SERVICE}"))
    try:
        kept.run("apply", "--yes")
        yield kept
    finally:
        sandbox.hubfleet("destroy", kept.file, "--with-homes", "--yes", NAME, env=ENV)


@contextmanager
def slow_nodes(sandbox: Shell, seconds: int) -> Generator[None]:
    """Meanwhile nodes of the sandbox take so long to boot, at least."""

    def boot(least: int) -> None:
        ran = sandbox.hubfleet("sandbox", "start", "--node-boot", str(least), "--state", sandbox.state)
        assert ran.code == 0, ran.said

    boot(seconds)
    try:
        yield
    finally:
        boot(0)


def test_a_pool_with_a_minimum_of_zero_is_absent_and_the_plan_says_what_idling_costs(cluster: Kept) -> None:
    assert set(cluster.groups()) == {"default-worker", "user"}
    planned = cluster.run("plan", "--exit-code").out
    assert "pool gpu is not made now: with `min: 0` it is absent while nobody needs it" in planned
    status = cluster.run("status", "--json").json
    assert status["well"] is True, status
    assert {pool["name"]: len(pool["nodes"]) for pool in status["pools"]} == {"core": 1, "user": 1, "gpu": 0}


def test_two_pools_in_one_edit_boot_side_by_side(sandbox: Shell, cluster: Kept) -> None:
    cluster.edit("pools:\n", f"pools:\n{MORE}")
    with slow_nodes(sandbox, BOOT):
        cluster.run("apply", "--yes")
    assert {name: cluster.groups()[name] for name in ("more-a", "more-b")} == {
        "more-a": "CREATE_COMPLETE",
        "more-b": "CREATE_COMPLETE",
    }
    asked_a, ready_a = booted(sandbox, cluster, "more-a")
    asked_b, ready_b = booted(sandbox, cluster, "more-b")
    assert min(ready_a, ready_b) - max(asked_a, asked_b) >= timedelta(seconds=BOOT / 3)
    cluster.settled()


def booted(sandbox: Shell, cluster: Kept, group: str) -> tuple[datetime, datetime]:
    """From when, as Nova has it, until when, as Kubernetes has it, the only machine of a pool booted."""
    (node,) = cluster.nodes(group)
    server = sandbox.openstack("server", "show", node["metadata"]["name"])
    (ready,) = (one for one in node["status"]["conditions"] if one["type"] == "Ready")
    assert ready["status"] == "True"
    return datetime.fromisoformat(server["created"]), datetime.fromisoformat(ready["lastTransitionTime"])


def test_sizes_and_bounds_of_the_file_become_magnums_and_what_left_the_file_goes(cluster: Kept) -> None:
    cluster.edit("{min: 1, max: 3}", "{min: 1, max: 4}")
    cluster.edit("more-a: {machine: m3.quad, nodes: 1", "more-a: {machine: m3.quad, nodes: 2")
    cluster.edit("  more-b: {machine: m3.quad, nodes: 1, runs: [users]}\n", "")
    planned = cluster.run("plan").out
    assert planned.count("- destroy pool") == 1, planned
    cluster.run("apply", "--yes")
    assert cluster.size("user") == (1, 1, 4)
    assert cluster.size("more-a") == (2, 2, 2)
    assert set(cluster.groups()) == {"default-worker", "user", "more-a"}
    assert [len(cluster.nodes(group)) for group in ("user", "more-a")] == [1, 2]
    cluster.settled()


def test_the_same_edits_by_hand_are_seen_as_drift_and_set_back(cluster: Kept) -> None:
    cluster.by_hand("nodegroup", "update", NAME, "user", "--max-nodes", "5")
    cluster.by_hand("nodegroup", "update", NAME, "more-a", "--min-nodes", "1")
    cluster.by_hand("cluster", "resize", NAME, "1", "--nodegroup", "more-a")
    planned = cluster.run("plan").out
    assert 'nodes: "1 to 5" → "1 to 4"' in planned, planned
    assert "changed outside hubfleet, which left it at 1 to 4" in planned
    assert 'nodes: "1 to 2" → "2"' in planned, planned
    cluster.run("apply", "--yes")
    assert cluster.size("user") == (1, 1, 4)
    assert cluster.size("more-a") == (2, 2, 2)
    cluster.settled()


def test_scale_brings_the_nodes_of_a_higher_minimum_and_writes_it_into_the_file(cluster: Kept) -> None:
    before = cluster.file.read_bytes()
    cluster.run("scale user", "--min", "2", "--yes", "--write")
    assert cluster.size("user") == (2, 2, 4)
    assert len(cluster.nodes("user")) == 2
    assert cluster.file.read_bytes() == before.replace(b"{min: 1, max: 4}", b"{min: 2, max: 4}")
    cluster.settled()
    for pool in ("core", "user"):
        refused = cluster.sandbox.hubfleet("scale", pool, cluster.file, "--nodes", "0", "--yes", env=ENV)
        assert refused.code == 4, refused.said


def test_the_gpu_pool_comes_when_it_is_asked_for_has_servers_on_its_gpus_and_goes_again(cluster: Kept) -> None:
    cluster.run("scale gpu", "--nodes", "1", "--yes")  # and users are offered it
    cluster.hub.starts("ada", profile="gpu")
    pod = cluster.hub.pod("ada")
    (node,) = cluster.nodes("gpu")
    assert pod["spec"]["nodeName"] == node["metadata"]["name"]
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert {"key": "example.org/gpu", "value": "yes", "effect": "NoSchedule"} in node["spec"]["taints"]
    cluster.hub.asks("grace", profile="gpu")
    cluster.hub.lacks("grace", "Insufficient nvidia.com/gpu")  # the node's only one is ada's
    cluster.hub.stops("ada")
    cluster.hub.gets("grace")
    assert cluster.hub.pod("grace")["spec"]["nodeName"] == node["metadata"]["name"]
    told = cluster.run("scale gpu", "--nodes", "0", "--yes")
    assert "node group gpu: one user's server runs on its node" in told.err
    assert set(cluster.groups()) == {"default-worker", "user", "more-a"}
    assert cluster.nodes("gpu") == []
    cluster.settled()


def test_destroy_leaves_nothing(sandbox: Shell, cluster: Kept) -> None:
    cluster.run("destroy", "--with-homes", "--yes", NAME)
    assert "nothing is left over" in cluster.run("audit", "--exit-code").out
    assert NAME not in [one["name"] for one in sandbox.openstack("coe", "cluster", "list")]
    for kind in (("server",), ("volume",), ("port",), ("security", "group")):
        left = [one["Name"] for one in sandbox.openstack(*kind, "list")]
        assert not [name for name in left if NAME in name], left
