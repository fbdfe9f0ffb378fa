"""Magnum's obstacles: each is first shown by plain calls of the OpenStack client, and then hubfleet gets past it.

One cluster for all of them, in the order in which its state allows it; the last test poisons it for good.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from .conftest import HUBFLEET, Ran, Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "obstacles"
FILE = """\
name: first-hub
provider:
  jetstream2:
    cloud: sandbox
    template: kubernetes-1-34-jammy
    keypair: deploy
    control_plane: {machine: m3.quad, nodes: 1}
pools:
  core: {machine: m3.quad, nodes: 1, runs: [core, users]}
"""
SIDE_BY_SIDE = ("side-a", "side-b")


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster without a hub; destroyed at the end, however far it came."""
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME, text=FILE)
    made = sandbox.hubfleet("apply", path, "--yes")
    assert made.code == 0, made.said
    yield path
    gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME)
    assert gone.code == 0, gone.said


def groups(sandbox: Shell) -> dict[str, str]:
    """Magnum's worker groups and their statuses, as the OpenStack client tells."""
    listed = sandbox.openstack("coe", "nodegroup", "list", NAME)
    return {group["name"]: group["status"] for group in listed if group["role"] != "master"}


def create(sandbox: Shell, *names: str, least: int = 1) -> None:
    """Ask Magnum for groups by plain requests, all at the same time; it takes each with 202."""
    token = sandbox.openstack("token", "issue")["id"]
    (magnum,) = (one for one in sandbox.openstack("catalog", "list") if one["Type"] == "container-infra")
    address = next(one["url"] for one in magnum["Endpoints"] if one["interface"] == "public")
    uuid = sandbox.openstack("coe", "cluster", "show", NAME)["uuid"]
    together = threading.Barrier(len(names))
    headers = {"X-Auth-Token": token, "OpenStack-API-Version": "container-infra 1.10"}

    def ask(name: str) -> int:
        body = {"name": name, "flavor_id": "m3.quad", "node_count": 1, "min_node_count": least, "max_node_count": 1}
        together.wait(timeout=60)
        answer = httpx2.post(f"{address}/clusters/{uuid}/nodegroups", json=body, headers=headers, timeout=60)
        return answer.status_code

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(ask, names)) == [202] * len(names)


