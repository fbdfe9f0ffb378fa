"""What a cluster has in OpenStack: there while it stands, counted by the project's quota, gone after it went."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Shell

NAME = "records"
CORES = 2  # of an m3.small


@pytest.fixture(scope="module")
def stack(sandbox: Shell) -> Iterator[str]:
    """The release of a cluster with a control plane and one worker, made with the openstack client."""
    made = [
        "--cluster-template", "kubernetes-1-34-jammy", "--keypair", "deploy", "--flavor", "m3.small", "--master-flavor",
        "m3.small", "--node-count", "1", "--master-count", "1", "--fixed-network", "auto_allocated_network",
        "--labels", "auto_scaling_enabled=false", "--merge-labels",
    ]  # fmt: skip
    ran = sandbox("openstack", "coe", "cluster", "create", *made, NAME)
    assert ran.code == 0, ran.said
    try:
        until(lambda: status(sandbox) == "CREATE_COMPLETE")
        clusters = [str(one["metadata"]["name"]) for one in management(sandbox, "clusters")]
        yield next(name for name in clusters if name.startswith(f"{NAME}-"))
    finally:
        sandbox("openstack", "coe", "cluster", "delete", NAME)  # nothing to do if a test did it


def until(condition: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(1)


def status(sandbox: Shell) -> str | None:
    found = sandbox.openstack("coe", "cluster", "list")
    return next((str(one["status"]) for one in found if one["name"] == NAME), None)


def management(sandbox: Shell, kind: str) -> list[Any]:
    """Objects that no tenant of a real cloud sees."""
    kubeconfig = sandbox.state / "home" / "management.kubeconfig"
    ran = sandbox("kubectl", "--kubeconfig", kubeconfig, "get", kind, "-A", "-o", "json")
    assert ran.code == 0, ran.said
    found: list[Any] = ran.json["items"]
    return found


def nodes(sandbox: Shell, stack: str) -> set[str]:
    """As the cluster itself has them."""
    kubeconfig = sandbox.state / "clusters" / stack / "admin.kubeconfig"
    ran = sandbox("kubectl", "--kubeconfig", kubeconfig, "get", "nodes", "-o", "name")
    assert ran.code == 0, ran.said
    return {line.removeprefix("node/") for line in ran.out.split()}


def records(sandbox: Shell, stack: str) -> dict[str, set[str]]:
    """Names or descriptions of all that the cluster has in Nova and Neutron."""
    kinds = {
        "servers": (("server", "list"), "Name"),
        "ports": (("port", "list"), "Name"),
        "groups": (("security", "group", "list"), "Name"),
        "addresses": (("floating", "ip", "list", "--long"), "Description"),
    }
    named = {kind: {str(one[field]) for one in sandbox.openstack(*words)} for kind, (words, field) in kinds.items()}
    return {kind: {name for name in names if stack in name} for kind, names in named.items()}


def test_what_the_cloud_has_agrees_with_the_clusters_nodes(sandbox: Shell, stack: str) -> None:
    found = records(sandbox, stack)
    workers = {name for name in found["servers"] if "control-plane" not in name}
    assert workers == nodes(sandbox, stack)
    assert len(workers) == len(found["servers"] - workers) == 1
    assert found["ports"] == {f"{name}-0" for name in found["servers"]}
    assert {name.rpartition("-")[2] for name in found["groups"]} == {"controlplane", "worker"}
    assert len(found["addresses"]) == 1
    assert {one["Status"] for one in sandbox.openstack("server", "list") if stack in one["Name"]} == {"ACTIVE"}


@pytest.fixture
def cores(sandbox: Shell) -> Iterator[Callable[[int], None]]:
    """Sets the project's quota of cores, as the site's administrator; it is as before after the test."""
    before = {one["Resource"]: one["Limit"] for one in sandbox.openstack("quota", "show")}["cores"]
    project = sandbox.openstack("token", "issue")["project_id"]
    operator = {"OS_CLIENT_CONFIG_FILE": str(sandbox.state / "home" / "admin-clouds.yaml")}

    def allow(limit: int) -> None:
        words = ("quota", "set", "--cores", str(limit), project)
        ran = sandbox("openstack", "--os-cloud", "admin", *words, env=operator)
        assert ran.code == 0, ran.said

    try:
        yield allow
    finally:
        allow(before)


def refusals(sandbox: Shell, stack: str) -> set[str]:
    """What the Machines of the cluster say about the servers that they did not get."""
    mine = [one for one in management(sandbox, "machines") if one["spec"]["clusterName"] == stack]
    conditions = [one for machine in mine for one in machine.get("status", {}).get("conditions", [])]
    return {one["message"] for one in conditions if one.get("reason") == "InstanceCreateFailed"}


def test_a_pool_that_the_quota_does_not_allow_is_refused_by_nova_and_comes_when_it_does(
    sandbox: Shell, stack: str, cores: Callable[[int], None]
) -> None:
    used = {one["Name"]: one["Value"] for one in sandbox.openstack("limits", "show", "--absolute")}["total_cores_used"]
    assert used >= 2 * CORES
    cores(used)
    words = ("--flavor", "m3.small", "--node-count", "1")
    assert sandbox("openstack", "coe", "nodegroup", "create", *words, NAME, "more").code == 0
    until(lambda: bool(refusals(sandbox, stack)))
    said = f"Requested {CORES}, but already used {used} of {used} cores"
    assert refusals(sandbox, stack) == {f"error creating Openstack instance: Quota exceeded for cores: {said}"}
    assert len(records(sandbox, stack)["servers"]) == 2
    cores(used + CORES)
    until(lambda: len(nodes(sandbox, stack)) == 2)
    assert not refusals(sandbox, stack)


def audited(sandbox: Shell) -> dict[str, set[str]]:
    """Names or addresses by kind, of what an audit says that the cluster has; nothing is left over."""
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--all", "--json")
    assert ran.code == 0, ran.said
    assert [one for one in ran.json["left"] if one["cluster"] == NAME] == []
    found: dict[str, set[str]] = {}
    for one in ran.json["living"]:
        if one["cluster"] == NAME:
            found.setdefault(one["kind"], set()).add(one["name"])
    return found


def test_an_audit_takes_nothing_that_a_living_cluster_has_for_left_over(sandbox: Shell, stack: str) -> None:
    found, there = audited(sandbox), records(sandbox, stack)
    assert found["server"] == there["servers"]
    assert found["port"] == there["ports"]
    assert found["security group"] == there["groups"]
    assert len(found["floating IP"]) == len(there["addresses"]) == 1
    assert len(found["application credential"]) == 1
    ran = sandbox.hubfleet("audit", "--cloud", "sandbox", "--delete", "--yes")
    assert ran.code == 0, ran.said
    assert records(sandbox, stack) == there
    assert audited(sandbox) == found


def test_all_of_it_goes_with_the_cluster_though_the_machine_room_was_away(sandbox: Shell, stack: str) -> None:
    running = sandbox.hubfleet("sandbox", "status", "--state", sandbox.state, "--json").json["services"]
    os.kill(next(one["pid"] for one in running if one["name"] == "machine-room"), signal.SIGKILL)
    assert sandbox("openstack", "coe", "cluster", "delete", NAME).code == 0
    assert records(sandbox, stack)["servers"]
    assert sandbox.hubfleet("sandbox", "start", "--state", sandbox.state).code == 0
    until(lambda: status(sandbox) is None)
    assert records(sandbox, stack) == {"servers": set(), "ports": set(), "groups": set(), "addresses": set()}
    assert audited(sandbox) == {}
