"""A cluster goes over two minors of Kubernetes while people work on it, and its hub answers again."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import HUBFLEET, Shell, cluster_file
from .hub_api import ENV, SERVICE, Hub

pytestmark = pytest.mark.timeout(1200)
NAME = "upgraded"
PATIENCE = 1.0
"""Minutes that users are waited for."""


class Upgrade:
    """`hubfleet upgrade` under way: what it has said so far, and when."""

    def __init__(self, run: subprocess.Popen[str]) -> None:
        self.run, self.lines, self.began = run, list[tuple[float, str]](), time.monotonic()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.run.stderr or ():
            self.lines.append((time.monotonic() - self.began, line))

    @property
    def said(self) -> str:
        """All of it."""
        return "".join(line for _, line in self.lines)

    def when(self, words: str, seconds: float) -> float:
        """Seconds after its beginning at which it says so."""
        end = time.monotonic() + seconds
        while True:
            for moment, line in list(self.lines):
                if words in line:
                    return moment
            assert time.monotonic() < end, self.said
            assert self._reader.is_alive(), self.said
            time.sleep(0.2)

    def over(self, seconds: float) -> int:
        """Its exit code, at the end."""
        code = self.run.wait(timeout=seconds)
        self._reader.join(timeout=30)
        return code


@contextmanager
def upgrading(sandbox: Shell, file: Path, *words: str) -> Iterator[Upgrade]:
    """Run it; nothing of it is left afterwards."""
    argv = [HUBFLEET, "upgrade", file, "--yes", *words]
    pipes: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, env={**sandbox.env, **ENV}, **pipes) as run:
        try:
            yield Upgrade(run)
        finally:
            run.kill()


@pytest.fixture(scope="module")
def file(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The first example on an old Kubernetes, applied; the file names a newer one now. Destroyed at the end."""
    old = {"kubernetes-1-34-jammy": "kubernetes-1-32-jammy", "    values:\n": f"    values:\n{SERVICE}"}
    path = cluster_file(tmp_path_factory.mktemp(NAME), NAME, **old)
    try:
        made = sandbox.hubfleet("apply", path, "--yes", env=ENV)
        assert made.code == 0, made.said
        path.write_text(path.read_text().replace("kubernetes-1-32-jammy", "kubernetes-1-34-jammy"))
        yield path
    finally:
        gone = sandbox.hubfleet("destroy", path, "--with-homes", "--yes", NAME, env=ENV)
        assert gone.code == 0, gone.said


def test_users_are_waited_for_and_none_loses_a_server_before_the_time_that_was_told(sandbox: Shell, file: Path) -> None:
    hub = Hub(sandbox, file)
    for user in ("ada", "grace"):
        hub.starts(user)
    before, nodes = hub.pod("grace")["metadata"]["uid"], kubelets(sandbox, file)
    planned = sandbox.hubfleet("plan", file, env=ENV)
    assert "Kubernetes v1.32.8 to v1.34.4" in planned.out, planned.said

    with upgrading(sandbox, file, "--wait-for-users", str(PATIENCE)) as upgrade:
        upgrade.when("2 servers (main: 2) run now: they stop when their node goes, homes stay", 60)
        upgrade.when("waiting for users: 2 servers (main: 2) still run", 60)
        hub.stops("ada")
        began = upgrade.when("waiting for users: 1 server (main: 1) still run", 30)
        while "will stop when their node goes" not in upgrade.said:
            try:
                there, now = hub.pod("grace"), kubelets(sandbox, file)
            except AssertionError:  # the API goes as soon as the time is over, and not before
                assert "will stop when their node goes" in upgrade.said
                break
            assert (there["metadata"]["uid"], there["status"]["phase"]) == (before, "Running")
            assert "deletionTimestamp" not in there["metadata"]
            assert now == nodes or "asked Magnum" in upgrade.said
            time.sleep(1)
        warned = upgrade.when("1 server (main: 1) still run and will stop when their node goes", 60 * PATIENCE)
        asked = upgrade.when("asked Magnum to move the cluster to the template kubernetes-1-33-jammy", 60)
        assert began < 60 * PATIENCE <= warned < asked
        assert upgrade.over(800) == 0, upgrade.said

    assert hub.pod("grace") is None
    hub.starts("grace")
    hub.stops("grace")


def kubelets(sandbox: Shell, file: Path) -> set[tuple[str, str]]:
    """Each node with the Kubernetes that it runs."""
    template = "jsonpath={range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion} {end}"
    ran = sandbox.hubfleet("kubectl", "-p", file, "get", "nodes", "-o", template, env=ENV)
    assert ran.code == 0, ran.said
    words = ran.out.split()
    return set(zip(words[::2], words[1::2], strict=True))


def test_then_everything_is_of_the_newer_kubernetes_and_nothing_is_left_to_do(sandbox: Shell, file: Path) -> None:
    assert {version for _, version in kubelets(sandbox, file)} == {"v1.34.4"}
    shown = sandbox.openstack("coe", "cluster", "show", NAME)
    assert (shown["coe_version"], shown["status"]) == ("v1.34.4", "UPDATE_COMPLETE")
    status = sandbox.hubfleet("status", file, "--json", env=ENV)
    assert status.json["hubs"][0]["answers"], status.said
    again = sandbox.hubfleet("upgrade", file, "--yes", "--json", env=ENV)
    assert again.code == 0, again.said
    assert sandbox.hubfleet("plan", file, "--exit-code", env=ENV).code == 0
    back = sandbox.hubfleet("upgrade", file, "--template", "kubernetes-1-33-jammy", "--yes", env=ENV)
    assert (back.code, "cannot go back" in back.err) == (4, True), back.said
