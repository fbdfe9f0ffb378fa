"""Control groups of nodes: one a node in every hierarchy, under which its kubelet keeps its pods.

Kubelets that shared one would delete each other's pods. Works with version 1, 2 and both at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from hubfleet_sandbox.errors import SandboxError


def hierarchies(mounts: str | None = None) -> list[Path]:
    """Where this machine's control group hierarchies are mounted. `mounts`: the text of /proc/self/mounts."""
    text = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    lines = [line.split(" ") for line in text.splitlines()]
    return [Path(line[1]) for line in lines if line[2] in ("cgroup", "cgroup2")]


def make(name: str) -> None:
    """Make the group in every hierarchy. Nothing happens where it is there."""
    for hierarchy in hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)


def named(prefix: str) -> set[str]:
    """Names of the groups at the top of any hierarchy that begin so."""
    return {path.name for hierarchy in hierarchies() for path in hierarchy.glob(f"{prefix}*") if path.is_dir()}


def remove(name: str, *, timeout: float = 10.0) -> None:
    """Kill whatever is in the group and its children, and remove them. Raises SandboxError if they do not go."""
    end = time.monotonic() + timeout
    while left := [path for hierarchy in hierarchies() if (path := hierarchy / name).is_dir()]:
        for top in left:
            _clear(top)
        if time.monotonic() > end:
            raise SandboxError(
                f"control groups are still in use: {', '.join(map(str, left))}",
                why="a process in them does not end",
                remedy="look at their cgroup.procs; then run the command again",
            )
        time.sleep(0.02)


def _clear(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        for pid in _pids(Path(folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # busy until its processes are gone: the caller looks again
            Path(folder).rmdir()


def _pids(group: Path) -> list[int]:
    try:
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split() if pid != "0"]
    except OSError:
        return []
