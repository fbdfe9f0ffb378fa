"""Figures: what was measured, what it should be, and whether it is; and where and when."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figure:
    """One value. `below`: it should be less (None: no target), or also equal to it if `equal`."""

    name: str
    value: float
    unit: str = "s"
    below: float | None = None
    equal: bool = False
    note: str = ""

    @property
    def target(self) -> str:
        """As people write it; empty if there is none."""
        return "" if self.below is None else f"{'≤' if self.equal else '<'} {self.below:.3g}"

    @property
    def met(self) -> bool | None:
        """None: no target."""
        if self.below is None:
            return None
        return self.value < self.below or (self.equal and self.value == self.below)

    @property
    def shown(self) -> str:
        """The value with its unit: more digits where it is small."""
        digits = 0 if self.unit in {"", "%", "MB"} else 1 if self.value >= 10 else 2
        return f"{self.value:.{digits}f} {self.unit}".rstrip()


@dataclass(frozen=True)
class Circumstances:
    """Where, when and of what the figures are."""

    machine: str
    cores: int
    system: str
    python: str
    commit: str
    began: str
    load: tuple[float, float, float]

    @classmethod
    def now(cls) -> Circumstances:
        """Of this machine, in this moment."""
        return cls(
            machine=_processor(),
            cores=os.cpu_count() or 0,
            system=f"Linux {platform.release()}",
            python=platform.python_version(),
            commit=_commit(),
            began=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            load=os.getloadavg(),
        )

    def __str__(self) -> str:
        """In one line."""
        load = ", ".join(f"{one:.2f}" for one in self.load)
        system = f"{self.cores} cores of {self.machine}, {self.system}, Python {self.python}"
        return f"{system}; commit {self.commit}, {self.began}, load {load} at the start"


class Figures:
    """Keeps figures in their order, and tells each on standard error as it comes."""

    def __init__(self, circumstances: Circumstances) -> None:
        self.circumstances = circumstances
        self.all: list[Figure] = []
        say(str(circumstances))

    def add(self, figure: Figure) -> None:
        """Keep one and tell it."""
        self.all.append(figure)
        target = f" (target {figure.target})" if figure.target else ""
        say(f"{figure.name}: {figure.shown}{target}{f'; {figure.note}' if figure.note else ''}")

    def table(self) -> str:
        """All of them in Markdown, under one line that says where and when."""
        cells = [("what", "measured", "target", "met", "")]
        cells += [
            (f.name, f.shown, f.target, {None: "", True: "yes", False: "**no**"}[f.met], f.note) for f in self.all
        ]
        widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(cells[0]))]
        head, *rows = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
        line = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join((str(self.circumstances), "", head, line, *rows))

    def json(self) -> str:
        """The same for programs."""
        figures = [{**asdict(figure), "target": figure.target, "met": figure.met} for figure in self.all]
        return json.dumps({"circumstances": asdict(self.circumstances), "figures": figures}, indent=2)


def say(text: str) -> None:
    """Tell how far it is, with the time of day."""
    print(f"[{datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)  # noqa: DTZ005 (the reader's own)


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{found[1]} ({platform.machine()})" if found else platform.machine()


def _commit() -> str:
    """Of this working tree, and whether there is more in it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
