"""Two hubfleets on two machines (two state folders): one makes the cluster, one at a time changes it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import HUBFLEET, Ran, Shell, cluster_file

pytestmark = pytest.mark.timeout(900)
NAME = "two-machines"


@dataclass(frozen=True)
class Machine:
    """A hubfleet with a state folder of its own."""

    sandbox: Shell
    state: Path

    @property
    def env(self) -> dict[str, str]:
        return {**self.sandbox.env, "XDG_STATE_HOME": str(self.state)}

    def __call__(self, *argv: str | Path) -> Ran:
        return self.sandbox.hubfleet(*argv, env=self.env)

    def begin(self, *argv: str | Path) -> subprocess.Popen[str]:
        """Without waiting."""
        pipe = subprocess.PIPE
        return subprocess.Popen([HUBFLEET, *map(str, argv)], stdout=pipe, stderr=pipe, text=True, env=self.env)


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=600)
    return Ran(process.returncode, out, err)


def until(process: subprocess.Popen[str], words: str) -> None:
    """Reads what it says until it says these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended and never said {words!r}")


@pytest.fixture(scope="module")
def machines(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Machine]:
    one, other = (Machine(sandbox, tmp_path_factory.mktemp(name)) for name in ("one", "other"))
    return one, other


@pytest.fixture(scope="module")
def file(sandbox: Shell, machines: tuple[Machine, Machine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster without a hub; destroyed at the end, however far it came."""
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME)
    text = path.read_text()
    path.write_text(text[: text.index("\nhubs:")] + "\n")
    yield path
    gone = machines[0]("destroy", path, "--with-homes", "--yes", NAME)
    assert gone.code == 0, gone.said


def fault(sandbox: Shell, *words: str) -> None:
    ran = sandbox.hubfleet("sandbox", "fault", *words, "--state", sandbox.state)
    assert ran.code == 0, ran.said


@pytest.fixture
def waits(sandbox: Shell) -> Iterator[None]:
    """Whoever makes the pool `more` waits for its node, until the faults are cleared."""
    fault(sandbox, "add", "node-never-joins", "--cluster", NAME, "--group", "more")
    yield
    fault(sandbox, "clear")


def clusters(sandbox: Shell) -> list[str]:
    """The UUIDs of those of this name that are not being deleted."""
    found = sandbox.openstack("coe", "cluster", "list")
    return [one["uuid"] for one in found if one["name"] == NAME and not one["status"].startswith("DELETE")]


def test_two_that_make_a_cluster_of_one_name_at_the_same_time_make_one(
    sandbox: Shell, machines: tuple[Machine, Machine], file: Path
) -> None:
    ran = [ended(process) for process in [machine.begin("apply", file, "--yes") for machine in machines]]
    assert sorted(one.code for one in ran) == [0, 4], "\n".join(one.said for one in ran)
    assert "Traceback" not in "".join(one.err for one in ran)
    loser = next(one for one in ran if one.code == 4)
    assert "another hubfleet" in loser.err, loser.said
    assert len(clusters(sandbox)) == 1
    for machine in machines:
        again = machine("apply", file, "--yes")
        assert again.code == 0, again.said


def test_the_second_is_told_who_is_at_it_and_can_take_over_from_one_that_hangs(
    sandbox: Shell, machines: tuple[Machine, Machine], file: Path, waits: None
) -> None:
    one, other = machines
    few = file.read_text()
    file.write_text(few.replace("pools:\n", "pools:\n  more: {machine: m3.quad, nodes: 1, runs: [users]}\n"))
    first = one.begin("apply", file, "--yes")
    until(first, "pool/more")
    refused = other("apply", file, "--yes")
    assert refused.code == 4, refused.said
    assert f":{first.pid}" in refused.err
    holder = refused.err.partition("--break-lock ")[2].split()[0]
    second = other.begin("apply", file, "--yes", "--break-lock", holder)
    stopped = ended(first)
    fault(sandbox, "clear")
    done = ended(second)
    assert stopped.code == 4, stopped.said
    assert "took the lock" in stopped.err
    assert done.code == 0, done.said
    groups = [g["name"] for g in sandbox.openstack("coe", "nodegroup", "list", NAME)]
    assert groups.count("more") == 1
    file.write_text(few)


def test_a_killed_run_keeps_its_own_machine_out_not_at_all_and_others_for_a_minute(
    machines: tuple[Machine, Machine], file: Path
) -> None:
    one, other = machines
    first = one.begin("apply", file, "--yes")
    until(first, "pool/more")
    first.kill()
    ended(first)
    began = time.monotonic()
    refused = other("apply", file, "--yes")
    assert refused.code == 4, refused.said
    assert "ends by itself in" in refused.err
    mine = one("apply", file, "--yes")
    assert mine.code == 0, mine.said
    assert time.monotonic() - began < 60
    then = other("plan", file, "--exit-code")
    assert then.code == 0, then.said
