"""A cluster goes over two minors of Kubernetes, and its hub answers again."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "upgraded"


def test_a_cluster_is_upgraded_over_two_minors_and_then_there_is_nothing_to_do(sandbox: Shell, tmp_path: Path) -> None:
    file = cluster_file(tmp_path, NAME, **{"kubernetes-1-34-jammy": "kubernetes-1-32-jammy"})
    try:
        made = sandbox.hubfleet("apply", file, "--yes")
        assert made.code == 0, made.said
        file.write_text(file.read_text().replace("kubernetes-1-32-jammy", "kubernetes-1-34-jammy"))
        planned = sandbox.hubfleet("plan", file)
        assert "Kubernetes v1.32.8 to v1.34.4" in planned.out, planned.said

        done = sandbox.hubfleet("upgrade", file, "--yes", "--wait-for-users", "0", timeout=800)

        assert done.code == 0, done.said
        nodes = sandbox.hubfleet("kubectl", "-p", file, "get", "nodes", "-o", "jsonpath={..kubeletVersion}")
        assert set(nodes.out.split()) == {"v1.34.4"}, nodes.said
        shown = sandbox.openstack("coe", "cluster", "show", NAME)
        assert (shown["coe_version"], shown["status"]) == ("v1.34.4", "UPDATE_COMPLETE")
        status = sandbox.hubfleet("status", file, "--json")
        assert status.json["hubs"][0]["answers"], status.said
        again = sandbox.hubfleet("upgrade", file, "--yes", "--json")
        assert again.code == 0, again.said
        assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
        back = sandbox.hubfleet("upgrade", file, "--template", "kubernetes-1-33-jammy", "--yes")
        assert (back.code, "cannot go back" in back.err) == (4, True), back.said
    finally:
        gone = sandbox.hubfleet("destroy", file, "--yes", NAME)
    assert gone.code == 0, gone.said
