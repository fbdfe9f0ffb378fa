"""A fleet's files, without a cluster: how long hubfleet looks at them, against the floor and against `helm template`.

Everything is a process of its own. Times of the fleet of 171 hubs are medians of seven runs, the first not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import fleet_files
from benchmarks.figures import ROOT, Figure, Figures
from benchmarks.first_hub import median
from benchmarks.running import HUBFLEET, failed

CHART = ROOT / "src" / "hubfleet" / "charts" / "lite"
_FLOORS = 3.0
"""How many times the floor validating may take."""
_SAMPLE = 20
"""Hubs whose charts are rendered; the time of all is their mean, times all."""


def run(figures: Figures, *, large: bool) -> None:
    """Measure with 171 hubs; `large`: also with 10,000, a few minutes more."""
    with tempfile.TemporaryDirectory(prefix="hf-fleet-") as place:
        folder = Path(place)
        fleet_files.write(folder)
        usual(figures, folder)
        rendered(figures, folder)
    if large:
        with tempfile.TemporaryDirectory(prefix="hf-fleet-") as place:
            fleet_files.write(Path(place), clusters=1000, hubs=10_000)
            many(figures, Path(place))


def usual(figures: Figures, folder: Path) -> None:
    """The fleet as large ones are today."""
    floor = median(*_bare(folder))
    validate = median(HUBFLEET, "validate", folder)
    figures.add(Figure("the floor, 171 hubs", floor, note="parse, merge, validate, and nothing else"))
    figures.add(Figure("hubfleet validate, 171 hubs", validate, below=1.0))
    figures.add(Figure("... / the floor", validate / floor, "x", below=_FLOORS, equal=True))
    hub = ("--cluster", "cluster-0007", "--hub", "hub-000")
    committed_and_edited(folder)
    since = median(HUBFLEET, "plan", folder, "--since", "HEAD")
    figures.add(Figure("hubfleet plan --since HEAD, 171 hubs", since, below=1.0, note="one cluster's file edited"))
    figures.add(Figure("hubfleet show, one of 171 hubs", median(HUBFLEET, "show", folder, *hub), below=0.5))


def committed_and_edited(folder: Path) -> None:
    """The files as a git repository's only commit, and one cluster's file edited since."""
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "fleet")):
        subprocess.run(["git", *words], cwd=folder, check=True, timeout=60)
    edited = folder / "clusters" / "cluster-0007" / "cluster.yaml"
    edited.write_text(edited.read_text().replace("2026.01.", "2026.02."))


def rendered(figures: Figures, folder: Path) -> None:
    """What tools take that render every hub to see whether it is right."""
    helm = os.environ.get("HUBFLEET_HELM", "helm")
    hubs, spent = [f"hub-{number:03}" for number in range(_SAMPLE)], 0.0
    for hub in hubs:
        values = _output(HUBFLEET, "show", folder, "--json", "--cluster", "cluster-0000", "--hub", hub)
        began = time.monotonic()
        words: list[str | Path] = [helm, "template", hub, CHART, "--values", "-", "--kube-version", "v1.34.0"]
        done = subprocess.run(words, input=values, capture_output=True, text=True, check=False, timeout=60)
        spent += time.monotonic() - began
        if done.returncode:
            raise failed("helm template", done.stderr)
    note = f"from {_SAMPLE} of them"
    figures.add(Figure("helm template, 171 hubs", spent / len(hubs) * fleet_files.HUBS, note=note))


def many(figures: Figures, folder: Path) -> None:
    """A fleet that is larger than any."""
    floor, _ = _measured(*_bare(folder))
    validate, memory = _measured(HUBFLEET, "validate", folder)
    figures.add(Figure("the floor, 10,000 hubs", floor))
    figures.add(Figure("hubfleet validate, 10,000 hubs", validate))
    figures.add(Figure("... / the floor", validate / floor, "x", below=_FLOORS, equal=True))
    figures.add(Figure("... memory at most", memory, "MB", below=1000))
    committed_and_edited(folder)
    since, memory = _measured(HUBFLEET, "plan", folder, "--since", "HEAD")
    figures.add(Figure("hubfleet plan --since HEAD, 10,000 hubs", since, note="one cluster's file edited"))
    figures.add(Figure("... / the floor", since / floor, "x", below=_FLOORS, equal=True))
    figures.add(Figure("... memory at most", memory, "MB", below=1000))
    default = folder / "fleet.yaml"
    default.write_text(default.read_text().replace("size: 10Gi", "size: 20Gi"))
    since, memory = _measured(HUBFLEET, "plan", folder, "--since", "HEAD")
    figures.add(Figure("hubfleet plan --since HEAD, 10,000 hubs", since, note="a default of all of them edited"))
    figures.add(Figure("... memory at most", memory, "MB", below=1000))


def _bare(folder: Path) -> tuple[str | Path, ...]:
    return sys.executable, "-m", "benchmarks.bare", folder, CHART / "values.schema.json", CHART / "values.yaml"


def _measured(*argv: str | Path) -> tuple[float, float]:
    """Seconds, and megabytes at most, of a program's one run."""
    began = time.monotonic()
    with subprocess.Popen([str(word) for word in argv], stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise failed(" ".join(map(str, argv)), "see above")
    return time.monotonic() - began, usage.ru_maxrss / 1000


def _output(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise failed(" ".join(map(str, argv)), done.stderr)
    return done.stdout
