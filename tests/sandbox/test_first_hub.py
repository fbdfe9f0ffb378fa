"""The whole promise, in order: one file, one command, a hub that people use; the same again; and nothing left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .browser import Person, browser
from .conftest import EXAMPLE, Ran, Shell

pytestmark = pytest.mark.timeout(1200)
CLUSTER = "first-hub"
NODE_GROUP = "capi.stackhpc.com/node-group"


@dataclass(frozen=True)
class Applied:
    """What plan said before, and how apply went."""

    planned: Ran
    applied: Ran


@pytest.fixture(scope="module")
def hub(sandbox: Shell) -> Iterator[Applied]:
    """The example, applied; destroyed by the last test, or here if that did not come to it."""
    planned = sandbox.hubfleet("plan", EXAMPLE, "--exit-code")
    applied = sandbox.hubfleet("apply", EXAMPLE, "--yes", timeout=900)
    assert applied.code == 0, applied.said
    yield Applied(planned, applied)
    sandbox.hubfleet("destroy", EXAMPLE, "--with-homes", "--yes", CLUSTER, timeout=600)


@pytest.fixture
def login(sandbox: Shell, hub: Applied) -> Any:
    """The address, a user and a password, as hubfleet tells them."""
    return sandbox.hubfleet("credentials", EXAMPLE, "--hub", "main", "--json").json


def kubectl(sandbox: Shell, *arguments: str) -> Any:
    """kubectl's answer on the cluster, as data."""
    ran = sandbox.hubfleet("kubectl", "--path", EXAMPLE, *arguments, "-o", "json")
    assert ran.code == 0, ran.said
    return ran.json


def test_before_apply_the_plan_shows_what_will_be_created_and_says_so_by_its_exit_code(hub: Applied) -> None:
    assert hub.planned.code == 3, hub.planned.said
    for line in ("+ create cluster first-hub", "+ create pool core", "+ create pool user", "+ create hub main"):
        assert line in hub.planned.out


def test_apply_tells_how_long_it_waited_for_whom(hub: Applied) -> None:
    assert re.search(r"first-hub is as the file says \(\d+ s; waited for .*Magnum \d+ s", hub.applied.out)


def test_status_says_that_all_is_well(sandbox: Shell, hub: Applied) -> None:
    status = sandbox.hubfleet("status", EXAMPLE, "--json")
    assert status.code == 0, status.said
    assert status.json["well"] is True
    assert [one["answers"] for one in status.json["hubs"]] == [True]
    assert {pool["name"]: [node["ready"] for node in pool["nodes"]] for pool in status.json["pools"]} == {
        "core": [True],
        "user": [True],
    }


def test_programs_that_nobody_here_wrote_agree_with_status(sandbox: Shell, hub: Applied) -> None:
    status = sandbox.hubfleet("status", EXAMPLE, "--json").json
    ((name, state),) = [(c["name"], c["status"]) for c in sandbox.openstack("coe", "cluster", "list")]
    assert (name, state) in {(CLUSTER, "CREATE_COMPLETE"), (CLUSTER, "UPDATE_COMPLETE")}
    assert f"Magnum: {state}" in status["infrastructure"]
    groups = {g["name"]: g for g in sandbox.openstack("coe", "nodegroup", "list", CLUSTER)}
    assert set(groups) == {"default-master", "default-worker", "user"}
    assert {g["status"] for g in groups.values()} == {"CREATE_COMPLETE"}
    nodes = {
        n["metadata"]["name"]: n["metadata"]["labels"][NODE_GROUP] for n in kubectl(sandbox, "get", "nodes")["items"]
    }
    seen = {
        node["name"]: {"core": "default-worker"}.get(p["name"], p["name"])
        for p in status["pools"]
        for node in p["nodes"]
    }
    assert nodes == seen
    listed = sandbox.hubfleet("helm", "--path", EXAMPLE, "list", "-A", "-o", "json").json
    assert [(r["name"], r["status"]) for r in listed] == [(h["name"], h["release"]) for h in status["hubs"]]


def test_magnums_own_kubeconfig_works(sandbox: Shell, hub: Applied, tmp_path: Path) -> None:
    made = sandbox("openstack", "coe", "cluster", "config", CLUSTER, "--dir", str(tmp_path), "--force")
    assert made.code == 0, made.said
    nodes = sandbox("kubectl", "--kubeconfig", str(tmp_path / "config"), "get", "nodes", "-o", "name")
    assert nodes.code == 0, nodes.said
    assert len(nodes.out.split()) == 2


