"""How busy this machine's processors are over a while: whether they are what a figure waited for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ticks:
    """Counted since the machine started. `waited`: seconds in which some process that could run had no processor
    (the kernel's pressure stall information; None where it has none)."""

    busy: int
    all: int
    waited: float | None
    at: float

    @classmethod
    def now(cls) -> Ticks:
        """As /proc tells."""
        stat = Path("/proc/stat").read_text()
        pressure = Path("/proc/pressure/cpu")
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return cls.read(stat, pressure.read_text() if pressure.exists() else "", uptime)

    @classmethod
    def read(cls, stat: str, pressure: str, uptime: float) -> Ticks:
        """From the text of those files (proc(5): user, nice, system, idle, iowait, irq, softirq, steal, ...)."""
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, stat.split("\n", 1)[0].split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        waited = re.search(r"^some .*total=(\d+)", pressure, re.MULTILINE)
        return cls(busy, busy + idle + iowait, int(waited[1]) / 1e6 if waited else None, uptime)

    def since(self, before: Ticks) -> str:
        """In words, for a note."""
        told = f"processors {self.busy_percent(before):.0f} % busy"
        if self.waited is None or before.waited is None or self.at <= before.at:
            return told
        return f"{told}, wanted by more {100 * (self.waited - before.waited) / (self.at - before.at):.0f} % of the time"

    def busy_percent(self, before: Ticks) -> float:
        """Of all processors, by whatever program."""
        return 100 * (self.busy - before.busy) / max(1, self.all - before.all)


def wait_for_calm(below: float = 50.0, patience: float = 90.0) -> None:
    """Until the processors are less busy than that (percent) for three seconds, but no longer than `patience` seconds:
    what has just been made still starts, and other programs use this machine."""
    end = time.monotonic() + patience
    before = Ticks.now()
    while time.monotonic() < end:
        time.sleep(3)
        now = Ticks.now()
        if now.busy_percent(before) < below:
            return
        before = now
