"""Many hubs on one cluster: how long `apply` takes where nothing changed, and how often it asks Helm; then one edit.

Helm is counted by a program in its place, which notes each call and becomes the real one.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import running
from benchmarks.figures import ROOT, Figure, Figures
from benchmarks.running import HUBFLEET, Sandbox, timed
from hubfleet.tools.helm import find

CLUSTER = "many-hubs"
_FROM = ROOT / "examples" / "first-hub" / "cluster.yaml"


@dataclass(frozen=True)
class Counter:
    """Helm, and a file with a line for each of its calls."""

    program: Path
    calls: Path

    @classmethod
    def of(cls, folder: Path, real: str) -> Counter:
        """A program that is Helm to whoever calls it."""
        made = cls(folder / "helm", folder / "calls")
        made.calls.touch()
        made.program.write_text(f'#!/bin/sh\necho "$1" >> {made.calls}\nexec {real} "$@"\n')
        made.program.chmod(0o755)
        return made

    def taken(self) -> int:
        """The calls since this was asked last."""
        found = len(self.calls.read_text().splitlines())
        self.calls.write_text("")
        return found


def run(figures: Figures, there: Sandbox, hubs: int, runs: int) -> None:
    """Measure on this sandbox, with so many hubs; `runs` of what changes nothing."""
    with tempfile.TemporaryDirectory(prefix="hf-hubs-") as folder:
        helm = Counter.of(Path(folder), str(find(there.env)))
        env = {**there.env, "HUBFLEET_HELM": str(helm.program)}
        tree = _tree(hubs)
        file = Path(folder) / "cluster.yaml"
        file.write_text(yaml.safe_dump(tree))
        _allow(there, {"floating-ips": hubs + 5, "volumes": 2 * hubs + 5})
        try:
            figures.add(Figure(f"apply of {hubs} hubs, from nothing", running.apply(file, env).seconds))
            figures.add(Figure("... calls of Helm", helm.taken(), ""))
            times = [running.apply(file, env).seconds for _ in range(runs + 1)][1:]
            name, note = f"apply of {hubs} unchanged hubs, median of {runs}", f"the worst {max(times):.2f} s"
            figures.add(Figure(name, statistics.median(times), below=3, note=note))
            figures.add(Figure("... calls of Helm", helm.taken(), "", below=0, equal=True))
            times = [timed(HUBFLEET, "plan", file, env=env) for _ in range(runs)]
            figures.add(Figure(f"plan, {hubs} unchanged hubs, median of {runs}", statistics.median(times)))
            tree["hubs"]["hub-01"]["culling"] = {"idle": 1234}
            file.write_text(yaml.safe_dump(tree))
            figures.add(Figure(f"apply with 1 of {hubs} hubs changed", running.apply(file, env).seconds))
            figures.add(Figure("... calls of Helm", helm.taken(), ""))
        finally:
            timed(HUBFLEET, "destroy", file, "--with-homes", "--yes", CLUSTER, env=env)


def _allow(there: Sandbox, quota: Mapping[str, int]) -> None:
    """What the sandbox's project may have, as its administrator sets it: an address and a volume for each hub."""
    clouds = str(there.state / "home" / "admin-clouds.yaml")
    admin = {**there.env, "OS_CLIENT_CONFIG_FILE": clouds, "OS_CLOUD": "admin"}
    argv = [word for resource, limit in quota.items() for word in (f"--{resource}", str(limit))]
    project = _openstack(there.env, "token", "issue", "-f", "value", "-c", "project_id")
    _openstack(admin, "quota", "set", *argv, project)


def _openstack(env: Mapping[str, str], *argv: str) -> str:
    program = shutil.which("openstack", path=env["PATH"]) or "openstack"
    return subprocess.run([program, *argv], env=env, check=True, capture_output=True, text=True).stdout.strip()


def _tree(hubs: int) -> dict[str, Any]:
    """The first hub's cluster, with many hubs like it."""
    tree: dict[str, Any] = yaml.safe_load(_FROM.read_text())
    (hub,) = tree["hubs"].values()
    many = {f"hub-{number:02}": {**hub, "domain": f"hub-{number:02}.example.org"} for number in range(1, hubs + 1)}
    return {**tree, "name": CLUSTER, "hubs": many}