def test_the_kubeconfig_that_hubfleet_writes_is_for_its_owner_only(
    sandbox: Shell, hub: Applied, tmp_path: Path
) -> None:
    written = sandbox.hubfleet("credentials", EXAMPLE, "--output", tmp_path / "kubeconfig")
    assert written.code == 0, written.said
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert sandbox("kubectl", "--kubeconfig", tmp_path / "kubeconfig", "get", "--raw=/readyz").out == "ok"


def test_a_second_apply_changes_nothing_and_says_so(sandbox: Shell, hub: Applied) -> None:
    before = [(p["metadata"]["name"], p["metadata"]["uid"]) for p in kubectl(sandbox, "get", "pods", "-A")["items"]]
    again = sandbox.hubfleet("apply", EXAMPLE, "--yes")
    assert again.code == 0, again.said
    assert "first-hub: nothing to change." in again.err
    assert [
        (p["metadata"]["name"], p["metadata"]["uid"]) for p in kubectl(sandbox, "get", "pods", "-A")["items"]
    ] == before
    assert sandbox.hubfleet("plan", EXAMPLE, "--exit-code").code == 0


def test_a_person_logs_in_computes_and_finds_the_notebook_again(
    sandbox: Shell, hub: Applied, login: Any, tmp_path: Path
) -> None:
    with browser(tmp_path) as page:
        (user,) = (one for one in login["logins"] if not one["admin"])
        person = Person(page, login["address"], "ada", user["password"])
        person.logs_in()
        person.gets_a_server()
        assert server_node_groups(sandbox) == ["user"]
        assert person.runs("6*7") == "42"
        person.stops_the_server()
        assert server_node_groups(sandbox) == []
        person.gets_a_server()
        assert person.sees_output_of("Untitled.ipynb") == "42"
        person.stops_the_server()


def server_node_groups(sandbox: Shell) -> list[str]:
    """The node group of each user's server, as Kubernetes has it."""
    nodes = {
        n["metadata"]["name"]: n["metadata"]["labels"][NODE_GROUP] for n in kubectl(sandbox, "get", "nodes")["items"]
    }
    servers = kubectl(sandbox, "-n", "main", "get", "pods", "-l", "component=singleuser-server")["items"]
    return [nodes[pod["spec"]["nodeName"]] for pod in servers]


def test_destroy_wants_the_clusters_name(sandbox: Shell, hub: Applied) -> None:
    for words, code in ((["--yes", "second-hub"], 4), ([], 2)):
        refused = sandbox.hubfleet("destroy", EXAMPLE, *words)
        assert refused.code == code, refused.said
        assert "first-hub" in refused.err
    assert [c["name"] for c in sandbox.openstack("coe", "cluster", "list")] == [CLUSTER]


def test_destroy_leaves_nothing_and_the_sandbox_stands(sandbox: Shell, hub: Applied) -> None:
    gone = sandbox.hubfleet("destroy", EXAMPLE, "--with-homes", "--yes", CLUSTER)
    assert gone.code == 0, gone.said
    assert sandbox.openstack("coe", "cluster", "list") == []
    assert sandbox.openstack("floating", "ip", "list") == []
    assert sandbox.openstack("volume", "list") == []
    assert sandbox.openstack("server", "list") == []
    credentials = {c["Name"] for c in sandbox.openstack("application", "credential", "list")}
    assert credentials == {"sandbox", "sandbox-restricted"}
    management = ["kubectl", "--kubeconfig", sandbox.state / "home" / "management.kubeconfig"]
    kinds = "clusters,machinedeployments,machines,kubeadmcontrolplanes,openstackclusters,secrets"
    left = sandbox(*management, "get", kinds, "-A", "-o", "json")
    assert left.code == 0, left.said
    names = [o["metadata"]["name"] for o in json.loads(left.out)["items"]]
    assert not [name for name in names if name.startswith(CLUSTER)]
    status = sandbox.hubfleet("sandbox", "status", "--state", sandbox.state, "--json")
    assert all(service["alive"] for service in status.json["services"]), status.said
