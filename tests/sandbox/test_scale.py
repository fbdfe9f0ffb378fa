"""A pool gets another size now, by `scale`; the cloud says so, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "scaled"
FILE = """\
name: first-hub
provider:
  jetstream2:
    cloud: sandbox
    template: kubernetes-1-34-jammy
    keypair: deploy
    control_plane: {machine: m3.quad, nodes: 1}
pools:
  core: {machine: m3.quad, nodes: 1, runs: [core]}
  user: {machine: m3.quad, nodes: {min: 1, max: 3}, runs: [users]}  # ours
  gpu: {machine: m3.quad, nodes: {min: 0, max: 2}, runs: [users]}
"""


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster without a hub; destroyed at the end, however far it came."""
    path = cluster_file(tmp_path_factory.mktemp("scaled"), NAME, text=FILE)
    made = sandbox.hubfleet("apply", path, "--yes")
    assert made.code == 0, made.said
    yield path
    gone = sandbox.hubfleet("destroy", path, "--yes", NAME)
    assert gone.code == 0, gone.said


def group(sandbox: Shell, name: str) -> dict[str, Any] | None:
    """The node group as the OpenStack client shows it."""
    if name not in [one["name"] for one in sandbox.openstack("coe", "nodegroup", "list", NAME)]:
        return None
    shown: dict[str, Any] = sandbox.openstack("coe", "nodegroup", "show", NAME, name)
    return shown


def nodes(sandbox: Shell, file: Path, pool: str) -> int:
    """How many nodes of a pool Kubernetes has."""
    status = sandbox.hubfleet("status", file, "--json").json
    return next(len(one["nodes"]) for one in status["pools"] if one["name"] == pool)


def test_a_higher_minimum_brings_its_nodes_and_the_file_keeps_every_other_byte(sandbox: Shell, file: Path) -> None:
    before = file.read_bytes()
    scaled = sandbox.hubfleet("scale", "user", file, "--min", "2", "--yes", "--write")
    assert scaled.code == 0, scaled.said
    assert nodes(sandbox, file, "user") == 2
    shown = group(sandbox, "user")
    assert shown is not None
    assert (shown["min_node_count"], shown["max_node_count"]) == (2, 3)
    assert file.read_bytes() == before.replace(b"{min: 1, max: 3}", b"{min: 2, max: 3}")
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0


def test_a_pool_that_is_absent_while_idle_comes_and_goes(sandbox: Shell, file: Path) -> None:
    assert group(sandbox, "gpu") is None
    there = sandbox.hubfleet("scale", "gpu", file, "--max", "2", "--yes")
    assert there.code == 0, there.said
    assert nodes(sandbox, file, "gpu") == 1
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
    gone = sandbox.hubfleet("scale", "gpu", file, "--nodes", "0", "--yes")
    assert gone.code == 0, gone.said
    assert group(sandbox, "gpu") is None
    assert nodes(sandbox, file, "user") == 2


def test_pools_that_must_stay_are_not_removed(sandbox: Shell, file: Path) -> None:
    for pool in ("core", "user"):
        assert sandbox.hubfleet("scale", pool, file, "--nodes", "0", "--yes").code == 4
