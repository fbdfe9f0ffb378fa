"""Bad weather: killed in the middle, a service that dies, somebody else at it. The next apply goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import HUBFLEET, Shell, cluster_file

pytestmark = pytest.mark.timeout(1500)
NAME = "weather"


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example under another name; destroyed at the end, however far it came."""
    path = cluster_file(tmp_path_factory.mktemp("weather"), NAME)
    yield path
    gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME)
    assert gone.code == 0, gone.said


def killed_when(sandbox: Shell, file: Path, words: str, timeout: float = 300) -> bool:
    """Start apply, SIGKILL it when it says `words`; whether it came to that. Its children are left as they are."""
    argv = [HUBFLEET, "apply", file, "--yes"]
    with subprocess.Popen(
        argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(sandbox.env)
    ) as apply:
        watchdog = threading.Timer(timeout, apply.kill)
        watchdog.start()
        try:
            assert apply.stderr is not None
            for line in apply.stderr:
                if words in line:
                    apply.kill()
                    return True
            return False
        finally:
            watchdog.cancel()


# In the order in which a run comes to them; each run goes on where the one before was killed.
MOMENTS = ("▸ cluster", "Magnum", "▸ pool/user", "▸ release/main", "· release/main")


def test_killed_at_five_moments_apply_still_ends_in_the_same_state(sandbox: Shell, file: Path) -> None:
    assert [killed_when(sandbox, file, moment) for moment in MOMENTS] == [True] * len(MOMENTS)
    applied = sandbox.hubfleet("apply", file, "--yes", timeout=900)
    assert applied.code == 0, applied.said
    assert sandbox.hubfleet("plan", file, "--exit-code").code == 0
    assert sandbox.hubfleet("status", file, "--json").json["well"] is True
    clusters = [c["name"] for c in sandbox.openstack("coe", "cluster", "list")]
    assert clusters.count(NAME) == 1
    groups = [g["name"] for g in sandbox.openstack("coe", "nodegroup", "list", NAME)]
    assert sorted(groups) == ["default-master", "default-worker", "user"]
    releases = sandbox.hubfleet("helm", "--path", file, "list", "-A", "-o", "json").json
    assert [(r["name"], r["status"]) for r in releases] == [("main", "deployed")]


def test_when_magnum_dies_apply_names_it_and_goes_on_when_it_is_back(sandbox: Shell, file: Path) -> None:
    more = Path(file.parent / "more.yaml")
    more.write_text(
        file.read_text().replace("pools:\n", "pools:\n  extra: {machine: m3.quad, nodes: 1, runs: [users]}\n")
    )
    magnum = service(sandbox, "magnum")
    os.kill(magnum["pid"], signal.SIGKILL)
    stopped = sandbox.hubfleet("apply", more, "--yes")
    assert stopped.code == 5, stopped.said
    assert "Magnum" in stopped.err
    assert "Traceback" not in stopped.err
    mended = sandbox.hubfleet("sandbox", "start", "--state", sandbox.state)
    assert mended.code == 0, mended.said
    applied = sandbox.hubfleet("apply", more, "--yes", timeout=900)
    assert applied.code == 0, applied.said
    assert "extra" in [g["name"] for g in sandbox.openstack("coe", "nodegroup", "list", NAME)]
    removed = sandbox.hubfleet("apply", file, "--yes", timeout=900)
    assert removed.code == 0, removed.said
    assert "extra" not in [g["name"] for g in sandbox.openstack("coe", "nodegroup", "list", NAME)]


def service(sandbox: Shell, name: str) -> Any:
    """A service of the sandbox, as its status tells."""
    found = sandbox.hubfleet("sandbox", "status", "--state", sandbox.state, "--json").json["services"]
    return next(one for one in found if one["name"] == name)


def test_a_second_apply_at_the_same_time_is_refused_with_who_is_at_it(sandbox: Shell, file: Path) -> None:
    changed = Path(file.parent / "changed.yaml")
    changed.write_text(file.read_text().replace("admins: [", "admins: [grace, "))
    first = subprocess.Popen(
        [HUBFLEET, "apply", changed, "--yes"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=dict(sandbox.env),
    )
    try:
        time.sleep(2)
        second = sandbox.hubfleet("apply", changed, "--yes")
    finally:
        _, said = first.communicate(timeout=300)
    assert first.returncode == 0, said
    assert second.code == 4, second.said
    assert str(first.pid) in second.err
