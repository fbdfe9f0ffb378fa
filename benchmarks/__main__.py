"""`make bench`: the figures of the first hub, each with its target, on this machine.

    python -m benchmarks [--cold] [--json FILE]

`--cold` begins with an empty cache in a temporary folder: from nothing to a hub, with the time of each step (ten
minutes more). A figure that takes less than a second is the median of seven runs, the first not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def median(*argv: str | Path, runs: int = 7) -> float:
    """The median of several runs, after one that does not count."""
    timed(*argv)
    return statistics.median(timed(*argv) for _ in range(runs))


def command_line(figures: Figures) -> None:
    """What a person waits for at the prompt."""
    figures.add("python -c pass (for comparison)", median(sys.executable, "-c", "pass"))
    figures.add("hubfleet --help", median(HUBFLEET, "--help"), target="< 0.15")
    figures.add("hubfleet validate examples/first-hub", median(HUBFLEET, "validate", EXAMPLE), target="< 0.3")


@contextmanager
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
            yield {**inside, "HUBFLEET_SANDBOX_STATE": str(state)}
        finally:
            timed(HUBFLEET, "sandbox", "stop", "--state", state, env=env)


def first_hub(figures: Figures, name: str, env: Mapping[str, str]) -> None:
    """apply, apply again, status, destroy; and what apply waited for."""
    done = subprocess.run(
        [HUBFLEET, "apply", EXAMPLE, "--yes", "--json"], capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        sys.exit(f"apply failed:\n{done.stdout}\n{done.stderr}")
    outcome = outcome_of(done.stdout)
    figures.add(f"{name}: apply of the first hub", outcome["seconds"], target="< 100")
    for party, seconds in outcome["waited"].items():
        figures.add(f"{name}:   waited for {'anybody' if party == 'any' else party}", seconds)
    own = 100 * (1 - outcome["waited"]["any"] / outcome["seconds"])
    figures.add(f"{name}:   hubfleet's own share", own, "%", "<= 5")
    figures.add(f"{name}: apply again, nothing to change", timed(HUBFLEET, "apply", EXAMPLE, "--yes", env=env))
    figures.add(f"{name}: status", timed(HUBFLEET, "status", EXAMPLE, env=env))
    figures.add(f"{name}: memory of the whole (PSS)", memory(Path(env["HUBFLEET_SANDBOX_STATE"])), "MB")
    figures.add(f"{name}: destroy", timed(HUBFLEET, "destroy", EXAMPLE, "--yes", CLUSTER, env=env))


def outcome_of(printed: str) -> Any:
    """The document that `apply --json` ends with, after its lines of events."""
    start = printed.rindex("\n{\n") if "\n{\n" in printed else -1
    return json.loads(printed[start + 1 :])


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
