"""`make bench`: the figures of the first hub, each with its target, on this machine.

    python -m benchmarks [--cold] [--json FILE]

`--cold` begins with an empty cache in a temporary folder: from nothing to a hub, with the time of each step (ten
minutes more). A figure that takes less than a second is the median of seven runs, the first not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "first-hub"
HUBFLEET = Path(sys.executable).with_name("hubfleet")
CLUSTER = "first-hub"


@dataclass
class Figures:
    """What was measured: name -> (value, unit, target)."""

    rows: dict[str, tuple[float, str, str]] = field(default_factory=dict)

    def add(self, name: str, value: float, unit: str = "s", target: str = "") -> None:
        """Keep and print one."""
        self.rows[name] = (round(value, 3), unit, target)
        print(f"{name:<58}{value:>10.2f} {unit:<4}{f'(target {target})' if target else ''}", flush=True)


def timed(*argv: str | Path, env: Mapping[str, str] | None = None, quiet: bool = True) -> float:
    """Seconds that a command takes. It must end well."""
    began = time.monotonic()
    subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if quiet else None)
    return time.monotonic() - began


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
    figures.add("python -c pass (for comparison)", median(sys.executable, "-c", "pass"))
    figures.add("hubfleet --help", median(HUBFLEET, "--help"), target="< 0.15")
    figures.add("hubfleet validate examples/first-hub", median(HUBFLEET, "validate", EXAMPLE), target="< 0.3")


@contextlib.contextmanager
def sandbox(figures: Figures, name: str, target: str, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A sandbox in a folder of its own; its start is a figure, and so is each step of it."""
    with tempfile.TemporaryDirectory(prefix="hf-bench-") as folder:
        state = Path(folder) / "s"
        began = time.monotonic()
        try:
            done = subprocess.run(
                [HUBFLEET, "sandbox", "start", "--install", "--state", state],
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                env=env,
            )
            if done.returncode:
                sys.exit(f"the sandbox did not start:\n{done.stderr}")
            figures.add(f"{name}: sandbox start", time.monotonic() - began, target=target)
            for step, seconds in re.findall(r"\] (.+?) ✓ ([\d.]+) s", done.stderr):
                figures.add(f"{name}:   step {step}", float(seconds))
            script = f'eval "$({HUBFLEET} sandbox env --state {state})" && env -0'
            exported = subprocess.run(
                ["bash", "-c", script], capture_output=True, text=True, check=True, env=env
            ).stdout
            inside = dict(entry.split("=", 1) for entry in exported.split("\0") if "=" in entry)
            # Locks and journals of its own: somebody may apply the same example meanwhile.
            yield {**inside, "HUBFLEET_SANDBOX_STATE": str(state), "XDG_STATE_HOME": f"{folder}/locks"}
        finally:
            timed(HUBFLEET, "sandbox", "stop", "--state", state, env=env)


class Witness(threading.Thread):
    """Sees by itself when the first hub of a sandbox answers, to tell how long hubfleet took to notice."""

    def __init__(self, state: Path, env: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        argv = [HUBFLEET, "sandbox", "status", "--state", state, "--json"]
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


def first_hub(figures: Figures, name: str, env: Mapping[str, str]) -> None:
    """apply, plan, apply again, status, destroy; what apply waited for, and what it took itself."""
    witness = Witness(Path(env["HUBFLEET_SANDBOX_STATE"]), env)
    witness.start()
    outcome = applied(env)
    over = time.monotonic()
    figures.add(f"{name}: apply of the first hub, all of its process", outcome["seconds"], target="< 100")
    for party, seconds in outcome["waited"].items():
        figures.add(f"{name}:   waited for {'anybody' if party == 'any' else party}", seconds)
    figures.add(f"{name}:   hubfleet's own: nobody was waited for", outcome["own"], target="<= 1, or 5 %")
    figures.add(f"{name}:   hubfleet's own share", 100 * outcome["own"] / outcome["seconds"], "%")
    witness.join(timeout=5)
    if witness.seen is not None:
        figures.add(f"{name}:   from the hub's first answer to the end (also Magnum's)", over - witness.seen)
    again = applied(env)
    figures.add(f"{name}: apply again, nothing to change", again["seconds"])
    figures.add(f"{name}:   hubfleet's own", again["own"], target="<= 1")
    figures.add(f"{name}: plan, nothing to change", timed(HUBFLEET, "plan", EXAMPLE, env=env))
    figures.add(f"{name}:   seconds of processor", cpu_seconds(HUBFLEET, "plan", EXAMPLE, env=env), target="<= 1")
    figures.add(f"{name}: status", timed(HUBFLEET, "status", EXAMPLE, env=env))
    figures.add(f"{name}: memory of the whole (PSS)", memory(Path(env["HUBFLEET_SANDBOX_STATE"])), "MB")
    figures.add(f"{name}: destroy", timed(HUBFLEET, "destroy", EXAMPLE, "--yes", CLUSTER, env=env))


def applied(env: Mapping[str, str]) -> Any:
    """The outcome of an apply: the line that `apply --json` ends with, after those of its events."""
    argv = [HUBFLEET, "apply", EXAMPLE, "--yes", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(f"apply failed:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also from nothing, with an empty cache")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    figures, env = Figures(), dict(os.environ)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.release()}"
    )
    command_line(figures)
    if options.cold:
        with tempfile.TemporaryDirectory(prefix="hf-cold-") as cache:
            cold = {**env, "HUBFLEET_SANDBOX_CACHE": cache, "GOCACHE": f"{cache}/go"}
            with sandbox(figures, "cold", "", cold) as inside:
                first_hub(figures, "cold", inside)
    with sandbox(figures, "warm", "< 40", env) as inside:
        first_hub(figures, "warm", inside)
    if options.json:
        options.json.write_text(json.dumps(figures.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
