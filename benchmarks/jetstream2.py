"""Clusters of many pools on a Jetstream2 in miniature: hubfleet against one pool, and against a plain loop."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import loop
from benchmarks.access_logs import Call, Logs
from benchmarks.figures import Figure, Figures, say
from benchmarks.processors import Ticks, wait_for_calm
from benchmarks.running import HUBFLEET, Applied, Sandbox, apply, timed

BOOT = 30.0
"""Seconds that a node of the sandbox boots: about what a small machine takes on a cloud."""
TARGETS = {4: 1.3, 8: 1.6}
"""By pools: at most so many times the time of one pool (issue 4)."""
PLAN_TARGET = 2.0
"""Seconds of a `plan` with nothing to change, from the start of its process to its end (issue 4)."""


@dataclass(frozen=True)
class Made:
    """One making of a cluster: how long it took, what was asked of OpenStack, how busy this machine was."""

    seconds: float
    calls: Sequence[Call]
    load: str


@dataclass(frozen=True)
class Bench:
    """What to measure, and where: numbers of pools, runs of hubfleet for each, plans, whether also the loop."""

    sandbox: Sandbox
    figures: Figures
    pools: Sequence[int] = (1, 4, 8)
    runs: int = 2
    plans: int = 7
    with_loop: bool = True

    def run(self) -> None:
        """Measure all of it."""
        boot = _node_boot(self.sandbox)
        if boot != BOOT:
            say(f"nodes of this sandbox boot for {boot:g} s; the targets are for {BOOT:g} s")
        ours: dict[int, list[Made]] = {count: [] for count in self.pools}
        for run in range(self.runs):
            for count in self.pools:
                ours[count].append(self._by_hubfleet(count, run))
        for count in self.pools:
            self._tell_ours(count, ours)
        for count in self.pools if self.with_loop else ():
            self._tell_loop(count, self._by_loop(count), ours[count])

    # hubfleet

    def _by_hubfleet(self, count: int, run: int) -> Made:
        """Make a cluster and destroy it. On the first run `plan` is measured between the two."""
        name = f"bench-{count}"
        with tempfile.TemporaryDirectory(prefix="hf-bench-") as folder, self._destroyed(Path(folder), name):
            (Path(folder) / "cluster.yaml").write_text(cluster_file(name, count))
            wait_for_calm()
            logs, before = Logs(self.sandbox.state), Ticks.now()
            applied = apply(Path(folder), self.sandbox.env)
            made = Made(applied.seconds, logs.of("hubfleet"), Ticks.now().since(before))
            say(f"hubfleet, {_pools(count)}, run {run + 1}: {made.seconds:.1f} s; {course(applied)}; {made.load}")
            if run == 0:
                self._plan(Path(folder), count)
        return made

    @contextlib.contextmanager
    def _destroyed(self, folder: Path, name: str) -> Generator[None]:
        try:
            yield
        finally:
            say(f"destroying {name}")
            timed(HUBFLEET, "destroy", folder, "--yes", name, env=self.sandbox.env)

    def _plan(self, folder: Path, count: int) -> None:
        """`plan` in new processes. It fails if there is anything to change (`--exit-code`)."""
        wait_for_calm()
        logs, before = Logs(self.sandbox.state), Ticks.now()
        times = [
            timed(HUBFLEET, "plan", folder, "--exit-code", env=self.sandbox.env) for _ in range(max(1, self.plans))
        ]
        calls = len(logs.of("hubfleet")) / len(times)
        note = f"{calls:.0f} API calls each; {Ticks.now().since(before)}"
        what = f"plan, nothing to change, {_pools(count)}"
        middle = statistics.median(times)
        self.figures.add(Figure(f"{what}, median of {len(times)}", middle, below=PLAN_TARGET, note=note))
        self.figures.add(Figure(f"{what}, worst", max(times), below=PLAN_TARGET))

    def _tell_ours(self, count: int, ours: Mapping[int, Sequence[Made]]) -> None:
        times = [made.seconds for made in ours[count]]
        best = min(ours[count], key=lambda made: made.seconds)
        spread = f"{min(times):.1f} to {max(times):.1f} s; " if len(times) > 1 else ""
        what = f"hubfleet apply, {_pools(count)}"
        self.figures.add(Figure(f"{what}, best of {len(times)}", best.seconds, note=f"{spread}{best.load}"))
        if count in TARGETS and 1 in ours:
            floor = min(made.seconds for made in ours[1])
            self.figures.add(Figure(f"{what} / 1 pool", best.seconds / floor, "x", below=TARGETS[count], equal=True))
        self.figures.add(Figure(f"{what}, API calls", len(best.calls), "", note=counted(best.calls)))

    # the loop

    def _by_loop(self, count: int) -> Made:
        name = f"loop-{count}"
        words = [sys.executable, "-m", "benchmarks.loop"]
        env = {**self.sandbox.env, "PYTHONPATH": os.pathsep.join(sys.path)}
        say(f"a plain loop, {_pools(count)}")
        wait_for_calm()
        try:
            logs, before = Logs(self.sandbox.state), Ticks.now()
            seconds = timed(*words, "make", name, str(count), env=env)
            return Made(seconds, logs.of(loop.AGENT), Ticks.now().since(before))
        finally:
            say(f"deleting {name}")
            timed(*words, "delete", name, env=env)

    def _tell_loop(self, count: int, made: Made, ours: Sequence[Made]) -> None:
        what = f"a plain loop, {_pools(count)}"
        best = min(one.seconds for one in ours)
        self.figures.add(Figure(what, made.seconds, note=made.load))
        self.figures.add(Figure(f"{what} / hubfleet", made.seconds / best, "x"))
        self.figures.add(Figure(f"{what}, API calls", len(made.calls), "", note=counted(made.calls)))


def cluster_file(name: str, pools: int) -> str:
    """A cluster of that many pools of one node each, the first of which is Magnum's default-worker; no hub, since what
    a hub takes is another figure."""
    others = "".join(
        f"  pool{number}: {{machine: m3.quad, nodes: 1, runs: [users]}}\n" for number in range(2, pools + 1)
    )
    return (
        f"name: {name}\n"
        "provider:\n"
        "  jetstream2:\n"
        "    {cloud: sandbox, template: kubernetes-1-33-jammy, keypair: deploy, control_plane: {machine: m3.quad}}\n"
        "pools:\n"
        "  core: {machine: m3.quad, nodes: 1, runs: [core]}\n"
        f"{others}"
    )


def course(applied: Applied) -> str:
    """When what came that an apply had to wait for, to see what took the time."""
    moments = {
        "the plan was made": applied.events[0][0] if applied.events else None,
        "the cluster was asked for": applied.last("progress", "cluster", "asked Magnum for the cluster"),
        "the last node group": applied.last("progress", "pool/", "asked Magnum for the node group"),
        "the last node was ready": applied.last("done", "pool/"),
        "Magnum said so": applied.last("done", "magnum"),
    }
    nudges = sum("nudge" in event["text"] for _, event in applied.events)
    told = [f"{what} at {at:.1f} s" for what, at in moments.items() if at is not None]
    return ", ".join([*told, f"{nudges} nudges" if nudges else "no conflict"])


def counted(calls: Sequence[Call]) -> str:
    """Of which service, and how many asked for a change."""
    magnum = sum(call.service == "magnum" for call in calls)
    return f"{magnum} of Magnum's; {sum(call.changes for call in calls)} ask for a change"


def _pools(count: int) -> str:
    return f"{count} pool{'s' if count > 1 else ''}"


def _node_boot(sandbox: Sandbox) -> float:
    argv: list[str | Path] = [HUBFLEET, "sandbox", "status", "--state", sandbox.state, "--json"]
    done = subprocess.run(argv, check=True, capture_output=True, env=sandbox.env)
    return float(json.loads(done.stdout)["node_boot"])
