from pathlib import Path

import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.nodes import cgroups

VERSION_1 = """proc /proc proc rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
"""
VERSION_2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"


@pytest.fixture
def hierarchies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders = [tmp_path / "memory", tmp_path / "pids"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(cgroups, "hierarchies", lambda: folders)
    return folders


def test_every_controller_of_version_1_is_a_hierarchy() -> None:
    assert cgroups.hierarchies(VERSION_1) == [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/pids")]


def test_version_2_is_one_hierarchy() -> None:
    assert cgroups.hierarchies(VERSION_2) == [Path("/sys/fs/cgroup")]


def test_a_group_is_made_in_every_hierarchy_and_found_by_its_prefix(hierarchies: list[Path]) -> None:
    for name in ("hf0-n1", "hf0-n2", "hf1-n1", "hf0-n1"):
        cgroups.make(name)
    assert all((folder / "hf0-n2").is_dir() for folder in hierarchies)
    assert cgroups.named("hf0-") == {"hf0-n1", "hf0-n2"}


def test_a_group_goes_with_all_that_is_in_it(hierarchies: list[Path]) -> None:
    cgroups.make("hf0-n1")
    (hierarchies[0] / "hf0-n1/kubepods/pod1").mkdir(parents=True)
    cgroups.remove("hf0-n1")
    assert cgroups.named("hf0-") == set()


def test_a_group_that_stays_in_use_is_an_error_and_not_an_endless_wait(hierarchies: list[Path]) -> None:
    cgroups.make("hf0-n1")
    (hierarchies[0] / "hf0-n1/in-use").touch()
    with pytest.raises(SandboxError, match="still in use"):
        cgroups.remove("hf0-n1", timeout=0.05)
