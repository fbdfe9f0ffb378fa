"""Labels, taints and kinds of machines: on every node of a pool, whenever it came, and offered to users."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shell
from .hub_api import ENV, SERVICE, Hub

pytestmark = pytest.mark.timeout(900)
NAME = "labels"
GROUP = "capi.stackhpc.com/node-group"
TAINT = {"key": "example.org/big", "value": "true", "effect": "NoSchedule"}
FILE = """\
name: labels
provider:
  jetstream2: {cloud: sandbox, template: kubernetes-1-34-jammy, keypair: deploy}
pools:
  core: {machine: m3.quad, nodes: 1, runs: [core]}
  plain: {machine: m3.quad, nodes: 1, labels: {example.org/kind: plain}}
  big:
    machine: m3.quad
    nodes: {min: 1, max: 2}
    labels: {example.org/kind: big}
    taints: ["example.org/big=true:NoSchedule"]
storage: {homes: {size: 1Gi}}
hubs:
  main:
    domain: hub.example.org
    chart: lite
    auth: {shared_password: {}}
    admins: [admin]
    values:
"""


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with two kinds of machines for users; destroyed at the end, however far it came."""
    path = tmp_path_factory.mktemp("labels") / "cluster.yaml"
    path.write_text(FILE + SERVICE)
    try:
        applied(sandbox, path)
        yield path
    finally:
        gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME, env=ENV)
        assert gone.code == 0, gone.said


def applied(sandbox: Shell, path: Path) -> None:
    ran = sandbox.hubfleet("apply", path, "--yes", timeout=600, env=ENV)
    assert ran.code == 0, ran.said


def kubectl(sandbox: Shell, path: Path, *words: str) -> Any:
    ran = sandbox.hubfleet("kubectl", "--path", path, *words, "-o", "json")
    assert ran.code == 0, ran.said
    return json.loads(ran.out)


def marks(sandbox: Shell, path: Path) -> dict[str, list[tuple[dict[str, str], list[Any]]]]:
    """Labels under example.org, and taints, of each node, by node group."""
    found: dict[str, list[tuple[dict[str, str], list[Any]]]] = {}
    for node in kubectl(sandbox, path, "get", "nodes")["items"]:
        labels = node["metadata"]["labels"]
        ours = {key: value for key, value in labels.items() if key.startswith("example.org/")}
        found.setdefault(labels[GROUP], []).append((ours, node["spec"].get("taints", [])))
    return found


def until(seconds: float, said: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """What is said as soon as it is right, or at the end of this time."""
    end = time.monotonic() + seconds
    while not right(answer := said()) and time.monotonic() < end:
        time.sleep(0.5)
    return answer


def test_when_apply_is_over_every_node_has_what_its_pool_should_have(sandbox: Shell, file: Path) -> None:
    assert marks(sandbox, file) == {
        "default-worker": [({}, [])],
        "plain": [({"example.org/kind": "plain"}, [])],
        "big": [({"example.org/kind": "big"}, [TAINT])],
    }
    status = sandbox.hubfleet("status", file, "--json")
    assert status.code == 0, status.said
    assert [(one["name"], one["well"]) for one in status.json["platform"]] == [("hubfleet-labeller", True)]
    assert sandbox.hubfleet("plan", file, "--exit-code", env=ENV).code == 0


@pytest.mark.parametrize("profile", ["plain", "big"])
def test_a_server_lands_on_the_machine_that_its_user_chose(sandbox: Shell, file: Path, profile: str) -> None:
    hub, user = Hub(sandbox, file), f"u-{profile}"
    hub.starts(user, profile=profile)
    try:
        node = kubectl(sandbox, file, "get", "node", hub.pod(user)["spec"]["nodeName"])
        assert node["metadata"]["labels"][GROUP] == profile
    finally:
        hub.stops(user)


def grows(sandbox: Shell, group: str, nodes: int) -> None:
    """As the autoscaler does it, behind Magnum's back: in the management cluster."""
    management = ("kubectl", "--kubeconfig", sandbox.state / "home" / "management.kubeconfig")
    listed = sandbox(*management, "get", "machinedeployments", "-A", "-o", "json")
    assert listed.code == 0, listed.said
    metadata = [one["metadata"] for one in listed.json["items"]]
    (found,) = [one for one in metadata if one["name"].startswith(NAME) and one["name"].endswith(f"-{group}")]
    where, wish = ("-n", found["namespace"]), json.dumps({"spec": {"replicas": nodes}})
    grown = sandbox(*management, *where, "patch", "machinedeployment", found["name"], "--type", "merge", "-p", wish)
    assert grown.code == 0, grown.said


def test_a_node_that_comes_later_gets_them_without_an_apply(sandbox: Shell, file: Path) -> None:
    grows(sandbox, "big", 2)
    both = [({"example.org/kind": "big"}, [TAINT])] * 2
    assert until(120, lambda: marks(sandbox, file)["big"], lambda found: found == both) == both


def test_what_left_the_file_leaves_the_nodes_and_the_last_of_it_takes_the_labeller_along(
    sandbox: Shell, file: Path
) -> None:
    few = file.read_text().replace("example.org/kind: big", "example.org/size: big")
    file.write_text(few.replace("example.org/big=true:NoSchedule", "example.org/other:NoExecute"))
    applied(sandbox, file)
    for labels, (taint,) in marks(sandbox, file)["big"]:
        assert labels == {"example.org/size": "big"}
        assert (taint["key"], taint["effect"]) == ("example.org/other", "NoExecute")
    none = few.replace(", labels: {example.org/kind: plain}", "")
    lines = [line for line in none.splitlines() if not line.startswith(("    labels:", "    taints:"))]
    file.write_text("\n".join(lines) + "\n")
    applied(sandbox, file)
    every = [mark for nodes in marks(sandbox, file).values() for mark in nodes]
    assert every == [({}, [])] * len(every)
    namespaces = {one["metadata"]["name"] for one in kubectl(sandbox, file, "get", "namespaces")["items"]}
    assert "hubfleet-labeller" not in namespaces