def until(seen: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something that somebody else does."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.5)


def with_pools(file: Path, *names: str) -> Path:
    """The file with these pools besides core, in a file of its own."""
    other = file.with_name("more.yaml")
    pools = "".join(f"  {name}: {{machine: m3.quad, nodes: 1}}\n" for name in names)
    other.write_text(FILE.replace("first-hub", NAME) + pools)
    return other


def applied(sandbox: Shell, file: Path) -> Ran:
    """Apply, which must succeed."""
    done = sandbox.hubfleet("apply", file, "--yes")
    assert done.code == 0, done.said
    return done


def test_the_default_group_cannot_be_deleted_so_it_is_the_core_pool(sandbox: Shell, file: Path) -> None:
    refused = sandbox("openstack", "--os-cloud", "sandbox", "coe", "nodegroup", "delete", NAME, "default-worker")
    assert "Deleting a default nodegroup is not supported" in refused.said
    status = sandbox.hubfleet("status", file, "--json").json
    assert [(pool["name"], len(pool["nodes"])) for pool in status["pools"]] == [("core", 1)]
    assert set(groups(sandbox)) == {"default-worker"}


def test_groups_that_are_made_side_by_side_fail_and_hubfleet_heals_them(sandbox: Shell, file: Path) -> None:
    create(sandbox, *SIDE_BY_SIDE)
    until(lambda: "CREATE_FAILED" in groups(sandbox).values())
    both = with_pools(file, *SIDE_BY_SIDE)

    healed = applied(sandbox, both)

    assert "nudge" in healed.err
    assert {name: status.partition("_")[2] for name, status in groups(sandbox).items()} == dict.fromkeys(
        ("default-worker", *SIDE_BY_SIDE), "COMPLETE"
    )
    assert sandbox.hubfleet("plan", both, "--exit-code").code == 0


def test_a_second_writer_who_makes_groups_meanwhile_does_no_harm(sandbox: Shell, file: Path) -> None:
    both = with_pools(file, *SIDE_BY_SIDE, "ours-a", "ours-b")
    argv = [HUBFLEET, "apply", both, "--yes"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=dict(sandbox.env)) as run:
        assert run.stderr is not None
        assert any("pool/ours-a: asked Magnum for the node group" in line for line in run.stderr)
        create(sandbox, "theirs")
        said = run.stderr.read()
    assert run.returncode == 0, said
    until(lambda: groups(sandbox).get("theirs", "").endswith("_COMPLETE"))
    assert {status.partition("_")[2] for status in groups(sandbox).values()} == {"COMPLETE"}
    fewer = applied(sandbox, with_pools(file, *SIDE_BY_SIDE))
    assert set(groups(sandbox)) == {"default-worker", *SIDE_BY_SIDE, "theirs"}, fewer.said


def test_a_pool_that_may_be_absent_is_left_out_where_magnum_would_fail(sandbox: Shell, file: Path) -> None:
    idle = with_pools(file, *SIDE_BY_SIDE)
    idle.write_text(idle.read_text() + "  idle: {machine: m3.quad, nodes: {min: 0, max: 2}}\n")
    planned = sandbox.hubfleet("plan", idle, "--exit-code")
    assert planned.code == 0, planned.said
    assert "pool idle is not made now" in planned.out


def test_what_is_changed_by_hand_is_seen_and_others_groups_are_left_alone(sandbox: Shell, file: Path) -> None:
    both = with_pools(file, *SIDE_BY_SIDE)
    words = ("coe", "nodegroup", "update", "--max-nodes", "3", NAME, "side-a")
    changed = sandbox("openstack", "--os-cloud", "sandbox", *words)
    assert changed.code == 0, changed.said
    planned = sandbox.hubfleet("plan", both)
    assert 'nodes: "1 to 3" → "1"' in planned.out, planned.said
    assert "changed outside hubfleet, which left it at 1" in planned.out
    applied(sandbox, both)
    byhand = sandbox.hubfleet("plan", file)
    assert "node group side-a (1 node of m3.quad) was made outside hubfleet: left alone" in byhand.out
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0


def test_two_groups_with_a_minimum_of_zero_stop_a_cluster_and_hubfleet_says_what_is_possible(
    sandbox: Shell, file: Path
) -> None:
    create(sandbox, "zero-a", least=0)
    until(lambda: groups(sandbox).get("zero-a") == "CREATE_FAILED")
    create(sandbox, "fine")
    until(lambda: groups(sandbox).get("fine") == "CREATE_FAILED")
    refused = sandbox.hubfleet("apply", with_pools(file, "mine"), "--yes")
    assert refused.code == 5, refused.said
    assert "the node group zero-a has a minimum of 0" in refused.err
    assert "coe nodegroup delete" in refused.err
    assert "mine" not in groups(sandbox)

    create(sandbox, "zero-b", least=0)
    until(lambda: groups(sandbox).get("zero-b") == "CREATE_FAILED")
    stuck = sandbox("openstack", "--os-cloud", "sandbox", "coe", "nodegroup", "delete", NAME, "zero-a")
    assert stuck.code == 0, stuck.said
    until(lambda: groups(sandbox).get("zero-a") == "DELETE_FAILED")
    explained = sandbox.hubfleet("plan", file)
    assert "zero-a, zero-b have a minimum of 0" in explained.out, explained.said
    assert "can only be replaced" in explained.out
    status = sandbox.hubfleet("status", file)
    assert "zero-a, zero-b have a minimum of 0" in status.out


def test_apply_killed_between_groups_goes_on(sandbox: Shell, tmp_path: Path) -> None:
    name = f"{NAME}-2"
    text = FILE + "".join(f"  more-{n}: {{machine: m3.quad, nodes: 1}}\n" for n in "ab")
    path = cluster_file(tmp_path, name, text=text)
    try:
        with subprocess.Popen(
            [HUBFLEET, "apply", path, "--yes"], stderr=subprocess.PIPE, text=True, env=dict(sandbox.env)
        ) as run:
            assert run.stderr is not None
            assert any("pool/more-a: asked Magnum for the node group" in line for line in run.stderr)
            run.kill()
        applied(sandbox, path)
        assert sandbox.hubfleet("plan", path, "--exit-code").code == 0
        names = [group["name"] for group in sandbox.openstack("coe", "nodegroup", "list", name)]
        assert sorted(names) == ["default-master", "default-worker", "more-a", "more-b"]
    finally:
        sandbox.hubfleet("destroy", path, "--with-homes", "--yes", name)
