"""What a machine seems to be made of: files that its kubelet reads instead of the kernel's own.

The kubelet takes cores from /sys/devices/system/node and memory from /proc/meminfo (cAdvisor 0.52, machine/info.go). A
machine sees files of its own there, as containers do under lxcfs; what runs in pods sees the kernel's.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEMORY = Path("/proc/meminfo")
_CORES = Path("/sys/devices/system/node")


def describe(folder: Path, cores: int, memory: int) -> dict[Path, Path]:
    """Write the files for so many cores and bytes of memory into the folder. What is to be mounted, by place; less
    where this machine's kernel has no such place, and then the kubelet counts what this machine has."""
    shutil.rmtree(folder, ignore_errors=True)
    kilobytes = memory // 1024
    node = folder / "node" / "node0"
    for number, name in enumerate(names(cores, sorted(os.sched_getaffinity(0)))):
        core = node / name / "topology"
        core.mkdir(parents=True)
        (core / "core_id").write_text(f"{number}\n")
        (core / "physical_package_id").write_text("0\n")
    (node / "meminfo").write_text(f"Node 0 MemTotal: {kilobytes} kB\n")
    (node / "distance").write_text("10\n")
    (folder / "meminfo").write_text(meminfo(_MEMORY.read_text(), kilobytes))
    mounts = {_MEMORY: folder / "meminfo", _CORES: folder / "node"}
    return {place: source for place, source in mounts.items() if place.exists()}


def names(cores: int, real: Sequence[int]) -> list[str]:
    """Folders for so many cores of which each stands for one of this machine's: a kubelet writes the numbers into a
    control group's set of CPUs, where there may be no other. cAdvisor reads `cpu01` as another core of number 1."""
    laps = (divmod(number, len(real)) for number in range(cores))
    return [f"cpu{'0' * lap}{real[place]}" for lap, place in laps]


def meminfo(text: str, kilobytes: int) -> str:
    """/proc/meminfo of a machine that has no more than so much memory."""
    return "".join(f"{_limited(line, kilobytes)}\n" for line in text.splitlines())


def _limited(line: str, kilobytes: int) -> str:
    name, _, value = line.partition(":")
    if name == "MemTotal":
        return f"{name}: {kilobytes:>14} kB"
    if name in ("MemFree", "MemAvailable"):
        return f"{name}: {min(int(value.split()[0]), kilobytes):>14} kB"
    return line
