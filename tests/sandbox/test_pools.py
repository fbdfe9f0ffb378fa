"""Several pools in one edit: asked for side by side, in spite of Magnum's race, and gone again one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "pools"
MORE = "".join(f"  more-{letter}: {{machine: m3.quad, nodes: 1, runs: [users]}}\n" for letter in "abc")


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example under another name; destroyed at the end, however far it came."""
    path = cluster_file(tmp_path_factory.mktemp("pools"), NAME)
    yield path
    gone = sandbox.hubfleet("destroy", path, "--yes", NAME)
    assert gone.code == 0, gone.said


def groups(sandbox: Shell) -> dict[str, str]:
    """Magnum's node groups and their statuses, as the OpenStack client tells."""
    listed = sandbox.openstack("coe", "nodegroup", "list", NAME)
    return {g["name"]: g["status"] for g in listed if g["role"] != "master"}


def test_three_pools_more_in_one_edit_are_all_made(sandbox: Shell, file: Path) -> None:
    few = file.read_text()
    file.write_text(few.replace("pools:\n", f"pools:\n{MORE}"))
    applied = sandbox.hubfleet("apply", file, "--yes", timeout=600)
    assert applied.code == 0, applied.said
    assert set(groups(sandbox)) == {"default-worker", "user", "more-a", "more-b", "more-c"}
    assert {status.partition("_")[2] for status in groups(sandbox).values()} == {"COMPLETE"}
    status = sandbox.hubfleet("status", file, "--json").json
    assert {pool["name"]: len(pool["nodes"]) for pool in status["pools"]} == dict.fromkeys(
        ("core", "user", "more-a", "more-b", "more-c"), 1
    )
    file.write_text(few)


def test_pools_that_left_the_file_are_removed_and_nothing_else(sandbox: Shell, file: Path) -> None:
    planned = sandbox.hubfleet("plan", file)
    assert planned.out.count("- destroy pool") == 3, planned.said
    applied = sandbox.hubfleet("apply", file, "--yes", timeout=600)
    assert applied.code == 0, applied.said
    assert set(groups(sandbox)) == {"default-worker", "user"}
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
