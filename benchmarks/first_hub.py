"""From a prompt to a hub: the command line, a sandbox, the first hub on it, and who took the time.

A figure that takes less than a second is the median of seven runs, the first not counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from benchmarks import running
from benchmarks.figures import ROOT, Figure, Figures
from benchmarks.running import HUBFLEET, Sandbox, timed

EXAMPLE = ROOT / "examples" / "first-hub"
CLUSTER = "first-hub"


def run(figures: Figures, state: Path | None, *, cold: bool) -> None:
    """Measure all of it, on the sandbox that runs in `state` or on a new one; `cold`: first with an empty cache."""
    env = dict(os.environ)
    command_line(figures)
    if cold:
        with tempfile.TemporaryDirectory(prefix="hf-cold-") as cache:
            empty = {**env, "HUBFLEET_SANDBOX_CACHE": cache, "GOCACHE": f"{cache}/go"}
            with running.sandbox(None, empty) as there:
                started(figures, "cold", there, None)
                first_hub(figures, "cold", there)
    with running.sandbox(state, env) as there:
        started(figures, "warm", there, 40)
        first_hub(figures, "warm", there)


def started(figures: Figures, name: str, there: Sandbox, below: float | None) -> None:
    """How long the sandbox took to start, and each step of it, if it did."""
    if there.seconds is None:
        return
    figures.add(Figure(f"{name}: sandbox start", there.seconds, below=below))
    for step, seconds in there.steps.items():
        figures.add(Figure(f"{name}: step {step}", seconds))


def cpu_seconds(*argv: str | Path, env: Mapping[str, str]) -> float:
    """Seconds of processor that a command takes, with the programs that it runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    timed(*argv, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(*argv: str | Path, runs: int = 7) -> float:
    """The median of several runs, after one that does not count."""
    timed(*argv)
    return statistics.median(timed(*argv) for _ in range(runs))


def command_line(figures: Figures) -> None:
    """What a person waits for at the prompt."""
    figures.add(Figure("python -c pass (for comparison)", median(sys.executable, "-c", "pass")))
    figures.add(Figure("hubfleet --help", median(HUBFLEET, "--help"), below=0.15))
    figures.add(Figure("hubfleet validate examples/first-hub", median(HUBFLEET, "validate", EXAMPLE), below=0.3))


class Witness(threading.Thread):
    """Sees by itself when the first hub of a sandbox answers, to tell how long hubfleet took to notice."""

    def __init__(self, state: Path, env: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        argv: list[str | Path] = [HUBFLEET, "sandbox", "status", "--state", state, "--json"]
        slot = json.loads(subprocess.run(argv, check=True, capture_output=True, env=env).stdout)["slot"]
        self._url = f"http://172.30.{slot}.100/hub/api/"  # the sandbox's first load balancer
        self.seen: float | None = None

    def run(self) -> None:
        """Ask until there is an answer, 20 times a second."""
        while self.seen is None:
            time.sleep(0.05)
            with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(self._url, timeout=0.3) as answer:
                json.load(answer)
                self.seen = time.monotonic()


def first_hub(figures: Figures, name: str, there: Sandbox) -> None:
    """apply, plan, apply again, status, destroy; what apply waited for, and what it took itself."""
    env = there.env
    try:
        first_apply(figures, name, there)
        again = running.apply(EXAMPLE, env).outcome
        figures.add(Figure(f"{name}: apply again, nothing to change", again["seconds"]))
        figures.add(Figure(f"{name}: ... hubfleet's own", again["own"], below=1, equal=True))
        figures.add(Figure(f"{name}: plan, nothing to change", timed(HUBFLEET, "plan", EXAMPLE, env=env)))
        busy = cpu_seconds(HUBFLEET, "plan", EXAMPLE, env=env)
        figures.add(Figure(f"{name}: ... seconds of processor", busy, below=1, equal=True))
        figures.add(Figure(f"{name}: status", timed(HUBFLEET, "status", EXAMPLE, env=env)))
        figures.add(Figure(f"{name}: memory of the whole (PSS)", memory(there.state), "MB"))
    finally:
        seconds = timed(HUBFLEET, "destroy", EXAMPLE, "--yes", CLUSTER, env=env)
    figures.add(Figure(f"{name}: destroy", seconds))


def first_apply(figures: Figures, name: str, there: Sandbox) -> None:
    """From nothing to a hub that answers."""
    witness = Witness(there.state, there.env)
    witness.start()
    outcome = running.apply(EXAMPLE, there.env).outcome
    over = time.monotonic()
    whole, own = outcome["seconds"], outcome["own"]
    figures.add(Figure(f"{name}: apply of the first hub, all of its process", whole, below=100))
    for party, seconds in outcome["waited"].items():
        figures.add(Figure(f"{name}: ... waited for {'anybody' if party == 'any' else party}", seconds))
    figures.add(
        Figure(f"{name}: ... hubfleet's own: nobody was waited for", own, below=max(1, 0.05 * whole), equal=True)
    )
    figures.add(Figure(f"{name}: ... hubfleet's own share", 100 * own / whole, "%"))
    witness.join(timeout=5)
    if witness.seen is not None:
        figures.add(Figure(f"{name}: ... from the hub's first answer to the end (also Magnum's)", over - witness.seen))


def memory(state: Path) -> float:
    """MB of everything that the sandbox runs, shared pages counted in part, and of what runs in its nodes' pods."""
    mark, total = f"HUBFLEET_SANDBOX={state}", 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_text(errors="replace")
            if mark in environment or re.search(r"/hf\d+-", (process / "cgroup").read_text()):
                found = re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)
                total += int(found[1]) if found else 0
        except OSError:  # it ended while we looked
            continue
    return total / 1024
