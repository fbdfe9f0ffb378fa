"""A cluster that somebody made with the OpenStack client becomes hubfleet's, as it is; nothing of it is made anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "adopted"


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example's file for a cluster that is there already, and not hubfleet's."""
    labels = "auto_scaling_enabled=true,min_node_count=1,kube_dashboard_enabled=false"
    words = ("--cluster-template", "kubernetes-1-34-jammy", "--keypair", "deploy", "--labels", labels)
    size = ("--master-count", "1", "--node-count", "1", "--flavor", "m3.quad", "--master-flavor", "m3.quad")
    made = sandbox(
        *("openstack", "--os-cloud", "sandbox", "coe", "cluster", "create", *words, *size, "--merge-labels", NAME)
    )
    assert made.code == 0, made.said
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME)
    yield path
    sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME)


def until_complete(sandbox: Shell) -> str:
    """The cluster's UUID, once Magnum is done with it."""
    for _ in range(240):
        shown = sandbox.openstack("coe", "cluster", "show", NAME)
        if shown["status"].endswith("_COMPLETE"):
            return str(shown["uuid"])
        assert not shown["status"].endswith("_FAILED"), shown
        time.sleep(1)
    raise AssertionError(f"{NAME} is not complete")


def test_a_cluster_of_the_openstack_client_is_taken_over_with_its_groups(sandbox: Shell, file: Path) -> None:
    uuid = until_complete(sandbox)
    size = ("--node-count", "1", "--min-nodes", "1", "--max-nodes", "1", "--flavor", "m3.quad")
    made = sandbox("openstack", "--os-cloud", "sandbox", "coe", "nodegroup", "create", *size, NAME, "user")
    assert made.code == 0, made.said
    until_complete(sandbox)

    refused = sandbox.hubfleet("apply", file, "--yes")
    assert refused.code == 4, refused.said
    assert "hubfleet apply --adopt" in refused.err
    assert sandbox.hubfleet("destroy", file, "--with-homes", "--yes", NAME).code == 4
    leases = sandbox.hubfleet("kubectl", "--path", file, "get", "leases", "-n", "kube-system", "-o", "name")
    assert leases.code == 0, leases.said
    assert f"hubfleet-{NAME}" not in leases.out  # who was refused has touched nothing

    planned = sandbox.hubfleet("plan", file, "--adopt")
    assert f"taken over ({uuid})" in planned.out, planned.said
    assert "create cluster" not in planned.out
    assert "create pool" not in planned.out

    applied = sandbox.hubfleet("apply", file, "--adopt", "--yes")
    assert applied.code == 0, applied.said
    assert sandbox.openstack("coe", "cluster", "show", NAME)["uuid"] == uuid
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
    assert sandbox.hubfleet("status", file, "--json").json["well"] is True


def test_what_does_not_fit_is_told_with_its_line(sandbox: Shell, file: Path) -> None:
    other = file.with_name("other.yaml")
    other.write_text(file.read_text().replace("keypair: deploy", "keypair: theirs"))
    planned = sandbox.hubfleet("plan", other)
    assert "keypair was deploy when the cluster was made; the file says theirs" in planned.out, planned.said
    assert "other.yaml:" in planned.out


def test_a_size_changed_by_hand_is_told_as_changed_outside_hubfleet(sandbox: Shell, file: Path) -> None:
    words = ("coe", "nodegroup", "update", "--max-nodes", "2", NAME, "user")
    changed = sandbox("openstack", "--os-cloud", "sandbox", *words)
    assert changed.code == 0, changed.said
    planned = sandbox.hubfleet("plan", file)
    assert "changed outside hubfleet, which left it at 1" in planned.out, planned.said
    applied = sandbox.hubfleet("apply", file, "--yes")
    assert applied.code == 0, applied.said
    assert sandbox.openstack("coe", "nodegroup", "show", NAME, "user")["max_node_count"] == 1
